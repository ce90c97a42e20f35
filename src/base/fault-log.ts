/** Counts what a guest or a backend does wrong, and logs it without letting them fill the operator's disk. */
import { type LogLevel, log } from './log.ts';

export class FaultLog {
  readonly #component: string;
  #count = 0;

  /** @param component who speaks, `block` for example. */
  constructor(component: string) {
    this.#component = component;
  }

  /** Faults so far. */
  get count(): number {
    return this.#count;
  }

  /** Counts a fault, and logs the first, second, fourth, eighth and so on. */
  note(level: LogLevel, fault: string): void {
    this.#count++;
    if ((this.#count & (this.#count - 1)) === 0) {
      log(level, this.#component, `${fault} (fault ${this.#count})`);
    }
  }
}
