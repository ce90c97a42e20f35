import fc from 'fast-check';
import t from 'tap';
import { ConfigError } from '../../../src/base/errors.ts';
import { parseInteger, parseKeyValues } from '../../../src/cli/key-value.ts';
import { holds } from '../../support/property.ts';

const KINDS = { path: 'text', ro: 'flag', 'block-size': 'integer', id: 'text' } as const;

function parse(text: string) {
  return parseKeyValues('--block', text, KINDS);
}

t.test('parseKeyValues takes the first value without its name', async (t) => {
  t.same(parse('/a/b.img'), { path: '/a/b.img' });
  t.same(parse('/a/b.img,ro'), { path: '/a/b.img', ro: true });
  t.same(parse('path=/a=b'), { path: '/a=b' }, 'only the first = separates');
});

t.test('parseKeyValues takes a key alone for true, and true and false', async (t) => {
  t.same(parse('ro'), { ro: true }, 'a known key is no value of the first');
  t.same(parse('x,ro=false'), { path: 'x', ro: false });
  t.same(parse('x,ro=true'), { path: 'x', ro: true });
});

t.test('parseKeyValues takes _ for - in keys, and integers in two bases', async (t) => {
  t.same(parse('x,block_size=512'), { path: 'x', 'block-size': 512 });
  t.same(parse('x,block-size=0x1000'), { path: 'x', 'block-size': 4096 });
});

t.test('parseKeyValues keeps commas within brackets', async (t) => {
  t.same(parse('x,id=[a,[b,c]]'), { path: 'x', id: '[a,[b,c]]' });
});

for (const { text, message } of [
  {
    text: 'x,foo=1',
    message: '--block x,foo=1: unknown key "foo" (known: path, ro, block-size, id)',
  },
  { text: 'x,rp', message: '--block x,rp: unknown key "rp"; did you mean "ro"? (known: ' },
  { text: 'x,ro=maybe', message: '--block x,ro=maybe: "ro" takes true or false, not "maybe"' },
  { text: 'x,block-size=1k', message: '"block-size" takes a whole number, not "1k"' },
  { text: 'x,block-size=-1', message: '"block-size" takes a whole number, not "-1"' },
  { text: 'x,block-size', message: '"block-size" takes a whole number, not ""' },
  { text: 'x,id', message: '"id" needs a value: id=…' },
  { text: 'x,id=', message: '"id" needs a value: id=…' },
  { text: 'x,path=y', message: '"path" is given twice' },
  { text: 'x,ro,ro=false', message: '"ro" is given twice' },
  { text: 'x,id=[a', message: 'a "[" is never closed' },
  { text: 'x,id=a]', message: '"]" without "[" at position 6' },
  { text: '', message: 'path' },
  { text: 'x,', message: 'unknown key ""' },
  { text: 'x,__proto__=1', message: 'unknown key "--proto--"' },
  { text: 'x,constructor=1', message: 'unknown key "constructor"' },
  { text: 'x,toString', message: 'unknown key "toString"' },
]) {
  t.test(`parseKeyValues refuses "${text}" and says why`, async (t) => {
    t.throws(() => parse(text), { code: 'ERR_OPTION_VALUE' });
    t.throws(() => parse(text), ConfigError);
    try {
      parse(text);
    } catch (error) {
      const said = error instanceof Error ? error.message : '';
      t.ok(said.includes(message), said);
      t.ok(said.startsWith('--block '), 'the option is named');
    }
  });
}

t.test('parseKeyValues gives back whatever was written', async (t) => {
  const word = fc.stringMatching(/^[a-zA-Z0-9/._=:+-]{1,20}$/);
  holds(
    t,
    fc.property(
      fc.record(
        { path: word, ro: fc.boolean(), 'block-size': fc.nat(), id: word },
        { requiredKeys: ['path'] },
      ),
      fc.boolean(),
      (values, dashes) => {
        const text = Object.entries(values)
          .map(([key, value]) => `${dashes ? key : key.replaceAll('-', '_')}=${value}`)
          .join(',');
        return JSON.stringify(sorted(parse(text))) === JSON.stringify(sorted(values));
      },
    ),
  );
});

t.test(
  'parseKeyValues either gives known keys of their kinds, or throws a ConfigError',
  async (t) => {
    const character = fc.constantFrom(
      ',',
      '=',
      '[',
      ']',
      'path',
      'ro',
      'id',
      'block_size',
      '1',
      'x',
      ' ',
      '\0',
      'ü',
    );
    holds(
      t,
      fc.property(fc.array(character, { maxLength: 12 }), (parts) => {
        const text = parts.join('');
        try {
          const values: Readonly<Record<string, unknown>> = parse(text);
          const types = { path: 'string', ro: 'boolean', 'block-size': 'number', id: 'string' };
          return Object.entries(types).every(
            ([key, type]) => values[key] === undefined || typeof values[key] === type,
          );
        } catch (error) {
          return error instanceof ConfigError && error.message.startsWith(`--block ${text}: `);
        }
      }),
    );
  },
);

t.test('parseInteger takes digits and 0x, up to what a number holds exactly', async (t) => {
  t.equal(parseInteger('0'), 0);
  t.equal(parseInteger('0x1F'), 31);
  t.equal(parseInteger('9007199254740991'), Number.MAX_SAFE_INTEGER);
  for (const text of [
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '1.0',
    '1e3',
    '0x',
    '0b1',
    '9007199254740993',
    '١',
  ]) {
    t.equal(parseInteger(text), undefined, JSON.stringify(text));
  }
});

function sorted(values: object): [string, unknown][] {
  return Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1));
}
