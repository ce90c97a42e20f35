/**
 * The ring in which KVM collects writes to coalesced ranges (KVM API §4.116).
 *
 * A machine has one ring, mapped by each of its vCPUs. KVM appends in the vCPU that writes, under a lock of its own;
 * exactly one thread drains, before it answers any exit, so that writes keep their order.
 */
import { viewMemory } from '../sys/libc.ts';
import { mapShared } from '../sys/mmap.ts';
import { KVM_COALESCED_MMIO_PAGE_OFFSET } from './constants.ts';
import { KVM_COALESCED_MMIO, KVM_COALESCED_MMIO_RING } from './structs.ts';

const PAGE_BYTES = 4096;
/** Of a vCPU's mapping, up to the end of the ring. */
const MAPPED_BYTES = (KVM_COALESCED_MMIO_PAGE_OFFSET + 1) * PAGE_BYTES;
/** Entries of the ring (KVM_COALESCED_MMIO_MAX). */
export const COALESCED_RING_ENTRIES = Math.floor(
  (PAGE_BYTES - KVM_COALESCED_MMIO_RING.sizeBytes) / KVM_COALESCED_MMIO.sizeBytes,
);

/** Takes one collected write: `address` is a port if `isPio`; `valueLow` and `valueHigh` are the two halves. */
export type CoalescedWriteHandler = (
  isPio: boolean,
  address: number,
  sizeBytes: number,
  valueLow: number,
  valueHigh: number,
) => void;

export class CoalescedRing {
  readonly #words: Uint32Array;
  readonly #view: DataView;

  /**
   * Maps the ring of a machine, from any of its vCPUs, until the process ends.
   *
   * @param vcpuFd borrowed.
   * @throws ERR_SYSCALL
   */
  static map(vcpuFd: number): CoalescedRing {
    return new CoalescedRing(viewMemory(mapShared(vcpuFd, MAPPED_BYTES, 0), MAPPED_BYTES));
  }

  /** @param mapping the mapping of any vCPU of the machine, of KVM_GET_VCPU_MMAP_SIZE bytes. */
  constructor(mapping: ArrayBuffer) {
    const start = KVM_COALESCED_MMIO_PAGE_OFFSET * PAGE_BYTES;
    this.#words = new Uint32Array(mapping, start, 2);
    this.#view = new DataView(mapping, start, PAGE_BYTES);
  }

  /**
   * Hands over what has been collected, oldest first, at most one ring full.
   *
   * @returns how many writes there were.
   */
  drain(handler: CoalescedWriteHandler): number {
    let done = 0;
    let first = Atomics.load(this.#words, 0) % COALESCED_RING_ENTRIES;
    // ORDER: `last` is read before the entries that it covers; KVM writes the entry, a barrier, then `last`.
    while (first !== Atomics.load(this.#words, 1) && done < COALESCED_RING_ENTRIES) {
      this.#handOver(first, handler);
      first = (first + 1) % COALESCED_RING_ENTRIES;
      done++;
      // ORDER: the entry is KVM's again only once it has been read.
      Atomics.store(this.#words, 0, first);
    }
    return done;
  }

  #handOver(entry: number, handler: CoalescedWriteHandler): void {
    const view = this.#view;
    const at = KVM_COALESCED_MMIO_RING.sizeBytes + entry * KVM_COALESCED_MMIO.sizeBytes;
    const addressHigh = view.getUint32(at + 4, true);
    const dataAt = at + KVM_COALESCED_MMIO.fields.data.offset;
    handler(
      view.getUint32(at + KVM_COALESCED_MMIO.fields.pio.offset, true) !== 0,
      addressHigh * 0x1_0000_0000 + view.getUint32(at, true),
      view.getUint32(at + KVM_COALESCED_MMIO.fields.len.offset, true),
      view.getUint32(dataAt, true),
      view.getUint32(dataAt + 4, true),
    );
  }
}
