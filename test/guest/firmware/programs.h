/* The programs of this guest. Each reads its options, prints its lines and says whether all went
 * well. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdbool.h>

bool run_hello(void);
bool run_idle(void);
bool run_exits(void);
bool run_pci(void);
bool run_blk(void);
bool run_rng(void);
bool run_hostile(void);
bool run_print(void);

#endif
