#include "power.h"

#include "acpi.h"
#include "clock.h"
#include "cpu.h"
#include "text.h"
#include "traps.h"

#define I8042_COMMAND 0x64
#define I8042_PULSE_RESET 0xfe
#define RESET_CONTROL 0xcf9
#define RESET_CONTROL_FULL 6
#define ISA_DEBUG_EXIT 0x501

static const char *const names[] = {"reset", "s5", "cf9", "debug-exit", "triple-fault"};

/* A VMM ends the VM some time after the write: give it that before trying the next way. */
static void let_it_take_effect(void) {
  uint64_t deadline = rdtsc() + clock_from_us(200000);
  while (rdtsc() < deadline) cpu_pause();
}

void power_end(enum power_end how) {
  uint16_t port, value;
  switch (how) {
    case POWER_RESET:
      out8(I8042_COMMAND, I8042_PULSE_RESET);
      let_it_take_effect();
      __attribute__((fallthrough));
    case POWER_S5:
      if (acpi_s5(&port, &value)) {
        out16(port, value);
        let_it_take_effect();
      }
      __attribute__((fallthrough));
    case POWER_CF9:
      out8(RESET_CONTROL, RESET_CONTROL_FULL);
      let_it_take_effect();
      __attribute__((fallthrough));
    case POWER_DEBUG_EXIT:
      out32(ISA_DEBUG_EXIT, 0);
      let_it_take_effect();
      __attribute__((fallthrough));
    case POWER_TRIPLE_FAULT:
      break;
  }
  for (;;) ring0_call(ring0_triple_fault, 0, 0);
}

void power_end_named(const char *name) {
  for (int how = POWER_RESET; how <= POWER_TRIPLE_FAULT; how++) {
    if (text_equal(name, names[how])) power_end((enum power_end)how);
  }
  power_end(POWER_RESET);
}
