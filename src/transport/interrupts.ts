/**
 * Interrupts of one virtio device: which eventfd raises which MSI-X vector, or all of them the INTx pin.
 *
 * Exactly one of the two has the eventfds at any time: MSI-X while it is enabled, otherwise INTx while the device is
 * active and the command register does not disable it.
 */
import type { RawFd } from '../base/brands.ts';
import type { PciFunction } from '../pci/function.ts';
import { IntxPin } from '../pci/intx-pin.ts';
import { hostEventfds, type IrqBinder } from '../pci/irq-binder.ts';
import { Msix } from '../pci/msix.ts';
import {
  PCI_COMMAND,
  PCI_COMMAND_INTX_DISABLE,
  PCI_STATUS,
  PCI_STATUS_INTERRUPT,
} from '../pci/registers.ts';
import { drainEventFd, signalEventFd } from '../sys/eventfd.ts';
import { VIRTIO_MSI_NO_VECTOR, VIRTIO_PCI_ISR_CONFIG } from './constants.ts';
import type { TransportEvents } from './events.ts';

export interface TransportInterruptsOptions {
  readonly fn: PciFunction;
  readonly binder: IrqBinder;
  readonly events: TransportEvents;
  /** The ISR word of the page shared with the device: one element. */
  readonly isr: Int32Array;
}

/** A source of interrupts with the vector that it raises. */
interface Source {
  readonly eventfd: RawFd;
  vector: number;
}

/** Interrupts of one device. */
export class TransportInterrupts {
  readonly msix: Msix;
  readonly #fn: PciFunction;
  readonly #isr: Int32Array;
  readonly #pin: IntxPin;
  readonly #configSource: Source;
  readonly #queueSources: readonly Source[];
  readonly #resampleFd: RawFd;
  #isActive = false;

  constructor(options: TransportInterruptsOptions) {
    const { fn, binder, events } = options;
    this.#fn = fn;
    this.#isr = options.isr;
    this.#configSource = { eventfd: events.config.raw, vector: VIRTIO_MSI_NO_VECTOR };
    this.#queueSources = events.queues.map(({ call }) => ({
      eventfd: call.raw,
      vector: VIRTIO_MSI_NO_VECTOR,
    }));
    this.#resampleFd = events.resample.raw;
    // One vector for each queue and one for configuration changes.
    const vectorCount = events.queues.length + 1;
    this.msix = new Msix({ name: fn.name, vectorCount, binder, eventfds: hostEventfds });
    this.#pin = new IntxPin({
      binder,
      eventfds: hostEventfds,
      sources: [this.#configSource, ...this.#queueSources].map(({ eventfd }) => eventfd),
      resampleFd: this.#resampleFd,
    });
    fn.config.hook(PCI_COMMAND + 1, 1, {
      afterWrite: () => {
        this.#updatePin();
      },
    });
    fn.config.hook(PCI_STATUS, 1, {
      beforeRead: () => {
        this.#updateInterruptStatus();
      },
    });
  }

  /** Follows the MSI-X capability at an offset of configuration space. */
  connectMsix(capabilityOffset: number): void {
    this.msix.connect(this.#fn.config, capabilityOffset, {
      onEnable: () => {
        this.#pin.unbind();
      },
      onDisable: () => {
        this.#updatePin();
      },
    });
  }

  /** INTx works only between DRIVER_OK and reset: nothing else may interrupt the driver (virtio 1.3 §3.1.1). */
  setActive(isActive: boolean): void {
    this.#isActive = isActive;
    this.#updatePin();
  }

  setConfigVector(vector: number): number {
    return this.#setVector(this.#configSource, vector);
  }

  setQueueVector(queueIndex: number, vector: number): number {
    const source = this.#queueSources[queueIndex];
    return source === undefined ? VIRTIO_MSI_NO_VECTOR : this.#setVector(source, vector);
  }

  /** Tells the driver to look at the device's configuration and status. */
  raiseConfigInterrupt(): void {
    Atomics.or(this.#isr, 0, VIRTIO_PCI_ISR_CONFIG);
    signalEventFd(this.#configSource.eventfd);
  }

  /** Reading the ISR status acknowledges all of it (virtio 1.3 §4.1.4.5). */
  takeIsr(): number {
    return Atomics.exchange(this.#isr, 0, 0) & 0xff;
  }

  /** The end of an INTx interrupt: raises the line again if the driver has not read all of the ISR status. */
  onResample(): void {
    drainEventFd(this.#resampleFd);
    if (this.#pin.isBound) {
      this.#signalUnacknowledged();
    }
  }

  /** Back to no vectors; nothing that was signalled before is delivered afterwards. */
  reset(): void {
    this.setActive(false);
    for (const source of [this.#configSource, ...this.#queueSources]) {
      this.#setVector(source, VIRTIO_MSI_NO_VECTOR);
    }
    Atomics.store(this.#isr, 0, 0);
  }

  #setVector(source: Source, vector: number): number {
    const wanted = vector < this.msix.vectorCount ? vector : VIRTIO_MSI_NO_VECTOR;
    if (wanted !== source.vector) {
      this.msix.detach(source.eventfd, source.vector);
      source.vector = wanted;
      if (wanted !== VIRTIO_MSI_NO_VECTOR) {
        this.msix.attach(source.eventfd, wanted);
      }
    }
    return wanted;
  }

  #updatePin(): void {
    const isDisabled = (this.#fn.config.get(PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE) !== 0;
    const gsi = this.#fn.intxGsi;
    if (!this.#isActive || isDisabled || this.msix.isEnabled || gsi === undefined) {
      this.#pin.unbind();
    } else if (!this.#pin.isBound) {
      this.#pin.bind(gsi);
      // What an earlier binding had delivered and the driver never acknowledged would be lost otherwise.
      this.#signalUnacknowledged();
    }
  }

  #signalUnacknowledged(): void {
    if (this.#hasIsr) {
      signalEventFd(this.#configSource.eventfd);
    }
  }

  get #hasIsr(): boolean {
    return Atomics.load(this.#isr, 0) !== 0;
  }

  #updateInterruptStatus(): void {
    const isPending = !this.msix.isEnabled && this.#hasIsr;
    this.#fn.config.setBits(PCI_STATUS, 2, PCI_STATUS_INTERRUPT, isPending);
  }
}
