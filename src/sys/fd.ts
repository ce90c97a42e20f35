/** File descriptors with one owner each. */
import { assert } from '../base/assert.ts';
import { type RawFd, rawFd } from '../base/brands.ts';
import { checkResult } from './errno.ts';
import { bindNumeric } from './libc.ts';

const closeFd = bindNumeric('int close(int fd)');
const fcntl = bindNumeric('int fcntl(int fd, int command, long argument)');

const F_DUPFD_CLOEXEC = 1030;
const F_GETFL = 3;
const F_SETFL = 4;
const O_NONBLOCK = 0o4000;

/** A descriptor that is closed exactly once: by `using`, {@link OwnedFd.close}, or whoever it is moved to. */
export class OwnedFd implements Disposable {
  #fd: number;

  /** @param fd an open descriptor that nobody else owns. */
  constructor(fd: number) {
    this.#fd = rawFd(fd);
  }

  /** The number, for a call that only borrows it. */
  get raw(): RawFd {
    assert(this.#fd >= 0, 'use of a closed descriptor');
    return rawFd(this.#fd);
  }

  get isOpen(): boolean {
    return this.#fd >= 0;
  }

  /** Gives ownership away; the number is the caller's to close. */
  take(): RawFd {
    const fd = this.raw;
    this.#fd = -1;
    return fd;
  }

  /** A second descriptor for the same open file, close-on-exec. */
  dup(): OwnedFd {
    return new OwnedFd(checkResult(fcntl(this.raw, F_DUPFD_CLOEXEC, 3), 'fcntl(F_DUPFD_CLOEXEC)'));
  }

  close(): void {
    if (this.#fd >= 0) {
      closeFd(this.#fd);
      this.#fd = -1;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Sets or clears O_NONBLOCK of the open file behind a descriptor. */
export function setNonBlocking(fd: RawFd, enabled: boolean): void {
  const flags = checkResult(fcntl(fd, F_GETFL, 0), 'fcntl(F_GETFL)');
  const wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted !== flags) {
    checkResult(fcntl(fd, F_SETFL, wanted), 'fcntl(F_SETFL)');
  }
}
