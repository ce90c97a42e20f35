#include "rng_device.h"

#include "clock.h"
#include "cpu.h"
#include "memory.h"

#define REQUEST_LIMIT_US 1000000

bool rng_open(struct rng_device *rng, uint32_t index, uint32_t size, uint64_t features) {
  *rng = (struct rng_device){0};
  if (!virtio_find(VIRTIO_ID_ENTROPY, index, &rng->virtio)) return false;
  if (!virtio_negotiate(&rng->virtio, features)) return false;
  if (!virtqueue_init(&rng->queue, &rng->virtio, 0, 256, VIRTIO_NO_VECTOR)) return false;
  rng->data = dma_allocate(size, 4096);
  virtio_driver_ok(&rng->virtio);
  return true;
}

uint32_t rng_read(struct rng_device *rng, uint32_t size) {
  struct used_element element;
  rng->queue.descriptors[0] = (struct descriptor){(uint64_t)rng->data, size, DESC_WRITE, 0};
  virtqueue_offer(&rng->queue, 0);
  virtqueue_kick(&rng->queue);
  uint64_t deadline = rdtsc() + clock_from_us(REQUEST_LIMIT_US);
  while (!virtqueue_take(&rng->queue, &element)) {
    if (rdtsc() > deadline) return 0;
    cpu_pause();
  }
  return element.length;
}
