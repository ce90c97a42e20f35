/** Arguments of a call as somebody types them: `arg1=TCGETS`, `arg2=PROT_READ|PROT_EXEC`, `arg0=-1`. */
import { ConfigError } from '../base/errors.ts';
import { PolicyError } from '../seccomp/diagnostics.ts';
import { loadPolicy } from '../seccomp/load.ts';
import { memoryReader } from '../seccomp/source.ts';
import type { ArchName } from '../seccomp/target.ts';

const ARGUMENT = /^arg([0-5])=(.+)$/s;
const ARGUMENT_COUNT = 6;

function refuse(text: string, problem: string): never {
  throw new ConfigError('ERR_POLICY_ARGUMENT', `${text}: ${problem}`);
}

/**
 * Reads arguments; those that are not given are 0.
 *
 * @returns six of them, or null if none is given.
 * @throws ERR_POLICY_ARGUMENT naming the argument.
 */
export function parseArguments(texts: readonly string[], arch: ArchName): readonly bigint[] | null {
  const args = Array.from({ length: ARGUMENT_COUNT }, () => 0n);
  const seen = new Set<number>();
  for (const text of texts) {
    const match = ARGUMENT.exec(text);
    const index = Number(match?.[1]);
    if (match === null) {
      refuse(text, 'arguments are written arg0=VALUE to arg5=VALUE');
    }
    if (seen.has(index)) {
      refuse(text, `arg${index} is given twice`);
    }
    seen.add(index);
    args[index] = parseArgumentValue(text, match[2] ?? '', arch);
  }
  return texts.length === 0 ? null : args;
}

/** Everything that a policy may compare with: the policy parser itself reads it, as the operand of a comparison. */
function parseArgumentValue(text: string, value: string, arch: ArchName): bigint {
  // What would end the comparison and begin something else is no part of a value.
  if (!/^[\w|~() -]+$/.test(value)) {
    refuse(text, 'a value is made of numbers and constants, |, ~ and parentheses');
  }
  const reader = memoryReader(new Map([['value', `read: arg0 == ${value}\n`]]));
  try {
    const { policy } = loadPolicy('value', { arch, reader });
    const atoms = policy.syscalls[0]?.rules[0]?.expression?.flat() ?? [];
    const [atom] = atoms;
    return atoms.length === 1 && atom !== undefined
      ? atom.value
      : refuse(text, 'one value is expected');
  } catch (error) {
    if (error instanceof PolicyError) {
      const [first] = error.diagnostics;
      refuse(text, `${first?.message ?? 'not a value'}; expected: ${first?.expected ?? 'a value'}`);
    }
    throw error;
  }
}
