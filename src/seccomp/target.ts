/** The architectures that policies are compiled for: their system call tables and kernel constants. */
import { AARCH64_CONSTANTS, AARCH64_SYSCALLS } from './constants/aarch64.ts';
import { COMMON_CONSTANTS } from './constants/common.ts';
import { X86_64_CONSTANTS, X86_64_SYSCALLS } from './constants/x86-64.ts';

export type ArchName = 'x86_64' | 'aarch64';

/** What the compiler knows of one architecture. */
export interface Target {
  readonly name: ArchName;
  /** The name in `[arch=...]` metadata: `arm64`, not aarch64. */
  readonly policyName: string;
  /** `AUDIT_ARCH_*`, what `seccomp_data.arch` holds. */
  readonly auditArch: number;
  /** System call number by name. */
  readonly syscalls: ReadonlyMap<string, number>;
  /** Name by system call number. */
  readonly syscallNames: ReadonlyMap<number, string>;
  /** Kernel constants as unsigned 64-bit values; negative ones are sign-extended. */
  readonly constants: ReadonlyMap<string, bigint>;
}

export const AUDIT_ARCH_X86_64 = 0xc000_003e;
export const AUDIT_ARCH_AARCH64 = 0xc000_00b7;

const targets = new Map<ArchName, Target>();

/** The tables of an architecture; built on first use, then shared. */
export function targetFor(name: ArchName): Target {
  const known = targets.get(name);
  if (known !== undefined) {
    return known;
  }
  const target = buildTarget(name);
  targets.set(name, target);
  return target;
}

function buildTarget(name: ArchName): Target {
  const isX86 = name === 'x86_64';
  const syscalls = new Map<string, number>();
  for (const [key, value] of tableEntries(isX86 ? X86_64_SYSCALLS : AARCH64_SYSCALLS)) {
    syscalls.set(key, Number(value));
  }
  const constants = new Map<string, bigint>();
  for (const table of [COMMON_CONSTANTS, isX86 ? X86_64_CONSTANTS : AARCH64_CONSTANTS]) {
    for (const [key, value] of tableEntries(table)) {
      constants.set(key, BigInt(value));
    }
  }
  return {
    name,
    policyName: isX86 ? 'x86_64' : 'arm64',
    auditArch: isX86 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_AARCH64,
    syscalls,
    syscallNames: new Map([...syscalls].map(([key, value]) => [value, key])),
    constants,
  };
}

/** Entries of a generated table: `name=value`, separated by white space. */
export function* tableEntries(table: string): Generator<readonly [string, string]> {
  for (const entry of table.split(/\s+/)) {
    const equals = entry.indexOf('=');
    if (equals > 0) {
      yield [entry.slice(0, equals), entry.slice(equals + 1)];
    }
  }
}
