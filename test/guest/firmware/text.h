/* Strings, and the memory functions that the compiler may call. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int value, size_t size);
int memcmp(const void *left, const void *right, size_t size);
bool text_equal(const char *left, const char *right);
/* Whether `word` is one of the words of a comma-separated list. */
bool text_listed(const char *list, const char *word);

#endif
