#include "console.h"

#include "cpu.h"
#include "uart.h"

static void put(char character) { out8(UART_DATA, (uint8_t)character); }

void console_text(const char *text) {
  for (; *text; text++) put(*text);
}

void console_number(uint64_t value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  while (count) put(digits[--count]);
}

void console_hex(uint64_t value) {
  int shift = 60;
  while (shift > 0 && !(value >> shift)) shift -= 4;
  console_text("0x");
  for (; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

static void key_text(const char *key) {
  put(' ');
  console_text(key);
  put('=');
}

void console_begin(const char *word) { console_text(word); }

void console_field(const char *key, uint64_t value) {
  key_text(key);
  console_number(value);
}

void console_field_hex(const char *key, uint64_t value) {
  key_text(key);
  console_hex(value);
}

void console_field_text(const char *key, const char *value) {
  key_text(key);
  console_text(value);
}

void console_end(void) { put('\n'); }
