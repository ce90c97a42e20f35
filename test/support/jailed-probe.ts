/** The test's side of test/jail/probe.ts: a device process that makes the system calls it is told to. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeApplication } from '../../src/jail/application.ts';
import type { DeviceProcess } from '../../src/jail/device-process.ts';
import { loadProfile } from '../../src/jail/profile.ts';
import { spawnDevice } from '../../src/jail/spawn.ts';
import {
  decodeViolation,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_NOTIF_BYTES,
  type Violation,
} from '../../src/jail/violation.ts';
import { EPOLLIN, Epoll } from '../../src/sys/epoll.ts';
import { checkResult } from '../../src/sys/errno.ts';
import { OwnedFd } from '../../src/sys/fd.ts';
import { ioctl } from '../../src/sys/ioctl.ts';
import { allocateNative } from '../../src/sys/mmap.ts';
import { recvWithFds, sendWithFds } from '../../src/sys/native.ts';
import { createPipe } from '../../src/sys/pipe.ts';
import { createSeqpacketPair } from '../../src/sys/socket-pair.ts';
import type { SyscallOrder, SyscallOutcome } from '../jail/probe.ts';
import { readToEnd } from './jailed-node.ts';

const PATIENCE_MS = 10_000;
const NO_PROGRAM = new Uint8Array(1);

/** The project's folder, wherever it was compiled to. */
export function projectDir(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, 'package.json'))) {
    dir = dirname(dir);
  }
  return dir;
}

function waitReadable(fds: readonly number[]): void {
  using epoll = new Epoll();
  for (const fd of fds) {
    epoll.add(fd, EPOLLIN, () => undefined);
  }
  if (epoll.wait(PATIENCE_MS) === 0) {
    throw new Error('the probe neither answered nor was stopped');
  }
}

/** A jailed probe. Disposing of it kills it. */
export class JailedProbe implements Disposable {
  readonly device: DeviceProcess;
  readonly channel: OwnedFd;
  readonly outputReadEnd: OwnedFd;
  #listener: OwnedFd | undefined;

  /** @param deviceKind whose profile it gets. */
  constructor(deviceKind: string) {
    const [ours, theirs] = createSeqpacketPair();
    const output = createPipe();
    this.device = spawnDevice(loadProfile(join(projectDir(), 'policy'), deviceKind), {
      application: describeApplication({
        entry: fileURLToPath(new URL('../jail/probe.js', import.meta.url)),
      }),
      index: 0,
      args: [],
      channel: theirs.raw,
      output: output.writeEnd.raw,
    });
    theirs.close();
    output.writeEnd.close();
    this.channel = ours;
    this.outputReadEnd = output.readEnd;
  }

  /** Sends the seccomp program, none for a probe that stays unconfined, and waits until it is installed. */
  confine(program: Uint8Array = NO_PROGRAM): void {
    sendWithFds(this.channel.raw, program, []);
    const { fds } = this.#receive();
    const [listener] = fds;
    this.#listener = listener === undefined ? undefined : new OwnedFd(listener);
  }

  /** Has the probe make a call that returns. */
  order(order: SyscallOrder): SyscallOutcome {
    this.#send(order);
    // CAST: sent by our own probe.
    return this.#receive().value as SyscallOutcome;
  }

  /** Has the probe make a call; returns the notification if it was stopped, else the outcome. */
  orderOrStop(order: SyscallOrder): Violation | SyscallOutcome {
    const listener = this.#listener;
    if (listener === undefined) {
      throw new Error('the probe is not confined');
    }
    this.#send(order);
    waitReadable([listener.raw, this.channel.raw]);
    const record = allocateNative(SECCOMP_NOTIF_BYTES);
    using epoll = new Epoll();
    epoll.add(listener.raw, EPOLLIN, () => undefined);
    if (epoll.wait(0) === 0) {
      // CAST: as above.
      return this.#receive().value as SyscallOutcome;
    }
    checkResult(ioctl(listener.raw, SECCOMP_IOCTL_NOTIF_RECV, record.address), 'NOTIF_RECV');
    return decodeViolation(record.bytes);
  }

  /** What the probe wrote to its standard output and error; kills it first. */
  lastWords(): string {
    this.device.kill();
    return readToEnd(this.outputReadEnd.raw);
  }

  [Symbol.dispose](): void {
    this.device[Symbol.dispose]();
    this.channel.close();
    this.outputReadEnd.close();
    this.#listener?.close();
  }

  #send(order: SyscallOrder): void {
    sendWithFds(this.channel.raw, new TextEncoder().encode(JSON.stringify(order)), []);
  }

  #receive(): { readonly value: unknown; readonly fds: readonly number[] } {
    waitReadable([this.channel.raw]);
    const buffer = new Uint8Array(65536);
    const received = recvWithFds(this.channel.raw, buffer, 1);
    if (received === undefined || received.bytes === 0) {
      throw new Error(`the probe is gone: ${this.lastWords()}`);
    }
    const text = new TextDecoder().decode(buffer.subarray(0, received.bytes));
    return { value: JSON.parse(text) as unknown, fds: received.fds };
  }
}
