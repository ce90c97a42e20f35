/** Disk images whose every word tells its place; the C side of the same function is pattern.h. */
import { closeSync, openSync, writeSync } from 'node:fs';

const CHUNK_BYTES = 1 << 20;
const WORD_BYTES = 8;

/** Fills `words` (pairs of low and high halves) with the pattern that starts at byte `offset` of the disk. */
export function fillPattern(words: Uint32Array, offset: number, generation = 0): void {
  let index = (offset / WORD_BYTES) >>> 0;
  for (let i = 0; i + 1 < words.length; i += 2) {
    words[i] = Math.imul(index, 0x9e3779b1) ^ generation;
    words[i + 1] = Math.imul(index ^ (index >>> 16), 0x85ebca6b) + 0x5bd1e995;
    index = (index + 1) >>> 0;
  }
}

/**
 * Writes a disk image for the guest's `blk` program.
 *
 * @param path created or replaced.
 * @param sizeBytes a multiple of 1 MiB.
 */
export function writePatternDisk(path: string, sizeBytes: number): void {
  const words = new Uint32Array(CHUNK_BYTES / 4);
  const file = openSync(path, 'w');
  try {
    for (let offset = 0; offset < sizeBytes; offset += CHUNK_BYTES) {
      fillPattern(words, offset);
      writeSync(file, words);
    }
  } finally {
    closeSync(file);
  }
}
