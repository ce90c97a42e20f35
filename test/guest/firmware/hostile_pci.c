/* Attacks on PCI configuration space, BARs and the MSI-X table: PCI 3.0 §6. */
#include "cpu.h"
#include "hostile.h"
#include "memory.h"

#define CONFIG_WORDS 64
#define MSIX_TABLE_WORDS 32

static struct { uint32_t words[CONFIG_WORDS]; } saved;

static void save(const struct target *target) {
  for (uint16_t i = 0; i < CONFIG_WORDS; i++) {
    saved.words[i] = pci_read(target->virtio->pci.slot, (uint16_t)(i * 4), 4);
  }
}

/* Capabilities first, then BARs, and the command register, which switches decoding on, last. */
static void restore(const struct target *target) {
  for (uint16_t i = CONFIG_WORDS - 1; i > 1; i--)
    pci_write(target->virtio->pci.slot, (uint16_t)(i * 4), 4, saved.words[i]);
  pci_write(target->virtio->pci.slot, PCI_COMMAND, 2, saved.words[1] & 0xffff);
}

static void memory_bar_to(struct target *target, uint64_t address) {
  save(target);
  for (uint32_t index = 0; index < PCI_BARS; index++) {
    const struct pci_bar *bar = &target->virtio->pci.bars[index];
    if (bar->size && !bar->is_port) pci_set_bar(&target->virtio->pci, index, address);
  }
  if (address < 1ull << 46) {
    memory_map(address, 0x1000);
    mmio_read32(address + COMMON_DEVICE_STATUS);
  }
  virtqueue_kick_always(target->queue);
  restore(target);
}

static void bar_to_zero(struct target *target) { memory_bar_to(target, 0); }
static void bar_to_ram(struct target *target) { memory_bar_to(target, DMA_ARENA + 0x800000); }
static void bar_to_ram_end(struct target *target) { memory_bar_to(target, target->ram_end); }
static void bar_to_io_apic(struct target *target) { memory_bar_to(target, 0xfec00000); }
static void bar_to_local_apic(struct target *target) { memory_bar_to(target, 0xfee00000); }
static void bar_to_ecam(struct target *target) { memory_bar_to(target, pci_ecam_base()); }
static void bar_to_maximum(struct target *target) { memory_bar_to(target, UINT64_MAX); }
static void bar_to_high_address(struct target *target) {
  memory_bar_to(target, 0x0000700000000000);
}

/* All memory BARs of the other virtio devices are moved onto this device's, and back. */
static void bars_on_each_other(struct target *target) {
  for (uint8_t slot = 0; slot < PCI_SLOTS; slot++) {
    struct pci_device other;
    if (slot == target->virtio->pci.slot || !pci_probe(slot, &other) ||
        other.vendor != VENDOR_VIRTIO)
      continue;
    for (uint32_t index = 0; index < PCI_BARS; index++) {
      if (!other.bars[index].size || other.bars[index].is_port) continue;
      pci_set_bar(&other, index, target->virtio->common & ~0xfffull);
      virtio_status(target->virtio);
      virtqueue_kick_always(target->queue);
      pci_set_bar(&other, index, other.bars[index].address);
    }
  }
}

static void bar_moved_under_load(struct target *target) {
  save(target);
  for (uint64_t step = 0; step < target->count / 4; step++) {
    virtqueue_offer(target->queue, 0);
    virtqueue_kick(target->queue);
    for (uint32_t index = 0; index < PCI_BARS; index++) {
      const struct pci_bar *bar = &target->virtio->pci.bars[index];
      if (bar->size && !bar->is_port)
        pci_set_bar(&target->virtio->pci, index, bar->address ^ bar->size);
    }
    restore(target);
  }
}

static void decoding_off(struct target *target) {
  save(target);
  pci_write(target->virtio->pci.slot, PCI_COMMAND, 2, 0);
  virtio_status(target->virtio);
  virtqueue_offer(target->queue, 0);
  virtqueue_kick_always(target->queue);
  restore(target);
}

static void command_toggled(struct target *target) {
  save(target);
  for (uint32_t step = 0; step < 64; step++)
    pci_write(target->virtio->pci.slot, PCI_COMMAND, 2, 0xffff * (step & 1));
  restore(target);
}

static void write_all(struct target *target, uint32_t size, uint32_t pattern) {
  save(target);
  for (uint16_t at = 0; at < 256; at += (uint16_t)size)
    pci_write(target->virtio->pci.slot, at, size, pattern);
  restore(target);
}

static void config_ones(struct target *target) { write_all(target, 4, UINT32_MAX); }
static void config_zeroes(struct target *target) { write_all(target, 4, 0); }
static void config_bytes(struct target *target) { write_all(target, 1, 0xa5); }
static void config_halves(struct target *target) { write_all(target, 2, 0x5a5a); }

static void config_random(struct target *target) {
  save(target);
  for (uint64_t step = 0; step < target->count * 5; step++) {
    uint64_t bits = target_random(target);
    uint32_t size = 1u << bits % 3;
    uint16_t at = (uint16_t)(bits >> 8 & 0xff & ~(size - 1));
    if (bits & 0x8)
      pci_read(target->virtio->pci.slot, at, size);
    else
      pci_write(target->virtio->pci.slot, at, size, (uint32_t)(bits >> 32));
  }
  restore(target);
}

/* All 4 KiB of extended configuration space, and the slots where nothing is. */
static void ecam_walk(struct target *target) {
  if (!pci_ecam_base()) return;
  save(target);
  for (uint16_t at = 0x40; at < 4096; at += 4)
    pci_ecam_write(target->virtio->pci.slot, at, 0xa5a5a5a5);
  for (uint8_t slot = 0; slot < PCI_SLOTS; slot++) pci_ecam_read(slot, 4092);
  restore(target);
}

/* Unaligned, crossing registers, and the address port written in pieces. */
static void config_ports_odd(struct target *target) {
  for (uint32_t i = 0; i < 256; i++) {
    out32(0xcf8, 0x80000000u | (uint32_t)target->virtio->pci.slot << 11 | i);
    in16(0xcff);
    in32(0xcfd);
    in32(0xcfe);
    out8(0xcf8, (uint8_t)i);
    in8(0xcf9);
  }
  out32(0xcf8, 0x7fffffff);
  in32(0xcfc);
  out32(0xcf8, 0xffffffff);
  in32(0xcfc);
}

static void host_bridge_garbage(struct target *target) {
  (void)target;
  uint32_t words[CONFIG_WORDS];
  for (uint16_t i = 0; i < CONFIG_WORDS; i++) words[i] = pci_read(0, (uint16_t)(i * 4), 4);
  for (uint16_t i = 0; i < 16; i++) {
    pci_write(0, (uint16_t)(i * 4), 4, UINT32_MAX);
    pci_write(0, (uint16_t)(i * 4), 4, words[i]);
  }
}

static void msix_control(struct target *target, uint32_t value) {
  pci_write(target->virtio->pci.slot, target->virtio->msix_capability + 2u, 2, value);
}

/* Messages to nowhere, to RAM and to vector 0, unmasked and raised. */
static void msix_garbage(struct target *target) {
  if (!target->virtio->msix_table) return;
  save(target);
  mmio_write16(target->virtio->common + COMMON_QUEUE_SELECT, 0);
  for (uint64_t step = 0; step < 16; step++) {
    msix_control(target, 0x8000);
    for (uint64_t word = 0; word < MSIX_TABLE_WORDS; word++) {
      uint32_t value = word % 4 == 3 ? (uint32_t)(step & 1) : (uint32_t)target_random(target);
      /* Keep them off this CPU's exception vectors: the address of the local APIC is never hit. */
      if (word % 4 == 0 && value >> 20 == 0xfee) value ^= 0x00100000;
      mmio_write32(target->virtio->msix_table + word * 4, value);
    }
    mmio_write16(target->virtio->common + COMMON_QUEUE_MSIX_VECTOR, (uint16_t)(step & 1));
    target_fire(target, 0);
  }
  msix_control(target, 0);
  restore(target);
}

static void msix_toggled(struct target *target) {
  save(target);
  for (uint32_t step = 0; step < 64; step++) {
    msix_control(target, (step & 3) << 14);
    virtqueue_offer(target->queue, 0);
    virtqueue_kick(target->queue);
  }
  msix_control(target, 0);
  restore(target);
}

const struct attack pci_attacks[] = {
    {"bar-to-zero", bar_to_zero, false},
    {"bar-to-ram", bar_to_ram, false},
    {"bar-to-ram-end", bar_to_ram_end, false},
    {"bar-to-io-apic", bar_to_io_apic, false},
    {"bar-to-local-apic", bar_to_local_apic, false},
    {"bar-to-ecam", bar_to_ecam, false},
    {"bar-to-maximum", bar_to_maximum, false},
    {"bar-to-high-address", bar_to_high_address, false},
    {"bars-on-each-other", bars_on_each_other, false},
    {"bar-moved-under-load", bar_moved_under_load, false},
    {"pci-decoding-off", decoding_off, false},
    {"pci-command-toggled", command_toggled, false},
    {"pci-config-ones", config_ones, false},
    {"pci-config-zeroes", config_zeroes, false},
    {"pci-config-bytes", config_bytes, false},
    {"pci-config-halves", config_halves, false},
    {"pci-config-random", config_random, false},
    {"pci-ecam-walk", ecam_walk, false},
    {"pci-config-ports-odd", config_ports_odd, false},
    {"pci-host-bridge-garbage", host_bridge_garbage, false},
    {"msix-garbage", msix_garbage, false},
    {"msix-toggled", msix_toggled, false},
    {0},
};
