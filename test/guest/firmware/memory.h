/* Page tables above 4 GiB, and memory that devices may use. */
#ifndef MEMORY_H
#define MEMORY_H

#include <stdint.h>

#define DMA_ARENA 0x1000000ull

/* Maps [address, address + size) one to one; below 4 GiB everything already is. */
void memory_map(uint64_t address, uint64_t size);

/* Zeroed memory for rings and buffers; `align` is a power of two. Lives until dma_release. */
void *dma_allocate(uint64_t size, uint64_t align);
void dma_release(void);

#endif
