import t from 'tap';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import { formatDiagnostic } from '../../../src/seccomp/diagnostics.ts';
import { memoryReader } from '../../../src/seccomp/source.ts';

/** `LINE:COLUMN MESSAGE` of each warning. */
function warnings(text: string): readonly string[] {
  return compilePolicyText(text, { arch: 'x86_64' }).warnings.map(
    ({ span, message }) => `${span.line}:${span.column} ${message}`,
  );
}

t.test('findWarnings says nothing about an ordinary policy', async (t) => {
  const text = [
    'read: 1',
    'ioctl: arg1 == TCGETS || arg1 == FIONBIO',
    'ioctl: arg1 == FIOCLEX; return ENOTTY',
    'clone: arg0 & CLONE_THREAD',
    'open: arg1 & O_WRONLY|O_RDWR; return EACCES',
    '{mmap, mprotect}: arg2 in ~PROT_EXEC',
    'futex: { arg0 < 10, arg0 < 20; trap, kill-process }',
  ];
  t.same(warnings(text.join('\n')), []);
});

t.test('findWarnings finds conditions that are never true', async (t) => {
  t.same(warnings('read: arg0 & 0'), ['1:7 read: this condition is never true']);
  t.same(warnings('read: arg0 < 0 || arg0 == 1'), ['1:7 read: this condition is never true']);
  t.same(warnings('read: arg0 == 1 && arg0 == 2'), ['1:7 read: this condition is never true']);
  t.same(warnings('read: arg0 in 3 && arg0 & 4'), ['1:7 read: this condition is never true']);
  t.same(warnings('read: arg0 > 0xffffffffffffffff'), ['1:7 read: this condition is never true']);
});

t.test('findWarnings finds rules that an earlier one covers', async (t) => {
  t.same(warnings('read: arg0 < 10\nread: arg0 == 5; trap'), [
    '2:7 read: an earlier rule covers this one',
  ]);
  t.same(warnings('read: arg0 in 0xff || arg0 == 5'), [
    '1:23 read: an earlier rule covers this one',
  ]);
});

t.test('findWarnings finds rules that earlier ones cover together', async (t) => {
  t.same(warnings('read: arg0 < 10 || arg0 >= 10\nread: 1'), [
    '2:7 read: earlier rules leave nothing to this one',
  ]);
});

t.test(
  'findWarnings names both places of a rule that is there twice across includes',
  async (t) => {
    const reader = memoryReader(new Map([['common.policy', 'ioctl: arg1 == TCGETS\n']]));
    const text = '@include ./common.policy\nioctl: arg1 == 0x5401';
    const { warnings: found } = compilePolicyText(text, { arch: 'x86_64', reader }, 'own.policy');
    t.same(found.map(formatDiagnostic), [
      [
        'own.policy(2:8): warning: ioctl: the same rule was already given',
        '    ioctl: arg1 == 0x5401',
        '           ^^^^^^^^^^^^^^',
        '    expected: a rule that some call reaches',
        '    earlier: common.policy(1:8): ioctl: arg1 == TCGETS',
      ].join('\n'),
    ]);
  },
);

t.test('findWarnings asks about masks that read like values', async (t) => {
  t.same(warnings('ioctl: arg1 & 0x6400'), [
    '1:8 ioctl: arg1 & 0x6400 is true when any of its bits is set',
  ]);
  t.same(warnings('ioctl: arg1 & TCGETS').length, 1);
  t.same(warnings('ioctl: arg1 & 0x6400|1').length, 0, 'a list of flags is meant as one');
  t.same(warnings('ioctl: arg1 & 0x4000').length, 0, 'one bit');
});

t.test('findWarnings gives up on a call with too many cases, and says nothing of it', async (t) => {
  const clauses = Array.from(
    { length: 12 },
    (_, index) => `arg0 & ${2 ** index} && arg1 & ${2 ** index} && arg2 & ${2 ** index}`,
  );
  t.same(warnings(`read: ${clauses.join(' || ')} || arg0 & 0`), []);
});
