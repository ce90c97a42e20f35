import t from 'tap';
import { lexLine, logicalLines } from '../../../src/seccomp/lexer.ts';

function kinds(text: string): string {
  const { tokens, error } = lexLine('f', 1, text);
  const shown = tokens.map(({ kind, value }) => `${kind}:${value}`).join(' ');
  return error === null ? shown : `${shown} !${error.span.column}`.trim();
}

t.test('lexLine takes the first entry of the table that matches, not the longest', async (t) => {
  const cases = [
    ['kill-all', 'ACTION:kill !5'],
    ['kill_x killall', 'IDENTIFIER:kill_x IDENTIFIER:killall'],
    ['return_sys inotify_init1', 'IDENTIFIER:return_sys IDENTIFIER:inotify_init1'],
    ['kill-process kill-thread', 'ACTION:kill-process ACTION:kill-thread'],
    ['0789', 'NUMBER:07 NUMBER:89'],
    ['0xfg', 'NUMBER:0xf IDENTIFIER:g'],
    ['1UL 1e3', 'NUMBER:1 IDENTIFIER:UL NUMBER:1 IDENTIFIER:e3'],
    ['0b11 0o17', 'NUMBER:0 IDENTIFIER:b11 NUMBER:0 IDENTIFIER:o17'],
    ['8-1', 'NUMBER:8 NUMBER:-1'],
    ['08 080', 'NUMBER:08 NUMBER:080'],
    ['//x', 'PATH://x'],
    ['./a#b c', 'PATH:./a#b IDENTIFIER:c'],
    ['in1', 'IDENTIFIER:in1'],
    ['in~1', 'OP:in COMPLEMENT:~ NUMBER:1'],
    ['arg0==1', 'ARGUMENT:arg0 OP:== NUMBER:1'],
    ['arg05 argx', 'ARGUMENT:arg05 IDENTIFIER:argx'],
    ['&& & || |', 'AND:&& OP:& OR:|| BITWISE_OR:|'],
    ['<= < >= > != =', 'OP:<= OP:< OP:>= OP:> OP:!= EQUAL:='],
    ['@include ./x', 'INCLUDE:@include PATH:./x'],
    ['@included', '!1'],
    ['@denylist', 'DENYLIST:@denylist'],
    ['@denylist ', '!1'],
    ['io@systemd', 'IDENTIFIER:io@systemd'],
    ['a # b', 'IDENTIFIER:a'],
    ['a \\', 'IDENTIFIER:a'],
    ['a \\ ', 'IDENTIFIER:a !3'],
  ] as const;
  for (const [text, wanted] of cases) {
    t.equal(kinds(text), wanted, text);
  }
});

t.test('lexLine counts columns in characters, not in UTF-16 units', async (t) => {
  const { error } = lexLine('f', 1, '\u{1f600}');
  t.same([error?.span.column, error?.span.length], [1, 1]);
  t.equal(lexLine('f', 1, 'a\u00a0\u2003b').tokens[1]?.span.column, 4);
});

t.test('lexLine takes white space of Unicode but no byte order mark', async (t) => {
  t.equal(kinds('a\u0085\u001c\u3000b'), 'IDENTIFIER:a IDENTIFIER:b');
  t.equal(kinds('\ufeffa'), '!1');
});

function statements(text: string): readonly string[] {
  return [...logicalLines('f', text.split('\n'))].map((line) =>
    'tokens' in line
      ? line.tokens.map(({ value }) => value).join(' ')
      : `invalid ${line.span.line}`,
  );
}

t.test('logicalLines continues after a backslash, that of a comment too', async (t) => {
  t.same(statements('a \\\nb\nc'), ['a b', 'c']);
  t.same(statements('# note \\\nread: 1'), ['read : 1']);
  t.same(statements('a \\\n# c \\\n b\nd'), ['a b', 'd']);
  t.same(statements('a \\\n# c\n b'), ['a', 'b']);
});

t.test(
  'logicalLines reports an invalid token of any physical line of a statement, once',
  async (t) => {
    t.same(statements('a = \\\n $ \\\n % \nb'), ['invalid 2', 'b']);
  },
);
