#include "command_line.h"

#include <stddef.h>

#include "text.h"

#define WORDS_MAX 256
#define TEXT_MAX 4096

static char text[TEXT_MAX];
static const char *words[WORDS_MAX];
static uint32_t word_count, job_index, global_end;

void command_line_parse(const char *line) {
  uint32_t length = 0;
  bool in_word = false;
  for (; *line && length < TEXT_MAX - 1; line++, length++) {
    bool space = *line == ' ' || *line == '\n';
    text[length] = space ? 0 : *line;
    if (!space && !in_word && word_count < WORDS_MAX) words[word_count++] = &text[length];
    in_word = !space;
  }
}

uint32_t command_line_count(void) { return word_count; }

const char *command_line_word(uint32_t index) { return words[index]; }

void command_line_select(uint32_t index, uint32_t first_job) {
  job_index = index;
  global_end = first_job;
}

/* The value if `word` is key=value, else null. */
static const char *value_of(const char *word, const char *key) {
  while (*key && *word == *key) word++, key++;
  return *key == 0 && *word == '=' ? word + 1 : NULL;
}

static bool is_option(const char *word) {
  while (*word && *word != '=') word++;
  return *word == '=';
}

const char *option_text(const char *key, const char *otherwise) {
  for (uint32_t i = job_index + 1; i < word_count && is_option(words[i]); i++) {
    const char *value = value_of(words[i], key);
    if (value) return value;
  }
  for (uint32_t i = 0; i < global_end; i++) {
    const char *value = value_of(words[i], key);
    if (value) return value;
  }
  return otherwise;
}

static int digit_of(char character) {
  if (character >= '0' && character <= '9') return character - '0';
  if (character >= 'a' && character <= 'f') return character - 'a' + 10;
  return 16;
}

uint64_t option_number(const char *key, uint64_t otherwise) {
  const char *value = option_text(key, NULL);
  if (!value) return otherwise;
  uint64_t number = 0;
  int base = 10;
  if (value[0] == '0' && value[1] == 'x') base = 16, value += 2;
  for (; digit_of(*value) < base; value++)
    number = number * (uint64_t)base + (uint64_t)digit_of(*value);
  return number;
}
