/* Program `print`: much output on COM1, in the ways of the drivers that there are. */
#include "clock.h"
#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "power.h"
#include "programs.h"
#include "text.h"
#include "traps.h"
#include "uart.h"

#define LINE_BYTES 64
#define VECTOR_UART 0x41
#define IOAPIC_SELECT 0xfec00000u
#define IOAPIC_WINDOW 0xfec00010u
#define IOAPIC_ENTRY_4 (0x10 + 2 * 4)

/* The same as `printedText` of printed-text.ts. */
static char text_at(uint64_t at) {
  uint64_t line = at / LINE_BYTES, column = at % LINE_BYTES;
  if (column < 8) return "0123456789abcdef"[line >> (28 - 4 * column) & 15];
  if (column == LINE_BYTES - 1) return '\n';
  return (char)(' ' + (line * 7 + column) % 95);
}

static void put(uint64_t at) { out8(UART_DATA, (uint8_t)text_at(at)); }

static void wait_until_empty(void) {
  while (!(in8(UART_LSR) & LSR_THR_EMPTY)) cpu_pause();
}

/* What follows prints [from, to), in bursts of at most a FIFO. */

/* An early console: looks at the line status before each byte. */
static bool print_polled(uint64_t from, uint64_t to) {
  for (; from < to; from++) {
    wait_until_empty();
    put(from);
  }
  return true;
}

/* A console that knows of the FIFO: looks once for each 16 bytes. */
static bool print_bursts(uint64_t from, uint64_t to) {
  wait_until_empty();
  for (; from < to; from++) put(from);
  return true;
}

/* Linux's interrupt handler: goes on writing as long as the UART says that it is its turn. */
static bool print_by_source(uint64_t from, uint64_t to) {
  out8(UART_IER, IER_THR_EMPTY);
  while ((in8(UART_IIR_FCR) & IIR_SOURCE) != IIR_THR_EMPTY) cpu_pause();
  wait_until_empty();
  for (; from < to; from++) put(from);
  return true;
}

/* A driver that sleeps until the interrupt comes. */
static bool print_by_interrupt(uint64_t from, uint64_t to) {
  uint64_t seen = interrupt_counts[VECTOR_UART];
  for (; from < to; from++) put(from);
  interrupt_wait(VECTOR_UART, seen);
  return (in8(UART_IIR_FCR) & IIR_SOURCE) == IIR_THR_EMPTY;
}

/* No look at anything, byte by byte. */
static bool print_blindly(uint64_t from, uint64_t to) {
  for (; from < to; from++) put(from);
  return true;
}

/* The same in one instruction, for several lines at a time. */
static bool print_string(uint64_t from, uint64_t to) {
  static char text[4096];
  uint64_t count = to - from;
  for (uint64_t i = 0; i < count; i++) text[i] = text_at(from + i);
  const char *next = text;
  __asm__ volatile("rep outsb" : "+S"(next), "+c"(count) : "d"(UART_DATA) : "memory");
  return true;
}

/* Other registers, and other meanings of the data register, in the middle of it. */
static bool print_mixed(uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < (from + to) / 2; at++) put(at);
  uint8_t divisor = (uint8_t)(1 + from % 200);
  out8(UART_LCR, LCR_EIGHT_BITS | LCR_DLAB);
  out8(UART_DIVISOR_LOW, divisor);
  out8(UART_DIVISOR_HIGH, 0);
  bool good = in8(UART_DIVISOR_LOW) == divisor;
  out8(UART_LCR, LCR_EIGHT_BITS);
  for (uint64_t at = (from + to) / 2; at < to; at++) put(at);
  out8(UART_SCR, divisor);
  good &= in8(UART_SCR) == divisor;
  out8(UART_MCR, MCR_LOOP);
  out8(UART_DATA, divisor);
  good &= (in8(UART_LSR) & LSR_DATA_READY) && in8(UART_DATA) == divisor;
  good &= !(in8(UART_LSR) & LSR_DATA_READY);
  out8(UART_MCR, 0);
  return good;
}

static const struct {
  const char *name;
  bool (*print)(uint64_t from, uint64_t to);
  uint32_t burst;
} styles[] = {
    {"poll", print_polled, UART_FIFO_BYTES},
    {"burst", print_bursts, UART_FIFO_BYTES},
    {"source", print_by_source, UART_FIFO_BYTES},
    {"interrupt", print_by_interrupt, UART_FIFO_BYTES},
    {"blind", print_blindly, UART_FIFO_BYTES},
    {"string", print_string, 4096},
    {"mixed", print_mixed, UART_FIFO_BYTES},
};

/* IRQ 4, edge-triggered, to this CPU. */
static void route_interrupt(void) {
  local_apic_enable();
  mmio_write32(IOAPIC_SELECT, IOAPIC_ENTRY_4 + 1);
  mmio_write32(IOAPIC_WINDOW, (uint32_t)(msi_address() >> 12 & 0xff) << 24);
  mmio_write32(IOAPIC_SELECT, IOAPIC_ENTRY_4);
  mmio_write32(IOAPIC_WINDOW, VECTOR_UART);
}

static void prepare(bool by_interrupt) {
  out8(UART_IIR_FCR, FCR_ENABLE);
  if (!by_interrupt) return;
  out8(UART_MCR, MCR_OUT2);
  out8(UART_IER, IER_THR_EMPTY);
  in8(UART_IIR_FCR);
  route_interrupt();
}

/* Options: style, bytes (or kib), burst; then_halt=1 or then=END, at once after the last byte. */
bool run_print(void) {
  uint64_t bytes = option_number("bytes", option_number("kib", 64) << 10);
  const char *name = option_text("style", "poll");
  size_t style = 0;
  while (!text_equal(name, styles[style].name)) {
    if (++style == sizeof styles / sizeof styles[0]) return false;
  }
  uint64_t burst = option_number("burst", styles[style].burst);
  console_begin("print");
  console_field_text("style", name);
  console_field("bytes", bytes);
  console_end();
  prepare(text_equal(name, "interrupt"));
  bool good = true;
  uint64_t start = rdtsc();
  for (uint64_t at = 0; at < bytes; at += burst)
    good &= styles[style].print(at, at + burst < bytes ? at + burst : bytes);
  uint64_t cycles = rdtsc() - start;
  const char *then = option_text("then", "");
  if (text_equal(then, "halt"))
    for (;;) ring0_call(ring0_wait, 0, 0);
  if (*then) power_end_named(then);
  out8(UART_IER, 0);
  console_begin("printed");
  console_field("bytes", bytes);
  console_field("ns", clock_to_ns(cycles));
  console_field("good", good);
  console_end();
  return good;
}
