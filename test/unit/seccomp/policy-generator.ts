/** Random policies as text, and calls at the edges of what they compare with: for property tests. */
import fc from 'fast-check';
import { compilePolicyText, emulate, verifyProgram } from '../../../src/seccomp/compile.ts';
import { compileProgram } from '../../../src/seccomp/compiler.ts';
import { evaluatePolicy, type Policy, type SeccompData } from '../../../src/seccomp/policy.ts';
import { AUDIT_ARCH_X86_64 } from '../../../src/seccomp/target.ts';

const SYSCALLS = [
  'read',
  'write',
  'open',
  'close',
  'mmap',
  'mprotect',
  'ioctl',
  'futex',
  'mseal',
  'kill',
];
const OPS = ['==', '!=', '<', '<=', '>', '>=', '&', 'in'];
const ACTIONS = [
  'allow',
  'return 1',
  'return 38',
  'trap',
  'log',
  'kill-process',
  'kill',
  'user-notify',
];

/** Values where halves, signs and masks meet. */
const EDGES = [
  0n,
  1n,
  2n,
  7n,
  8n,
  0xffn,
  0x5401n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x1_0000_0001n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_c018_aa3fn,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
];

const value = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt({ min: 0n, max: 16n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);
const literal = fc
  .tuple(value, fc.boolean())
  .map(([number, complemented]) => `${complemented ? '~' : ''}0x${number.toString(16)}`);
const atom = fc
  .tuple(fc.nat({ max: 2 }), fc.constantFrom(...OPS), literal)
  .map(([arg, op, operand]) => `arg${arg} ${op} ${operand}`);
const clause = fc.array(atom, { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join(' && '));
const expression = fc
  .array(clause, { minLength: 1, maxLength: 4 })
  .map((clauses) => clauses.join(' || '));
const filter = fc
  .tuple(expression, fc.option(fc.constantFrom(...ACTIONS), { nil: null }))
  .map(([condition, action]) => (action === null ? condition : `${condition}; ${action}`));
const statement = fc
  .tuple(
    fc.constantFrom(...SYSCALLS),
    fc.array(filter, { maxLength: 3 }),
    fc.option(fc.constantFrom(...ACTIONS), { nil: null }),
  )
  .map(([name, filters, last]) => {
    const all = last === null ? filters : [...filters, last];
    return { name, text: `${name}: { ${all.join(', ')} }`, empty: all.length === 0 };
  });

/** A policy that compiles: each system call at most once, so that no unconditional filter is followed by another. */
export const policyText: fc.Arbitrary<string> = fc
  .tuple(
    fc.uniqueArray(statement, { maxLength: 6, selector: ({ name }) => name }),
    fc.constantFrom('', '@default trap', '@default kill-process'),
  )
  .map(([statements, defaults]) =>
    [defaults, ...statements.filter(({ empty }) => !empty).map(({ text }) => text)].join('\n'),
  );

function nextTo(constant: bigint): readonly bigint[] {
  const high = 0xffff_ffff_0000_0000n;
  return [
    constant - 1n,
    constant,
    constant + 1n,
    constant | high,
    constant ^ (1n << 32n),
    ~constant,
  ].map((candidate) => BigInt.asUintN(64, candidate));
}

/** Constants of a policy and their neighbours, by argument. */
function interestingArguments(policy: Policy): readonly (readonly bigint[])[] {
  const byArgument: Set<bigint>[] = Array.from({ length: 6 }, () => new Set([0n, 2n ** 64n - 1n]));
  for (const { rules } of policy.syscalls) {
    for (const atomOf of rules.flatMap(({ expression: clauses }) => clauses?.flat() ?? [])) {
      for (const candidate of nextTo(atomOf.value)) {
        byArgument[atomOf.arg]?.add(candidate);
      }
    }
  }
  return byArgument.map((values) => [...values]);
}

/** Numbers at, below and above every named system call, and outside of the table. */
function interestingNumbers(policy: Policy): readonly number[] {
  const named = policy.syscalls.flatMap(({ number }) => [
    number,
    number,
    number,
    number + 1,
    number - 1,
  ]);
  return [...named, 0, 335, 463, 0x4000_0000, 0xffff_ffff].map((number) => number >>> 0);
}

/** `count` calls that are likely to meet edges of the policy, drawn from a deterministic sequence. */
export function edgeCalls(policy: Policy, count: number, seed: number): readonly SeccompData[] {
  const args = interestingArguments(policy);
  const numbers = interestingNumbers(policy);
  let state = seed >>> 0;
  const pick = <T>(list: readonly T[], fallback: T): T => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return list[Math.floor((state / 2 ** 32) * list.length)] ?? fallback;
  };
  return Array.from({ length: count }, () => ({
    nr: pick(numbers, 0),
    arch: AUDIT_ARCH_X86_64,
    args: args.map((values) => pick(values, 0n)),
  }));
}

const CALLS_PER_POLICY = 200;

/** Whether the plain and the optimised program of a policy give the verdicts that its rules mean. */
export function compilesToItsMeaning(text: string, seed: number): boolean {
  const { policy, program } = compilePolicyText(text, { arch: 'x86_64' });
  const plain = compileProgram(policy, 'linear');
  return (
    verifyProgram(plain) === null &&
    edgeCalls(policy, CALLS_PER_POLICY, seed).every((call) => {
      const meant = evaluatePolicy(policy, call).value;
      return emulate(plain, call).value === meant && emulate(program, call).value === meant;
    })
  );
}
