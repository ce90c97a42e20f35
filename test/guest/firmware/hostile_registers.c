/* Attacks on the registers in the BAR: virtio 1.3 §4.1.4. */
#include "cpu.h"
#include "hostile.h"
#include "memory.h"

static uint64_t common_of(const struct target *target) { return target->virtio->common; }

/* Every value of the status register, in turn and without a reset between. */
static void status_all_values(struct target *target) {
  for (uint32_t status = 0; status < 256; status++) {
    mmio_write8(common_of(target) + COMMON_DEVICE_STATUS, (uint8_t)status);
  }
}

static void status_backwards(struct target *target) {
  mmio_write8(common_of(target) + COMMON_DEVICE_STATUS, VIRTIO_STATUS_ACKNOWLEDGE);
  mmio_write8(common_of(target) + COMMON_DEVICE_STATUS, VIRTIO_STATUS_DRIVER_OK);
  target_fire(target, 0);
}

static void write_features(struct target *target, uint32_t select, uint32_t features) {
  mmio_write32(common_of(target) + COMMON_DRIVER_FEATURE_SELECT, select);
  mmio_write32(common_of(target) + COMMON_DRIVER_FEATURE, features);
}

static void start_with_features(struct target *target, uint32_t low, uint32_t high) {
  virtio_reset(target->virtio);
  mmio_write8(common_of(target) + COMMON_DEVICE_STATUS,
              VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
  write_features(target, 0, low);
  write_features(target, 1, high);
  mmio_write8(common_of(target) + COMMON_DEVICE_STATUS,
              VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK);
  virtio_driver_ok(target->virtio);
}

static void features_all(struct target *target) {
  start_with_features(target, UINT32_MAX, UINT32_MAX);
}
static void features_none(struct target *target) { start_with_features(target, 0, 0); }

static void features_after_start(struct target *target) {
  write_features(target, 0, UINT32_MAX);
  write_features(target, 1, UINT32_MAX);
  target_fire(target, 0);
}

static void feature_select_out_of_range(struct target *target) {
  static const uint32_t selects[] = {2, 3, 0x7fffffff, 0x80000000, 0xffffffff};
  for (uint32_t i = 0; i < sizeof selects / sizeof selects[0]; i++) {
    mmio_write32(common_of(target) + COMMON_DEVICE_FEATURE_SELECT, selects[i]);
    mmio_read32(common_of(target) + COMMON_DEVICE_FEATURE);
    write_features(target, selects[i], UINT32_MAX);
  }
}

static void vectors_out_of_range(struct target *target) {
  static const uint16_t vectors[] = {2, 0x7ff, 0x800, 0x8000, 0xfffe};
  for (uint32_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
    mmio_write16(common_of(target) + COMMON_CONFIG_MSIX_VECTOR, vectors[i]);
    mmio_write16(common_of(target) + COMMON_QUEUE_SELECT, 0);
    mmio_write16(common_of(target) + COMMON_QUEUE_MSIX_VECTOR, vectors[i]);
    target_fire(target, 0);
  }
}

static void device_config_writes(struct target *target) {
  if (!target->virtio->config) return;
  for (uint64_t at = 0; at < 0x100; at += 4) mmio_write32(target->virtio->config + at, 0xa5a5a5a5);
  for (uint64_t at = 0; at < 0x100; at++) mmio_write8(target->virtio->config + at, 0xff);
}

/* Wider and narrower than the registers, and across their bounds. */
static void odd_accesses(struct target *target) {
  for (uint64_t at = 0; at < 0x40; at++) {
    mmio_read8(common_of(target) + at);
    mmio_read16(common_of(target) + at);
    mmio_read32(common_of(target) + at);
    mmio_read64(common_of(target) + at);
    mmio_write16(common_of(target) + at, 0);
    mmio_write64(common_of(target) + at, 0);
  }
}

/* The end of every BAR, where an access lies half inside. */
static void bar_ends(struct target *target) {
  for (uint32_t index = 0; index < PCI_BARS; index++) {
    const struct pci_bar *bar = &target->virtio->pci.bars[index];
    if (!bar->size || bar->is_port) continue;
    for (uint64_t back = 1; back < 8; back++) {
      mmio_read64(bar->address + bar->size - back);
      mmio_write64(bar->address + bar->size - back, 0);
    }
  }
}

static void random_access(struct target *target, uint64_t address, uint64_t bits) {
  uint32_t value = bits & 0x10 ? (uint32_t)(DMA_ARENA + bits % 0x100000) : (uint32_t)(bits >> 32);
  switch (bits % 8) {
    case 0:
      mmio_read8(address);
      break;
    case 1:
      mmio_read16(address);
      break;
    case 2:
      mmio_read32(address);
      break;
    case 3:
      mmio_read64(address);
      break;
    case 4:
      mmio_write8(address, (uint8_t)value);
      break;
    case 5:
      mmio_write16(address, (uint16_t)value);
      break;
    case 6:
      mmio_write32(address, value);
      break;
    case 7:
      mmio_write64(address, target_random(target));
      break;
  }
}

/* Half of the accesses go to the common configuration, where the state is. */
static void random_accesses(struct target *target) {
  for (uint64_t step = 0; step < target->count * 20; step++) {
    uint64_t bits = target_random(target);
    const struct pci_bar *bar = &target->virtio->pci.bars[bits >> 8 & 1 ? 4 : 0];
    if (!bar->size || bar->is_port) bar = &target->virtio->pci.bars[0];
    bool common = bits >> 9 & 1 || !bar->size || bar->is_port;
    uint64_t address =
        common ? common_of(target) + (bits >> 16) % 0x40 : bar->address + (bits >> 16) % bar->size;
    random_access(target, address, bits);
  }
}

const struct attack register_attacks[] = {
    {"status-all-values", status_all_values, false},
    {"status-backwards", status_backwards, false},
    {"features-all", features_all, false},
    {"features-none", features_none, false},
    {"features-after-start", features_after_start, false},
    {"features-select-out-of-range", feature_select_out_of_range, false},
    {"vectors-out-of-range", vectors_out_of_range, false},
    {"registers-device-config-writes", device_config_writes, false},
    {"registers-odd-accesses", odd_accesses, false},
    {"registers-bar-ends", bar_ends, false},
    {"registers-random", random_accesses, false},
    {0},
};
