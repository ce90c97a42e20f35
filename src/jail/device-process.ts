/** The parent's hold on one jailed process: its end, and how to bring it about. */
import { constants } from 'node:os';
import { ESRCH } from '../sys/errno.ts';
import { OwnedFd } from '../sys/fd.ts';
import { NativeError, signalPidfd, waitPid } from '../sys/native.ts';

/** How a process ended. */
export type ProcessEnd =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signaled'; readonly signal: number };

/** SIGCHLD signals that come together are one, so they are a hint; this is how long a missed one may cost. */
const POLL_MS = 250;

/**
 * A process that was started by `spawnDevice` and has to be reaped here and nowhere else.
 *
 * Being process 1 of its pid namespace it dies of SIGKILL and of its own faults only, and whatever it might have
 * started dies with it.
 */
export class DeviceProcess implements Disposable {
  readonly pid: number;
  readonly #pidfd: OwnedFd;
  #end: ProcessEnd | undefined;

  /** @param pidfd its pidfd; moved. */
  constructor(pid: number, pidfd: number) {
    this.pid = pid;
    this.#pidfd = new OwnedFd(pidfd);
  }

  /** For an epoll: readable once the process has ended. Borrowed; closed by {@link Symbol.dispose}. */
  get pidfd(): number {
    return this.#pidfd.raw;
  }

  /** Ends the process, at once. Does nothing when it has ended already. */
  kill(): void {
    if (this.#end !== undefined) {
      return;
    }
    try {
      signalPidfd(this.#pidfd.raw, constants.signals.SIGKILL);
    } catch (error) {
      if (!(error instanceof NativeError) || error.errno !== ESRCH) {
        throw error;
      }
    }
  }

  /** Reaps the process if it has ended. Returns undefined while it runs. */
  poll(): ProcessEnd | undefined {
    return this.#reap(true);
  }

  /** Waits, in Node's event loop, for the end of the process. */
  wait(): Promise<ProcessEnd> {
    return new Promise((resolve, reject) => {
      const check = () => {
        try {
          const end = this.poll();
          if (end !== undefined) {
            stop();
            resolve(end);
          }
        } catch (error) {
          stop();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const timer = setInterval(check, POLL_MS);
      const stop = () => {
        clearInterval(timer);
        process.removeListener('SIGCHLD', check);
      };
      process.on('SIGCHLD', check);
      check();
    });
  }

  /** Kills the process, waits for its end, which is then a matter of microseconds, and closes the pidfd. */
  [Symbol.dispose](): void {
    if (this.#pidfd.isOpen) {
      this.kill();
      this.#reap(false);
      this.#pidfd.close();
    }
  }

  #reap(nohang: boolean): ProcessEnd | undefined {
    if (this.#end === undefined) {
      const { state, status } = waitPid(this.pid, nohang);
      if (state === 'exited') {
        this.#end = { kind: 'exited', code: status };
      } else if (state === 'signaled') {
        this.#end = { kind: 'signaled', signal: status };
      }
    }
    return this.#end;
  }
}
