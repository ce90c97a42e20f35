/**
 * What a device process prints, for the operator: bounded, line by line, without anything that a terminal would obey.
 * The process is hostile once a guest has broken it.
 */
import { readSync } from 'node:fs';
import { LOG_LEVELS, log } from '../../base/log.ts';
import type { AsyncEpoll } from '../../sys/async-epoll.ts';
import { EPOLLIN } from '../../sys/epoll.ts';
import type { OwnedFd } from '../../sys/fd.ts';

const CHUNK_BYTES = 4096;
/** Lines of one process that are shown; a broken device must not flood the log. */
const LINES_MAX = 200;
const LINE_LENGTH_MAX = 500;
/** A line of `base/log.ts`: level, component, message. */
const OWN_LOG_LINE = /^crosvm: ([a-z]+): [^:]*: (.*)$/;

export class ProcessOutput implements Disposable {
  readonly #name: string;
  readonly #fd: OwnedFd;
  readonly #epoll: AsyncEpoll;
  readonly #write: typeof log;
  readonly #buffer = new Uint8Array(CHUNK_BYTES);
  #pending = '';
  #lines = 0;

  /**
   * @param name of the device, put before each line.
   * @param fd read end of the pipe; moved.
   * @param write takes each line.
   */
  constructor(name: string, fd: OwnedFd, epoll: AsyncEpoll, write: typeof log = log) {
    this.#name = name;
    this.#write = write;
    this.#fd = fd;
    this.#epoll = epoll;
    epoll.add(fd.raw, EPOLLIN, () => {
      this.#read();
    });
  }

  [Symbol.dispose](): void {
    if (this.#fd.isOpen) {
      this.#epoll.remove(this.#fd.raw);
      this.#fd.close();
    }
  }

  #read(): void {
    const count = readSync(this.#fd.raw, this.#buffer);
    if (count === 0) {
      this.#show(this.#pending);
      this[Symbol.dispose]();
      return;
    }
    const text = Buffer.from(this.#buffer.subarray(0, count)).toString('latin1');
    const lines = (this.#pending + text).split('\n');
    this.#pending = (lines.pop() ?? '').slice(0, LINE_LENGTH_MAX);
    lines.forEach((line) => {
      this.#show(line);
    });
  }

  #show(line: string): void {
    if (line === '' || this.#lines > LINES_MAX) {
      return;
    }
    this.#lines++;
    const printable = line.slice(0, LINE_LENGTH_MAX).replaceAll(/[^\x20-\x7e]/g, '?');
    if (this.#lines > LINES_MAX) {
      this.#write('warn', this.#name, 'more output is not shown');
      return;
    }
    // What the device's own log wrote has a level, and a component that the name here says better.
    const [, level, text] = OWN_LOG_LINE.exec(printable) ?? [];
    const severity = LOG_LEVELS.find((known) => known === level) ?? 'warn';
    this.#write(severity, this.#name, text ?? printable);
  }
}
