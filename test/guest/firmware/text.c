#include "text.h"

void *memcpy(void *to, const void *from, size_t size) {
  void *start = to;
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size)::"memory");
  return start;
}

void *memset(void *to, int value, size_t size) {
  void *start = to;
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(value) : "memory");
  return start;
}

int memcmp(const void *left, const void *right, size_t size) {
  const unsigned char *a = left, *b = right;
  for (; size; size--, a++, b++) {
    if (*a != *b) return *a - *b;
  }
  return 0;
}

bool text_equal(const char *left, const char *right) {
  while (*left && *left == *right) left++, right++;
  return *left == *right;
}

bool text_listed(const char *list, const char *word) {
  for (;;) {
    const char *at = word;
    while (*at && *list == *at) list++, at++;
    if (!*at && (!*list || *list == ',')) return true;
    while (*list && *list != ',') list++;
    if (!*list) return false;
    list++;
  }
}
