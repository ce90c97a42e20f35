/** Unix sockets of the SOCK_SEQPACKET kind, which Node's own `net` does not have. */
import { ConfigError } from '../base/errors.ts';
import { checkResult, EAGAIN, syscallError } from './errno.ts';
import { OwnedFd } from './fd.ts';
import { bindNumeric, lastErrno } from './libc.ts';
import { allocateNative } from './mmap.ts';

const socket = bindNumeric('int socket(int domain, int type, int protocol)');
const bind = bindNumeric('int bind(int fd, uintptr_t address, unsigned int length)');
const listen = bindNumeric('int listen(int fd, int backlog)');
const connect = bindNumeric('int connect(int fd, uintptr_t address, unsigned int length)');
const accept4 = bindNumeric('int accept4(int fd, uintptr_t address, uintptr_t length, int flags)');
const getsockopt = bindNumeric(
  'int getsockopt(int fd, int level, int name, uintptr_t value, uintptr_t length)',
);
const umask = bindNumeric('unsigned int umask(unsigned int mask)');

const AF_UNIX = 1;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
const SOCK_SEQPACKET = 5;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const BACKLOG = 128;
/** Length of `sun_path`, its NUL included. */
export const SOCKET_PATH_BYTES = 108;

const address = allocateNative(2 + SOCKET_PATH_BYTES);
const credentials = allocateNative(12);
const credentialsLength = allocateNative(4);

function setAddress(path: string): number {
  const name = new TextEncoder().encode(path);
  if (name.length >= SOCKET_PATH_BYTES) {
    throw new ConfigError(
      'ERR_SOCKET_PATH_LENGTH',
      `socket path "${path}" has ${name.length} bytes; at most ${SOCKET_PATH_BYTES - 1} are possible`,
    );
  }
  address.bytes.fill(0);
  address.view.setUint16(0, AF_UNIX, true);
  address.bytes.set(name, 2);
  return 2 + name.length + 1;
}

function createSocket(flags: number, type = SOCK_SEQPACKET): OwnedFd {
  return new OwnedFd(checkResult(socket(AF_UNIX, type | SOCK_CLOEXEC | flags, 0), 'socket'));
}

/**
 * Creates a listening socket at a path that does not exist yet, for its owner only (mode 0600).
 *
 * @throws ERR_SYSCALL, with EADDRINUSE where the path exists.
 */
export function listenSeqpacket(path: string): OwnedFd {
  const length = setAddress(path);
  const fd = createSocket(SOCK_NONBLOCK);
  // The mode must be right from the first moment on: a chmod afterwards would leave a gap.
  const previous = umask(0o177);
  const bound = bind(fd.raw, address.address, length);
  const errno = lastErrno();
  umask(previous);
  if (bound < 0) {
    fd.close();
    throw syscallError(`bind to "${path}"`, undefined, errno);
  }
  checkResult(listen(fd.raw, BACKLOG), 'listen');
  return fd;
}

/**
 * Connects to a listening socket of the SOCK_SEQPACKET kind.
 *
 * @returns the connected socket, or the errno of the refusal.
 */
export function connectSeqpacket(path: string): OwnedFd | number {
  return connectUnix(path, SOCK_SEQPACKET);
}

/** As {@link connectSeqpacket}, for another kind: SOCK_STREAM or SOCK_DGRAM. */
export function connectUnix(path: string, type: number): OwnedFd | number {
  const length = setAddress(path);
  const fd = createSocket(0, type);
  if (connect(fd.raw, address.address, length) < 0) {
    const errno = lastErrno();
    fd.close();
    return errno;
  }
  return fd;
}

/** Takes the next connection, or returns undefined when none waits or the client has already gone. */
export function acceptSeqpacket(listener: number): OwnedFd | undefined {
  const fd = accept4(listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd >= 0) {
    return new OwnedFd(fd);
  }
  if (lastErrno() === EAGAIN) {
    return undefined;
  }
  // ECONNABORTED, EMFILE and the like concern this client only; the listener lives on.
  return undefined;
}

/** Who connected, as the kernel knows it. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Credentials of the process at the other end when it connected (SO_PEERCRED, unix(7)). */
export function peerCredentials(fd: number): PeerCredentials {
  credentialsLength.view.setUint32(0, 12, true);
  checkResult(
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials.address, credentialsLength.address),
    'getsockopt(SO_PEERCRED)',
  );
  const { view } = credentials;
  return {
    pid: view.getInt32(0, true),
    uid: view.getUint32(4, true),
    gid: view.getUint32(8, true),
  };
}
