import t from 'tap';
import { describeAction } from '../../../src/audit/action-text.ts';
import { parseArguments } from '../../../src/audit/argument-value.ts';
import { describeCondition, formatCall } from '../../../src/audit/condition-text.ts';
import { passCondition } from '../../../src/audit/pass-condition.ts';
import { policyOf } from './audit-subject.ts';

/** The condition of the first rule in words. */
function conditionOf(line: string): string {
  const syscall = policyOf(line).syscalls[0];
  return describeCondition(syscall?.name ?? '', syscall?.rules[0]?.expression ?? null);
}

t.test('describeCondition says every operator in words', async (t) => {
  const said: readonly (readonly [string, string])[] = [
    ['read: allow', 'always'],
    ['read: arg0 == 1', 'arg0 is 1'],
    ['read: arg0 != 0x10', 'arg0 is not 0x10'],
    ['read: arg0 < 1 && arg1 <= 2', 'arg0 is less than 1 and arg1 is at most 2'],
    ['read: arg0 > 1 || arg1 >= 2', 'arg0 is greater than 1, or arg1 is at least 2'],
    ['mmap: arg2 & PROT_EXEC', 'prot (arg2) has a bit of PROT_EXEC (0x4)'],
    ['mmap: arg2 in PROT_READ', 'prot (arg2) has no bit outside PROT_READ (0x1)'],
    ['mmap: arg2 in ~PROT_EXEC', 'prot (arg2) has no bit of PROT_EXEC (0x4)'],
    ['mmap: arg2 in 0xfffffffffffffffb', 'prot (arg2) has no bit of 0x4'],
  ];
  for (const [line, words] of said) {
    t.equal(conditionOf(line), words);
  }
});

t.test('passCondition lists ways to pass and what must not hold before them', async (t) => {
  const policy = policyOf('ioctl: { arg1 == 1, arg1 == 2; return EPERM, arg1 < 9 }');
  t.match(passCondition(policy, 'ioctl', 16), {
    named: true,
    ways: [
      { condition: 'request (arg1) is 1', unless: [] },
      { condition: 'request (arg1) is less than 9', unless: ['request (arg1) is 2'] },
    ],
    otherwise: 0x7fc0_0000,
  });
});

t.test('passCondition knows calls that never pass, and rules that always decide', async (t) => {
  const policy = policyOf('read: allow\nopen: return ENOENT');
  t.match(passCondition(policy, 'openat', 257), { named: false, ways: [], otherwise: 0x7fc0_0000 });
  t.match(passCondition(policy, 'open', 2), { named: true, ways: [], otherwise: null });
  t.match(passCondition(policy, 'read', 0), { ways: [{ condition: 'always' }], otherwise: null });
});

t.test('parseArguments reads what the policy language reads', async (t) => {
  const args = parseArguments(
    ['arg1=TCGETS', 'arg2=PROT_READ|PROT_EXEC', 'arg0=-1', 'arg5=~(1|0x10)', 'arg3=010'],
    'x86_64',
  );
  t.same(args, [2n ** 64n - 1n, 0x5401n, 5n, 8n, 0n, 2n ** 64n - 18n]);
  t.equal(parseArguments([], 'x86_64'), null);
});

for (const [text, problem] of [
  ['arg6=1', /arg0=VALUE to arg5=VALUE/],
  ['1', /arg0=VALUE/],
  ['arg0=', /arg0=VALUE/],
  ['arg0=NOSUCH', /invalid constant/],
  ['arg0=1 || arg1 == 2', /a value is made of/],
  ['arg0=1||2', /invalid argument/],
  ['arg0=1\nwrite: allow', /a value is made of/],
  ['arg0=1; allow', /a value is made of/],
  ['arg0=0x10000000000000000', /unsigned overflow/],
] as const) {
  t.test(`parseArguments refuses ${JSON.stringify(text)}`, async (t) => {
    t.throws(() => parseArguments([text], 'x86_64'), {
      code: 'ERR_POLICY_ARGUMENT',
      message: problem,
    });
  });
}

t.test('parseArguments refuses an argument that is given twice', async (t) => {
  t.throws(() => parseArguments(['arg0=1', 'arg0=2'], 'x86_64'), /arg0 is given twice/);
});

t.test('describeAction names errors and what happens', async (t) => {
  t.equal(describeAction(0x7fff_0000), 'allow: the call is carried out');
  t.equal(describeAction(0x0005_0001), 'return 1: the call fails with EPERM');
  t.match(describeAction(0x7fc0_0000), /^user-notify: the parent/);
  t.match(describeAction(0x8000_0000), /^kill-process: the process is killed/);
});

t.test('formatCall shows the arguments that a call has', async (t) => {
  t.equal(formatCall('mprotect', [1n, 2n, 7n, 0n, 0n, 0n]), 'mprotect(0x1, 0x2, 0x7)');
  t.equal(formatCall('mprotect', [0n, 0n, 0n, 0n, 5n, 0n]), 'mprotect(0x0, 0x0, 0x0, 0x0, 0x5)');
});
