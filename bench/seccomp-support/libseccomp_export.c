// Reads rules from standard input, has libseccomp make a filter of them, writes struct sock_filter[] to standard
// output. One rule a line, numbers in C's spelling:
//   default ACTION OPTIMIZE
//   rule ACTION NR [ARG OP DATUM_A DATUM_B]...
// OP is a value of enum scmp_compare; OPTIMIZE one of SCMP_FLTATR_CTL_OPTIMIZE. Exits with 2 at what libseccomp refuses.
#include <seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { kComparisonsMax = 6 };

static scmp_filter_ctx begin(const char *line) {
  unsigned int action = 0;
  unsigned int optimize = 0;
  if (sscanf(line, "default %i %u", (int *)&action, &optimize) != 2) {
    return NULL;
  }
  scmp_filter_ctx ctx = seccomp_init(action);
  if (ctx != NULL && seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, optimize) != 0) {
    return NULL;
  }
  return ctx;
}

static int add_rule(scmp_filter_ctx ctx, char *line) {
  struct scmp_arg_cmp comparisons[kComparisonsMax];
  unsigned int count = 0;
  char *rest = line + strlen("rule ");
  uint32_t action = (uint32_t)strtoul(rest, &rest, 0);
  int nr = (int)strtol(rest, &rest, 0);
  while (*rest == ' ' && count < kComparisonsMax) {
    struct scmp_arg_cmp *next = &comparisons[count++];
    next->arg = (unsigned int)strtoul(rest, &rest, 0);
    next->op = (enum scmp_compare)strtoul(rest, &rest, 0);
    next->datum_a = strtoull(rest, &rest, 0);
    next->datum_b = strtoull(rest, &rest, 0);
  }
  return seccomp_rule_add_array(ctx, action, nr, count, comparisons);
}

int main(void) {
  static char line[4096];
  if (fgets(line, sizeof line, stdin) == NULL) {
    return 1;
  }
  scmp_filter_ctx ctx = begin(line);
  if (ctx == NULL) {
    fprintf(stderr, "seccomp_init: %s", line);
    return 2;
  }
  while (fgets(line, sizeof line, stdin) != NULL) {
    int error = add_rule(ctx, line);
    if (error != 0) {
      fprintf(stderr, "%s: %s", strerror(-error), line);
      return 2;
    }
  }
  return seccomp_export_bpf(ctx, STDOUT_FILENO) == 0 ? 0 : 2;
}
