import t from 'tap';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import { describeExpression, explainCall, explainSyscall } from '../../../src/seccomp/explain.ts';

const TEXT = [
  '# reads from the disk',
  'read: 1',
  'ioctl: arg1 == TCGETS || arg1 == 7 && arg2 < 0x10 # terminal size',
  'ioctl: arg0 in ~PROT_EXEC; return EPERM',
  'prctl: { arg0 & 1; log, trap }',
].join('\n');

const { policy, program } = compilePolicyText(TEXT, { arch: 'x86_64' }, 'x.policy');

t.test('explainCall tells the verdict, the deciding line and the comment beside it', async (t) => {
  const allowed = explainCall(policy, 'ioctl', [0n, 0x5401n]);
  t.match(allowed, { action: 'allow', rule: { comment: 'terminal size', span: { line: 3 } } });
  const refused = explainCall(policy, 'ioctl', [0n, 8n]);
  t.match(refused, { action: 'return 1', rule: { span: { file: 'x.policy', line: 4 } } });
  const byDefault = explainCall(policy, 'ioctl', [4n, 8n]);
  t.match(byDefault, { action: 'kill-thread', rule: null });
  t.match(explainCall(policy, 'read', []), { rule: { comment: 'reads from the disk' } });
  t.match(explainCall(policy, 9999, []), { action: 'kill-thread', rule: null });
  t.equal(explainCall(policy, 'nosuch', []), null);
});

t.test('explainCall takes negative arguments as their two-complement', async (t) => {
  t.match(explainCall(policy, 'ioctl', [-1n, 0x5401n]), { action: 'allow' });
});

t.test('explainCall lists the instructions that are executed', async (t) => {
  const { path } = explainCall(policy, 'ioctl', [0n, 0x5401n], program) ?? { path: [] };
  t.match(path[0], /^0: load arch$/);
  t.match(path[1], /^1: if == 0xc000003e goto 2 else/);
  t.match(path[2], /^2: load nr$/);
  t.ok(path.some((line) => line.includes('load args[1].low')));
  t.match(path.at(-1), /return allow$/);
});

t.test('explainSyscall gives the exact condition of each outcome in words', async (t) => {
  t.match(explainSyscall(policy, 'ioctl'), {
    named: true,
    otherwise: 'kill-thread',
    rules: [
      {
        action: 'allow',
        condition: 'arg1 is TCGETS (0x5401), or arg1 is 7 and arg2 is less than 0x10',
        line: 3,
        comment: 'terminal size',
      },
      { action: 'return 1', condition: 'arg0 has no bit outside ~PROT_EXEC (0xfffffffffffffffb)' },
    ],
  });
  t.match(explainSyscall(policy, 'prctl'), {
    otherwise: null,
    rules: [
      { action: 'log', condition: 'arg0 has any bit of 1' },
      { action: 'trap', condition: 'always' },
    ],
  });
  t.match(explainSyscall(policy, 'write'), { named: false, rules: [], otherwise: 'kill-thread' });
  t.equal(explainSyscall(policy, 'nosuch'), null);
});

t.test('describeExpression has words for every operator', async (t) => {
  const text =
    'arg0 == 1 && arg1 != 2 && arg2 < 3 && arg3 <= 4 && arg4 > 5 && arg5 >= 6 && arg0 & 7 && arg1 in 8';
  const [rule] =
    compilePolicyText(`read: ${text}`, { arch: 'x86_64' }).policy.syscalls[0]?.rules ?? [];
  t.equal(
    describeExpression(rule?.expression ?? []),
    'arg0 is 1 and arg1 is not 2 and arg2 is less than 3 and arg3 is at most 4 and arg4 is greater than 5' +
      ' and arg5 is at least 6 and arg0 has any bit of 7 and arg1 has no bit outside 8',
  );
});
