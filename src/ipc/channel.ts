/**
 * One end of a SOCK_SEQPACKET socket that carries checked messages and descriptors.
 *
 * Sending and receiving never wait unless asked to: the caller watches {@link Channel.raw} with its epoll. A message
 * is one packet; one that is too long or comes with too many descriptors is a protocol error, which costs the peer
 * the connection.
 */
import { ProtocolError } from '../base/errors.ts';
import { OwnedFd, setNonBlocking } from '../sys/fd.ts';
import { recvWithFds, sendWithFds } from '../sys/native.ts';
import { decodeMessage, encodeMessage } from './codec.ts';
import type { Check } from './schema.ts';

/** Longest message, in bytes. A compiled policy of 4096 instructions takes half of it. */
export const MESSAGE_BYTES_MAX = 64 * 1024;
/** Most descriptors in one message: the kernel's SCM_MAX_FD is 253. */
export const MESSAGE_FDS_MAX = 128;

/** A received message and the descriptors that came with it, which are now the receiver's. */
export interface Received<T> {
  readonly message: T;
  readonly fds: readonly OwnedFd[];
}

export class Channel<In, Out> implements Disposable {
  readonly #fd: OwnedFd;
  readonly #check: Check<In>;
  readonly #buffer = new Uint8Array(MESSAGE_BYTES_MAX);

  /**
   * @param fd a connected SOCK_SEQPACKET socket; moved.
   * @param check what every incoming message must pass.
   */
  constructor(fd: OwnedFd, check: Check<In>, options: { readonly blocking?: boolean } = {}) {
    this.#fd = fd;
    this.#check = check;
    setNonBlocking(fd.raw, options.blocking !== true);
  }

  get raw(): number {
    return this.#fd.raw;
  }

  /** Waits in {@link receive} from now on, or no longer. */
  setBlocking(blocking: boolean): void {
    setNonBlocking(this.#fd.raw, !blocking);
  }

  /**
   * Sends one message; the descriptors are borrowed.
   *
   * @throws ERR_SYSCALL: EPIPE when the peer is gone, EAGAIN when it does not read.
   */
  send(message: Out, fds: readonly number[] = []): void {
    sendWithFds(this.#fd.raw, encodeMessage(message), fds);
  }

  /**
   * Receives one message.
   *
   * @returns undefined when none is waiting, null when the peer has closed its end.
   * @throws ProtocolError when the message is malformed, oversized or fails the check; its descriptors are closed.
   */
  receive(): Received<In> | undefined | null {
    const packet = recvWithFds(this.#fd.raw, this.#buffer, MESSAGE_FDS_MAX);
    if (packet === undefined) {
      return undefined;
    }
    const fds = packet.fds.map((fd) => new OwnedFd(fd));
    try {
      if (packet.truncated) {
        throw new ProtocolError('ERR_IPC_OVERSIZED', 'message or descriptor list is too long');
      }
      if (packet.bytes === 0) {
        closeAll(fds);
        return null;
      }
      const message = decodeMessage(this.#buffer.subarray(0, packet.bytes));
      return { message: this.#check(message, 'message'), fds };
    } catch (error) {
      closeAll(fds);
      throw error;
    }
  }

  /** Gives up the socket. */
  takeFd(): OwnedFd {
    return new OwnedFd(this.#fd.take());
  }

  [Symbol.dispose](): void {
    this.#fd.close();
  }
}

function closeAll(fds: readonly OwnedFd[]): void {
  for (const fd of fds) {
    fd.close();
  }
}
