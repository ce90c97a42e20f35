#include "boot_info.h"

#include "cpu.h"

/* Linux boot protocol, zero page. */
#define ZERO_PAGE_RSDP 0x070
#define ZERO_PAGE_E820_COUNT 0x1e8
#define ZERO_PAGE_COMMAND_LINE 0x228
#define ZERO_PAGE_E820 0x2d0
#define E820_ENTRY_SIZE 20
#define E820_ENTRIES_MAX 128
/* Xen PVH, struct hvm_start_info. */
#define PVH_MAGIC 0x336ec578
#define PVH_COMMAND_LINE 24
#define PVH_RSDP 32
#define PVH_MEMORY_MAP 40
#define PVH_MEMORY_MAP_COUNT 48
#define PVH_ENTRY_SIZE 24
#define MEMORY_TYPE_RAM 1
#define LOAD_ADDRESS 0x200000

extern uint64_t boot_zero_page, boot_pvh_info;

static uint64_t ram_end(uint64_t map, uint32_t count, uint32_t entry_size) {
  for (uint32_t i = 0; i < count && i < E820_ENTRIES_MAX; i++) {
    uint64_t entry = map + (uint64_t)i * entry_size;
    uint64_t start = mmio_read64(entry), size = mmio_read64(entry + 8);
    if (mmio_read32(entry + 16) == MEMORY_TYPE_RAM && start <= LOAD_ADDRESS &&
        start + size > LOAD_ADDRESS) {
      return start + size;
    }
  }
  return 0;
}

struct boot_info boot_info_read(void) {
  struct boot_info info = {.protocol = "linux64", .command_line = ""};
  uint64_t command_line;
  if (boot_pvh_info && mmio_read32(boot_pvh_info) == PVH_MAGIC) {
    info.protocol = "pvh";
    info.rsdp = mmio_read64(boot_pvh_info + PVH_RSDP);
    info.ram_below_4g = ram_end(mmio_read64(boot_pvh_info + PVH_MEMORY_MAP),
                                mmio_read32(boot_pvh_info + PVH_MEMORY_MAP_COUNT), PVH_ENTRY_SIZE);
    command_line = mmio_read64(boot_pvh_info + PVH_COMMAND_LINE);
  } else {
    info.rsdp = mmio_read64(boot_zero_page + ZERO_PAGE_RSDP);
    info.ram_below_4g = ram_end(boot_zero_page + ZERO_PAGE_E820,
                                mmio_read8(boot_zero_page + ZERO_PAGE_E820_COUNT), E820_ENTRY_SIZE);
    command_line = mmio_read32(boot_zero_page + ZERO_PAGE_COMMAND_LINE);
  }
  if (command_line) info.command_line = (const char *)command_line;
  return info;
}
