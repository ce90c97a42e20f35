#include "pci.h"

#include "acpi.h"
#include "command_line.h"
#include "cpu.h"
#include "memory.h"
#include "text.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000u
#define ECAM_SLOT_SHIFT 15
#define CAPABILITIES_MAX 48

static bool use_ports;
static uint64_t ecam;

uint64_t pci_ecam_base(void) { return ecam; }

static uint64_t ecam_address(uint8_t slot, uint16_t offset) {
  return ecam + ((uint64_t)slot << ECAM_SLOT_SHIFT) + offset;
}

uint32_t pci_ecam_read(uint8_t slot, uint16_t offset) {
  return mmio_read32(ecam_address(slot, offset));
}

void pci_ecam_write(uint8_t slot, uint16_t offset, uint32_t value) {
  mmio_write32(ecam_address(slot, offset), value);
}

/* Selects a register and returns the data port for it. */
static uint16_t select(uint8_t slot, uint16_t offset) {
  out32(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)slot << 11 | (offset & 0xfc));
  return (uint16_t)(CONFIG_DATA + (offset & 3));
}

uint32_t pci_read(uint8_t slot, uint16_t offset, uint32_t size) {
  if (!use_ports && !ecam) return UINT32_MAX; /* a machine without PCI */
  uint64_t address = ecam_address(slot, offset);
  if (size == 1) return use_ports ? in8(select(slot, offset)) : mmio_read8(address);
  if (size == 2) return use_ports ? in16(select(slot, offset)) : mmio_read16(address);
  return use_ports ? in32(select(slot, offset)) : mmio_read32(address);
}

void pci_write(uint8_t slot, uint16_t offset, uint32_t size, uint32_t value) {
  if (!use_ports && !ecam) return;
  uint64_t address = ecam_address(slot, offset);
  uint16_t port = use_ports ? select(slot, offset) : 0;
  if (size == 1)
    use_ports ? out8(port, (uint8_t)value) : mmio_write8(address, (uint8_t)value);
  else if (size == 2)
    use_ports ? out16(port, (uint16_t)value) : mmio_write16(address, (uint16_t)value);
  else
    use_ports ? out32(port, value) : mmio_write32(address, value);
}

/* Size of the BAR from the writable bits of its low half and, for a 64-bit one, its high half. */
static uint64_t size_from_mask(uint32_t low, uint32_t high, const struct pci_bar *bar) {
  uint64_t mask = low & (bar->is_port ? ~3u : ~15u);
  if (bar->is_port)
    mask |= ~0xffffull;
  else if (bar->is_64bit)
    mask |= (uint64_t)high << 32;
  else
    mask |= ~0xffffffffull;
  return ~mask + 1;
}

static void probe_bar(struct pci_device *device, uint32_t index) {
  uint16_t at = (uint16_t)(PCI_BAR0 + index * 4);
  struct pci_bar *bar = &device->bars[index];
  uint32_t low = pci_read(device->slot, at, 4), high = 0, high_mask = 0;
  bar->is_port = low & 1;
  bar->is_64bit = !bar->is_port && (low & 6) == 4;
  pci_write(device->slot, at, 4, 0xffffffff);
  uint32_t low_mask = pci_read(device->slot, at, 4);
  pci_write(device->slot, at, 4, low);
  if (bar->is_64bit) {
    high = pci_read(device->slot, (uint16_t)(at + 4), 4);
    pci_write(device->slot, (uint16_t)(at + 4), 4, 0xffffffff);
    high_mask = pci_read(device->slot, (uint16_t)(at + 4), 4);
    pci_write(device->slot, (uint16_t)(at + 4), 4, high);
  }
  if (low_mask == 0) return;
  bar->size = size_from_mask(low_mask, high_mask, bar);
  bar->address = (low & (bar->is_port ? ~3u : ~15u)) | (uint64_t)high << 32;
}

bool pci_probe(uint8_t slot, struct pci_device *device) {
  *device = (struct pci_device){.slot = slot};
  uint32_t id = pci_read(slot, PCI_VENDOR, 4);
  if ((id & 0xffff) == 0xffff || (id & 0xffff) == 0) return false;
  device->vendor = (uint16_t)id;
  device->device = (uint16_t)(id >> 16);
  if (pci_read(slot, PCI_HEADER_TYPE, 1) & 0x7f) return true; /* a bridge has other BARs */
  uint32_t command = pci_read(slot, PCI_COMMAND, 2);
  pci_write(slot, PCI_COMMAND, 2, command & ~(uint32_t)(PCI_COMMAND_IO | PCI_COMMAND_MEMORY));
  for (uint32_t bar = 0; bar < PCI_BARS; bar += device->bars[bar].is_64bit ? 2 : 1) {
    probe_bar(device, bar);
  }
  pci_write(slot, PCI_COMMAND, 2, command);
  return true;
}

void pci_set_bar(const struct pci_device *device, uint32_t bar, uint64_t address) {
  uint16_t at = (uint16_t)(PCI_BAR0 + bar * 4);
  pci_write(device->slot, at, 4, (uint32_t)address);
  if (device->bars[bar].is_64bit) {
    pci_write(device->slot, (uint16_t)(at + 4), 4, (uint32_t)(address >> 32));
  }
}

uint8_t pci_find_capability(const struct pci_device *device, uint8_t id, uint8_t after) {
  if (!(pci_read(device->slot, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES)) return 0;
  uint16_t link = after ? after + 1u : PCI_CAPABILITIES;
  for (int steps = 0; steps < CAPABILITIES_MAX; steps++) {
    uint8_t at = (uint8_t)pci_read(device->slot, link, 1) & 0xfc;
    if (!at || pci_read(device->slot, at, 1) == id) return at;
    link = at + 1u;
  }
  return 0;
}

/* Firmware that leaves PCI to the kernel leaves memory decoding off and BARs at 0. */
static uint64_t place_bars(struct pci_device *device, uint64_t next) {
  for (uint32_t index = 0; index < PCI_BARS; index++) {
    const struct pci_bar *bar = &device->bars[index];
    if (!bar->size || bar->is_port || bar->address) continue;
    next = (next + bar->size - 1) & ~(bar->size - 1);
    pci_set_bar(device, index, next);
    next += bar->size;
  }
  uint32_t command = pci_read(device->slot, PCI_COMMAND, 2);
  pci_write(device->slot, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
  return next;
}

void pci_init(void) {
  ecam = option_number("ecam", acpi_ecam_base());
  if (ecam) memory_map(ecam, 1 << 20);
  out32(CONFIG_ADDRESS, CONFIG_ENABLE);
  use_ports = in32(CONFIG_ADDRESS) == CONFIG_ENABLE;
  uint64_t next = option_number("pci_window", 0xe0000000);
  for (uint8_t slot = 0; slot < PCI_SLOTS; slot++) {
    if ((pci_read(slot, PCI_VENDOR, 4) & 0xffff) != VENDOR_VIRTIO) continue;
    struct pci_device device;
    if (pci_probe(slot, &device)) next = place_bars(&device, next);
  }
}
