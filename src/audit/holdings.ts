/** What a device process holds, what its policy lets it do with that, and what it may ask of the parent. */
import type { DeviceRequest, JailProfile } from '../jail/profile.ts';

/** A descriptor, or several of a kind. */
export interface Holding {
  readonly name: string;
  readonly purpose: string;
  /** Calls on it that the policy lets through; for memory, the mapping made before the filter. */
  readonly calls: readonly string[];
}

/** Calls that do something with a descriptor of a kind, beside `close`. */
const FILE_CALLS =
  'read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 lseek fallocate ftruncate fsync ' +
  'fdatasync fstat sendfile copy_file_range mmap ioctl fcntl dup dup2 dup3 flock fchmod fchown getdents64 splice';
const SOCKET_CALLS =
  'sendmsg recvmsg sendto recvfrom sendmmsg recvmmsg read write readv writev connect bind listen accept accept4 ' +
  'setsockopt getsockopt shutdown ioctl fcntl dup dup2 dup3';
const EVENT_CALLS =
  'read write epoll_ctl epoll_wait epoll_pwait poll ppoll select ioctl fcntl dup dup2 dup3';

/** What every device process is given, whatever its profile says: see `src/jail/spawn.ts` and the device protocol. */
const COMMON_HOLDINGS: readonly {
  readonly name: string;
  readonly purpose: string;
  readonly calls: string;
}[] = [
  {
    name: 'guest memory',
    purpose:
      'All of the guest’s RAM, a sealed memfd, mapped for reading and writing before the filter.',
    calls: 'mmap read write pread64 pwrite64 preadv pwritev fallocate',
  },
  {
    name: 'shared page',
    purpose: 'One page with its interrupt status, mapped for reading and writing.',
    calls: 'mmap read write',
  },
  {
    name: 'channel',
    purpose:
      'A socket to the parent, which checks every message and ends the device at the first wrong one.',
    calls: SOCKET_CALLS,
  },
  {
    name: 'queue events',
    purpose:
      'For each virtqueue an eventfd that the guest’s kick sets, and one that interrupts the guest.',
    calls: EVENT_CALLS,
  },
  {
    name: 'standard output and error',
    purpose: 'A pipe whose text the parent logs.',
    calls: 'write writev',
  },
];

/** Everything that a device process holds once it is confined. @param allowed calls that its policy lets through. */
export function holdingsOf(profile: JailProfile, allowed: ReadonlySet<string>): readonly Holding[] {
  const allowedOf = (calls: string): readonly string[] =>
    calls.split(' ').filter((call) => allowed.has(call));
  const own = profile.descriptors.map(({ name, purpose }) => ({
    name,
    purpose,
    calls: allowedOf(/socket/i.test(`${name} ${purpose}`) ? SOCKET_CALLS : FILE_CALLS),
  }));
  const common = COMMON_HOLDINGS.map(({ name, purpose, calls }) => ({
    name,
    purpose,
    calls: allowedOf(calls),
  }));
  return [...own, ...common];
}

/** A message that a device may send by itself, and what it moves the parent to do. */
export interface ParentRequest {
  readonly name: DeviceRequest;
  readonly effect: string;
}

const EFFECTS: Readonly<Record<DeviceRequest, string>> = {
  described: 'Names its features, queues and configuration; once, before it is confined.',
  ready: 'Says that it is confined, and hands over its seccomp listener; once.',
  resetDone: 'Says that it no longer touches guest memory.',
  config: 'Replaces the configuration bytes that the guest reads, and interrupts the guest.',
  needsReset: 'Sets DEVICE_NEEDS_RESET, with a reason for the log.',
  failed: 'Ends itself and with it the machine, with a reason for the log.',
};

/** What a device may ask of the parent. */
export function requestsOf({ requests }: JailProfile): readonly ParentRequest[] {
  return requests.map((name) => ({ name, effect: EFFECTS[name] }));
}

/** What holds for every device process, whatever its profile says. */
export const CAPABILITIES_HELD =
  'none: all five capability sets are empty, the bounding set too, and no_new_privs is set';
