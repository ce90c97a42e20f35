/* Attacks on rings and on their configuration: virtio 1.3 §2.7 and §4.1.4.3. */
#include "cpu.h"
#include "hostile.h"
#include "memory.h"

static uint64_t common_of(const struct target *target) { return target->virtio->common; }

static void publish(struct target *target, uint16_t index) {
  target->queue->avail->index = index;
  virtqueue_kick_always(target->queue);
  target_wait(target);
}

/* More heads than the ring has places: all of them head 0. */
static void avail_jumps_past_size(struct target *target) {
  publish(target, target->queue->size + 1u);
}
static void avail_jumps_half(struct target *target) { publish(target, 0x8000); }
static void avail_jumps_far(struct target *target) { publish(target, 0xffff); }

static void avail_goes_back(struct target *target) {
  target_fire(target, 0);
  publish(target, 0);
}

static void same_head_in_all_places(struct target *target) {
  for (uint16_t i = 0; i < target->queue->size; i++) virtqueue_offer(target->queue, 0);
  publish(target, target->queue->avail_index);
}

static void avail_changes_while_read(struct target *target) {
  for (uint64_t step = 0; step < target->count * 10; step++) {
    target->queue->avail->index = (uint16_t)target_random(target);
    if (step % 50 == 0) virtqueue_kick_always(target->queue);
  }
  target_wait(target);
}

/* Resets, chooses features again and writes queue 0 afresh; returns before DRIVER_OK. */
static void reconfigure(struct target *target, uint32_t reg, uint64_t address) {
  if (!virtio_negotiate(target->virtio, target->features)) return;
  const uint64_t addresses[] = {(uint64_t)target->queue->descriptors,
                                (uint64_t)target->queue->avail, (uint64_t)target->queue->used};
  mmio_write16(common_of(target) + COMMON_QUEUE_SELECT, 0);
  for (uint32_t i = 0; i < 3; i++) {
    uint32_t at = COMMON_QUEUE_DESC + 8 * i;
    uint64_t value = at == reg ? address : addresses[i];
    mmio_write32(common_of(target) + at, (uint32_t)value);
    mmio_write32(common_of(target) + at + 4, (uint32_t)(value >> 32));
  }
}

static void start_and_kick(struct target *target) {
  mmio_write16(common_of(target) + COMMON_QUEUE_ENABLE, 1);
  virtio_driver_ok(target->virtio);
  publish(target, 1);
}

static void misplace(struct target *target, uint32_t reg, uint64_t address) {
  reconfigure(target, reg, address);
  start_and_kick(target);
}

static void descriptors_beyond_ram(struct target *target) {
  misplace(target, COMMON_QUEUE_DESC, target->ram_end + 0x1000);
}
static void descriptors_across_ram_end(struct target *target) {
  misplace(target, COMMON_QUEUE_DESC, target->ram_end - 16);
}
static void descriptors_misaligned(struct target *target) {
  misplace(target, COMMON_QUEUE_DESC, DMA_ARENA + 1);
}
static void descriptors_wrap(struct target *target) {
  misplace(target, COMMON_QUEUE_DESC, UINT64_MAX - 15);
}
static void avail_beyond_ram(struct target *target) {
  misplace(target, COMMON_QUEUE_DRIVER, 1ull << 40);
}
static void avail_misaligned(struct target *target) {
  misplace(target, COMMON_QUEUE_DRIVER, DMA_ARENA + 0x1001);
}
static void avail_wraps(struct target *target) {
  misplace(target, COMMON_QUEUE_DRIVER, UINT64_MAX - 1);
}
static void used_beyond_ram(struct target *target) {
  misplace(target, COMMON_QUEUE_DEVICE, 1ull << 63);
}
static void used_misaligned(struct target *target) {
  misplace(target, COMMON_QUEUE_DEVICE, DMA_ARENA + 0x2002);
}
static void used_wraps(struct target *target) {
  misplace(target, COMMON_QUEUE_DEVICE, UINT64_MAX - 3);
}
static void used_is_local_apic(struct target *target) {
  misplace(target, COMMON_QUEUE_DEVICE, 0xfee00000);
}

static void rings_overlap(struct target *target) {
  reconfigure(target, COMMON_QUEUE_DRIVER, (uint64_t)target->queue->descriptors);
  mmio_write32(common_of(target) + COMMON_QUEUE_DEVICE,
               (uint32_t)(uint64_t)target->queue->descriptors);
  start_and_kick(target);
}

static void resize(struct target *target, uint16_t size) {
  reconfigure(target, 0, 0);
  mmio_write16(common_of(target) + COMMON_QUEUE_SIZE, size);
  start_and_kick(target);
}

static void size_zero(struct target *target) { resize(target, 0); }
static void size_three(struct target *target) { resize(target, 3); }
static void size_half(struct target *target) { resize(target, 0x8000); }
static void size_at_maximum(struct target *target) { resize(target, 0xffff); }

static void not_enabled(struct target *target) {
  reconfigure(target, 0, 0);
  virtio_driver_ok(target->virtio);
  publish(target, 1);
}

static void enabled_after_start(struct target *target) {
  reconfigure(target, 0, 0);
  virtio_driver_ok(target->virtio);
  mmio_write16(common_of(target) + COMMON_QUEUE_ENABLE, 1);
  publish(target, 1);
}

static void kicked_before_start(struct target *target) {
  reconfigure(target, 0, 0);
  mmio_write16(common_of(target) + COMMON_QUEUE_ENABLE, 1);
  publish(target, 1);
}

/* Queue addresses and size written while the device serves the queue. */
static void reconfigured_live(struct target *target) {
  uint64_t common = common_of(target);
  for (uint64_t step = 0; step < target->count; step++) {
    virtqueue_offer(target->queue, 0);
    virtqueue_kick(target->queue);
    mmio_write16(common + COMMON_QUEUE_SELECT, 0);
    mmio_write16(common + COMMON_QUEUE_SIZE, (uint16_t)target_random(target));
    mmio_write32(common + COMMON_QUEUE_DESC, (uint32_t)target_random(target));
    mmio_write32(common + COMMON_QUEUE_DEVICE + 4, (uint32_t)target_random(target));
    mmio_write16(common + COMMON_QUEUE_ENABLE, (uint16_t)(step & 1));
  }
  target_wait(target);
}

static void reset_under_load(struct target *target) {
  for (uint64_t step = 0; step < target->count / 10 + 1; step++) {
    for (uint16_t i = 0; i < 64; i++) virtqueue_offer(target->queue, 0);
    virtqueue_kick(target->queue);
    virtqueue_kick_always(target->queue);
    if (!target_open(target)) return;
  }
}

static void select_out_of_range(struct target *target) {
  uint64_t common = common_of(target);
  static const uint16_t selects[] = {1, 255, 256, 0x7fff, 0x8000, 0xffff};
  for (uint32_t i = 0; i < sizeof selects / sizeof selects[0]; i++) {
    mmio_write16(common + COMMON_QUEUE_SELECT, selects[i]);
    mmio_read16(common + COMMON_QUEUE_SIZE);
    mmio_write16(common + COMMON_QUEUE_SIZE, 16);
    mmio_write32(common + COMMON_QUEUE_DESC, 0x1000);
    mmio_write16(common + COMMON_QUEUE_ENABLE, 1);
  }
}

/* Kicks of queues that do not exist, of every width, all over the notification area. */
static void stray_kicks(struct target *target) {
  for (uint32_t i = 0; i < 64; i++) {
    uint64_t at = target->virtio->notify + i * target->virtio->notify_multiplier;
    mmio_write16(at, (uint16_t)(i * 1021));
    mmio_write32(at, 0xffff0000u + i);
    mmio_write8(at + 1, (uint8_t)i);
  }
}

static void kick_storm(struct target *target) {
  for (uint64_t step = 0; step < target->count * 50; step++) virtqueue_kick_always(target->queue);
}

const struct attack queue_attacks[] = {
    {"avail-jumps-past-size", avail_jumps_past_size, false},
    {"avail-jumps-half", avail_jumps_half, false},
    {"avail-jumps-far", avail_jumps_far, false},
    {"avail-goes-back", avail_goes_back, false},
    {"avail-same-head-in-all-places", same_head_in_all_places, false},
    {"avail-changes-while-read", avail_changes_while_read, false},
    {"queue-descriptors-beyond-ram", descriptors_beyond_ram, false},
    {"queue-descriptors-across-ram-end", descriptors_across_ram_end, false},
    {"queue-descriptors-misaligned", descriptors_misaligned, false},
    {"queue-descriptors-wrap", descriptors_wrap, false},
    {"queue-avail-beyond-ram", avail_beyond_ram, false},
    {"queue-avail-misaligned", avail_misaligned, false},
    {"queue-avail-wraps", avail_wraps, false},
    {"queue-used-beyond-ram", used_beyond_ram, false},
    {"queue-used-misaligned", used_misaligned, false},
    {"queue-used-wraps", used_wraps, false},
    {"queue-used-is-local-apic", used_is_local_apic, false},
    {"queue-rings-overlap", rings_overlap, false},
    {"queue-size-zero", size_zero, false},
    {"queue-size-three", size_three, false},
    {"queue-size-half", size_half, false},
    {"queue-size-at-maximum", size_at_maximum, false},
    {"queue-not-enabled", not_enabled, false},
    {"queue-enabled-after-start", enabled_after_start, false},
    {"queue-kicked-before-start", kicked_before_start, false},
    {"queue-reconfigured-live", reconfigured_live, false},
    {"queue-reset-under-load", reset_under_load, false},
    {"queue-select-out-of-range", select_out_of_range, false},
    {"queue-stray-kicks", stray_kicks, false},
    {"queue-kick-storm", kick_storm, false},
    {0},
};
