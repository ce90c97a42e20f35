/* Program `exits`: what a port or MMIO read costs that leaves the guest. */
#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "histogram.h"
#include "memory.h"
#include "programs.h"

#define WARM_UP 100

static struct histogram durations;

static void time_port(uint16_t port, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    uint64_t start = rdtsc();
    in8(port);
    histogram_add(&durations, rdtsc() - start);
  }
}

static void time_mmio(uint64_t address, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    uint64_t start = rdtsc();
    mmio_read32(address);
    histogram_add(&durations, rdtsc() - start);
  }
}

static void time_port_write(uint16_t port, uint64_t count) {
  for (uint64_t i = 0; i < count; i++) {
    uint64_t start = rdtsc();
    out8(port, 0);
    histogram_add(&durations, rdtsc() - start);
  }
}

/* Options: count; port (read, default i8042 status), or out (written), or mmio (read, 4 bytes). */
bool run_exits(void) {
  uint64_t count = option_number("count", 10000);
  uint64_t mmio = option_number("mmio", 0);
  uint64_t out = option_number("out", 0);
  uint16_t port = (uint16_t)option_number("port", 0x64);
  if (mmio) memory_map(mmio, 4);
  for (int pass = 0; pass < 2; pass++) {
    histogram_clear(&durations);
    uint64_t number = pass == 0 ? WARM_UP : count;
    if (mmio)
      time_mmio(mmio, number);
    else if (out)
      time_port_write((uint16_t)out, number);
    else
      time_port(port, number);
  }
  console_begin("exits");
  if (mmio)
    console_field_hex("mmio", mmio);
  else if (out)
    console_field_hex("out", out);
  else
    console_field_hex("port", port);
  console_field("count", durations.count);
  console_field("mean_cycles", durations.sum / (durations.count ? durations.count : 1));
  console_field("p50_cycles", histogram_percentile(&durations, 50));
  histogram_print(&durations);
  console_end();
  return true;
}
