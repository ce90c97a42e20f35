import t from 'tap';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import { usageOf } from '../../../src/seccomp/usage.ts';

const TEXT = [
  'read: 1',
  'write: 1',
  'ioctl: arg1 == 1 || arg1 in 3 || arg1 == 8',
  'ioctl: arg1 == 9; return EPERM',
].join('\n');
const { policy } = compilePolicyText(TEXT, { arch: 'x86_64' });
const READ = 0;
const CLOSE = 3;
const IOCTL = 16;

t.test('usageOf counts a call for the first alternative that is true', async (t) => {
  const { alternatives } = usageOf(policy, [
    { number: READ, args: [], count: 5 },
    { number: IOCTL, args: [0n, 1n], count: 2 },
    { number: IOCTL, args: [0n, 3n] },
    { number: READ, args: [7n] },
  ]);
  t.same(
    alternatives.map(({ syscall, condition, count, rule }) => [
      syscall,
      condition,
      count,
      rule.span.line,
    ]),
    [
      ['read', 'always', 6, 1],
      ['write', 'always', 0, 2],
      ['ioctl', 'arg1 is 1', 2, 3],
      ['ioctl', 'arg1 has no bit outside 3', 1, 3],
      ['ioctl', 'arg1 is 8', 0, 3],
      ['ioctl', 'arg1 is 9', 0, 4],
    ],
  );
});

t.test('usageOf lists calls that are not carried out', async (t) => {
  const calls = [
    { number: READ, args: [] },
    { number: CLOSE, args: [3n] },
    { number: IOCTL, args: [0n, 9n] },
    { number: IOCTL, args: [0n, 10n] },
  ];
  t.same(usageOf(policy, calls).refused, calls.slice(1));
});
