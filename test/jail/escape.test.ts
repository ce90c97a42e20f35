/**
 * Tries to get out of a jail, with the namespaces alone standing in the way: no seccomp filter is loaded here, so each
 * call reaches the kernel proper. test/jail/confine.test.ts tries the filter.
 */
import { createServer, type Server } from 'node:net';
import { constants } from 'node:os';
import t from 'tap';
import { targetFor } from '../../src/seccomp/target.ts';
import { errnoName } from '../../src/sys/errno.ts';
import { skipWithoutJails } from '../support/jailed-node.ts';
import { JailedProbe } from '../support/jailed-probe.ts';
import type { SyscallOrder } from './probe.ts';

const skip = skipWithoutJails();
const { syscalls } = targetFor('x86_64');

function call(name: string, ...args: SyscallOrder['args']): SyscallOrder {
  return { number: syscalls.get(name) ?? -1, args };
}

const AT_FDCWD = -100;
const O_RDWR = 2;
const O_CREAT = 0o100;
const CLONE_NEWUSER = 0x1000_0000;
const PTRACE_ATTACH = 16;
/** Asks for permission only: a jail that fails here must not cost the host its processes. */
const NO_SIGNAL = 0;
/** The one reboot(2) command that does no harm. */
const CAD_OFF = 0;
const S_IFCHR = 0o020000;
/** Device number of /dev/mem. */
const DEV_MEM = 0x101;

const escapes: readonly {
  readonly what: string;
  readonly order: () => SyscallOrder;
  readonly errnos: readonly string[];
}[] = [
  {
    what: 'open a file of the host',
    order: () => call('openat', AT_FDCWD, '/etc/passwd', 0),
    errnos: ['ENOENT'],
  },
  {
    what: 'reach the host by way of the old root',
    order: () => call('openat', AT_FDCWD, '/.old/etc/passwd', 0),
    errnos: ['ENOENT'],
  },
  {
    what: 'climb above the root',
    order: () => call('openat', AT_FDCWD, '/../../etc/passwd', 0),
    errnos: ['ENOENT'],
  },
  {
    what: 'see other processes',
    order: () => call('openat', AT_FDCWD, '/proc', 0),
    errnos: ['ENOENT'],
  },
  {
    what: 'make a file in its root',
    order: () => call('openat', AT_FDCWD, '/file', O_CREAT | O_RDWR, 0o600),
    errnos: ['EROFS'],
  },
  {
    what: 'write to the Node that the next device runs',
    order: () => call('openat', AT_FDCWD, '/bin/node', O_RDWR),
    errnos: ['EROFS', 'EACCES'],
  },
  {
    what: 'write to the program',
    order: () => call('openat', AT_FDCWD, '/app/package.json', O_RDWR),
    errnos: ['EROFS', 'EACCES'],
  },
  {
    what: 'mount',
    order: () => call('mount', 'tmpfs', '/app', 'tmpfs', 0, 0),
    errnos: ['EPERM'],
  },
  {
    what: 'make its root writable',
    order: () => call('mount', 0, '/', 0, 0x20, 0),
    errnos: ['EPERM'],
  },
  { what: 'unmount', order: () => call('umount2', '/bin/node', 2), errnos: ['EPERM'] },
  { what: 'chroot', order: () => call('chroot', '/app'), errnos: ['EPERM'] },
  {
    what: 'make a device node',
    order: () => call('mknodat', AT_FDCWD, '/mem', S_IFCHR | 0o600, DEV_MEM),
    errnos: ['EPERM', 'EROFS'],
  },
  {
    what: 'gain capabilities in a user namespace',
    order: () => call('clone', CLONE_NEWUSER | constants.signals.SIGCHLD, 0, 0, 0, 0),
    errnos: ['ENOSPC'],
  },
  {
    what: 'become the root of its user namespace',
    order: () => call('setuid', 0),
    errnos: ['EPERM', 'EINVAL'],
  },
  {
    what: 'trace its parent',
    order: () => call('ptrace', PTRACE_ATTACH, process.pid, 0, 0),
    errnos: ['ESRCH'],
  },
  {
    what: 'kill its parent',
    order: () => call('kill', process.pid, NO_SIGNAL),
    errnos: ['ESRCH'],
  },
  {
    what: 'kill all that it can see',
    order: () => call('kill', -1, NO_SIGNAL),
    errnos: ['ESRCH'],
  },
  {
    what: 'read the memory of its parent',
    order: () => call('process_vm_readv', process.pid, iovec(0x1_0000), 1, iovec(0x1_0000), 1, 0),
    errnos: ['ESRCH'],
  },
  {
    what: 'load a kernel module',
    order: () => call('init_module', 0, 0, ''),
    errnos: ['EPERM', 'ENOSYS'],
  },
  { what: 'touch I/O ports', order: () => call('iopl', 3), errnos: ['EPERM', 'ENOSYS'] },
  { what: 'change the host name', order: () => call('sethostname', 'x', 1), errnos: ['EPERM'] },
  {
    what: 'raise its limit of descriptors',
    order: () => call('setrlimit', 7, limit(4096)),
    errnos: ['EPERM'],
  },
  {
    what: 'reboot',
    order: () => call('reboot', 0xfee1dead, 0x28121969, CAD_OFF, 0),
    errnos: ['EPERM'],
  },
];

/** struct rlimit with both members alike, below 2^16. */
function limit(value: number): readonly number[] {
  const member = [value & 0xff, value >> 8, 0, 0, 0, 0, 0, 0];
  return [...member, ...member];
}

/** struct iovec of 16 bytes at an address below 2^24. */
function iovec(address: number): readonly number[] {
  const base = [address & 0xff, (address >> 8) & 0xff, address >> 16, 0, 0, 0, 0, 0];
  return [...base, 16, 0, 0, 0, 0, 0, 0, 0];
}

t.test('without a filter, a jailed process cannot', { skip }, async (t) => {
  using probe = new JailedProbe('rng');
  probe.confine();
  for (const { what, order, errnos } of escapes) {
    const { result, errno } = probe.order(order());
    t.equal(result, -1, what);
    t.ok(errnos.includes(errnoName(errno)), `${what}: ${errnoName(errno)}`);
  }
});

function listen(server: Server, where: string | number): Promise<void> {
  return new Promise((resolve) => {
    server.listen(where, () => {
      resolve();
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

t.test('without a filter, a jailed process cannot reach a network', { skip }, async (t) => {
  const AF_UNIX = 1;
  const AF_INET = 2;
  const SOCK_STREAM = 1;
  const tcp = createServer();
  await listen(tcp, 0);
  const abstractName = `\0crosvm-jail-test-${process.pid}`;
  const local = createServer();
  await listen(local, abstractName);
  const port = portOf(tcp);
  using probe = new JailedProbe('rng');
  probe.confine();

  const inet = probe.order(call('socket', AF_INET, SOCK_STREAM, 0)).result;
  t.ok(inet > 0);
  const loopback = [AF_INET, 0, port >> 8, port & 0xff, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
  const toInet = probe.order(call('connect', inet, loopback, loopback.length));
  t.equal(errnoName(toInet.errno), 'ENETUNREACH', 'a TCP server of the host');

  const unix = probe.order(call('socket', AF_UNIX, SOCK_STREAM, 0)).result;
  t.ok(unix > 0);
  const abstractAddress = [AF_UNIX, 0, ...new TextEncoder().encode(abstractName)];
  const toUnix = probe.order(call('connect', unix, abstractAddress, abstractAddress.length));
  t.equal(errnoName(toUnix.errno), 'ECONNREFUSED', 'an abstract socket of the host');
  tcp.close();
  local.close();
});
