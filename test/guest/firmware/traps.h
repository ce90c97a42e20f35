/* Interrupt descriptor table, calls into ring 0, and what happens to an exception in ring 3. */
#ifndef TRAPS_H
#define TRAPS_H

#include <stdint.h>

/* Functions of trap_entry.S, to be called through ring0_call only. */
void ring0_wait(void);
void ring0_flush_tlb(void);
void ring0_write_msr(uint64_t msr, uint64_t value);
void ring0_triple_fault(void);

/* Number of interrupts taken so far, by vector. */
extern volatile uint64_t interrupt_counts[256];

/* Fills the interrupt descriptor table and masks the PICs. */
void traps_init(void);

/* Runs `function(first, second)` in ring 0. */
void ring0_call(const void *function, uint64_t first, uint64_t second);

/* Enables the local APIC; MSI-X messages may then name `interrupt_counts`
 * vectors. */
void local_apic_enable(void);

/* Value for the address field of an MSI message to this CPU. */
uint64_t msi_address(void);

/* Sleeps until interrupt_counts[vector] differs from `seen`. */
void interrupt_wait(uint8_t vector, uint64_t seen);

#endif
