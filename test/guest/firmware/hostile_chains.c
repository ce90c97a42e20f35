/* Attacks on descriptor chains: virtio 1.3 §2.7.5 and §2.7.5.3. */
#include "hostile.h"
#include "memory.h"

#define PAGE 4096

static void set(struct target *target, uint16_t index, uint64_t address, uint32_t length,
                uint16_t flags, uint16_t next) {
  target->chain[index] = (struct descriptor){address, length, flags, next};
}

static struct descriptor *data_of(struct target *target) { return &target->chain[target->data]; }

static void loop_to_itself(struct target *target) {
  data_of(target)->flags |= DESC_NEXT;
  data_of(target)->next = target->data;
  target_fire(target, 0);
}

static void loop_of_two(struct target *target) {
  set(target, 10, target->data_address, 16, DESC_NEXT, 11);
  set(target, 11, target->data_address, 16, DESC_NEXT, 10);
  target_fire(target, 10);
}

static void loop_of_all(struct target *target) {
  uint16_t size = target->queue->size;
  for (uint16_t i = 0; i < size; i++) {
    set(target, i, target->data_address, 16, DESC_NEXT | DESC_WRITE, (uint16_t)((i + 1) % size));
  }
  target_fire(target, 0);
}

static void next_out_of_range(struct target *target) {
  data_of(target)->flags |= DESC_NEXT;
  data_of(target)->next = target->queue->size;
  target_fire(target, 0);
}

static void next_at_maximum(struct target *target) {
  data_of(target)->flags |= DESC_NEXT;
  data_of(target)->next = 0xffff;
  target_fire(target, 0);
}

static void head_at_queue_size(struct target *target) { target_fire(target, target->queue->size); }

static void head_at_maximum(struct target *target) { target_fire(target, 0xffff); }

static void address_beyond_ram(struct target *target) {
  data_of(target)->address = target->ram_end + 0x100000;
  target_fire(target, 0);
}

static void address_across_ram_end(struct target *target) {
  data_of(target)->address = target->ram_end - PAGE / 2;
  target_fire(target, 0);
}

static void address_wraps(struct target *target) {
  data_of(target)->address = UINT64_MAX - PAGE / 2 + 1;
  target_fire(target, 0);
}

static void address_at_maximum(struct target *target) {
  data_of(target)->address = UINT64_MAX;
  target_fire(target, 0);
}

static void address_is_own_bar(struct target *target) {
  data_of(target)->address = target->virtio->common;
  target_fire(target, 0);
}

static void address_is_local_apic(struct target *target) {
  data_of(target)->address = 0xfee00000;
  target_fire(target, 0);
}

static void address_sign_bit(struct target *target) {
  data_of(target)->address |= 1ull << 63;
  target_fire(target, 0);
}

static void address_beyond_double(struct target *target) {
  data_of(target)->address |= 1ull << 53;
  target_fire(target, 0);
}

static void length_at_maximum(struct target *target) {
  data_of(target)->length = UINT32_MAX;
  target_fire(target, 0);
}

static void length_sign_bit(struct target *target) {
  data_of(target)->length = 0x80000000;
  target_fire(target, 0);
}

static void length_zero(struct target *target) {
  data_of(target)->length = 0;
  target_fire(target, 0);
}

static void lengths_all_zero(struct target *target) {
  for (uint16_t i = 0; i <= target->last; i++) target->chain[i].length = 0;
  target_fire(target, 0);
}

/* 255 descriptors of nearly 4 GiB: their sum passes 2^32 and 2^39. */
static void lengths_overflow(struct target *target) {
  uint16_t size = target->queue->size;
  for (uint16_t i = 1; i < size; i++) {
    set(target, i, target->data_address, UINT32_MAX, DESC_WRITE | (i + 1 < size ? DESC_NEXT : 0),
        i + 1u);
  }
  target_fire(target, target->data == 0 ? 1 : 0);
}

static void all_overlap(struct target *target) {
  for (uint16_t i = 0; i <= target->last; i++) target->chain[i].address = target->data_address;
  target_fire(target, 0);
}

static void direction_reversed(struct target *target) {
  for (uint16_t i = 0; i <= target->last; i++) target->chain[i].flags ^= DESC_WRITE;
  target_fire(target, 0);
}

static void all_readable(struct target *target) {
  for (uint16_t i = 0; i <= target->last; i++) target->chain[i].flags &= (uint16_t)~DESC_WRITE;
  target_fire(target, 0);
}

static void readable_after_writable(struct target *target) {
  set(target, 10, target->data_address, 16, DESC_WRITE | DESC_NEXT, 0);
  target_fire(target, 10);
}

static void unknown_flags(struct target *target) {
  data_of(target)->flags |= 0xfff8;
  target_fire(target, 0);
}

/* The device's own writes land in the descriptor table that it reads. */
static void data_is_descriptor_table(struct target *target) {
  data_of(target)->address = (uint64_t)target->chain;
  target_fire(target, 0);
  target_fire(target, 0);
}

static void data_is_used_ring(struct target *target) {
  data_of(target)->address = (uint64_t)target->queue->used;
  target_fire(target, 0);
  target_fire(target, 0);
}

static void data_is_avail_ring(struct target *target) {
  data_of(target)->address = (uint64_t)target->queue->avail;
  target_fire(target, 0);
  target_fire(target, 0);
}

/* The table of `count` descriptors, each to the next, that descriptor 10 refers to. */
static struct descriptor *indirect_table(struct target *target, uint16_t count) {
  struct descriptor *table = dma_allocate(16ull * count, PAGE);
  for (uint16_t i = 0; i < count; i++) {
    uint16_t next = i + 1 < count ? DESC_NEXT : 0;
    table[i] = (struct descriptor){target->data_address, 16, DESC_WRITE | next, i + 1u};
  }
  set(target, 10, (uint64_t)table, 16u * count, DESC_INDIRECT, 0);
  return table;
}

static void indirect_not_negotiated(struct target *target) {
  target->features = 0;
  if (!target_open(target)) return;
  indirect_table(target, 4);
  target_fire(target, 10);
}

static void indirect_nested(struct target *target) {
  struct descriptor *table = indirect_table(target, 4);
  table[1].flags = DESC_INDIRECT;
  table[1].address = (uint64_t)table;
  table[1].length = 64;
  target_fire(target, 10);
}

static void indirect_loop(struct target *target) {
  indirect_table(target, 4)[3] =
      (struct descriptor){target->data_address, 16, DESC_WRITE | DESC_NEXT, 0};
  target_fire(target, 10);
}

static void indirect_next_out_of_range(struct target *target) {
  indirect_table(target, 4)[1].next = 4;
  target_fire(target, 10);
}

static void indirect_odd_length(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].length = 50;
  target_fire(target, 10);
}

static void indirect_empty(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].length = 0;
  target_fire(target, 10);
}

static void indirect_huge(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].length = 0xfffffff0;
  target_fire(target, 10);
}

static void indirect_longer_than_queue(struct target *target) {
  indirect_table(target, 4096);
  target_fire(target, 10);
}

static void indirect_beyond_ram(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].address = target->ram_end - 32;
  target_fire(target, 10);
}

static void indirect_wraps(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].address = UINT64_MAX - 31;
  target_fire(target, 10);
}

static void indirect_with_next(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].flags |= DESC_NEXT;
  target_fire(target, 10);
}

static void indirect_with_write(struct target *target) {
  indirect_table(target, 4);
  target->chain[10].flags |= DESC_WRITE;
  target_fire(target, 10);
}

/* Addresses stay in the arena, past its rings, or outside RAM, so that the guest itself is not
 * overwritten. */
static void random_descriptors(struct target *target) {
  uint16_t size = target->queue->size;
  for (uint64_t step = 0; step < target->count; step++) {
    for (uint16_t i = 0; i < size; i++) {
      uint64_t bits = target_random(target);
      uint64_t address = bits & 3 ? DMA_ARENA + 0x100000 + bits % 0x100000 : target->ram_end + bits;
      set(target, i, address, (uint32_t)(bits >> 32 & (bits & 4 ? 0xfff : UINT32_MAX)),
          (uint16_t)(target_random(target) % 8), (uint16_t)(target_random(target) % (size + 1u)));
    }
    virtqueue_offer(target->queue, (uint16_t)(target_random(target) % size));
    virtqueue_kick(target->queue);
    if (step % 16 == 15 && virtio_status(target->virtio) & VIRTIO_STATUS_NEEDS_RESET) {
      if (!target_open(target)) return;
    }
  }
  target_wait(target);
}

const struct attack chain_attacks[] = {
    {"chain-loop-to-itself", loop_to_itself, false},
    {"chain-loop-of-two", loop_of_two, false},
    {"chain-loop-of-all", loop_of_all, false},
    {"chain-next-out-of-range", next_out_of_range, false},
    {"chain-next-at-maximum", next_at_maximum, false},
    {"chain-head-at-queue-size", head_at_queue_size, false},
    {"chain-head-at-maximum", head_at_maximum, false},
    {"chain-address-beyond-ram", address_beyond_ram, false},
    {"chain-address-across-ram-end", address_across_ram_end, false},
    {"chain-address-wraps", address_wraps, false},
    {"chain-address-at-maximum", address_at_maximum, false},
    {"chain-address-is-own-bar", address_is_own_bar, false},
    {"chain-address-is-local-apic", address_is_local_apic, false},
    {"chain-address-sign-bit", address_sign_bit, false},
    {"chain-address-beyond-double", address_beyond_double, false},
    {"chain-length-at-maximum", length_at_maximum, false},
    {"chain-length-sign-bit", length_sign_bit, false},
    {"chain-length-zero", length_zero, false},
    {"chain-lengths-all-zero", lengths_all_zero, false},
    {"chain-lengths-overflow", lengths_overflow, false},
    {"chain-all-overlap", all_overlap, false},
    {"chain-direction-reversed", direction_reversed, false},
    {"chain-all-readable", all_readable, false},
    {"chain-readable-after-writable", readable_after_writable, false},
    {"chain-unknown-flags", unknown_flags, false},
    {"chain-data-is-descriptor-table", data_is_descriptor_table, false},
    {"chain-data-is-used-ring", data_is_used_ring, false},
    {"chain-data-is-avail-ring", data_is_avail_ring, false},
    {"indirect-not-negotiated", indirect_not_negotiated, false},
    {"indirect-nested", indirect_nested, false},
    {"indirect-loop", indirect_loop, false},
    {"indirect-next-out-of-range", indirect_next_out_of_range, false},
    {"indirect-odd-length", indirect_odd_length, false},
    {"indirect-empty", indirect_empty, false},
    {"indirect-huge", indirect_huge, false},
    {"indirect-longer-than-queue", indirect_longer_than_queue, false},
    {"indirect-beyond-ram", indirect_beyond_ram, false},
    {"indirect-wraps", indirect_wraps, false},
    {"indirect-with-next", indirect_with_next, false},
    {"indirect-with-write", indirect_with_write, false},
    {"chain-random", random_descriptors, false},
    {0},
};
