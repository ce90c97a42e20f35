/** What has to be undone, in the order in which it was done, so that it can be undone in the reverse one. */
import { describeError } from './errors.ts';
import { log } from './log.ts';

/** Undoes one thing. */
export type Undo = () => void | Promise<void>;

/**
 * The build list of something with many parts. One part whose undoing fails is reported and does not keep the others
 * from being undone.
 */
export class Scope {
  readonly #name: string;
  readonly #undos: { readonly what: string; readonly undo: Undo }[] = [];

  /** @param name for messages. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Adds what undoes the part that was just built. */
  defer(what: string, undo: Undo): void {
    this.#undos.push({ what, undo });
  }

  /** Undoes everything, the newest first; a second call finds nothing to do. */
  async close(): Promise<void> {
    for (let entry = this.#undos.pop(); entry !== undefined; entry = this.#undos.pop()) {
      try {
        await entry.undo();
      } catch (error) {
        log('warn', this.#name, `${entry.what}: ${describeError(error)}`);
      }
    }
  }
}
