/** eventfd(2): the doorbell between guest, kernel, parent and devices. */

import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { readAddress, writeAddress } from './io.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const eventfd = bindNumeric('int eventfd(unsigned int initial, int flags)');
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

const one = allocateNative(8);
one.view.setUint32(0, 1, true);
const scratch = allocateNative(8);

/** A new eventfd, close-on-exec and non-blocking. */
export function createEventFd(): OwnedFd {
  return new OwnedFd(checkResult(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), 'eventfd'));
}

/** Adds one to the counter. A full counter is already readable, so a failure needs no answer. */
export function signalEventFd(fd: number): void {
  writeAddress(fd, one.address, 8);
}

/** Sets the counter to zero; true when it was not. */
export function drainEventFd(fd: number): boolean {
  return readAddress(fd, scratch.address, 8) === 8;
}
