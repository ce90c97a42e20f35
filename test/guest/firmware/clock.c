#include "clock.h"

#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "traps.h"

/* KVM clock: struct pvclock_vcpu_time_info, written by the host at the page given to the MSR. */
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01
#define CPUID_KVM_SIGNATURE 0x40000000
#define CPUID_TSC 0x15
#define TSC_KHZ_MIN 100000

struct pvclock {
  uint32_t version, padding;
  uint64_t tsc_timestamp, system_time;
  uint32_t tsc_to_system_mul;
  int8_t tsc_shift;
  uint8_t flags, reserved[2];
};

static struct pvclock pvclock __attribute__((aligned(64)));
static uint64_t tsc_khz;

static void enable_kvmclock(uint64_t address) {
  ring0_call(ring0_write_msr, MSR_KVM_SYSTEM_TIME_NEW, address | 1);
}

/* ns = (cycles << shift) * mul / 2^32, so kHz = 10^6 * 2^32 / mul, shifted back. */
static uint64_t khz_by_kvmclock(void) {
  uint32_t regs[4];
  cpuid(CPUID_KVM_SIGNATURE, regs);
  if (regs[1] != 0x4b4d564b) return 0; /* "KVMK" */
  enable_kvmclock((uint64_t)&pvclock);
  volatile struct pvclock *clock = &pvclock;
  if (clock->tsc_to_system_mul == 0) return 0;
  uint64_t khz = (1000000ull << 32) / clock->tsc_to_system_mul;
  return clock->tsc_shift < 0 ? khz << -clock->tsc_shift : khz >> clock->tsc_shift;
}

static uint64_t khz_by_cpuid(void) {
  uint32_t regs[4];
  cpuid(0, regs);
  if (regs[0] < CPUID_TSC) return 0;
  cpuid(CPUID_TSC, regs);
  if (!regs[0] || !regs[1] || !regs[2]) return 0;
  return (uint64_t)regs[2] * regs[1] / regs[0] / 1000;
}

/* Counts PIT channel 2 down for 50 ms. */
static uint64_t khz_by_pit(void) {
  const uint32_t ticks = 59659; /* 50 ms of 1193182 Hz */
  out8(0x61, (uint8_t)((in8(0x61) & ~2) | 1));
  out8(0x43, 0xb0);
  out8(0x42, ticks & 0xff);
  out8(0x42, ticks >> 8);
  uint64_t start = rdtsc();
  for (uint32_t polls = 0; !(in8(0x61) & 0x20); polls++) {
    if (polls == 10000000) return 0;
  }
  uint64_t khz = (rdtsc() - start) / 50;
  return khz < TSC_KHZ_MIN ? 0 : khz; /* a machine without a PIT reads as done at once */
}

void clock_init(void) {
  const char *source = "cmdline";
  tsc_khz = option_number("tsc_khz", 0);
  if (!tsc_khz) source = "kvmclock", tsc_khz = khz_by_kvmclock();
  if (!tsc_khz) source = "cpuid", tsc_khz = khz_by_cpuid();
  if (!tsc_khz) source = "pit", tsc_khz = khz_by_pit();
  if (!tsc_khz) source = "guess", tsc_khz = 1000000;
  console_begin("clock");
  console_field("tsc_khz", tsc_khz);
  console_field_text("source", source);
  console_end();
}

uint64_t clock_to_ns(uint64_t cycles) {
  return cycles / tsc_khz * 1000000 + cycles % tsc_khz * 1000000 / tsc_khz;
}

uint64_t clock_from_us(uint64_t us) { return us * tsc_khz / 1000; }
