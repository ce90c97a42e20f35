import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import t from 'tap';
import { type HeaderSet, NEWER, readHeaders } from '../../../src/seccomp/constants/generate.ts';
import { type ArchName, targetFor } from '../../../src/seccomp/target.ts';

t.test('targetFor knows the ends and the retired calls of the x86_64 table', async (t) => {
  const { syscalls } = targetFor('x86_64');
  const known = [
    'read',
    'uretprobe',
    'io_uring_setup',
    'mseal',
    'tuxcall',
    'epoll_ctl_old',
    '_sysctl',
  ];
  t.same(
    known.map((name) => syscalls.get(name)),
    [0, 335, 425, 462, 184, 214, 156],
  );
  const numbers = new Set(syscalls.values());
  const wanted = [
    ...Array.from({ length: 336 }, (_, number) => number),
    ...Array.from({ length: 39 }, (_, index) => 424 + index),
  ];
  t.same(
    [...numbers].sort((a, b) => a - b),
    wanted,
    'all of 0-335 and 424-462',
  );
});

t.test('targetFor knows that aarch64 has no old calls', async (t) => {
  const { syscalls, auditArch, policyName } = targetFor('aarch64');
  t.same([syscalls.get('read'), syscalls.get('openat'), syscalls.get('mseal')], [63, 56, 462]);
  t.equal(syscalls.get('open'), undefined);
  t.same([auditArch, policyName], [0xc000_00b7, 'arm64']);
});

t.test('targetFor extends negative constants to 64 bits and keeps wide ones', async (t) => {
  const { constants } = targetFor('x86_64');
  const known = [
    'SI_TKILL',
    'RUSAGE_CHILDREN',
    'RLIM_SAVED_CUR',
    'CLONE_INTO_CGROUP',
    'PR_GET_AUXV',
  ];
  t.same(
    known.map((name) => constants.get(name)),
    [2n ** 64n - 6n, 2n ** 64n - 1n, 2n ** 64n - 1n, 0x2_0000_0000n, 0x4155_5856n],
  );
  const newer = ['MADV_GUARD_INSTALL', 'MADV_GUARD_REMOVE', 'FS_IOC_GET_ENCRYPTION_POLICY_EX'];
  t.same(
    newer.map((name) => constants.get(name)),
    [102n, 103n, 0xc009_6616n],
  );
});

t.test('targetFor tells the architectures apart where their values differ', async (t) => {
  t.equal(targetFor('x86_64').constants.get('O_DIRECTORY'), 0o200000n);
  t.equal(targetFor('aarch64').constants.get('O_DIRECTORY'), 0o40000n);
  t.equal(targetFor('aarch64').constants.get('ARCH_SET_FS'), undefined);
});

/** The headers of this machine, whatever version they are. */
const INSTALLED: Readonly<Record<ArchName, HeaderSet>> = {
  x86_64: {
    triple: 'x86_64-linux-gnu',
    includeDirs: ['/usr/include', '/usr/include/x86_64-linux-gnu'],
  },
  aarch64: { triple: 'aarch64-linux-gnu', includeDirs: ['/usr/aarch64-linux-gnu/include'] },
};

function whyNot({ includeDirs }: HeaderSet): string | false {
  if (spawnSync('clang', ['--version']).error !== undefined) {
    return 'clang is not installed';
  }
  const missing = includeDirs.find((directory) => !existsSync(directory));
  return missing === undefined ? false : `no headers in ${missing}`;
}

for (const arch of ['x86_64', 'aarch64'] as const) {
  const headers = INSTALLED[arch];
  t.test(
    `targetFor agrees with the installed headers of ${arch}`,
    { skip: whyNot(headers) },
    async (t) => {
      const { constants, syscalls } = targetFor(arch);
      const installed = readHeaders(headers);
      const differing = [...installed.constants].filter(
        // What only says how far a list goes grows with the kernel.
        ([name, value]) => !isListEnd(name) && (constants.get(name) ?? value) !== value,
      );
      t.same(differing, [], 'constants that both define');
      const moved = [...installed.syscalls].filter(
        ([name, number]) => (syscalls.get(name) ?? Number(number)) !== Number(number),
      );
      t.same(moved, [], 'system calls that both define');
      const shared = [...installed.constants.keys()].filter((name) => constants.has(name));
      t.ok(shared.length > 1500, `${shared.length} constants compared`);
      t.ok(NEWER.size > 0);
    },
  );
}

/** Names of ends of lists, masks of all flags and versions: new kernels move them. */
function isListEnd(name: string): boolean {
  return /_(?:MAX|LAST|NR|ALL|VALID|SUPPORTED|MASK|VERSION)(?:_|$)|^N[RS]_|_NR_/.test(name);
}
