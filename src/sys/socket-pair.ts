/** socketpair(2): the channel between the parent and a device process. */
import { checkResult } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric } from './libc.ts';
import { allocateNative } from './mmap.ts';

const socketpair = bindNumeric('int socketpair(int domain, int type, int protocol, uintptr_t fds)');
const AF_UNIX = 1;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const fds = allocateNative(8);

/** Two connected SOCK_SEQPACKET sockets without a name, blocking and close-on-exec. */
export function createSeqpacketPair(): readonly [OwnedFd, OwnedFd] {
  checkResult(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.address), 'socketpair');
  return [new OwnedFd(fds.view.getInt32(0, true)), new OwnedFd(fds.view.getInt32(4, true))];
}
