/** Statements in the order of the text to the rules of each system call. */
import type { Statement } from './ast.ts';
import type { PolicyDiagnostic } from './diagnostics.ts';
import type { Rule, SyscallPolicy } from './policy.ts';

/**
 * Gathers the filters of each system call, wherever the policy names it.
 *
 * @param statements in the order of the text, included ones in place.
 * @param frequencies how often a system call number is called; 1 where it has no entry.
 * @param errors takes complaints about filters that follow an unconditional one.
 * @returns system calls in the order in which the policy first names them.
 */
export function collectSyscalls(
  statements: readonly Statement[],
  frequencies: ReadonlyMap<number, number>,
  errors: PolicyDiagnostic[],
): readonly SyscallPolicy[] {
  const collected = new Map<number, { readonly name: string; readonly rules: Rule[] }>();
  for (const { syscalls, filters, colon, comment } of statements) {
    for (const { name, number, span: nameSpan } of syscalls) {
      const entry = collected.get(number) ?? { name, rules: [] };
      collected.set(number, entry);
      for (const filter of filters) {
        entry.rules.push({ ...filter, nameSpan, colon, comment });
      }
    }
  }
  return [...collected].map(([number, { name, rules }]) => {
    const error = unconditionalNotLast(name, number, rules);
    if (error !== null) {
      errors.push(error);
    }
    return { name, number, frequency: frequencies.get(number) ?? 1, rules };
  });
}

/** An unconditional rule must be the last one of its system call. */
function unconditionalNotLast(
  name: string,
  number: number,
  rules: readonly Rule[],
): PolicyDiagnostic | null {
  const index = rules.findIndex(({ expression }) => expression === null);
  const unconditional = rules[index];
  const following = rules[index + 1];
  if (unconditional === undefined || following === undefined) {
    return null;
  }
  return {
    severity: 'error',
    span: following.colon,
    message: `Syscall ${name} (number ${number}) already had an unconditional action applied`,
    expected: 'no filter of this call after its unconditional one',
    previous: unconditional.colon,
  };
}
