/** Pairs of connected sockets: one end for the parent, one for a device process. */
import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const socketpair = bindNumeric('int socketpair(int domain, int type, int protocol, uintptr_t fds)');

const shutdown = bindNumeric('int shutdown(int fd, int how)');

const AF_UNIX = 1;
const SHUT_WR = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const fds = allocateNative(8);

/**
 * Two connected SOCK_SEQPACKET sockets, blocking and close-on-exec.
 *
 * @throws ERR_SYSCALL
 */
export function socketPair(): readonly [OwnedFd, OwnedFd] {
  checkResult(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.address), 'socketpair');
  return [new OwnedFd(fds.view.getInt32(0, true)), new OwnedFd(fds.view.getInt32(4, true))];
}

/**
 * Ends one direction: the peer reads what was sent, then end of file, and can still answer.
 *
 * @throws ERR_SYSCALL
 */
export function endSending(fd: number): void {
  checkResult(shutdown(fd, SHUT_WR), 'shutdown');
}
