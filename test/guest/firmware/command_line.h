/*
 * The kernel command line as a list of jobs.
 *
 * A word that names a program starts a job; key=value words after it are that job's options, and
 * those before the first job are options of all. Words that a VMM adds for Linux come first and are
 * ignored.
 */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* Splits the line; words past the limit are dropped. */
void command_line_parse(const char *line);

uint32_t command_line_count(void);
const char *command_line_word(uint32_t index);

/* Options are looked up in the job that starts at `index`, then before the first job. */
void command_line_select(uint32_t index, uint32_t first_job);

const char *option_text(const char *key, const char *otherwise);
/* Decimal or 0x hexadecimal. */
uint64_t option_number(const char *key, uint64_t otherwise);

#endif
