/* Results on COM1, one line each: a word, then key=value fields. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdint.h>

void console_text(const char *text);
void console_number(uint64_t value);
void console_hex(uint64_t value);

/* A line: console_begin, fields, console_end. */
void console_begin(const char *word);
void console_field(const char *key, uint64_t value);
void console_field_hex(const char *key, uint64_t value);
void console_field_text(const char *key, const char *value);
void console_end(void);

#endif
