/** The same rules through libseccomp: translated as far as its language goes, built by its own compiler. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Atom, CompareOp } from '../../src/seccomp/ast.ts';
import type { Policy, SyscallPolicy } from '../../src/seccomp/policy.ts';

/** `SCMP_FLTATR_CTL_OPTIMIZE`: rules sorted by priority, or a binary tree over numbers. */
export type LibseccompLayout = 'priority' | 'tree';

const LAYOUTS: Readonly<Record<LibseccompLayout, number>> = { priority: 1, tree: 2 };

/** `enum scmp_compare` of seccomp.h. */
const COMPARISONS: Readonly<Record<Exclude<CompareOp, 'in' | '&'>, number>> = {
  '!=': 1,
  '<': 2,
  '<=': 3,
  '==': 4,
  '>=': 5,
  '>': 6,
};
const SCMP_CMP_MASKED_EQ = 7;
const ALL_BITS = 2n ** 64n - 1n;

/** Builds programs with the libseccomp of this machine. */
export class Libseccomp implements Disposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'seccomp-bench-'));
  readonly #program = join(this.#directory, 'libseccomp_export');
  /** Why it cannot be used; null if it can. */
  readonly missing: string | null;

  /** @param source of the exporting program. */
  constructor(source: string) {
    const args = ['-O2', '-Wall', '-Wextra', '-Werror', '-o', this.#program, source, '-lseccomp'];
    const { status, stderr, error } = spawnSync('cc', args, { encoding: 'utf8' });
    const why = error?.message ?? stderr.trim().split('\n')[0] ?? '';
    this.missing = status === 0 ? null : `libseccomp-dev is needed: ${why}`;
  }

  /** @returns the raw program, or in words why libseccomp cannot say the same. */
  compile(policy: Policy, layout: LibseccompLayout): Uint8Array | string {
    const rules: string[] = [];
    for (const syscall of policy.syscalls) {
      const translated = translate(policy, syscall);
      if (translated === null) {
        return `${syscall.name}: verdicts depend on the order of rules`;
      }
      rules.push(...translated);
    }
    const header = `default ${policy.defaultReturn} ${LAYOUTS[layout]}`;
    const input = `${[header, ...rules].join('\n')}\n`;
    const { status, stdout, stderr } = spawnSync(this.#program, { input, maxBuffer: 2 ** 20 });
    return status === 0 ? stdout : stderr.toString().trim();
  }

  [Symbol.dispose](): void {
    rmSync(this.#directory, { recursive: true });
  }
}

/** Rules without an order: null where the policy's order matters. */
function translate(policy: Policy, { number, rules }: SyscallPolicy): readonly string[] | null {
  const verdicts = new Set(rules.map(({ action }) => action));
  if (verdicts.size > 1) {
    return null;
  }
  const [action = policy.defaultReturn] = verdicts;
  if (action === policy.defaultReturn) {
    return [];
  }
  const clauses = rules.flatMap(({ expression }) => expression ?? [[]]);
  return clauses.flatMap((clause) =>
    combinations(clause.map(comparisonsOf)).map((comparisons) =>
      ['rule', action, number, ...comparisons].join(' '),
    ),
  );
}

/** One comparison as alternatives: any of several bits is one alternative a bit. */
function comparisonsOf({ arg, op, value }: Atom): readonly string[] {
  const masked = (mask: bigint, datum: bigint): string =>
    [arg, SCMP_CMP_MASKED_EQ, mask, datum].join(' ');
  if (op === 'in') {
    return [masked(ALL_BITS - value, 0n)];
  }
  if (op === '&') {
    const bits = Array.from({ length: 64 }, (_, bit) => 1n << BigInt(bit));
    return bits.filter((bit) => (value & bit) !== 0n).map((bit) => masked(bit, bit));
  }
  return [[arg, COMPARISONS[op], value, 0].join(' ')];
}

function combinations(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return lists.reduce<readonly (readonly string[])[]>(
    (found, list) => found.flatMap((head) => list.map((item) => [...head, item])),
    [[]],
  );
}
