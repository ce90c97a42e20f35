/* A virtio-blk driver with a fixed number of request slots: virtio 1.3 §5.2. */
#ifndef BLK_DEVICE_H
#define BLK_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtqueue.h"

#define BLK_T_IN 0
#define BLK_T_OUT 1
#define BLK_T_FLUSH 4
#define BLK_S_OK 0
#define BLK_SECTOR 512
#define BLK_DESCRIPTORS 3 /* of a request: header, data, status */
#define BLK_SLOTS_MAX (256 / BLK_DESCRIPTORS) /* of a queue */
#define BLK_QUEUES_MAX 4
#define BLK_F_MQ (1ull << 12)
#define BLK_CONFIG_NUM_QUEUES 34
#define BLK_STATUS_PENDING 0xee

struct blk_header {
  uint32_t type, reserved;
  uint64_t sector;
};

struct blk_slot {
  struct blk_header *header;
  volatile uint8_t *status;
  uint64_t *data;
  struct descriptor *table; /* indirect; null: three descriptors of the queue */
  uint64_t offset;          /* of the request under way, in bytes */
  uint64_t start;           /* when it was offered, in cycles */
};

struct blk_device {
  struct virtio_device virtio;
  struct virtqueue queues[BLK_QUEUES_MAX];
  uint64_t capacity; /* bytes */
  uint32_t queue_count;
  uint32_t slot_count; /* of each queue */
  uint32_t segment;
  const char *problem; /* why blk_open failed */
  struct blk_slot slots[BLK_QUEUES_MAX * BLK_SLOTS_MAX]; /* queue by queue */
};

struct blk_options {
  uint32_t index;      /* which block device of the VM */
  uint32_t queues;     /* to use; 0 for one. Refused where the device has fewer */
  uint32_t slots;      /* requests under way at most, in each queue */
  uint32_t block_size; /* of a slot's buffer, bytes */
  uint64_t features;   /* wanted; taken as far as offered */
  uint32_t segment; /* pieces of the data, bytes, listed in an indirect table; 0: one, no table */
  uint8_t vector;   /* of the interrupt of all queues; 0: polled */
};

/* Resets and starts the device. False if there is none or it refuses. */
bool blk_open(struct blk_device *blk, const struct blk_options *options);

/* Fills a slot's descriptors and offers them to its queue; virtqueue_kick sends them off. */
void blk_offer(struct blk_device *blk, uint32_t slot, uint32_t type, uint64_t offset,
               uint32_t size);

/* One request to its end, polled for at most a second. False if it failed or never ended. */
bool blk_one(struct blk_device *blk, uint32_t type, uint64_t offset, uint32_t size);

#endif
