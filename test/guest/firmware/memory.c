#include "memory.h"

#include "text.h"
#include "traps.h"

#define GIB 0x40000000ull
#define TABLE_ENTRIES 512
#define PAGE_PRESENT_WRITE_USER 0x7
#define PAGE_2MIB 0x80
#define SPARE_TABLES 16
#define ADDRESS_MASK 0x000ffffffffff000ull

extern uint64_t pml4[TABLE_ENTRIES];

static uint64_t spare_tables[SPARE_TABLES][TABLE_ENTRIES] __attribute__((aligned(4096)));
static uint32_t spare_used;
static uint64_t arena_used;

static uint64_t *table_below(uint64_t *entry) {
  if (!(*entry & 1)) {
    if (spare_used == SPARE_TABLES) return 0;
    *entry = (uint64_t)spare_tables[spare_used++] | PAGE_PRESENT_WRITE_USER;
  }
  return (uint64_t *)(*entry & ADDRESS_MASK);
}

static void map_gib(uint64_t start) {
  uint64_t *pdpt = table_below(&pml4[start >> 39 & 511]);
  if (!pdpt || pdpt[start >> 30 & 511] & 1) return;
  uint64_t *directory = table_below(&pdpt[start >> 30 & 511]);
  for (uint64_t i = 0; directory && i < TABLE_ENTRIES; i++) {
    directory[i] = (start + i * 0x200000) | PAGE_2MIB | PAGE_PRESENT_WRITE_USER;
  }
}

void memory_map(uint64_t address, uint64_t size) {
  for (uint64_t gib = address / GIB * GIB; gib < address + size; gib += GIB) {
    if (gib >= 4 * GIB) map_gib(gib);
  }
  ring0_call(ring0_flush_tlb, 0, 0);
}

void *dma_allocate(uint64_t size, uint64_t align) {
  arena_used = (arena_used + align - 1) & ~(align - 1);
  void *start = (void *)(DMA_ARENA + arena_used);
  arena_used += size;
  return memset(start, 0, size);
}

void dma_release(void) { arena_used = 0; }
