/**
 * Guest RAM: one memfd, mapped whole in every process that may touch it.
 *
 * Everything in it is hostile and changes while it is read: copy once, check the copy, use the copy. Lookups by an
 * address that a guest chose return `undefined` or -1 and never throw.
 */
import { VmmError } from '../base/errors.ts';
import type { OwnedFd } from '../sys/fd.ts';
import { viewMemory } from '../sys/libc.ts';
import { createSealedMemfd } from '../sys/memfd.ts';
import { excludeFromCoreDumps, mapShared } from '../sys/mmap.ts';
import { type AddressRange, GIB, MIB } from './layout.ts';

/** Longest view: offsets in it stay small integers. */
const CHUNK_BYTES = 2 * GIB - 4096;
/** Neighbouring chunks of a region share this much: a range up to this long in one region lies in one chunk. */
export const CHUNK_OVERLAP_BYTES = MIB;

/** A contiguous piece of guest RAM under one set of views, at most 2 GiB long. */
export interface MemoryChunk {
  /** Guest-physical address of the first byte. */
  readonly start: number;
  /** Guest-physical address after the last byte. */
  readonly end: number;
  /** Host address of the first byte. */
  readonly host: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A range of RAM with its place in the memfd and in this process. */
export interface MemoryRegion extends AddressRange {
  /** Offset in the memfd, in bytes. */
  readonly fileOffset: number;
  /** Host address of the first byte. */
  readonly host: number;
}

/** Guest RAM as this thread sees it. */
export class GuestMemory {
  readonly regions: readonly MemoryRegion[];
  readonly #chunks: readonly MemoryChunk[];
  /** The chunk of the last hit: rings and buffers of one device lie together. */
  #last: MemoryChunk;

  private constructor(regions: readonly MemoryRegion[]) {
    const chunks = regions.flatMap(makeChunks);
    const first = chunks[0];
    if (first === undefined) {
      throw new VmmError('ERR_GUEST_MEMORY_EMPTY', 'guest memory has no regions');
    }
    this.regions = regions;
    this.#chunks = chunks;
    this.#last = first;
  }

  /** Creates the memfd for these ranges; the descriptor is the caller's to keep and to pass on. */
  static createFile(ranges: readonly AddressRange[]): OwnedFd {
    const total = ranges.reduce((sum, range) => sum + range.sizeBytes, 0);
    return createSealedMemfd('crosvm_guest', total);
  }

  /**
   * Maps guest memory from its memfd into this process.
   *
   * @param fd borrowed; it may be closed afterwards.
   * @param ranges in the order in which they lie in the file.
   * @throws ERR_SYSCALL
   */
  static map(fd: number, ranges: readonly AddressRange[]): GuestMemory {
    let fileOffset = 0;
    const regions: MemoryRegion[] = [];
    for (const { start, sizeBytes } of ranges) {
      const host = mapShared(fd, sizeBytes, fileOffset);
      excludeFromCoreDumps(host, sizeBytes);
      regions.push({ start, sizeBytes, fileOffset, host });
      fileOffset += sizeBytes;
    }
    return new GuestMemory(regions);
  }

  /** Guest memory that another thread of this process has mapped. */
  static attach(regions: readonly MemoryRegion[]): GuestMemory {
    return new GuestMemory(regions);
  }

  /** Bytes of RAM in all regions. */
  get sizeBytes(): number {
    return this.regions.reduce((sum, region) => sum + region.sizeBytes, 0);
  }

  /** True when the range lies wholly in one region; false for anything that is not a range of integers. */
  contains(gpa: number, sizeBytes: number): boolean {
    return this.hostAddress(gpa, sizeBytes) >= 0;
  }

  /**
   * Host address of a guest range, for system calls.
   *
   * @returns -1 unless the range lies wholly inside one region.
   */
  hostAddress(gpa: number, sizeBytes: number): number {
    for (const region of this.regions) {
      const offset = gpa - region.start;
      if (offset >= 0 && sizeBytes >= 0 && offset + sizeBytes <= region.sizeBytes) {
        return region.host + offset;
      }
    }
    return -1;
  }

  /**
   * The chunk that holds a whole guest range, or undefined. Allocates nothing. A range in RAM of at most
   * {@link CHUNK_OVERLAP_BYTES} always has one.
   */
  chunkAt(gpa: number, sizeBytes: number): MemoryChunk | undefined {
    const last = this.#last;
    if (gpa >= last.start && sizeBytes >= 0 && gpa + sizeBytes <= last.end) {
      return last;
    }
    for (const chunk of this.#chunks) {
      if (gpa >= chunk.start && sizeBytes >= 0 && gpa + sizeBytes <= chunk.end) {
        this.#last = chunk;
        return chunk;
      }
    }
    return undefined;
  }

  /**
   * A view of guest memory; it stays valid and the guest may change it at any time.
   *
   * @throws ERR_GUEST_MEMORY_RANGE
   */
  borrow(gpa: number, sizeBytes: number): Uint8Array {
    const chunk = this.chunkAt(gpa, sizeBytes);
    if (chunk === undefined) {
      throw rangeError(gpa, sizeBytes);
    }
    const offset = gpa - chunk.start;
    return chunk.bytes.subarray(offset, offset + sizeBytes);
  }

  /**
   * Copies bytes into guest memory.
   *
   * @throws ERR_GUEST_MEMORY_RANGE with nothing written.
   */
  write(gpa: number, data: Uint8Array): void {
    if (!this.contains(gpa, data.length)) {
      throw rangeError(gpa, data.length);
    }
    this.#eachPiece(gpa, data.length, (piece, done) => {
      piece.set(data.subarray(done, done + piece.length));
    });
  }

  /**
   * Copies bytes out of guest memory.
   *
   * @throws ERR_GUEST_MEMORY_RANGE
   */
  read(gpa: number, sizeBytes: number): Uint8Array {
    if (!this.contains(gpa, sizeBytes)) {
      throw rangeError(gpa, sizeBytes);
    }
    const data = new Uint8Array(sizeBytes);
    this.#eachPiece(gpa, sizeBytes, (piece, done) => {
      data.set(piece, done);
    });
    return data;
  }

  /** Calls `visit` for each piece of a checked range that lies in one chunk. */
  #eachPiece(gpa: number, sizeBytes: number, visit: (piece: Uint8Array, done: number) => void) {
    let done = 0;
    while (done < sizeBytes) {
      const at = gpa + done;
      const chunk = this.chunkAt(at, 1);
      if (chunk === undefined) {
        throw rangeError(at, 1);
      }
      const count = Math.min(sizeBytes - done, chunk.end - at);
      visit(chunk.bytes.subarray(at - chunk.start, at - chunk.start + count), done);
      done += count;
    }
  }
}

function makeChunks(region: MemoryRegion): MemoryChunk[] {
  const chunks: MemoryChunk[] = [];
  const stride = CHUNK_BYTES - CHUNK_OVERLAP_BYTES;
  for (
    let offset = 0;
    offset === 0 || offset + CHUNK_OVERLAP_BYTES < region.sizeBytes;
    offset += stride
  ) {
    const sizeBytes = Math.min(CHUNK_BYTES, region.sizeBytes - offset);
    const host = region.host + offset;
    const buffer = viewMemory(host, sizeBytes);
    const start = region.start + offset;
    chunks.push({
      start,
      end: start + sizeBytes,
      host,
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer),
    });
  }
  return chunks;
}

function rangeError(gpa: number, sizeBytes: number): VmmError {
  const where = `0x${gpa.toString(16)}`;
  return new VmmError(
    'ERR_GUEST_MEMORY_RANGE',
    `guest range of ${sizeBytes} bytes at ${where} is not in RAM`,
  );
}
