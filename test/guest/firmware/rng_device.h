/* A virtio-rng driver, one request at a time: virtio 1.3 §5.4. */
#ifndef RNG_DEVICE_H
#define RNG_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtqueue.h"

struct rng_device {
  struct virtio_device virtio;
  struct virtqueue queue;
  uint8_t *data;
};

/* `size`: of the buffer, bytes. `features`: wanted, taken as far as offered. */
bool rng_open(struct rng_device *rng, uint32_t index, uint32_t size, uint64_t features);

/* Reads at most `size` bytes, polled for at most a second; 0 if the device did not answer. */
uint32_t rng_read(struct rng_device *rng, uint32_t size);

#endif
