/**
 * What the loaders need of guest RAM; `GuestMemory` has it.
 *
 * RAM is fresh when a machine boots: it reads as zero, so nothing here clears it (touching a page costs more than
 * all the loader's arithmetic).
 */
import { HOLE_START } from '../memory/layout.ts';

/** A piece of RAM under one view. */
export interface BootMemoryChunk {
  /** Guest-physical address of the first byte. */
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** Guest RAM, as the loaders see it. */
export interface BootMemory {
  /** All ranges of RAM. */
  readonly regions: readonly { readonly start: number; readonly sizeBytes: number }[];
  /** True when the range lies wholly in one region. */
  contains(gpa: number, sizeBytes: number): boolean;
  /** The view that holds a whole range, or undefined. */
  chunkAt(gpa: number, sizeBytes: number): BootMemoryChunk | undefined;
  /** @throws ERR_GUEST_MEMORY_RANGE */
  write(gpa: number, data: Uint8Array): void;
}

/** First address after the RAM that starts at address 0, in bytes. */
export function lowRamEnd(memory: BootMemory): number {
  const low = memory.regions.find((region) => region.start === 0);
  return low === undefined ? 0 : Math.min(low.sizeBytes, HOLE_START);
}
