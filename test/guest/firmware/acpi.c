#include "acpi.h"

#include "cpu.h"
#include "text.h"

#define BIOS_AREA 0xe0000
#define BIOS_AREA_END 0x100000
#define SDT_LENGTH 4
#define SDT_HEADER_SIZE 36
#define FADT_DSDT 40
#define FADT_PM1A_CONTROL 64
#define MCFG_FIRST_BASE 44
#define TABLE_SIZE_MAX 0x100000
#define SLP_EN (1u << 13)

static uint64_t root;
static bool root_is_xsdt;

static bool signature_is(uint64_t table, const char *signature, uint32_t size) {
  return memcmp((const void *)table, signature, size) == 0;
}

void acpi_init(uint64_t rsdp) {
  for (uint64_t at = BIOS_AREA; !rsdp && at < BIOS_AREA_END; at += 16) {
    if (signature_is(at, "RSD PTR ", 8)) rsdp = at;
  }
  if (!rsdp || !signature_is(rsdp, "RSD PTR ", 8)) return;
  root_is_xsdt = mmio_read8(rsdp + 15) >= 2 && mmio_read64(rsdp + 24) != 0;
  root = root_is_xsdt ? mmio_read64(rsdp + 24) : mmio_read32(rsdp + 16);
}

static uint64_t find_table(const char *signature) {
  if (!root) return 0;
  uint32_t size = mmio_read32(root + SDT_LENGTH), step = root_is_xsdt ? 8 : 4;
  for (uint32_t at = SDT_HEADER_SIZE; at + step <= size && size < TABLE_SIZE_MAX; at += step) {
    uint64_t table = root_is_xsdt ? mmio_read64(root + at) : mmio_read32(root + at);
    if (signature_is(table, signature, 4)) return table;
  }
  return 0;
}

uint64_t acpi_ecam_base(void) {
  uint64_t mcfg = find_table("MCFG");
  return mcfg ? mmio_read64(mcfg + MCFG_FIRST_BASE) : 0;
}

/* First element of the package that _S5 names: an integer by prefix 0x0a, or ZeroOp and OneOp for 0
 * and 1. */
static int s5_type(uint64_t dsdt) {
  uint32_t size = mmio_read32(dsdt + SDT_LENGTH);
  for (uint32_t at = SDT_HEADER_SIZE; at + 8 < size && size < TABLE_SIZE_MAX; at++) {
    if (!signature_is(dsdt + at, "_S5_", 4) || mmio_read8(dsdt + at + 4) != 0x12) continue;
    uint64_t element = dsdt + at + 5;
    element += (mmio_read8(element) >> 6) + 1u; /* package length */
    element += 1;                               /* number of elements */
    uint8_t first = mmio_read8(element);
    return first == 0x0a ? mmio_read8(element + 1) : first;
  }
  return -1;
}

bool acpi_s5(uint16_t *port, uint16_t *value) {
  uint64_t fadt = find_table("FACP");
  if (!fadt) return false;
  uint64_t dsdt = mmio_read32(fadt + FADT_DSDT);
  if (mmio_read32(fadt + SDT_LENGTH) >= 148 && mmio_read64(fadt + 140))
    dsdt = mmio_read64(fadt + 140);
  int type = dsdt ? s5_type(dsdt) : -1;
  *port = (uint16_t)mmio_read32(fadt + FADT_PM1A_CONTROL);
  if (type < 0 || !*port) return false;
  *value = (uint16_t)((uint32_t)type << 10 | SLP_EN);
  return true;
}
