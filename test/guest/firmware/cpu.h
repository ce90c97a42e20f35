/* Single instructions: ports, MMIO, time stamps, fences. MMIO is written out so that every
 * hypervisor can decode it. */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

static inline uint8_t in8(uint16_t port) {
  uint8_t value;
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint16_t in16(uint16_t port) {
  uint16_t value;
  __asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline uint32_t in32(uint16_t port) {
  uint32_t value;
  __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
  return value;
}

static inline void out8(uint16_t port, uint8_t value) {
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void out16(uint16_t port, uint16_t value) {
  __asm__ volatile("outw %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline void out32(uint16_t port, uint32_t value) {
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

static inline uint8_t mmio_read8(uint64_t address) {
  uint8_t value;
  __asm__ volatile("movb (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline uint16_t mmio_read16(uint64_t address) {
  uint16_t value;
  __asm__ volatile("movw (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline uint32_t mmio_read32(uint64_t address) {
  uint32_t value;
  __asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline uint64_t mmio_read64(uint64_t address) {
  uint64_t value;
  __asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static inline void mmio_write8(uint64_t address, uint8_t value) {
  __asm__ volatile("movb %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

static inline void mmio_write16(uint64_t address, uint16_t value) {
  __asm__ volatile("movw %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

static inline void mmio_write32(uint64_t address, uint32_t value) {
  __asm__ volatile("movl %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

static inline void mmio_write64(uint64_t address, uint64_t value) {
  __asm__ volatile("movq %0, (%1)" ::"r"(value), "r"(address) : "memory");
}

static inline uint64_t rdtsc(void) {
  uint32_t low, high;
  __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
  return (uint64_t)high << 32 | low;
}

static inline void cpuid(uint32_t leaf, uint32_t regs[4]) {
  __asm__ volatile("cpuid"
                   : "=a"(regs[0]), "=b"(regs[1]), "=c"(regs[2]), "=d"(regs[3])
                   : "a"(leaf), "c"(0));
}

static inline void cpu_pause(void) { __asm__ volatile("pause"); }

/* Keeps the compiler from moving memory accesses; enough between loads, or between stores, on x86.
 */
static inline void compiler_barrier(void) { __asm__ volatile("" ::: "memory"); }

/* Keeps the CPU from taking a later load before an earlier store. */
static inline void memory_barrier(void) { __asm__ volatile("mfence" ::: "memory"); }

#endif
