/** A transport on a bus, with a device process that only remembers what it was told, and a driver's steps. */
import type { GuestAddress, RawFd } from '../../../src/base/brands.ts';
import { Bus } from '../../../src/bus/bus.ts';
import type { AccessSize } from '../../../src/bus/bus-device.ts';
import type { QueueSetup } from '../../../src/ipc/device-protocol.ts';
import { PciRoot } from '../../../src/pci/pci-root.ts';
import { signalEventFd } from '../../../src/sys/eventfd.ts';
import type { DevicePort } from '../../../src/transport/device-port.ts';
import { TransportEvents } from '../../../src/transport/events.ts';
import type { IoeventBinder } from '../../../src/transport/notifier.ts';
import { PciTransport } from '../../../src/transport/pci-transport.ts';
import { FakeIrqs } from '../pci/fake-irqs.ts';
import { WINDOWS } from '../pci/pci-machine.ts';

export const VERSION_1 = 1n << 32n;
export const ACKNOWLEDGE = 1;
export const DRIVER = 2;
export const DRIVER_OK = 4;
export const FEATURES_OK = 8;
export const NEEDS_RESET = 0x40;

/** Offsets of the common configuration that the tests name. */
export const REG = {
  deviceFeatureSelect: 0x00,
  deviceFeature: 0x04,
  driverFeatureSelect: 0x08,
  driverFeature: 0x0c,
  configVector: 0x10,
  numQueues: 0x12,
  status: 0x14,
  generation: 0x15,
  queueSelect: 0x16,
  queueSize: 0x18,
  queueVector: 0x1a,
  queueEnable: 0x1c,
  queueNotifyOff: 0x1e,
  queueDesc: 0x20,
  queueDriver: 0x28,
  queueDevice: 0x30,
} as const;

export class FakePort implements DevicePort {
  readonly activations: { features: bigint; queues: readonly QueueSetup[] }[] = [];
  readonly configWrites: { offset: number; bytes: readonly number[] }[] = [];
  resets = 0;

  activate(features: bigint, queues: readonly QueueSetup[]): void {
    this.activations.push({ features, queues });
  }

  reset(): void {
    this.resets++;
  }

  writeConfig(offset: number, bytes: Uint8Array): void {
    this.configWrites.push({ offset, bytes: [...bytes] });
  }
}

/** Keeps KVM's rule that an address has one ioeventfd. */
export class FakeIoevents implements IoeventBinder {
  readonly assigned = new Map<GuestAddress, RawFd>();
  readonly violations: string[] = [];

  assign(address: GuestAddress, eventfd: RawFd): void {
    if (this.assigned.has(address)) {
      this.violations.push(`${address} is assigned twice`);
    }
    this.assigned.set(address, eventfd);
  }

  deassign(address: GuestAddress, eventfd: RawFd): void {
    if (this.assigned.get(address) !== eventfd) {
      this.violations.push(`${address} is not assigned to ${eventfd}`);
    }
    this.assigned.delete(address);
  }
}

export interface BenchOptions {
  readonly features?: bigint;
  readonly queueSizes?: readonly number[];
  readonly config?: Uint8Array;
}

export class TransportBench implements Disposable {
  readonly memoryBus = new Bus('mmio');
  readonly ioBus = new Bus('pio');
  readonly root = new PciRoot({ memoryBus: this.memoryBus, ioBus: this.ioBus, windows: WINDOWS });
  readonly irqs = new FakeIrqs();
  readonly ioevents = new FakeIoevents();
  readonly port = new FakePort();
  readonly isr = new Int32Array(1);
  readonly events: TransportEvents;
  readonly transport: PciTransport;

  constructor(options: BenchOptions = {}) {
    const queueSizes = options.queueSizes ?? [256, 128];
    this.events = new TransportEvents(queueSizes.length);
    this.transport = new PciTransport({
      name: 'dev',
      deviceType: 4,
      features: options.features ?? VERSION_1 | 0b101n,
      queueSizes,
      config: options.config ?? new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]),
      events: this.events,
      isr: this.isr,
      port: this.port,
      irqBinder: this.irqs,
      ioeventBinder: this.ioevents,
    });
    this.root.add(this.transport.fn);
  }

  [Symbol.dispose](): void {
    this.events[Symbol.dispose]();
  }

  get barAddress(): number {
    return this.transport.fn.bars[0]?.mappedAt ?? Number.NaN;
  }

  /** A read inside the BAR. */
  read(offset: number, size: AccessSize): number {
    this.memoryBus.read(this.barAddress + offset, size);
    return this.memoryBus.low;
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.memoryBus.write(this.barAddress + offset, size, value, 0);
  }

  get status(): number {
    return this.read(REG.status, 1);
  }

  set status(value: number) {
    this.write(REG.status, 1, value);
  }

  acceptFeatures(features: bigint): void {
    for (const word of [0, 1]) {
      this.write(REG.driverFeatureSelect, 4, word);
      const value = Number((features >> BigInt(32 * word)) & 0xffff_ffffn);
      this.write(REG.driverFeature, 4, value);
    }
  }

  /** Up to FEATURES_OK. */
  negotiate(features = VERSION_1): void {
    this.status = ACKNOWLEDGE;
    this.status = ACKNOWLEDGE | DRIVER;
    this.acceptFeatures(features);
    this.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
  }

  setUpQueue(index: number, base: number): void {
    this.write(REG.queueSelect, 2, index);
    this.write(REG.queueDesc, 4, base);
    this.write(REG.queueDriver, 4, base + 0x1000);
    this.write(REG.queueDevice, 4, base + 0x2000);
    this.write(REG.queueEnable, 2, 1);
  }

  /** A whole bring-up with both queues. */
  start(): void {
    this.negotiate();
    this.setUpQueue(0, 0x1_0000);
    this.setUpQueue(1, 0x2_0000);
    this.status = ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK;
  }

  get msixCapability(): number {
    const { config } = this.transport.fn;
    let offset = config.get(0x34, 1);
    while (offset !== 0 && config.get(offset, 1) !== 0x11) {
      offset = config.get(offset + 1, 1);
    }
    return offset;
  }

  /** Turns MSI-X on with every vector unmasked; vector n sends data 0x40 + n. */
  enableMsix(): void {
    for (let vector = 0; vector < this.transport.interrupts.msix.vectorCount; vector++) {
      this.write(0x6000 + vector * 16, 4, 0xfee0_0000);
      this.write(0x6008 + vector * 16, 4, 0x40 + vector);
      this.write(0x600c + vector * 16, 4, 0);
    }
    this.transport.fn.config.write(this.msixCapability + 2, 2, 0x8000);
  }

  /** What the device process does after it has used a buffer. */
  call(queue: number): void {
    Atomics.or(this.isr, 0, 1);
    this.signal(this.events.queues[queue]?.call.raw);
  }

  signal(eventfd: RawFd | undefined): void {
    if (eventfd !== undefined) {
      signalEventFd(eventfd);
      this.irqs.pump();
    }
  }

  /** Data of the MSI messages that were delivered; undefined for INTx. */
  deliveredData(): readonly (string | undefined)[] {
    return this.irqs.delivered.map((gsi) => this.irqs.routes.get(gsi)?.split(' ')[2]);
  }
}
