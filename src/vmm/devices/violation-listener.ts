/**
 * The parent's hold on a device's seccomp filter: the first call that its policy does not allow is named, and the
 * device killed. The call itself never returns.
 */
import {
  decodeViolation,
  describeViolation,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_NOTIF_BYTES,
} from '../../jail/violation.ts';
import type { AsyncEpoll } from '../../sys/async-epoll.ts';
import { EPOLLIN } from '../../sys/epoll.ts';
import type { OwnedFd } from '../../sys/fd.ts';
import { ioctl } from '../../sys/ioctl.ts';
import { allocateNative } from '../../sys/mmap.ts';
import { syscallName } from './policies.ts';
import { readViolationPath } from './violation-text.ts';

export interface ViolationListenerOptions {
  /** The device as the operator knows it. */
  readonly device: string;
  /** File name of its policy. */
  readonly policy: string;
  /** Listener of the device's filter; moved. */
  readonly listener: OwnedFd;
  readonly epoll: AsyncEpoll;
  /** Told in one sentence what the device tried. */
  readonly onViolation: (message: string) => void;
}

/** Watches the listener. @returns what ends the watch. */
export function watchViolations(options: ViolationListenerOptions): () => void {
  const { listener, epoll } = options;
  const record = allocateNative(SECCOMP_NOTIF_BYTES);
  const stop = (): void => {
    if (listener.isOpen) {
      epoll.remove(listener.raw);
      listener.close();
    }
  };
  epoll.add(listener.raw, EPOLLIN, (events) => {
    record.bytes.fill(0);
    const isReceived =
      (events & EPOLLIN) !== 0 &&
      ioctl(listener.raw, SECCOMP_IOCTL_NOTIF_RECV, record.address) === 0;
    if (isReceived) {
      const violation = decodeViolation(record.bytes);
      const { device, policy } = options;
      const text = describeViolation(violation, { device, policy, syscallName });
      const path = readViolationPath(syscallName(violation.syscall), violation);
      options.onViolation(path === undefined ? text : `${text} (path "${path}")`);
    } else if ((events & ~EPOLLIN) !== 0) {
      // EPOLLHUP: the last thread under the filter has gone.
      stop();
    }
  });
  return stop;
}
