/**
 * Output ports whose writes KVM collects in its ring (KVM API §4.116): a byte then costs no way to the machine thread
 * and back.
 *
 * Nobody is told that something was collected. So the ring is emptied before any exit is answered, which keeps
 * the order of all that a guest does, and by a tick while a port is collected. A port is collected only from a burst
 * of writes until it has been quiet for some ticks: a machine that does not write has no tick. To start or to end that
 * takes KVM some 50 µs, but 7 ms to end what has just been started (it waits for readers of its table of devices),
 * so nothing ends it but a tick.
 *
 * A driver may sleep until its output causes an interrupt. If a tick finds bytes of such a driver, they had waited for
 * it: the port is left alone then for {@link PATIENCE_WRITES} writes under that interrupt. Drivers that look at
 * a register after each FIFO, as Linux's does, are not held up and stay collected.
 */
import type { AccessSize, BusDevice } from '../../bus/bus-device.ts';
import type { CoalescedWriteHandler } from '../../hypervisor/coalesced-ring.ts';

/** Writes to a port that start its collection: a key's echo is no burst, a line is. */
export const BURST_WRITES = 16;
/** Ticks without a byte that end it. */
export const QUIET_TICKS = 4;
/** Looks at the ring that find nothing and count as a tick: a guest that exits all the time has no other. */
export const IDLE_LOOKS = 1024;
/** Writes that are not collected after a driver had to wait: they cost much more than the tick that it had lost. */
export const PATIENCE_WRITES = 16_384;

/** The hypervisor's side. */
export interface WriteRing {
  /** Starts collecting one-byte writes to a port; false when the host refuses. */
  start(port: number): boolean;
  /** Ends it. What is in the ring by then stays there. */
  stop(port: number): void;
  /** Hands over what was collected, oldest first; returns how many writes that were. */
  drain(handler: CoalescedWriteHandler): number;
}

/** A device whose register at offset 0 takes output. */
export interface OutputDevice extends BusDevice {
  /** True while a write to the register causes an interrupt, for which a driver may sleep. */
  readonly interruptsForOutput: boolean;
  /** A write that the guest made some time ago, and has not waited for. */
  writeCollected(value: number): void;
}

/** One device on the bus. */
class CollectedPort implements BusDevice {
  readonly name: string;
  readonly port: number;
  readonly #device: OutputDevice;
  readonly #ring: WriteRing;
  readonly #onStart: () => void;
  isCollected = false;
  /** Handed over since the last tick. */
  #collectedCount = 0;
  #countBeforeTick = 0;
  #directCount = 0;
  #quietTicks = 0;
  #patience = 0;
  #isRefused = false;

  constructor(device: OutputDevice, port: number, ring: WriteRing, onStart: () => void) {
    this.name = device.name;
    this.port = port;
    this.#device = device;
    this.#ring = ring;
    this.#onStart = onStart;
  }

  read(offset: number, size: AccessSize): number {
    return this.#device.read(offset, size);
  }

  write(offset: number, size: AccessSize, value: number): void {
    this.#device.write(offset, size, value);
    if (offset === 0 && size === 1) {
      this.#countDirect();
    }
  }

  writeCollected(value: number): void {
    this.#collectedCount++;
    this.#device.writeCollected(value);
  }

  /** The next writes are those that a tick has found: no exit has asked for them. */
  beginTick(): void {
    this.#countBeforeTick = this.#collectedCount;
  }

  endTick(): void {
    if (!this.isCollected) {
      return;
    }
    const hasWaited = this.#collectedCount > this.#countBeforeTick;
    this.#quietTicks = this.#collectedCount === 0 ? this.#quietTicks + 1 : 0;
    this.#collectedCount = 0;
    const isHeldUp = hasWaited && this.#device.interruptsForOutput;
    if (isHeldUp) {
      this.#patience = PATIENCE_WRITES;
    }
    if (isHeldUp || this.#quietTicks >= QUIET_TICKS) {
      this.#ring.stop(this.port);
      this.isCollected = false;
    }
  }

  #countDirect(): void {
    if (this.isCollected || this.#isRefused) {
      return;
    }
    if (this.#patience > 0 && this.#device.interruptsForOutput) {
      this.#patience--;
      return;
    }
    this.#directCount++;
    if (this.#directCount < BURST_WRITES) {
      return;
    }
    this.#directCount = 0;
    this.#quietTicks = 0;
    this.#collectedCount = 0;
    this.isCollected = this.#ring.start(this.port);
    this.#isRefused = !this.isCollected;
    this.#onStart();
  }
}

/** All collected ports of a machine, in the machine thread. */
export class CollectedWrites {
  readonly #ring: WriteRing;
  readonly #ports: CollectedPort[] = [];
  #isActive = false;
  #idleLooks = 0;

  constructor(ring: WriteRing) {
    this.#ring = ring;
  }

  /** Puts a device before the bus; `port` is that of its offset 0. */
  attach(port: number, device: OutputDevice): BusDevice {
    const collected = new CollectedPort(device, port, this.#ring, () => {
      this.#isActive = true;
    });
    this.#ports.push(collected);
    return collected;
  }

  /** True while there may be writes that nobody else will hand over: {@link tick} is wanted. */
  get isActive(): boolean {
    return this.#isActive;
  }

  /** Hands over what was collected. Before an exit is answered: the guest made these writes first. */
  drain(): void {
    if (!this.#isActive) {
      return;
    }
    if (this.#ring.drain(this.#handOver) > 0) {
      this.#idleLooks = 0;
    } else if (++this.#idleLooks === IDLE_LOOKS) {
      this.tick();
    }
  }

  /** Some milliseconds have passed without an exit. */
  tick(): void {
    this.#idleLooks = 0;
    for (const port of this.#ports) {
      port.beginTick();
    }
    this.drain();
    let isActive = false;
    for (const port of this.#ports) {
      port.endTick();
      isActive ||= port.isCollected;
    }
    // ORDER: a port that was given up may have got a last write before that.
    this.drain();
    this.#isActive = isActive;
  }

  readonly #handOver: CoalescedWriteHandler = (_isPio, address, _sizeBytes, valueLow) => {
    for (const port of this.#ports) {
      if (port.port === address) {
        port.writeCollected(valueLow & 0xff);
        return;
      }
    }
  };
}
