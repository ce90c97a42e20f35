#include "pattern.h"

#define WORDS_PER_PAGE 512

void pattern_fill(uint64_t *words, uint64_t offset, uint64_t size, uint32_t generation) {
  uint32_t first = (uint32_t)(offset / 8);
  for (uint32_t i = 0; i < size / 8; i++) words[i] = pattern_word(first + i, generation);
}

bool pattern_holds(const uint64_t *words, uint64_t offset, uint64_t size, uint32_t generation,
                   bool all) {
  uint32_t first = (uint32_t)(offset / 8), count = (uint32_t)(size / 8);
  for (uint32_t i = 0; i < count; i++) {
    if (words[i] != pattern_word(first + i, generation)) return false;
    if (!all && i % WORDS_PER_PAGE == 0 && i + 1 < count) {
      uint32_t last = i + WORDS_PER_PAGE - 1 < count ? i + WORDS_PER_PAGE - 1 : count - 1;
      i = last > i ? last - 1 : i;
    }
  }
  return true;
}
