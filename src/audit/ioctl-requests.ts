/** The `ioctl` requests that a policy names, and whose driver each belongs to. */
import { isPermissive } from '../seccomp/actions.ts';
import type { Policy } from '../seccomp/policy.ts';
import type { CallSet } from './reach.ts';

/** One request that is compared with by name or number. */
export interface IoctlRequest {
  /** As the policy writes it. */
  readonly name: string;
  readonly value: bigint;
  readonly driver: string;
}

/** Second byte of a request (`_IOC_TYPE`), as the kernel's list of them gives it to drivers. */
const DRIVER_OF_TYPE: Readonly<Record<number, string>> = {
  0x12: 'block device',
  0x21: 'seccomp listener',
  0x3b: 'VFIO',
  0x45: 'input device',
  0x54: 'terminal',
  0x55: 'USB',
  0x62: 'binder or dma-buf',
  0x64: 'graphics (DRM)',
  0x66: 'file system',
  0x89: 'socket',
  0x94: 'btrfs',
  0xaa: 'userfaultfd',
  0xae: 'KVM',
  0xaf: 'vhost',
  0xb7: 'namespace file',
  0xe5: 'FUSE',
};

/** tun shares the letter of the terminal, and numbers its requests from here (`linux/if_tun.h`). */
const TUN_NUMBER_MIN = 200n;
const TERMINAL_TYPE = 0x54;

/** Whose driver answers a request. */
export function driverOf(value: bigint): string {
  const type = Number((value >> 8n) & 0xffn);
  if (type === TERMINAL_TYPE && (value & 0xffn) >= TUN_NUMBER_MIN) {
    return 'tun/tap';
  }
  return DRIVER_OF_TYPE[type] ?? `driver of type 0x${type.toString(16)}`;
}

/** The requests that rules compare with by `==` and let through. */
export function ioctlRequests(policy: Policy): readonly IoctlRequest[] {
  const rules = policy.syscalls.find(({ name }) => name === 'ioctl')?.rules ?? [];
  const requests = new Map<bigint, IoctlRequest>();
  for (const { expression, action } of rules) {
    for (const { arg, op, value, valueText } of expression?.flat() ?? []) {
      if (arg === 1 && op === '==' && isPermissive(action)) {
        requests.set(value, { name: valueText, value, driver: driverOf(value) });
      }
    }
  }
  return [...requests.values()];
}

/** Every `ioctl` whose request the policy does not name: it is let through by a mask, a range, or no condition at all. */
export function unnamedRequests(requests: readonly IoctlRequest[]): CallSet {
  if (requests.length === 0) {
    return { calls: 'ioctl' };
  }
  const others = requests.map(({ value }) => `arg1 != 0x${value.toString(16)}`);
  return { calls: '', conditions: { ioctl: others.join(' && ') } };
}
