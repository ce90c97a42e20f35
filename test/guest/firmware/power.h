/* Ways to end the VM. */
#ifndef POWER_H
#define POWER_H

enum power_end { POWER_RESET, POWER_S5, POWER_CF9, POWER_DEBUG_EXIT, POWER_TRIPLE_FAULT };

/* Ends the VM that way; when it goes on, by the next ones of the list. */
__attribute__((noreturn)) void power_end(enum power_end how);

/* By name: reset, s5, cf9, debug-exit, triple-fault. */
__attribute__((noreturn)) void power_end_named(const char *name);

#endif
