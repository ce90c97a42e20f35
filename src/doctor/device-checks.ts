/** Device nodes and kernel interfaces that single device options need. */
import { ENOSYS } from '../sys/errno.ts';
import { lastErrno } from '../sys/libc.ts';
import { SYS_IO_URING_SETUP, syscall } from '../sys/syscall.ts';
import { type Check, type HostView, ok, readNumber, warn } from './check.ts';

interface DeviceNode {
  readonly name: string;
  readonly path: string;
  readonly module: string;
  /** What does not work without it. */
  readonly loss: string;
}

const DEVICE_NODES: readonly DeviceNode[] = [
  { name: 'tun', path: '/dev/net/tun', module: 'tun', loss: 'guests get no network' },
  {
    name: 'vhost-net',
    path: '/dev/vhost-net',
    module: 'vhost_net',
    loss: 'the kernel cannot take over the network queues of guests',
  },
  {
    name: 'vhost-vsock',
    path: '/dev/vhost-vsock',
    module: 'vhost_vsock',
    loss: 'the host’s AF_VSOCK sockets do not reach guests',
  },
];

/** One check per device node. */
export function deviceNodeChecks(host: HostView): Check[] {
  return DEVICE_NODES.map(({ name, path, module, loss }) => {
    switch (host.access(path)) {
      case 'ok':
        return ok(name, path);
      case 'absent':
        return warn(name, `${path} does not exist: ${loss}`, `modprobe ${module}`);
      case 'denied':
        return warn(
          name,
          `${path} may not be opened by this user: ${loss}`,
          `run as root, or give your group rights to ${path} by a udev rule`,
        );
    }
  });
}

/** True when this kernel has io_uring at all. */
export function kernelHasIoUring(): boolean {
  // No parameters: any error but ENOSYS comes from a kernel that has it.
  return syscall(SYS_IO_URING_SETUP, 0, 0, 0, 0) >= 0 || lastErrno() !== ENOSYS;
}

/** Judges io_uring and its switch. */
export function ioUringCheck(host: HostView, isThere: boolean): Check {
  const name = 'io_uring';
  const loss = 'block devices fall back on one system call per request';
  if (!isThere) {
    return warn(name, `not in this kernel: ${loss}`, 'use Linux 5.6 or later with CONFIG_IO_URING');
  }
  const disabled = readNumber(host, '/proc/sys/kernel/io_uring_disabled') ?? 0;
  if (disabled === 2 || (disabled === 1 && !host.isRoot)) {
    const detail = `kernel.io_uring_disabled is ${disabled}: ${loss}`;
    return warn(name, detail, 'sysctl -w kernel.io_uring_disabled=0');
  }
  return ok(name, 'available');
}
