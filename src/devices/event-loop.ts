/**
 * The one loop of a device process: a blocking epoll, no libuv, no promises.
 *
 * Before it blocks it may look at the rings itself for a while. To sleep and be woken costs some 40 µs, which is more
 * than most requests take; to look costs a host CPU for as long as it lasts, and where the driver waits for that very
 * CPU it makes everything worse. So it looks only while that mostly pays: a look that finds work earns credit, one that
 * finds none costs twice as much, and when there is no credit left, short sleeps earn a look to try again.
 */
import { performance } from 'node:perf_hooks';
import { EPOLLIN, Epoll } from '../sys/epoll.ts';

/** Events are reported once per change, so that an eventfd need not be read to fall silent (epoll(7), EPOLLET). */
const EPOLLET = 0x8000_0000;

/** Rounds of work between two looks at the other descriptors. */
const ROUNDS_PER_WAIT = 16;
/** Looks at the rings between two looks at the clock, which costs as much as several of them. */
const LOOKS_PER_CLOCK = 32;
/** A sleep shorter than this, the wake-up included, could as well have been spent looking. */
const SHORT_SLEEP_MS = 0.1;
const CREDIT_MAX = 8;
const CREDIT_PER_MISS = 2;
/** Short sleeps that earn one look. */
const SLEEPS_PER_TRIAL = 16;

/** The work of the loop beside descriptors that become readable. */
export interface LoopWork {
  /** True when there is something to do. Called very often; no system calls. */
  hasWork(): boolean;
  /** Does a bounded part of it. */
  work(): void;
  /** Called before the loop sleeps: asks for a kick. Returns false when there is something to do after all. */
  prepareToSleep(): boolean;
  /** Called when the loop is awake again. */
  wake(): void;
}

const NO_WORK: LoopWork = {
  hasWork: () => false,
  work: () => undefined,
  prepareToSleep: () => true,
  wake: () => undefined,
};

export class EventLoop implements Disposable {
  readonly #epoll = new Epoll();
  #work: LoopWork = NO_WORK;
  #pollMs = 0;
  #credit = 0;
  #shortSleeps = 0;
  #stopped = false;

  /** Calls `handler` while `fd` is readable. */
  watch(fd: number, handler: () => void): void {
    this.#epoll.add(fd, EPOLLIN, handler);
  }

  /** Calls `handler` once per write to an eventfd or per batch of them; nobody needs to read it. */
  watchEventFd(fd: number, handler: () => void): void {
    this.#epoll.add(fd, EPOLLIN + EPOLLET, handler);
  }

  unwatch(fd: number): void {
    this.#epoll.remove(fd);
  }

  /**
   * Sets the work that is not a descriptor.
   *
   * @param pollMicros longest look at it before the loop sleeps; 0 for none.
   */
  setWork(work: LoopWork, pollMicros: number): void {
    this.#work = work;
    this.#pollMs = pollMicros / 1000;
    this.#credit = CREDIT_MAX;
  }

  /** Makes {@link run} return once the present handler has. */
  stop(): void {
    this.#stopped = true;
  }

  /** Runs until {@link stop}. What a handler throws ends it. */
  run(): void {
    let rounds = 0;
    while (!this.#isStopped()) {
      if (rounds === ROUNDS_PER_WAIT) {
        rounds = 0;
        this.#epoll.wait(0);
      } else if (this.#work.hasWork() || this.#pollForWork()) {
        rounds++;
        this.#work.work();
      } else {
        rounds = 0;
        this.#sleep();
      }
    }
  }

  [Symbol.dispose](): void {
    this.#epoll[Symbol.dispose]();
  }

  /** As a method, because handlers change it behind the compiler's back. */
  #isStopped(): boolean {
    return this.#stopped;
  }

  /** Looks for work for a bounded time. True when there is some. */
  #pollForWork(): boolean {
    if (this.#pollMs === 0 || this.#credit === 0) {
      return false;
    }
    const deadline = performance.now() + this.#pollMs;
    do {
      for (let look = 0; look < LOOKS_PER_CLOCK; look++) {
        if (this.#work.hasWork()) {
          this.#credit = Math.min(CREDIT_MAX, this.#credit + 1);
          return true;
        }
      }
    } while (performance.now() < deadline);
    this.#credit = Math.max(0, this.#credit - CREDIT_PER_MISS);
    return false;
  }

  #sleep(): void {
    if (!this.#work.prepareToSleep()) {
      return;
    }
    if (this.#pollMs === 0) {
      this.#epoll.wait(-1);
    } else {
      const start = performance.now();
      this.#epoll.wait(-1);
      if (performance.now() - start < SHORT_SLEEP_MS) {
        this.#countShortSleep();
      }
    }
    this.#work.wake();
  }

  #countShortSleep(): void {
    this.#shortSleeps++;
    if (this.#shortSleeps === SLEEPS_PER_TRIAL) {
      this.#shortSleeps = 0;
      this.#credit = Math.min(CREDIT_MAX, this.#credit + 1);
    }
  }
}
