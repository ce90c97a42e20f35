/* Segment selectors, shared by assembly and C. User selectors are those of Linux: some hypervisors
 * look at them. */
#ifndef SELECTORS_H
#define SELECTORS_H

#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_DS 0x2b
#define USER_CS 0x33
#define TSS_SELECTOR 0x40

#endif
