/* What every test disk holds: each 8-byte word is a function of its place, so that any read can be
 * checked. */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Word `index` (byte offset / 8). Both halves are made with 32-bit arithmetic, so that JavaScript
 * makes them fast too; pattern.ts holds the same function. `generation` tells what was written from
 * what was there (0).
 */
static inline uint64_t pattern_word(uint32_t index, uint32_t generation) {
  uint32_t low = (index * 0x9e3779b1u) ^ generation;
  uint32_t high = (index ^ index >> 16) * 0x85ebca6bu + 0x5bd1e995u;
  return (uint64_t)high << 32 | low;
}

/* Fills `size` bytes that belong at byte `offset` of the disk. */
void pattern_fill(uint64_t *words, uint64_t offset, uint64_t size, uint32_t generation);

/* Checks all words, or only the first and last of each 4 KiB. */
bool pattern_holds(const uint64_t *words, uint64_t offset, uint64_t size, uint32_t generation,
                   bool all);

#endif
