/** The first reason for which a machine ends; later ones follow from it and are ignored. */
import { constants } from 'node:os';
import type { MachineEnd } from './machine-end.ts';

/** The machine was ended while it was being built. */
export class MachineInterrupted extends Error {}

/** Signals that end a machine in order. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

export class EndSignal {
  /** Resolves with the reason. */
  readonly raised: Promise<MachineEnd>;
  /** The reason, once there is one. */
  value: MachineEnd | undefined;
  #resolve: (end: MachineEnd) => void = () => undefined;
  readonly #listeners = new Map<NodeJS.Signals, () => void>();

  constructor() {
    this.raised = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  raise(end: MachineEnd): void {
    if (this.value === undefined) {
      this.value = end;
      this.#resolve(end);
    }
  }

  /**
   * Waits for a step of building the machine, unless the machine is ended first.
   *
   * @throws {@link MachineInterrupted}
   */
  async orInterrupted<T>(step: Promise<T>): Promise<T> {
    const interrupted = this.raised.then(() => {
      throw new MachineInterrupted();
    });
    return Promise.race([step, interrupted]);
  }

  watchSignals(): void {
    for (const name of SIGNALS) {
      const listener = (): void => {
        this.raise({ kind: 'signal', name, number: constants.signals[name] });
      };
      this.#listeners.set(name, listener);
      process.on(name, listener);
    }
  }

  unwatchSignals(): void {
    for (const [name, listener] of this.#listeners) {
      process.off(name, listener);
    }
  }
}
