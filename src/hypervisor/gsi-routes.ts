/**
 * The GSI routing table: which pin of an in-kernel interrupt controller, or which MSI, a GSI stands for
 * (KVM API §4.52).
 *
 * KVM takes the whole table at once and the exchange waits for every vCPU, so changes are collected here and handed
 * over by one {@link GsiRoutes.commit}. The thread that programs MSI-X owns the table.
 */
import { assert } from '../base/assert.ts';
import { type Gsi, gsi } from '../base/brands.ts';
import { HostError } from '../base/errors.ts';
import { encodeStruct } from '../base/struct.ts';
import { allocateNative, type NativeBuffer } from '../sys/mmap.ts';
import {
  KVM_IOAPIC_NUM_PINS,
  KVM_IRQ_ROUTING_IRQCHIP,
  KVM_IRQ_ROUTING_MSI,
  KVM_IRQCHIP_IOAPIC,
  KVM_IRQCHIP_PIC_MASTER,
  KVM_IRQCHIP_PIC_SLAVE,
} from './constants.ts';
import { KVM_IRQ_ROUTING, KVM_IRQ_ROUTING_ENTRY } from './structs.ts';

/** Routes that KVM takes (KVM_MAX_IRQ_ROUTES), and one more than the highest GSI. */
export const GSI_COUNT_MAX = 4096;
const PIC_PIN_COUNT = 8;
/** Routes of the interrupt controllers: 15 of the PICs, 23 of the I/O APIC; see {@link irqchipRoutes}. */
const IRQCHIP_ROUTE_COUNT = 38;
const MSI_GSI_COUNT_MAX = GSI_COUNT_MAX - IRQCHIP_ROUTE_COUNT - 1;

/** A GSI wired to a pin. */
export interface IrqchipRoute {
  readonly gsi: number;
  readonly irqchip: number;
  readonly pin: number;
}

/**
 * The wiring of a PC: ISA interrupts reach a PIC and the I/O APIC alike. The timer's IRQ 0 arrives at I/O APIC pin 2,
 * where the MADT and the MP table must say that it is, because pin 2 of the master PIC is the cascade.
 */
export function irqchipRoutes(): readonly IrqchipRoute[] {
  const routes: IrqchipRoute[] = [];
  for (let irq = 0; irq < 2 * PIC_PIN_COUNT; irq++) {
    if (irq !== 2) {
      const irqchip = irq < PIC_PIN_COUNT ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE;
      routes.push({ gsi: irq, irqchip, pin: irq % PIC_PIN_COUNT });
    }
  }
  for (let irq = 0; irq < KVM_IOAPIC_NUM_PINS; irq++) {
    if (irq !== 2) {
      routes.push({ gsi: irq, irqchip: KVM_IRQCHIP_IOAPIC, pin: irq === 0 ? 2 : irq });
    }
  }
  return routes;
}

interface MsiRoute {
  readonly addressLow: number;
  readonly addressHigh: number;
  readonly data: number;
}

/** The routing table of one machine. */
export class GsiRoutes {
  readonly #irqchip = irqchipRoutes();
  readonly #msi = new Map<number, MsiRoute>();
  readonly #free: number[] = [];
  #nextGsi: number = KVM_IOAPIC_NUM_PINS;
  #dirty = true;
  #buffer: NativeBuffer | undefined;
  readonly #submit: (tableAddress: number) => void;

  /** @param submit hands the encoded table (`struct kvm_irq_routing`) to KVM, or throws. */
  constructor(submit: (tableAddress: number) => void) {
    this.#submit = submit;
  }

  /**
   * Takes a GSI for one MSI-X vector. It leads nowhere until it has a route.
   *
   * @throws ERR_GSI_EXHAUSTED when all of KVM's GSIs are taken.
   */
  allocateMsiGsi(): Gsi {
    const reused = this.#free.pop();
    if (reused !== undefined) {
      return gsi(reused);
    }
    if (this.#nextGsi - KVM_IOAPIC_NUM_PINS >= MSI_GSI_COUNT_MAX) {
      throw new HostError(
        'ERR_GSI_EXHAUSTED',
        `all ${MSI_GSI_COUNT_MAX} message-signalled interrupts are taken: use fewer devices or queues`,
      );
    }
    return gsi(this.#nextGsi++);
  }

  /** Gives a GSI back, with its route. Its irqfd must be gone. */
  releaseMsiGsi(released: Gsi): void {
    assert(this.#isMsiGsi(released), `GSI ${released} is not an allocated MSI`);
    assert(!this.#free.includes(released), `GSI ${released} is released twice`);
    this.clearMsiRoute(released);
    this.#free.push(released);
  }

  /**
   * Routes a GSI to a message. Takes effect at the next {@link commit}.
   *
   * @param addressLow lower half of the message address: 0xfeeX_XXXX names the destination APIC.
   * @param data the vector and its delivery mode.
   */
  setMsiRoute(target: Gsi, addressLow: number, addressHigh: number, data: number): void {
    assert(this.#isMsiGsi(target), `GSI ${target} is not an allocated MSI`);
    const old = this.#msi.get(target);
    if (old?.addressLow === addressLow && old.addressHigh === addressHigh && old.data === data) {
      return;
    }
    this.#msi.set(target, { addressLow, addressHigh, data });
    this.#dirty = true;
  }

  /** Removes the route of a GSI, so that its irqfd leads nowhere. Takes effect at the next {@link commit}. */
  clearMsiRoute(target: Gsi): void {
    this.#dirty = this.#msi.delete(target) || this.#dirty;
  }

  /**
   * Hands the table to KVM if it has changed since the last time.
   *
   * @throws ERR_SYSCALL; the table is then handed over again by the next call.
   */
  commit(): void {
    if (this.#dirty) {
      this.#submit(this.#encode());
      this.#dirty = false;
    }
  }

  #isMsiGsi(candidate: number): boolean {
    return candidate >= KVM_IOAPIC_NUM_PINS && candidate < this.#nextGsi;
  }

  #encode(): number {
    const count = this.#irqchip.length + this.#msi.size;
    const { view, address } = this.#bufferFor(count);
    encodeStruct(KVM_IRQ_ROUTING, view, 0, { nr: count });
    let at = KVM_IRQ_ROUTING.sizeBytes;
    for (const { gsi: input, irqchip, pin } of this.#irqchip) {
      encodeStruct(KVM_IRQ_ROUTING_ENTRY, view, at, {
        gsi: input,
        type: KVM_IRQ_ROUTING_IRQCHIP,
        'u.irqchip.irqchip': irqchip,
        'u.irqchip.pin': pin,
      });
      at += KVM_IRQ_ROUTING_ENTRY.sizeBytes;
    }
    for (const [input, { addressLow, addressHigh, data }] of this.#msi) {
      encodeStruct(KVM_IRQ_ROUTING_ENTRY, view, at, {
        gsi: input,
        type: KVM_IRQ_ROUTING_MSI,
        'u.msi.address_lo': addressLow,
        'u.msi.address_hi': addressHigh,
        'u.msi.data': data,
      });
      at += KVM_IRQ_ROUTING_ENTRY.sizeBytes;
    }
    return address;
  }

  #bufferFor(count: number): NativeBuffer {
    const needed = KVM_IRQ_ROUTING.sizeBytes + count * KVM_IRQ_ROUTING_ENTRY.sizeBytes;
    if (this.#buffer === undefined || this.#buffer.bytes.length < needed) {
      // Native memory is never freed, so grow by doubling.
      this.#buffer = allocateNative(2 * needed);
    }
    return this.#buffer;
  }
}
