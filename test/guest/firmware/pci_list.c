/* Program `pci`: prints every function 0 of bus 0 as the ports show it, and compares with ECAM. */
#include "console.h"
#include "pci.h"
#include "programs.h"

static uint32_t functions, mismatches;

static void print_bars(const struct pci_device *device) {
  for (uint32_t index = 0; index < PCI_BARS; index++) {
    const struct pci_bar *bar = &device->bars[index];
    if (!bar->size) continue;
    console_begin("bar");
    console_field("slot", device->slot);
    console_field("index", index);
    console_field_text("kind", bar->is_port ? "port" : bar->is_64bit ? "mem64" : "mem32");
    console_field_hex("address", bar->address);
    console_field_hex("size", bar->size);
    console_end();
  }
}

static void print_capabilities(const struct pci_device *device) {
  uint8_t at = (uint8_t)(pci_read(device->slot, PCI_CAPABILITIES, 1) & 0xfc);
  for (int steps = 0; at && steps < 48; steps++) {
    uint32_t words[4];
    for (uint16_t i = 0; i < 4; i++) words[i] = pci_read(device->slot, (uint16_t)(at + 4 * i), 4);
    console_begin("cap");
    console_field("slot", device->slot);
    console_field_hex("at", at);
    console_field_hex("id", words[0] & 0xff);
    if ((words[0] & 0xff) == PCI_CAP_VENDOR) {
      console_field("virtio_type", words[0] >> 24);
      console_field("bar", words[1] & 0xff);
      console_field_hex("offset", words[2]);
      console_field_hex("length", words[3]);
    } else if ((words[0] & 0xff) == PCI_CAP_MSIX) {
      console_field("vectors", (words[0] >> 16 & 0x7ff) + 1);
      console_field_hex("table", words[1]);
      console_field_hex("pba", words[2]);
    }
    console_end();
    at = words[0] >> 8 & 0xfc;
  }
}

static void compare_with_ecam(uint8_t slot) {
  for (uint16_t offset = 0; offset < 64; offset += 4) {
    if (pci_ecam_read(slot, offset) != pci_read(slot, offset, 4)) mismatches++;
  }
}

bool run_pci(void) {
  functions = mismatches = 0;
  for (uint8_t slot = 0; slot < PCI_SLOTS; slot++) {
    struct pci_device device;
    if (!pci_probe(slot, &device)) continue;
    functions++;
    console_begin("function");
    console_field("slot", slot);
    console_field_hex("vendor", device.vendor);
    console_field_hex("device", device.device);
    console_field_hex("class", pci_read(slot, PCI_CLASS_REVISION, 4) >> 8);
    console_field_hex("revision", pci_read(slot, PCI_CLASS_REVISION, 1));
    console_field_hex("subsystem", pci_read(slot, PCI_SUBSYSTEM, 4));
    console_field_hex("command", pci_read(slot, PCI_COMMAND, 2));
    console_field("irq", pci_read(slot, PCI_INTERRUPT, 1));
    console_field("pin", pci_read(slot, PCI_INTERRUPT + 1, 1));
    console_end();
    print_bars(&device);
    print_capabilities(&device);
    if (pci_ecam_base()) compare_with_ecam(slot);
  }
  console_begin("pci");
  console_field("functions", functions);
  console_field_hex("ecam", pci_ecam_base());
  console_field("ecam_mismatches", mismatches);
  console_end();
  return functions > 0 && mismatches == 0;
}
