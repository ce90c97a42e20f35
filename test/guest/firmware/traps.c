#include "traps.h"

#include "console.h"
#include "cpu.h"
#include "power.h"
#include "selectors.h"

#define GATE_INTERRUPT 0x8e
#define STUB_SIZE 16
#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1
#define LAPIC 0xfee00000u
#define LAPIC_ID 0x20
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_SOFTWARE_ENABLE 0x100

struct gate {
  uint16_t offset_low, selector;
  uint8_t stack_table, type;
  uint16_t offset_middle;
  uint32_t offset_high, reserved;
};

extern const char trap_stubs[];
extern volatile uint64_t trap_vector, trap_error, trap_rip, trap_address;

struct gate idt[256] __attribute__((aligned(4096)));

/*
 * Interrupts come as MSI-X messages only. The PICs start unmasked with vectors from 0: a device's
 * INTx, raised while its queue was polled, would look like an exception once interrupts are let in.
 */
static void mask_pics(void) {
  out8(PIC_MASTER_MASK, 0xff);
  out8(PIC_SLAVE_MASK, 0xff);
}

void traps_init(void) {
  mask_pics();
  for (int vector = 0; vector < 256; vector++) {
    uint64_t stub = (uint64_t)trap_stubs + (uint64_t)vector * STUB_SIZE;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)stub,
        .selector = KERNEL_CS,
        .type = GATE_INTERRUPT,
        .offset_middle = (uint16_t)(stub >> 16),
        .offset_high = (uint32_t)(stub >> 32),
    };
  }
}

void ring0_call(const void *function, uint64_t first, uint64_t second) {
  __asm__ volatile("ud2"
                   : "+a"(function), "+D"(first), "+S"(second)
                   :
                   : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
}

__attribute__((used)) void trap_report(void) {
  console_text("\n");
  console_begin("exception");
  console_field("vector", trap_vector);
  console_field_hex("error", trap_error);
  console_field_hex("rip", trap_rip);
  console_field_hex("address", trap_address);
  console_end();
}

/* Where ring 0 sends an exception of ring 3: registers hold what they held, nothing can be returned
 * to. */
__attribute__((used)) void trap_landing(void) {
  trap_report();
  power_end(POWER_TRIPLE_FAULT);
}

void local_apic_enable(void) { mmio_write32(LAPIC + LAPIC_SPURIOUS, LAPIC_SOFTWARE_ENABLE | 0xff); }

uint64_t msi_address(void) { return LAPIC | (uint64_t)(mmio_read32(LAPIC + LAPIC_ID) >> 24) << 12; }

void interrupt_wait(uint8_t vector, uint64_t seen) {
  while (interrupt_counts[vector] == seen) {
    ring0_call(ring0_wait, 0, 0);
  }
}
