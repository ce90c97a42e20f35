/**
 * Generates the tables of this folder from kernel and C library headers. Run by hand when the tables are to follow a
 * newer kernel; needs clang, which is asked for the value of every constant, for either architecture on any host.
 *
 *     node dist/src/seccomp/constants/generate.js OUT KERNEL_X86 LIBC_X86 KERNEL_ARM64 LIBC_ARM64
 *
 * The checked-in tables come from these Debian 12 packages:
 * - kernel headers: package `linux-source-6.12` (6.12.117-1~deb12u1), `make ARCH=x86_64 headers` and
 *   `make ARCH=arm64 headers`, of each `usr/include`;
 * - C library headers: `libc6-dev` (`/usr/include`, and its `x86_64-linux-gnu`) and `libc6-dev-arm64-cross`
 *   (`usr/aarch64-linux-gnu/include`), 2.36.
 *
 * LIBC_* may be several directories, joined by colons. The set of headers is that of minijail's tables, so that the
 * same names are known; {@link NEWER} adds what policies use and Linux 6.12 does not have yet.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Headers whose capitalised object-like macros are constants of the policy language. */
export const CONSTANT_HEADERS = [
  'errno.h',
  'fcntl.h',
  'linux/audit.h',
  'linux/fd.h',
  'linux/fs.h',
  'linux/loop.h',
  'linux/mman.h',
  'linux/net.h',
  'linux/prctl.h',
  'linux/random.h',
  'linux/sched.h',
  'linux/serial.h',
  'linux/sockios.h',
  'linux/termios.h',
  'signal.h',
  'stddef.h',
  'stdint.h',
  'sys/mman.h',
  'sys/resource.h',
  'sys/socket.h',
  'sys/stat.h',
  'sys/types.h',
] as const;

/** Constants that the packages named above are too old for, with what brought them. */
export const NEWER = new Map<string, bigint>([
  ['MADV_GUARD_INSTALL', 102n], // Linux 6.13, asm-generic/mman-common.h
  ['MADV_GUARD_REMOVE', 103n], // Linux 6.13, asm-generic/mman-common.h
  ['MSG_SOCK_DEVMEM', 0x200_0000n], // Linux 6.12, glibc 2.41, bits/socket.h
  ['SEGV_CPERR', 10n], // Linux 6.6, glibc 2.39, bits/siginfo-consts.h
  ['SOL_VSOCK', 287n], // Linux 6.7, glibc 2.40, bits/socket.h
]);

/** The same for x86_64 alone. */
export const NEWER_X86_64 = new Map<string, bigint>([
  ['SHADOW_STACK_SET_TOKEN', 1n], // Linux 6.6, glibc 2.39, bits/mman.h
]);

/** Macros that are no constants, or need structures of headers that are not included. */
const EXCLUDED = /SIGRTMAX|SIGRTMIN|SIG_|NULL|^BLKTRACESETUP2?$|^FS_IOC_FIEMAP$/;
const CONSTANT_MACRO = /^#define ([A-Z][A-Z0-9_]*)\s+[A-Za-z0-9_]/;
const SYSCALL_MACRO = /^#define __NR_([a-z0-9_]+) /;
/** Macros of the numbering scheme itself. */
const GENERIC_ALIASES = /^(?:arch_specific_syscall|syscalls)$/;

/** What clang is to compile for, and with which headers. */
export interface HeaderSet {
  /** `x86_64-linux-gnu`, `aarch64-linux-gnu`. */
  readonly triple: string;
  /** Include directories, first wins. */
  readonly includeDirs: readonly string[];
}

/** Values by name, of one architecture. */
export interface HeaderTables {
  readonly constants: ReadonlyMap<string, bigint>;
  readonly syscalls: ReadonlyMap<string, bigint>;
}

/**
 * Reads all constants and system call numbers out of a set of headers.
 *
 * @throws Error of clang's when a header is missing or does not compile.
 */
export function readHeaders(headers: HeaderSet): HeaderTables {
  const archHeaders = headers.triple.startsWith('x86_64') ? ['asm/prctl.h'] : [];
  const constantHeaders = [...archHeaders, ...CONSTANT_HEADERS];
  const names = macroNames(headers, constantHeaders, CONSTANT_MACRO).filter(
    (name) => !EXCLUDED.test(name),
  );
  const constants = evaluate(headers, constantHeaders, names, '');
  const calls = macroNames(headers, ['asm/unistd.h'], SYSCALL_MACRO).filter(
    (name) => !GENERIC_ALIASES.test(name),
  );
  return { constants, syscalls: evaluate(headers, ['asm/unistd.h'], calls, '__NR_') };
}

function clangArguments(headers: HeaderSet): readonly string[] {
  const resources = execFileSync('clang', ['-print-resource-dir'], { encoding: 'utf8' }).trim();
  const includes = [...headers.includeDirs, join(resources, 'include')];
  return [`--target=${headers.triple}`, '-nostdinc', '-w', ...includes.map((dir) => `-I${dir}`)];
}

function includeLines(files: readonly string[]): string {
  return files.map((file) => `#include <${file}>\n`).join('');
}

/** First groups of the pattern over all macros that the headers define, sorted. */
function macroNames(headers: HeaderSet, files: readonly string[], pattern: RegExp): string[] {
  const output = execFileSync('clang', [...clangArguments(headers), '-E', '-dM', '-xc', '-'], {
    input: includeLines(files),
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const names = output.split('\n').map((line) => pattern.exec(line)?.[1] ?? '');
  return [...new Set(names.filter((name) => name !== ''))].sort();
}

/** Has clang compile one variable per name; names that are no integer constants are left out. */
function evaluate(
  headers: HeaderSet,
  files: readonly string[],
  names: readonly string[],
  prefix: string,
): ReadonlyMap<string, bigint> {
  const directory = mkdtempSync(join(tmpdir(), 'seccomp-constants-'));
  try {
    const source = join(directory, 'table.c');
    const assembly = join(directory, 'table.s');
    const compile = (kept: readonly string[]): string => {
      const lines = kept.map(
        (name) => `unsigned long value_${name} = (unsigned long)(${prefix}${name});`,
      );
      writeFileSync(source, `${includeLines(files)}#line 1 "names"\n${lines.join('\n')}\n`);
      const options = ['-S', '-ferror-limit=0', '-o', assembly, source];
      const result = spawnSync('clang', [...clangArguments(headers), ...options], {
        encoding: 'utf8',
      });
      return result.stderr;
    };
    const complaints = compile(names);
    const bad = new Set(
      [...complaints.matchAll(/^names:(\d+):\d+: error/gm)].map((m) => Number(m[1])),
    );
    const kept = names.filter((_, index) => !bad.has(index + 1));
    const remaining = compile(kept);
    if (remaining.includes('error')) {
      throw new Error(`clang: ${remaining}`);
    }
    return parseAssembly(readFileSync(assembly, 'utf8'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function parseAssembly(assembly: string): ReadonlyMap<string, bigint> {
  const values = new Map<string, bigint>();
  const variable = /^value_(\w+):\n\s+\.(?:quad|xword)\s+(-?\d+|0x[0-9a-f]+)/gm;
  for (const [, name, value] of assembly.matchAll(variable)) {
    if (name !== undefined && value !== undefined) {
      values.set(name, BigInt.asUintN(64, BigInt(value)));
    }
  }
  // A zero may be in .bss, without a directive of its own.
  for (const [, name] of assembly.matchAll(/^value_(\w+):\n\s+\.(?:quad|xword|zero)\s+0?8?\s/gm)) {
    if (name !== undefined && !values.has(name)) {
      values.set(name, 0n);
    }
  }
  return values;
}

function formatTable(name: string, comment: string, table: ReadonlyMap<string, bigint>): string {
  const entries = [...table].map(([key, value]) => `${key}=${formatValue(value)}`);
  const lines: string[] = [];
  let line = '';
  for (const entry of entries) {
    if (line.length + 1 + entry.length > 118) {
      lines.push(line);
      line = '';
    }
    line += (line === '' ? '' : ' ') + entry;
  }
  lines.push(line);
  return `/** ${comment} */\nexport const ${name} = \`\n${lines.join('\n')}\n\`;\n`;
}

function formatValue(value: bigint): string {
  return value < 4096n ? value.toString() : `0x${value.toString(16)}`;
}

const HEADER = '// Generated by generate.ts, which says from which headers. Do not edit.\n\n';

function main(args: readonly string[]): void {
  const [out, kernelX86, libcX86, kernelArm, libcArm] = args;
  if (
    out === undefined ||
    kernelX86 === undefined ||
    libcX86 === undefined ||
    kernelArm === undefined ||
    libcArm === undefined
  ) {
    throw new Error('usage: generate.js OUT KERNEL_X86 LIBC_X86 KERNEL_ARM64 LIBC_ARM64');
  }
  const x86 = readHeaders({
    triple: 'x86_64-linux-gnu',
    includeDirs: [kernelX86, ...libcX86.split(':')],
  });
  const arm = readHeaders({
    triple: 'aarch64-linux-gnu',
    includeDirs: [kernelArm, ...libcArm.split(':')],
  });
  const isCommon = (name: string, value: bigint): boolean =>
    x86.constants.get(name) === value && arm.constants.get(name) === value;
  const common = new Map([...x86.constants].filter(([name, value]) => isCommon(name, value)));
  for (const [name, value] of NEWER) {
    common.set(name, value);
  }
  const own = (tables: HeaderTables): Map<string, bigint> =>
    new Map([...tables.constants].filter(([name]) => !common.has(name)));
  const write = (file: string, ...tables: string[]): void => {
    writeFileSync(join(out, file), HEADER + tables.join('\n'));
  };
  write('common.ts', formatTable('COMMON_CONSTANTS', 'The same on both architectures.', common));
  write(
    'x86-64.ts',
    formatTable(
      'X86_64_CONSTANTS',
      'Constants of x86_64 only, or with other values.',
      new Map([...own(x86), ...NEWER_X86_64]),
    ),
    formatTable('X86_64_SYSCALLS', 'Linux 6.12, x86_64.', x86.syscalls),
  );
  write(
    'aarch64.ts',
    formatTable('AARCH64_CONSTANTS', 'Constants of aarch64 only, or with other values.', own(arm)),
    formatTable('AARCH64_SYSCALLS', 'Linux 6.12, aarch64.', arm.syscalls),
  );
}

if (process.argv[1]?.endsWith('/constants/generate.js') === true) {
  main(process.argv.slice(2));
}
