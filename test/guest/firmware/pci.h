/* PCI bus 0: config access by ports CF8/CFC and by ECAM, BARs and capabilities. */
#ifndef PCI_H
#define PCI_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_VENDOR 0x00
#define PCI_DEVICE 0x02
#define PCI_COMMAND 0x04
#define PCI_COMMAND_IO 0x1
#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_BUS_MASTER 0x4
#define PCI_STATUS 0x06
#define PCI_STATUS_CAPABILITIES 0x10
#define PCI_CLASS_REVISION 0x08
#define PCI_HEADER_TYPE 0x0e
#define PCI_BAR0 0x10
#define PCI_SUBSYSTEM 0x2c
#define PCI_CAPABILITIES 0x34
#define PCI_INTERRUPT 0x3c
#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX 0x11
#define PCI_BARS 6
#define PCI_SLOTS 32
#define VENDOR_VIRTIO 0x1af4

struct pci_bar {
  uint64_t address, size; /* size 0: not implemented */
  bool is_port, is_64bit;
};

struct pci_device {
  uint8_t slot;
  uint16_t vendor, device;
  struct pci_bar bars[PCI_BARS];
};

/* Chooses the access method and places BARs that no firmware has placed. */
void pci_init(void);

/* ECAM base; 0 when there is none. */
uint64_t pci_ecam_base(void);

/* Any access of 1, 2 or 4 bytes to function 0 of a slot of bus 0. */
uint32_t pci_read(uint8_t slot, uint16_t offset, uint32_t size);
void pci_write(uint8_t slot, uint16_t offset, uint32_t size, uint32_t value);
/* The same through ECAM whatever the method chosen. */
uint32_t pci_ecam_read(uint8_t slot, uint16_t offset);
void pci_ecam_write(uint8_t slot, uint16_t offset, uint32_t value);

/* False where the slot is empty. Sizes the BARs, with decoding switched off meanwhile. */
bool pci_probe(uint8_t slot, struct pci_device *device);

/* Puts an address into a BAR, both halves of a 64-bit one. */
void pci_set_bar(const struct pci_device *device, uint32_t bar, uint64_t address);

/* Offset of the next capability with this id after `after` (0: the first); 0 at the end. */
uint8_t pci_find_capability(const struct pci_device *device, uint8_t id, uint8_t after);

#endif
