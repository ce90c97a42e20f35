import fc from 'fast-check';
import t from 'tap';
import { compilePolicyText } from '../../../src/seccomp/compile.ts';
import { ANY_OTHER, diffPolicies, formatDifference } from '../../../src/seccomp/diff.ts';
import { evaluatePolicy, type Policy } from '../../../src/seccomp/policy.ts';
import { AUDIT_ARCH_X86_64 } from '../../../src/seccomp/target.ts';
import { edgeCalls, policyText } from './policy-generator.ts';

function policyOf(text: string, name = 'p'): Policy {
  return compilePolicyText(text, { arch: 'x86_64' }, name).policy;
}

function diff(before: string, after: string): readonly string[] {
  const { differences, undecided } = diffPolicies(policyOf(before, 'old'), policyOf(after, 'new'));
  return [...differences.map(formatDifference), ...undecided.map((name) => `? ${name}`)];
}

t.test('diffPolicies finds policies equal that mean the same', async (t) => {
  t.same(diff('read: 1\nwrite: 1', '{write, read}: allow'), []);
  t.same(diff('ioctl: arg1 == 1 || arg1 == 2', 'ioctl: arg1 == 0x2\nioctl: arg1 == 01'), []);
  t.same(diff('mmap: arg2 in ~PROT_EXEC', 'mmap: { arg2 & 4; kill, 1 }'), []);
  t.same(diff('read: arg0 <= 5', 'read: arg0 < 6'), []);
  t.same(diff('read: arg0 in 3', 'read: arg0 < 4'), []);
  t.same(diff('@default trap\nread: trap', '@default trap'), []);
});

t.test(
  'diffPolicies shows what became allowed, refused or otherwise different, with an example',
  async (t) => {
    t.same(diff('ioctl: arg1 == 1', 'ioctl: arg1 == 2'), [
      '- ioctl(0x0, 0x1, 0x0, 0x0, 0x0, 0x0): allow -> kill-thread  (old:1)',
      '+ ioctl(0x0, 0x2, 0x0, 0x0, 0x0, 0x0): kill-thread -> allow  (new:1)',
    ]);
    t.same(diff('read: return 1', 'read: return 2'), [
      '~ read(0x0, 0x0, 0x0, 0x0, 0x0, 0x0): return 1 -> return 2  (old:1)',
    ]);
    t.same(diff('read: 1', 'read: 1\nwrite: 1'), [
      '+ write(0x0, 0x0, 0x0, 0x0, 0x0, 0x0): kill-thread -> allow  (new:2)',
    ]);
  },
);

t.test('diffPolicies sees that a number is extended to 64 bits', async (t) => {
  t.same(diff('read: arg0 == 0xffffffff', 'read: arg0 == -1'), [
    '- read(0xffffffff, 0x0, 0x0, 0x0, 0x0, 0x0): allow -> kill-thread  (old:1)',
    '+ read(0xffffffffffffffff, 0x0, 0x0, 0x0, 0x0, 0x0): kill-thread -> allow  (new:1)',
  ]);
});

t.test('diffPolicies shows each new constant of a list', async (t) => {
  const found = diff('ioctl: arg1 == 1', 'ioctl: arg1 == 1 || arg1 == 5 || arg1 == 9');
  t.same(
    found.map((line) => line.split(':')[0]),
    ['+ ioctl(0x0, 0x5, 0x0, 0x0, 0x0, 0x0)', '+ ioctl(0x0, 0x9, 0x0, 0x0, 0x0, 0x0)'],
  );
});

t.test('diffPolicies speaks of all unnamed calls at once', async (t) => {
  const { differences } = diffPolicies(policyOf('read: 1'), policyOf('@default trap\nread: 1'));
  t.same(
    differences.map(({ kind, syscall, after }) => [kind, syscall, after]),
    [['changed', ANY_OTHER, 0x0003_0000]],
  );
});

t.test('diffPolicies admits what it cannot decide', async (t) => {
  const clauses = Array.from(
    { length: 12 },
    (_, index) => `arg0 & ${2 ** index} && arg1 & ${2 ** index} && arg2 & ${2 ** index}`,
  );
  const text = `read: ${clauses.join(' || ')}`;
  t.ok(diff(text, `${text} || arg3 == 1`).includes('? read'));
  t.same(diff(text, text), [], 'the same text is the same');
});

t.test(
  'diffPolicies gives examples that hold, and misses no difference that random calls find',
  async (t) => {
    const outcome = fc.check(
      fc.property(policyText, policyText, fc.nat(), (one, two, seed) => {
        const [before, after] = [policyOf(one), policyOf(two)];
        const { differences, undecided } = diffPolicies(before, after);
        const hold = differences.every(({ number, example, before: was, after: is }) => {
          const call = { nr: number, arch: AUDIT_ARCH_X86_64, args: example };
          return (
            evaluatePolicy(before, call).value === was && evaluatePolicy(after, call).value === is
          );
        });
        const known = new Set(differences.map((d) => `${d.syscall} ${d.before} ${d.after}`));
        const named = new Set([...before.syscalls, ...after.syscalls].map(({ number }) => number));
        const calls = [...edgeCalls(before, 100, seed), ...edgeCalls(after, 100, seed)];
        const missed = calls.filter((call) => {
          const [was, is] = [evaluatePolicy(before, call).value, evaluatePolicy(after, call).value];
          const own = before.target.syscallNames.get(call.nr) ?? '';
          const name = named.has(call.nr) ? own : ANY_OTHER;
          return was !== is && !undecided.includes(name) && !known.has(`${name} ${was} ${is}`);
        });
        return hold && missed.length === 0;
      }),
      { numRuns: 50 },
    );
    t.notOk(outcome.failed, fc.defaultReportMessage(outcome) ?? '');
  },
);
