/**
 * The machine's end of the control socket, in the main thread. A client that is slow, silent or hostile costs a
 * connection and nothing else.
 */
import { unlinkSync } from 'node:fs';
import { describeError, ProtocolError } from '../base/errors.ts';
import { log } from '../base/log.ts';
import { Channel } from '../ipc/channel.ts';
import type { AsyncEpoll } from '../sys/async-epoll.ts';
import { EPOLLIN } from '../sys/epoll.ts';
import type { OwnedFd } from '../sys/fd.ts';
import { acceptSeqpacket, listenSeqpacket, peerCredentials } from '../sys/unix-socket.ts';
import {
  CONTROL_VERSION,
  type ControlRequest,
  type ControlResponse,
  checkControlRequest,
} from './protocol.ts';

/** Clients at a time; further ones are closed at once. */
const CLIENTS_MAX = 64;

/** Answers one request. */
export type ControlHandler = (request: ControlRequest) => ControlResponse;

type ClientChannel = Channel<ControlRequest, ControlResponse>;

export class ControlServer implements Disposable {
  readonly path: string;
  readonly #epoll: AsyncEpoll;
  readonly #listener: OwnedFd;
  readonly #handler: ControlHandler;
  readonly #clients = new Set<ClientChannel>();

  /**
   * Starts to listen.
   *
   * @param path must not exist; it is removed by disposing.
   * @throws ERR_SYSCALL
   */
  constructor(path: string, epoll: AsyncEpoll, handler: ControlHandler) {
    this.path = path;
    this.#epoll = epoll;
    this.#handler = handler;
    this.#listener = listenSeqpacket(path);
    epoll.add(this.#listener.raw, EPOLLIN, () => {
      this.#accept();
    });
  }

  [Symbol.dispose](): void {
    if (!this.#listener.isOpen) {
      return;
    }
    this.#epoll.remove(this.#listener.raw);
    this.#listener.close();
    for (const client of this.#clients) {
      this.#drop(client);
    }
    try {
      unlinkSync(this.path);
    } catch (error) {
      log('warn', 'control', `socket ${this.path} could not be removed: ${describeError(error)}`);
    }
  }

  #accept(): void {
    for (
      let fd = acceptSeqpacket(this.#listener.raw);
      fd;
      fd = acceptSeqpacket(this.#listener.raw)
    ) {
      if (this.#clients.size >= CLIENTS_MAX || !isPermitted(fd.raw)) {
        fd.close();
        continue;
      }
      const client: ClientChannel = new Channel(fd, checkControlRequest);
      this.#clients.add(client);
      this.#epoll.add(client.raw, EPOLLIN, () => {
        this.#serve(client);
      });
    }
  }

  /** One request per wake-up, so that no client keeps the others waiting. */
  #serve(client: ClientChannel): void {
    try {
      const received = client.receive();
      if (received === undefined) {
        return;
      }
      if (received === null) {
        this.#drop(client);
        return;
      }
      for (const fd of received.fds) {
        fd.close();
      }
      client.send(this.#answer(received.message));
    } catch (error) {
      this.#refuse(client, error);
    }
  }

  #answer(request: ControlRequest): ControlResponse {
    if (request.version !== CONTROL_VERSION) {
      const message = `protocol version ${request.version} is not known; this machine speaks ${CONTROL_VERSION}`;
      return { type: 'error', code: 'ERR_CONTROL_VERSION', message };
    }
    return this.#handler(request);
  }

  #refuse(client: ClientChannel, error: unknown): void {
    const message = describeError(error);
    log('warn', 'control', `client dropped: ${message}`);
    if (error instanceof ProtocolError) {
      try {
        client.send({ type: 'error', code: error.code, message: message.slice(0, 1024) });
      } catch {
        // It does not read its answers either.
      }
    }
    this.#drop(client);
  }

  #drop(client: ClientChannel): void {
    if (this.#clients.delete(client)) {
      this.#epoll.remove(client.raw);
      client[Symbol.dispose]();
    }
  }
}

/** Only root and the user who runs the machine may control it, whatever the socket's mode has become. */
function isPermitted(fd: number): boolean {
  const { uid } = peerCredentials(fd);
  return uid === 0 || uid === process.getuid?.();
}
