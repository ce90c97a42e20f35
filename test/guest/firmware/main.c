/* Ring 3 starts here: runs the jobs of the command line, then ends the VM. */
#include <stddef.h>

#include "acpi.h"
#include "boot_info.h"
#include "clock.h"
#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "pci.h"
#include "power.h"
#include "programs.h"
#include "text.h"
#include "traps.h"

static const struct {
  const char *name;
  bool (*run)(void);
} programs[] = {
    {"hello", run_hello}, {"idle", run_idle}, {"exits", run_exits},     {"pci", run_pci},
    {"blk", run_blk},     {"rng", run_rng},   {"hostile", run_hostile}, {"print", run_print},
};

#define PROGRAM_COUNT (sizeof programs / sizeof programs[0])

static size_t find_program(const char *word) {
  size_t index = 0;
  while (index < PROGRAM_COUNT && !text_equal(word, programs[index].name)) index++;
  return index;
}

static uint32_t first_job(void) {
  uint32_t index = 0;
  while (index < command_line_count() && find_program(command_line_word(index)) == PROGRAM_COUNT)
    index++;
  return index;
}

bool run_hello(void) {
  console_begin("hello");
  console_field_text("text", option_text("text", "world"));
  console_end();
  return true;
}

/* Sleeps until somebody outside ends the VM; comes back from an interrupt only to sleep on. */
bool run_idle(void) {
  console_begin("idle");
  console_end();
  for (;;) ring0_call(ring0_wait, 0, 0);
}

static uint32_t run_jobs(uint32_t first) {
  uint32_t failures = 0;
  for (uint32_t word = first; word < command_line_count(); word++) {
    size_t program = find_program(command_line_word(word));
    if (program == PROGRAM_COUNT) continue;
    command_line_select(word, first);
    dma_release();
    if (!programs[program].run()) failures++;
  }
  return failures;
}

/* Option `repeat_ms`, of all: the jobs again and again until so much time has passed, or one fails. */
static uint32_t run_repeatedly(uint32_t first) {
  uint64_t deadline = rdtsc() + clock_from_us(option_number("repeat_ms", 0) * 1000);
  uint32_t failures;
  do {
    failures = run_jobs(first);
    command_line_select(command_line_count(), first);
  } while (!failures && rdtsc() < deadline);
  return failures;
}

__attribute__((used, noreturn)) void guest_main(void) {
  traps_init();
  struct boot_info info = boot_info_read();
  command_line_parse(info.command_line);
  uint32_t first = first_job();
  command_line_select(command_line_count(), first);
  console_begin("boot");
  console_field_text("protocol", info.protocol);
  console_field_hex("ram_end", info.ram_below_4g);
  console_end();
  acpi_init(info.rsdp);
  clock_init();
  pci_init();
  uint32_t failures = run_repeatedly(first);
  console_begin("done");
  console_field("failures", failures);
  console_end();
  power_end_named(option_text("end", "reset"));
}
