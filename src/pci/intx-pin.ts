/**
 * The INTA# pin of one function, by irqfd with resampling: a signal raises the line, the end of the interrupt lowers
 * it, and the resample eventfd then asks whether the device still wants attention.
 */
import type { Gsi, RawFd } from '../base/brands.ts';
import { bindAndDrain, type EventfdAccess, type IrqBinder } from './irq-binder.ts';

export interface IntxPinOptions {
  readonly binder: IrqBinder;
  readonly eventfds: EventfdAccess;
  /** Every eventfd of the device that raises the pin. */
  readonly sources: readonly RawFd[];
  /** Signalled by the kernel at the end of each interrupt. */
  readonly resampleFd: RawFd;
}

/** Unbound at first. */
export class IntxPin {
  readonly #options: IntxPinOptions;
  #boundTo: Gsi | undefined;

  constructor(options: IntxPinOptions) {
    this.#options = options;
  }

  get isBound(): boolean {
    return this.#boundTo !== undefined;
  }

  /** Wires the eventfds to a GSI; what is already signalled is delivered. */
  bind(gsi: Gsi): void {
    if (this.#boundTo !== undefined) {
      return;
    }
    this.#boundTo = gsi;
    for (const source of this.#options.sources) {
      bindAndDrain(this.#options, source, gsi, this.#options.resampleFd);
    }
  }

  unbind(): void {
    const gsi = this.#boundTo;
    if (gsi === undefined) {
      return;
    }
    this.#boundTo = undefined;
    for (const source of this.#options.sources) {
      this.#options.binder.unbindIrqfd(source, gsi);
    }
  }
}
