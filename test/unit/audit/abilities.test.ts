import fc from 'fast-check';
import t from 'tap';
import { ABILITIES } from '../../../src/audit/abilities.ts';
import { DANGER_RULES } from '../../../src/audit/danger-rules.ts';
import { callFormulas, reachOf } from '../../../src/audit/reach.ts';
import { isPermissive } from '../../../src/seccomp/actions.ts';
import { evaluatePolicy } from '../../../src/seccomp/policy.ts';
import { targetFor } from '../../../src/seccomp/target.ts';
import { policyText } from '../seccomp/policy-generator.ts';
import { policyOf } from './audit-subject.ts';

/** Abilities that a policy gives. */
function abilitiesOf(text: string): readonly string[] {
  const policy = policyOf(text);
  return ABILITIES.filter(
    (ability) => reachOf(policy, callFormulas(ability, policy.target)).length > 0,
  ).map(({ id }) => id);
}

for (const arch of ['x86_64', 'aarch64'] as const) {
  t.test(`every system call of ${arch} belongs to an ability`, async (t) => {
    const target = targetFor(arch);
    const known = new Set(
      ABILITIES.flatMap((ability) => callFormulas(ability, target).map(({ syscall }) => syscall)),
    );
    t.same(
      [...target.syscalls.keys()].filter((name) => !known.has(name)),
      [],
    );
  });

  t.test(`every danger rule can be read for ${arch}`, async (t) => {
    for (const rule of DANGER_RULES) {
      t.ok(callFormulas(rule, targetFor(arch)).length > 0, rule.id);
    }
  });
}

t.test('every name of an ability or danger rule is a system call', async (t) => {
  const { syscalls } = targetFor('x86_64');
  const names = [...ABILITIES, ...DANGER_RULES].flatMap(({ calls, conditions }) => [
    ...calls.split(' ').filter((name) => name !== ''),
    ...Object.keys(conditions ?? {}),
  ]);
  t.same(
    names.filter((name) => !syscalls.has(name)),
    [],
  );
});

t.test('abilities are told apart by arguments', async (t) => {
  t.same(abilitiesOf('mmap: arg2 in ~PROT_EXEC'), ['memory']);
  t.same(abilitiesOf('mmap: arg2 == PROT_EXEC'), ['executable-memory']);
  t.same(abilitiesOf('mmap: 1'), ['executable-memory', 'memory']);
  t.same(abilitiesOf('clone: arg0 & CLONE_THREAD'), ['threads']);
  t.same(abilitiesOf('clone: arg0 == SIGCHLD'), ['create-processes']);
});

t.test('a refusal before an unconditional allow counts', async (t) => {
  t.same(abilitiesOf('mmap: { arg2 & PROT_EXEC; return EPERM, allow }'), ['memory']);
  t.same(abilitiesOf('mmap: { arg2 in ~PROT_EXEC; return EPERM, allow }'), ['executable-memory']);
});

t.test('log is an ability, errno is none', async (t) => {
  t.same(abilitiesOf('socket: log'), ['network']);
  t.same(abilitiesOf('socket: return EPERM'), []);
});

t.test(
  'reachOf gives an example that the policy lets through by the rule that it names',
  async () => {
    fc.assert(
      fc.property(policyText, fc.constantFrom(...ABILITIES), (text, ability) => {
        const policy = policyOf(text);
        const { auditArch } = policy.target;
        return reachOf(policy, callFormulas(ability, policy.target)).every(
          ({ number, rule, example }) => {
            const verdict = evaluatePolicy(policy, {
              nr: number,
              arch: auditArch,
              args: example ?? [],
            });
            return isPermissive(verdict.value) && verdict.rule === rule;
          },
        );
      }),
      { numRuns: 300 },
    );
  },
);

t.test('every call that a policy lets through belongs to an ability that it gives', async () => {
  const argument = fc.oneof(
    fc.bigInt({ min: 0n, max: 8n }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  fc.assert(
    fc.property(policyText, fc.array(argument, { minLength: 6, maxLength: 6 }), (text, args) => {
      const policy = policyOf(text);
      const { auditArch: arch } = policy.target;
      const reached = new Set(
        ABILITIES.flatMap((ability) => reachOf(policy, callFormulas(ability, policy.target))).map(
          ({ number }) => number,
        ),
      );
      return policy.syscalls.every(({ number: nr }) => {
        const passes = isPermissive(evaluatePolicy(policy, { nr, arch, args }).value);
        return !passes || reached.has(nr);
      });
    }),
    { numRuns: 100 },
  );
});
