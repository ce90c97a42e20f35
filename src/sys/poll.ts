/** poll(2) of one descriptor: is there something to read, without reading it. */
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const poll = bindNumeric('int poll(uintptr_t fds, unsigned long count, int timeout)');

const POLLIN = 1;
/** `struct pollfd`: fd at 0, events at 4, revents at 6. */
const pollfd = allocateNative(8);

/** True when a read of the descriptor would return data now. Never waits. */
export function isReadable(fd: number): boolean {
  pollfd.view.setInt32(0, fd, true);
  pollfd.view.setInt16(4, POLLIN, true);
  pollfd.view.setInt16(6, 0, true);
  return poll(pollfd.address, 1, 0) === 1 && (pollfd.view.getInt16(6, true) & POLLIN) !== 0;
}
