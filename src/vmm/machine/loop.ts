/**
 * The one loop of the machine thread: exit frames in, replies out, and whatever else has a descriptor.
 *
 * A frame is handled to the end before the next is looked at, so everything behind the buses is single-threaded.
 */
import { Bus, type BusAccessSize } from '../../bus/bus.ts';
import {
  EXIT_FRAME_BYTES,
  EXIT_REPLY_BYTES,
  ExitKind,
  FRAME_ADDRESS_HIGH,
  FRAME_ADDRESS_LOW,
  FRAME_KIND,
  FRAME_SIZE,
  FRAME_VALUE_HIGH,
  FRAME_VALUE_LOW,
  REPLY_VALUE_HIGH,
  REPLY_VALUE_LOW,
} from '../../ipc/exit-frame.ts';
import { EPOLLIN, Epoll } from '../../sys/epoll.ts';
import { readAddress, writeAddress } from '../../sys/io.ts';
import { allocateNative } from '../../sys/mmap.ts';

const FOUR_GIB = 0x1_0000_0000;
/** How long output may wait for more of its kind, in milliseconds. */
const IDLE_FLUSH_MS = 1;
/** How long collected writes may wait when the guest does not exit, in milliseconds. */
const TICK_MS = 5;
/** Exits after which waiting output goes out even though the guest never pauses. */
const BUSY_FLUSH_EXITS = 256;

function isBusSize(size: number): size is BusAccessSize {
  return size === 1 || size === 2 || size === 4 || size === 8;
}

/** Output that is gathered while the guest is busy. */
export interface Flushable {
  readonly needsFlush: boolean;
  flush(): void;
}

/** Writes that KVM keeps until they are asked for. */
export interface PendingWrites {
  /** True while {@link tick} is wanted. */
  readonly isActive: boolean;
  /** Carries out what was kept. */
  drain(): void;
  /** The same when the guest has been quiet for {@link TICK_MS}. */
  tick(): void;
}

const noPendingWrites: PendingWrites = {
  isActive: false,
  drain: () => undefined,
  tick: () => undefined,
};

export class MachineLoop {
  readonly epoll = new Epoll();
  readonly pio = new Bus('pio');
  readonly mmio = new Bus('mmio');
  readonly #frame = allocateNative(EXIT_FRAME_BYTES, 64);
  readonly #reply = allocateNative(EXIT_REPLY_BYTES, 64);
  readonly #outputs: Flushable[] = [];
  #running = true;
  /** Carried out before each exit: the guest made these writes first. */
  pendingWrites = noPendingWrites;

  /** Answers the exits of one vCPU; the descriptors are borrowed. */
  addVcpu(requestFd: number, replyFd: number): void {
    this.epoll.add(requestFd, EPOLLIN, () => {
      this.#handleExit(requestFd, replyFd);
    });
  }

  /** Output to be written when the guest is quiet. */
  addOutput(output: Flushable): void {
    this.#outputs.push(output);
  }

  /** Ends {@link run} after the present batch. */
  stop(): void {
    this.#running = false;
  }

  run(): void {
    let busy = 0;
    while (this.#running) {
      const isWaiting = this.#hasOutput();
      const ready = this.epoll.wait(this.#timeout(isWaiting));
      busy += ready;
      if (ready === 0 && !isWaiting) {
        this.pendingWrites.tick();
        this.#flush();
        continue;
      }
      // What is ready need not be an exit. In the last turn no vCPU runs any more, and this is all there is.
      this.pendingWrites.drain();
      if (isWaiting && (ready === 0 || busy >= BUSY_FLUSH_EXITS)) {
        this.#flush();
        busy = 0;
      }
    }
    this.#flush();
  }

  #timeout(isWaiting: boolean): number {
    return isWaiting ? IDLE_FLUSH_MS : this.pendingWrites.isActive ? TICK_MS : -1;
  }

  #hasOutput(): boolean {
    for (const output of this.#outputs) {
      if (output.needsFlush) {
        return true;
      }
    }
    return false;
  }

  #flush(): void {
    for (const output of this.#outputs) {
      output.flush();
    }
  }

  #handleExit(requestFd: number, replyFd: number): void {
    if (readAddress(requestFd, this.#frame.address, EXIT_FRAME_BYTES) !== EXIT_FRAME_BYTES) {
      // The worker has ended and its pipe is closed.
      this.epoll.remove(requestFd);
      return;
    }
    this.pendingWrites.drain();
    const { view } = this.#frame;
    const kind = view.getUint8(FRAME_KIND);
    const size = view.getUint8(FRAME_SIZE);
    const address =
      view.getUint32(FRAME_ADDRESS_HIGH, true) * FOUR_GIB + view.getUint32(FRAME_ADDRESS_LOW, true);
    const bus = kind === ExitKind.PioRead || kind === ExitKind.PioWrite ? this.pio : this.mmio;
    if (kind === ExitKind.PioWrite || kind === ExitKind.MmioWrite) {
      const low = view.getUint32(FRAME_VALUE_LOW, true);
      this.#write(bus, address, size, low, view.getUint32(FRAME_VALUE_HIGH, true));
    } else {
      this.#read(bus, address, size);
    }
    writeAddress(replyFd, this.#reply.address, EXIT_REPLY_BYTES);
  }

  #read(bus: Bus, address: number, size: number): void {
    const { view } = this.#reply;
    if (isBusSize(size)) {
      bus.read(address, size);
      view.setUint32(REPLY_VALUE_LOW, bus.low, true);
      view.setUint32(REPLY_VALUE_HIGH, bus.high, true);
      return;
    }
    // An access across a page comes in odd pieces of up to 8 bytes.
    for (let at = 0; at < size && at < 8; at++) {
      bus.read(address + at, 1);
      view.setUint8(REPLY_VALUE_LOW + at, bus.low);
    }
  }

  #write(bus: Bus, address: number, size: number, low: number, high: number): void {
    if (isBusSize(size)) {
      bus.write(address, size, low, high);
      return;
    }
    for (let at = 0; at < size && at < 8; at++) {
      const half = at < 4 ? low : high;
      bus.write(address + at, 1, (half >>> (8 * (at % 4))) & 0xff, 0);
    }
  }
}
