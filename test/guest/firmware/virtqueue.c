#include "virtqueue.h"

#include "cpu.h"
#include "memory.h"

static void set_queue_address(struct virtio_device *device, uint32_t reg,
                              const volatile void *address) {
  mmio_write32(device->common + reg, (uint32_t)(uint64_t)address);
  mmio_write32(device->common + reg + 4, (uint32_t)((uint64_t)address >> 32));
}

static volatile uint16_t *used_event(struct virtqueue *queue) {
  return &queue->avail->heads[queue->size];
}

static uint16_t avail_event(struct virtqueue *queue) {
  return *(volatile uint16_t *)&queue->used->elements[queue->size];
}

bool virtqueue_init(struct virtqueue *queue, struct virtio_device *device, uint16_t number,
                    uint16_t size_max, uint16_t msix_entry) {
  uint64_t common = device->common;
  *queue = (struct virtqueue){.number = number};
  mmio_write16(common + COMMON_QUEUE_SELECT, number);
  uint16_t offered = mmio_read16(common + COMMON_QUEUE_SIZE);
  if (offered == 0) return false;
  queue->size = offered < size_max ? offered : size_max;
  queue->event_index = (device->features & VIRTIO_F_EVENT_IDX) != 0;
  queue->descriptors = dma_allocate(16ull * queue->size, 4096);
  queue->avail = dma_allocate(6 + 2ull * queue->size, 4096);
  queue->used = dma_allocate(6 + 8ull * queue->size, 4096);
  mmio_write16(common + COMMON_QUEUE_SIZE, queue->size);
  if (device->msix_capability) mmio_write16(common + COMMON_QUEUE_MSIX_VECTOR, msix_entry);
  set_queue_address(device, COMMON_QUEUE_DESC, queue->descriptors);
  set_queue_address(device, COMMON_QUEUE_DRIVER, queue->avail);
  set_queue_address(device, COMMON_QUEUE_DEVICE, queue->used);
  uint32_t notify_offset = mmio_read16(common + COMMON_QUEUE_NOTIFY_OFF);
  queue->notify_address = device->notify + (uint64_t)notify_offset * device->notify_multiplier;
  virtqueue_want_interrupt(queue, false);
  mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
  return mmio_read16(common + COMMON_QUEUE_ENABLE) == 1;
}

void virtqueue_offer(struct virtqueue *queue, uint16_t head) {
  queue->avail->heads[queue->avail_index % queue->size] = head;
  queue->avail_index++;
}

/* Whether the device waits for an index in [before, now), all modulo 2^16: §2.7.10. */
static bool crossed(uint16_t event, uint16_t now, uint16_t before) {
  return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

void virtqueue_kick_always(struct virtqueue *queue) {
  queue->kicks++;
  mmio_write16(queue->notify_address, queue->number);
}

void virtqueue_kick(struct virtqueue *queue) {
  uint16_t before = queue->kicked_index;
  /* ORDER: heads before the index; x86 keeps stores in order, so only the compiler has to. */
  compiler_barrier();
  queue->avail->index = queue->avail_index;
  queue->kicked_index = queue->avail_index;
  /* ORDER: the index before the look at what the device wants, else both sides may wait for each
   * other. */
  memory_barrier();
  bool wanted = queue->event_index ? crossed(avail_event(queue), queue->avail_index, before)
                                   : !(queue->used->flags & USED_NO_NOTIFY);
  if (wanted) virtqueue_kick_always(queue);
}

bool virtqueue_take(struct virtqueue *queue, struct used_element *element) {
  if (queue->used->index == queue->used_seen) return false;
  compiler_barrier(); /* ORDER: the index before the element */
  volatile struct used_element *from = &queue->used->elements[queue->used_seen % queue->size];
  element->head = from->head;
  element->length = from->length;
  queue->used_seen++;
  return true;
}

void virtqueue_want_interrupt(struct virtqueue *queue, bool wanted) {
  if (queue->event_index) {
    /* Without interest, name an index that lies as far ahead as can be. */
    *used_event(queue) = wanted ? queue->used_seen : (uint16_t)(queue->used_seen - 1);
  } else {
    queue->avail->flags = wanted ? 0 : AVAIL_NO_INTERRUPT;
  }
  memory_barrier();
}
