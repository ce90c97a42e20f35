/** The main thread's part of the device protocol: everything up to `ready`. Then the machine thread has the channel. */
import { HostError, ProtocolError } from '../../base/errors.ts';
import { Channel, type Received } from '../../ipc/channel.ts';
import {
  checkDeviceMessage,
  type DeviceMessage,
  type ParentMessage,
} from '../../ipc/device-protocol.ts';
import type { AsyncEpoll } from '../../sys/async-epoll.ts';
import { EPOLLIN } from '../../sys/epoll.ts';
import type { OwnedFd } from '../../sys/fd.ts';

type MessageOf<T extends DeviceMessage['type']> = Extract<DeviceMessage, { readonly type: T }>;

/** A channel whose messages are awaited one by one. */
export class Handshake {
  readonly #name: string;
  readonly #channel: Channel<DeviceMessage, ParentMessage>;
  readonly #epoll: AsyncEpoll;
  #abandon: () => void = () => undefined;

  /** @param fd the parent's end; moved. */
  constructor(name: string, fd: OwnedFd, epoll: AsyncEpoll) {
    this.#name = name;
    this.#channel = new Channel<DeviceMessage, ParentMessage>(fd, checkDeviceMessage);
    this.#epoll = epoll;
  }

  /** Sends a message; the descriptors are borrowed. */
  send(message: ParentMessage, fds: readonly number[]): void {
    this.#channel.send(message, fds);
  }

  /**
   * Waits for a message of one type.
   *
   * @throws ERR_DEVICE_START when the device says that it failed, closes its end or does not answer in time;
   *   ProtocolError when it says anything else.
   */
  async expect<T extends 'described' | 'ready'>(
    type: T,
    timeoutMs: number,
  ): Promise<{ readonly message: MessageOf<T>; readonly fds: readonly OwnedFd[] }> {
    const { message, fds } = await this.#next(type, timeoutMs);
    if (message.type === type) {
      // CAST: the type was compared just now; the checker does not narrow a generic union.
      return { message: message as MessageOf<T>, fds };
    }
    for (const fd of fds) {
      fd.close();
    }
    if (message.type === 'failed') {
      throw new HostError('ERR_DEVICE_START', `${this.#name} could not start: ${message.reason}`);
    }
    throw new ProtocolError(
      'ERR_DEVICE_PROTOCOL',
      `${this.#name} said "${message.type}" where "${type}" was due`,
    );
  }

  /** Gives the channel away. */
  takeChannel(): OwnedFd {
    return this.#channel.takeFd();
  }

  /** Closes the channel, if it was not given away, and gives up waiting. */
  [Symbol.dispose](): void {
    this.#abandon();
    this.#channel[Symbol.dispose]();
  }

  #next(type: string, timeoutMs: number): Promise<Received<DeviceMessage>> {
    const fd = this.#channel.raw;
    return new Promise((resolve, reject) => {
      const settle = (action: () => void): void => {
        clearTimeout(timer);
        this.#epoll.remove(fd);
        this.#abandon = () => undefined;
        action();
      };
      this.#abandon = () => {
        settle(() => {
          reject(this.#startError('was given up'));
        });
      };
      const timer = setTimeout(() => {
        settle(() => {
          // A process that its own policy stops before `ready` is held by the kernel and cannot say so.
          const hint = type === 'ready' ? '; does its policy allow sendmsg and recvmsg?' : '';
          reject(this.#startError(`did not say "${type}" within ${timeoutMs / 1000} s${hint}`));
        });
      }, timeoutMs);
      this.#epoll.add(fd, EPOLLIN, () => {
        settle(() => {
          try {
            const received = this.#channel.receive();
            if (received) {
              resolve(received);
            } else {
              reject(this.#startError(`ended before it said "${type}"`));
            }
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
      });
    });
  }

  #startError(problem: string): HostError {
    return new HostError('ERR_DEVICE_START', `${this.#name} ${problem}`);
  }
}
