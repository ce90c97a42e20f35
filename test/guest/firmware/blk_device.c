#include "blk_device.h"

#include "clock.h"
#include "cpu.h"
#include "memory.h"

#define MSIX_ENTRY_QUEUE 0
#define REQUEST_LIMIT_US 1000000

static void allocate_slots(struct blk_device *blk, uint32_t count, uint32_t block_size) {
  blk->slot_count = count < BLK_SLOTS_MAX ? count : BLK_SLOTS_MAX;
  for (uint32_t i = 0; i < blk->queue_count * blk->slot_count; i++) {
    struct blk_slot *slot = &blk->slots[i];
    slot->header = dma_allocate(sizeof(struct blk_header), 64);
    slot->status = dma_allocate(1, 64);
    slot->data = dma_allocate(block_size, 4096);
    if (blk->segment) {
      slot->table = dma_allocate((block_size / blk->segment + 3) * sizeof *slot->table, 64);
    }
  }
}

/* False if the device has not that many queues, or one of them is refused. */
static bool init_queues(struct blk_device *blk, const struct blk_options *options) {
  struct virtio_device *virtio = &blk->virtio;
  uint32_t offered = 1;
  if (virtio->features & BLK_F_MQ) offered = mmio_read16(virtio->config + BLK_CONFIG_NUM_QUEUES);
  blk->queue_count = options->queues ? options->queues : 1;
  if (blk->queue_count > offered || blk->queue_count > BLK_QUEUES_MAX) return false;
  uint16_t entry = VIRTIO_NO_VECTOR;
  if (options->vector) {
    virtio_enable_msix(virtio, MSIX_ENTRY_QUEUE, options->vector);
    entry = MSIX_ENTRY_QUEUE;
  }
  for (uint16_t i = 0; i < blk->queue_count; i++) {
    if (!virtqueue_init(&blk->queues[i], virtio, i, 256, entry)) return false;
  }
  return true;
}

bool blk_open(struct blk_device *blk, const struct blk_options *options) {
  *blk = (struct blk_device){.problem = "no-device"};
  struct virtio_device *virtio = &blk->virtio;
  if (!virtio_find(VIRTIO_ID_BLOCK, options->index, virtio)) return false;
  blk->problem = "not-reset";
  if (!virtio_reset(virtio)) return false;
  blk->problem = "features-refused";
  if (!virtio_negotiate(virtio, options->features)) return false;
  blk->problem = "queue-refused";
  if (!init_queues(blk, options)) return false;
  uint64_t sectors = mmio_read32(virtio->config) | (uint64_t)mmio_read32(virtio->config + 4) << 32;
  blk->capacity = sectors * BLK_SECTOR;
  blk->problem = "too-small";
  if (blk->capacity < options->block_size) return false;
  if (virtio->features & VIRTIO_F_INDIRECT_DESC) blk->segment = options->segment;
  uint32_t fitting = blk->queues[0].size / BLK_DESCRIPTORS;
  allocate_slots(blk, options->slots < fitting ? options->slots : fitting, options->block_size);
  virtio_driver_ok(virtio);
  return true;
}

/* Writes a chain whose descriptors follow one another from `first` on; returns how many it took. */
static uint16_t write_chain(const struct blk_device *blk, const struct blk_slot *request,
                            struct descriptor *chain, uint16_t first, uint32_t type,
                            uint32_t size) {
  uint16_t count = 0, data_flags = DESC_NEXT | (type == BLK_T_IN ? DESC_WRITE : 0);
  uint32_t piece = blk->segment ? blk->segment : size;
  chain[count++] = (struct descriptor){(uint64_t)request->header, sizeof *request->header,
                                       DESC_NEXT, first + 1u};
  for (uint32_t done = 0; done < size; done += piece, count++) {
    uint32_t length = size - done < piece ? size - done : piece;
    chain[count] = (struct descriptor){(uint64_t)request->data + done, length, data_flags,
                                       (uint16_t)(first + count + 1)};
  }
  chain[count++] = (struct descriptor){(uint64_t)request->status, 1, DESC_WRITE, 0};
  return count;
}

void blk_offer(struct blk_device *blk, uint32_t slot, uint32_t type, uint64_t offset,
               uint32_t size) {
  struct blk_slot *request = &blk->slots[slot];
  struct virtqueue *queue = &blk->queues[slot / blk->slot_count];
  uint16_t head = (uint16_t)(slot % blk->slot_count * BLK_DESCRIPTORS);
  struct descriptor *descriptors = &queue->descriptors[head];
  *request->header = (struct blk_header){.type = type, .sector = offset / BLK_SECTOR};
  *request->status = BLK_STATUS_PENDING;
  request->offset = offset;
  if (request->table) {
    uint16_t count = write_chain(blk, request, request->table, 0, type, size);
    uint32_t length = count * (uint32_t)sizeof *request->table;
    *descriptors = (struct descriptor){(uint64_t)request->table, length, DESC_INDIRECT, 0};
  } else {
    write_chain(blk, request, descriptors, head, type, size);
  }
  request->start = rdtsc();
  virtqueue_offer(queue, head);
}

bool blk_one(struct blk_device *blk, uint32_t type, uint64_t offset, uint32_t size) {
  struct used_element element;
  blk_offer(blk, 0, type, offset, size);
  virtqueue_kick(&blk->queues[0]);
  uint64_t deadline = rdtsc() + clock_from_us(REQUEST_LIMIT_US);
  while (!virtqueue_take(&blk->queues[0], &element)) {
    if (rdtsc() > deadline) return false;
    cpu_pause();
  }
  return *blk->slots[0].status == BLK_S_OK;
}
