/* A virtio 1.x device over PCI: virtio 1.3 §4.1. */
#ifndef VIRTIO_H
#define VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include "pci.h"

/* Device ids. */
#define VIRTIO_ID_BLOCK 2
#define VIRTIO_ID_ENTROPY 4
/* Device status, §2.1. */
#define VIRTIO_STATUS_ACKNOWLEDGE 1
#define VIRTIO_STATUS_DRIVER 2
#define VIRTIO_STATUS_DRIVER_OK 4
#define VIRTIO_STATUS_FEATURES_OK 8
#define VIRTIO_STATUS_NEEDS_RESET 64
#define VIRTIO_STATUS_FAILED 128
/* Feature bits, §6. */
#define VIRTIO_F_INDIRECT_DESC (1ull << 28)
#define VIRTIO_F_EVENT_IDX (1ull << 29)
#define VIRTIO_F_VERSION_1 (1ull << 32)
/* Registers of the common configuration, §4.1.4.3. */
#define COMMON_DEVICE_FEATURE_SELECT 0x00
#define COMMON_DEVICE_FEATURE 0x04
#define COMMON_DRIVER_FEATURE_SELECT 0x08
#define COMMON_DRIVER_FEATURE 0x0c
#define COMMON_CONFIG_MSIX_VECTOR 0x10
#define COMMON_NUM_QUEUES 0x12
#define COMMON_DEVICE_STATUS 0x14
#define COMMON_CONFIG_GENERATION 0x15
#define COMMON_QUEUE_SELECT 0x16
#define COMMON_QUEUE_SIZE 0x18
#define COMMON_QUEUE_MSIX_VECTOR 0x1a
#define COMMON_QUEUE_ENABLE 0x1c
#define COMMON_QUEUE_NOTIFY_OFF 0x1e
#define COMMON_QUEUE_DESC 0x20
#define COMMON_QUEUE_DRIVER 0x28
#define COMMON_QUEUE_DEVICE 0x30
#define VIRTIO_NO_VECTOR 0xffff

struct virtio_device {
  struct pci_device pci;
  uint64_t common, notify, isr, config; /* addresses of the structures */
  uint32_t notify_multiplier;
  uint8_t msix_capability;
  uint64_t msix_table;
  uint64_t features; /* negotiated */
};

/* Finds the index-th device with this id and maps its structures. False if there is none. */
bool virtio_find(uint32_t id, uint32_t index, struct virtio_device *device);

/* Reset, waiting for the device to say so. False if it has not within a second. */
bool virtio_reset(struct virtio_device *device);

/* Reset, then up to FEATURES_OK with `wanted` as far as offered. False if the device refuses. */
bool virtio_negotiate(struct virtio_device *device, uint64_t wanted);
void virtio_driver_ok(struct virtio_device *device);
uint8_t virtio_status(const struct virtio_device *device);
uint64_t virtio_offered_features(const struct virtio_device *device);

/* MSI-X entry `entry` raises `vector`; switches MSI-X on. */
void virtio_enable_msix(struct virtio_device *device, uint16_t entry, uint8_t vector);

#endif
