/* The device under attack: a block device or a source of entropy. */
#include "blk_device.h"
#include "clock.h"
#include "cpu.h"
#include "hostile.h"
#include "memory.h"
#include "pattern.h"
#include "rng_device.h"

#define BLOCK_SIZE 4096
#define ANSWER_LIMIT_US 20000

static struct blk_device blk;
static struct rng_device rng;

static bool open_blk(struct target *target) {
  const struct blk_options options = {
      .slots = 8, .block_size = BLOCK_SIZE, .features = target->features};
  if (!blk_open(&blk, &options)) return false;
  target->virtio = &blk.virtio;
  target->queue = &blk.queues[0];
  blk_offer(&blk, 0, BLK_T_IN, 0, BLOCK_SIZE);
  blk.queues[0].avail_index = 0; /* laid out, not offered */
  target->data = 1;
  target->last = 2;
  target->data_address = (uint64_t)blk.slots[0].data;
  return true;
}

static bool open_rng(struct target *target) {
  if (!rng_open(&rng, 0, BLOCK_SIZE, target->features)) return false;
  target->virtio = &rng.virtio;
  target->queue = &rng.queue;
  rng.queue.descriptors[0] = (struct descriptor){(uint64_t)rng.data, BLOCK_SIZE, DESC_WRITE, 0};
  target->data = target->last = 0;
  target->data_address = (uint64_t)rng.data;
  return true;
}

bool target_open(struct target *target) {
  dma_release();
  bool open = target->kind == TARGET_BLK ? open_blk(target) : open_rng(target);
  if (open) target->chain = target->queue->descriptors;
  return open;
}

bool target_answers(struct target *target) {
  if (target->kind == TARGET_RNG) return rng_read(&rng, 64) > 0;
  return blk_one(&blk, BLK_T_IN, BLOCK_SIZE, BLOCK_SIZE) &&
         pattern_holds(blk.slots[0].data, BLOCK_SIZE, BLOCK_SIZE, 0, true);
}

void target_wait(struct target *target) {
  uint64_t deadline = rdtsc() + clock_from_us(ANSWER_LIMIT_US);
  uint16_t before = target->queue->used_seen;
  while (rdtsc() < deadline && target->queue->used->index == before) {
    for (int spins = 0; spins < 10000; spins++) cpu_pause();
    if (virtio_status(target->virtio) & VIRTIO_STATUS_NEEDS_RESET) return;
  }
}

void target_fire(struct target *target, uint16_t head) {
  virtqueue_offer(target->queue, head);
  compiler_barrier();
  target->queue->avail->index = target->queue->avail_index;
  virtqueue_kick_always(target->queue);
  target_wait(target);
}

uint64_t target_random(struct target *target) {
  target->seed ^= target->seed << 13;
  target->seed ^= target->seed >> 7;
  target->seed ^= target->seed << 17;
  return target->seed;
}
