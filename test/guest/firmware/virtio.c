#include "virtio.h"

#include "clock.h"
#include "cpu.h"
#include "memory.h"
#include "traps.h"

/* cfg_type of a virtio PCI capability, §4.1.4. */
#define CAP_COMMON 1
#define CAP_NOTIFY 2
#define CAP_ISR 3
#define CAP_DEVICE 4
#define MSIX_ENABLE 0x8000
#define MSIX_ENTRY_SIZE 16
#define RESET_LIMIT_US 1000000

static uint64_t bar_address(const struct virtio_device *device, uint32_t bar, uint32_t offset) {
  if (bar >= PCI_BARS) return 0;
  memory_map(device->pci.bars[bar].address, device->pci.bars[bar].size);
  return device->pci.bars[bar].address + offset;
}

static void take_capability(struct virtio_device *device, uint8_t at) {
  uint8_t slot = device->pci.slot;
  uint32_t bar = pci_read(slot, at + 4u, 1);
  uint64_t address = bar_address(device, bar, pci_read(slot, at + 8u, 4));
  switch (pci_read(slot, at + 3u, 1)) {
    case CAP_COMMON:
      device->common = address;
      break;
    case CAP_NOTIFY:
      device->notify = address;
      device->notify_multiplier = pci_read(slot, at + 16u, 4);
      break;
    case CAP_ISR:
      device->isr = address;
      break;
    case CAP_DEVICE:
      device->config = address;
      break;
  }
}

static void map_structures(struct virtio_device *device) {
  uint8_t at = 0;
  while ((at = pci_find_capability(&device->pci, PCI_CAP_VENDOR, at))) take_capability(device, at);
  device->msix_capability = pci_find_capability(&device->pci, PCI_CAP_MSIX, 0);
  if (device->msix_capability) {
    uint32_t table = pci_read(device->pci.slot, device->msix_capability + 4u, 4);
    device->msix_table = bar_address(device, table & 7, table & ~7u);
  }
}

bool virtio_find(uint32_t id, uint32_t index, struct virtio_device *device) {
  for (uint8_t slot = 0; slot < PCI_SLOTS; slot++) {
    if (pci_read(slot, PCI_VENDOR, 4) != (VENDOR_VIRTIO | (0x1040 + id) << 16)) continue;
    if (index-- > 0) continue;
    *device = (struct virtio_device){0};
    if (!pci_probe(slot, &device->pci)) return false;
    map_structures(device);
    return device->common && device->notify;
  }
  return false;
}

uint8_t virtio_status(const struct virtio_device *device) {
  return mmio_read8(device->common + COMMON_DEVICE_STATUS);
}

bool virtio_reset(struct virtio_device *device) {
  mmio_write8(device->common + COMMON_DEVICE_STATUS, 0);
  uint64_t deadline = rdtsc() + clock_from_us(RESET_LIMIT_US);
  while (virtio_status(device) != 0) {
    if (rdtsc() > deadline) return false;
  }
  return true;
}

uint64_t virtio_offered_features(const struct virtio_device *device) {
  uint64_t features = 0;
  for (uint32_t half = 0; half < 2; half++) {
    mmio_write32(device->common + COMMON_DEVICE_FEATURE_SELECT, half);
    features |= (uint64_t)mmio_read32(device->common + COMMON_DEVICE_FEATURE) << (32 * half);
  }
  return features;
}

bool virtio_negotiate(struct virtio_device *device, uint64_t wanted) {
  if (!virtio_reset(device)) return false;
  uint8_t status = VIRTIO_STATUS_ACKNOWLEDGE;
  mmio_write8(device->common + COMMON_DEVICE_STATUS, status);
  status |= VIRTIO_STATUS_DRIVER;
  mmio_write8(device->common + COMMON_DEVICE_STATUS, status);
  device->features = virtio_offered_features(device) & (wanted | VIRTIO_F_VERSION_1);
  for (uint32_t half = 0; half < 2; half++) {
    mmio_write32(device->common + COMMON_DRIVER_FEATURE_SELECT, half);
    mmio_write32(device->common + COMMON_DRIVER_FEATURE,
                 (uint32_t)(device->features >> (32 * half)));
  }
  status |= VIRTIO_STATUS_FEATURES_OK;
  mmio_write8(device->common + COMMON_DEVICE_STATUS, status);
  return (virtio_status(device) & VIRTIO_STATUS_FEATURES_OK) != 0;
}

void virtio_driver_ok(struct virtio_device *device) {
  mmio_write8(device->common + COMMON_DEVICE_STATUS,
              VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |
                  VIRTIO_STATUS_DRIVER_OK);
}

void virtio_enable_msix(struct virtio_device *device, uint16_t entry, uint8_t vector) {
  local_apic_enable();
  uint64_t at = device->msix_table + (uint64_t)entry * MSIX_ENTRY_SIZE;
  mmio_write32(at, (uint32_t)msi_address());
  mmio_write32(at + 4, (uint32_t)(msi_address() >> 32));
  mmio_write32(at + 8, vector);
  mmio_write32(at + 12, 0); /* unmasked */
  uint16_t control = device->msix_capability + 2u;
  pci_write(device->pci.slot, control, 2, pci_read(device->pci.slot, control, 2) | MSIX_ENABLE);
}
