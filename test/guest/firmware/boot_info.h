/* What the VMM hands over, whichever way the guest was entered. */
#ifndef BOOT_INFO_H
#define BOOT_INFO_H

#include <stdint.h>

struct boot_info {
  const char *protocol;     /* "linux64" or "pvh" */
  const char *command_line; /* never null */
  uint64_t rsdp;            /* 0: look for it in the BIOS area */
  uint64_t ram_below_4g;    /* end of the RAM that starts at or below 2 MiB */
};

struct boot_info boot_info_read(void);

#endif
