/* Time by the time stamp counter, whose rate comes from the command line, kvmclock, CPUID or the
 * PIT. */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

/* Finds the rate; prints it and where it is from. */
void clock_init(void);

uint64_t clock_to_ns(uint64_t cycles);
uint64_t clock_from_us(uint64_t us);

#endif
