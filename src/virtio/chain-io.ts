/**
 * Bytes in and out of a checked chain: small headers by copy, data by iovecs that point straight into guest memory.
 *
 * Offsets count from the start of the chain's readable or writable part: where the driver cuts a request into
 * descriptors carries no meaning (virtio 1.3 §2.7.4.1). Nothing here allocates per request.
 */
import { IOVEC_BYTES, setIovec } from '../sys/io.ts';
import { allocateNative, type NativeBuffer } from '../sys/mmap.ts';
import type { DescriptorChain } from './descriptor-chain.ts';

/** Copies are for headers; what is longer goes by {@link IovecList}. */
const LOOP_BYTES_MAX = 64;

/**
 * Copies from the readable part.
 *
 * @param offset first byte, from the start of the readable part.
 * @param into filled from its start, up to `sizeBytes`.
 * @returns bytes copied: fewer where the part ends first.
 */
export function copyFromChain(
  chain: DescriptorChain,
  offset: number,
  into: Uint8Array,
  sizeBytes = into.length,
): number {
  let skip = offset;
  let done = 0;
  for (let index = 0; index < chain.readableCount && done < sizeBytes; index++) {
    const length = chain.lengths[index] ?? 0;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, sizeBytes - done);
    readPiece(chain, (chain.guestAddresses[index] ?? 0) + skip, into, done, count);
    done += count;
    skip = 0;
  }
  return done;
}

/**
 * Copies into the writable part.
 *
 * @param offset first byte, from the start of the writable part.
 * @returns bytes copied: fewer where the part ends first.
 */
export function copyToChain(
  chain: DescriptorChain,
  offset: number,
  from: Uint8Array,
  sizeBytes = from.length,
): number {
  let skip = offset;
  let done = 0;
  for (let index = chain.readableCount; index < chain.count && done < sizeBytes; index++) {
    const length = chain.lengths[index] ?? 0;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const count = Math.min(length - skip, sizeBytes - done);
    writePiece(chain, (chain.guestAddresses[index] ?? 0) + skip, from, done, count);
    done += count;
    skip = 0;
  }
  return done;
}

/** Writes the last byte of the writable part, where several devices have their status. The part is not empty. */
export function writeLastByte(chain: DescriptorChain, value: number): void {
  const last = chain.count - 1;
  const gpa = (chain.guestAddresses[last] ?? 0) + (chain.lengths[last] ?? 0) - 1;
  const chunk = chain.memory.chunkAt(gpa, 1);
  if (chunk !== undefined) {
    chunk.bytes[gpa - chunk.start] = value;
  }
}

/** Fills a range of `into` from a range that the chain's check found inside RAM. */
function readPiece(
  chain: DescriptorChain,
  gpa: number,
  into: Uint8Array,
  at: number,
  sizeBytes: number,
): void {
  const chunk = chain.memory.chunkAt(gpa, sizeBytes);
  if (chunk === undefined) {
    into.set(chain.memory.read(gpa, sizeBytes), at);
    return;
  }
  const start = gpa - chunk.start;
  if (sizeBytes > LOOP_BYTES_MAX) {
    into.set(chunk.bytes.subarray(start, start + sizeBytes), at);
    return;
  }
  // A loop beats the two objects that `subarray` and `set` cost for a header.
  for (let byte = 0; byte < sizeBytes; byte++) {
    into[at + byte] = chunk.bytes[start + byte] ?? 0;
  }
}

function writePiece(
  chain: DescriptorChain,
  gpa: number,
  from: Uint8Array,
  at: number,
  sizeBytes: number,
): void {
  const chunk = chain.memory.chunkAt(gpa, sizeBytes);
  if (chunk === undefined) {
    chain.memory.write(gpa, from.subarray(at, at + sizeBytes));
    return;
  }
  const start = gpa - chunk.start;
  if (sizeBytes > LOOP_BYTES_MAX) {
    chunk.bytes.set(from.subarray(at, at + sizeBytes), start);
    return;
  }
  for (let byte = 0; byte < sizeBytes; byte++) {
    chunk.bytes[start + byte] = from[at + byte] ?? 0;
  }
}

/** Most iovecs that one system call takes (UIO_MAXIOV). */
export const IOV_MAX = 1024;

/**
 * A part of a chain as `struct iovec[]`, for one system call after another until it is done.
 *
 * One list serves one request at a time; make one per device.
 */
export class IovecList {
  readonly #memory: NativeBuffer;
  readonly #capacity: number;
  #first = 0;
  #count = 0;
  #sizeBytes = 0;
  #firstAddress = 0;
  #firstBytes = 0;

  /** @param capacity most buffers in a chain: the size of the device's largest queue. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#memory = allocateNative(capacity * IOVEC_BYTES);
  }

  /** Address of the first iovec that is not done. */
  get address(): number {
    return this.#memory.address + this.#first * IOVEC_BYTES;
  }

  /** How many there are from {@link address} on; at most {@link IOV_MAX} may go into one call. */
  get count(): number {
    return this.#count - this.#first;
  }

  /** Bytes that are not done. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Host address and length of the first buffer that is not done, for calls that take a single one. */
  get firstAddress(): number {
    return this.#firstAddress;
  }
  get firstBytes(): number {
    return this.#firstBytes;
  }

  /** Takes up to `sizeBytes` of the readable part from `offset` on. Returns how many there are. */
  setReadable(chain: DescriptorChain, offset: number, sizeBytes: number): number {
    return this.#fill(chain, 0, chain.readableCount, offset, sizeBytes);
  }

  /** Takes up to `sizeBytes` of the writable part from `offset` on. Returns how many there are. */
  setWritable(chain: DescriptorChain, offset: number, sizeBytes: number): number {
    return this.#fill(chain, chain.readableCount, chain.count, offset, sizeBytes);
  }

  /** Takes off what a short read or write has done. */
  advance(doneBytes: number): void {
    let left = Math.min(doneBytes, this.#sizeBytes);
    this.#sizeBytes -= left;
    while (left > 0 && left >= this.#firstBytes) {
      left -= this.#firstBytes;
      this.#first++;
      this.#loadFirst();
    }
    if (left > 0) {
      this.#firstAddress += left;
      this.#firstBytes -= left;
      setIovec(this.#memory.view, this.#first, this.#firstAddress, this.#firstBytes);
    }
  }

  #fill(
    chain: DescriptorChain,
    from: number,
    to: number,
    offset: number,
    sizeBytes: number,
  ): number {
    let skip = offset;
    let done = 0;
    let count = 0;
    for (let index = from; index < to && done < sizeBytes && count < this.#capacity; index++) {
      const length = chain.lengths[index] ?? 0;
      if (skip >= length) {
        skip -= length;
        continue;
      }
      const bytes = Math.min(length - skip, sizeBytes - done);
      const address = (chain.hostAddresses[index] ?? 0) + skip;
      if (count === 0) {
        this.#firstAddress = address;
        this.#firstBytes = bytes;
      }
      setIovec(this.#memory.view, count, address, bytes);
      count++;
      done += bytes;
      skip = 0;
    }
    this.#first = 0;
    this.#count = count;
    this.#sizeBytes = done;
    return done;
  }

  /** Reads back the first iovec; the memory is this process's own, so it holds what was put there. */
  #loadFirst(): void {
    if (this.#first >= this.#count) {
      this.#firstAddress = 0;
      this.#firstBytes = 0;
      return;
    }
    const { view } = this.#memory;
    const at = this.#first * IOVEC_BYTES;
    this.#firstAddress = view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
    this.#firstBytes = view.getUint32(at + 8, true);
  }
}
