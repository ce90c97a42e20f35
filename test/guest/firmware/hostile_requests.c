/* Attacks on block requests: virtio 1.3 §5.2.6. */
#include "blk_device.h"
#include "hostile.h"
#include "memory.h"

#define BLK_T_GET_ID 8
#define BLK_T_DISCARD 11
#define BLK_T_WRITE_ZEROES 13

struct discard_segment {
  uint64_t sector;
  uint32_t sectors, flags;
};

static struct blk_header *header_of(struct target *target) {
  return (struct blk_header *)target->chain[0].address;
}

static void header_short(struct target *target) {
  target->chain[0].length = 8;
  target_fire(target, 0);
}

static void header_only(struct target *target) {
  target->chain[0].flags = 0;
  target_fire(target, 0);
}

static void status_only(struct target *target) { target_fire(target, target->last); }

static void status_missing(struct target *target) {
  target->chain[target->data].flags = DESC_WRITE;
  target_fire(target, 0);
}

static void status_readable(struct target *target) {
  target->chain[target->last].flags = 0;
  target_fire(target, 0);
}

static void status_beyond_ram(struct target *target) {
  target->chain[target->last].address = target->ram_end;
  target_fire(target, 0);
}

/* Not an attack but a right of the driver: a header in pieces of one byte (§2.7.4). */
static void header_in_pieces(struct target *target) {
  for (uint16_t i = 0; i < 16; i++) {
    uint16_t next = i < 15 ? 21u + i : target->data;
    target->chain[20 + i] = (struct descriptor){target->chain[0].address + i, 1, DESC_NEXT, next};
  }
  target_fire(target, 20);
}

static void data_unaligned(struct target *target) {
  target->chain[target->data].length = 513;
  target_fire(target, 0);
}

static void fire_sector(struct target *target, uint32_t type, uint64_t sector) {
  header_of(target)->type = type;
  header_of(target)->sector = sector;
  if (type == BLK_T_OUT) target->chain[target->data].flags &= (uint16_t)~DESC_WRITE;
  target_fire(target, 0);
}

static void read_beyond_end(struct target *target) { fire_sector(target, BLK_T_IN, 1ull << 40); }
static void read_sector_wraps(struct target *target) { fire_sector(target, BLK_T_IN, 1ull << 55); }
static void read_sector_at_maximum(struct target *target) {
  fire_sector(target, BLK_T_IN, UINT64_MAX);
}
static void write_beyond_end(struct target *target) { fire_sector(target, BLK_T_OUT, 1ull << 40); }
static void write_sector_wraps(struct target *target) {
  fire_sector(target, BLK_T_OUT, 1ull << 55);
}
static void write_sector_at_maximum(struct target *target) {
  fire_sector(target, BLK_T_OUT, UINT64_MAX - 3);
}
static void type_unknown(struct target *target) { fire_sector(target, 0x12345678, 0); }
static void type_at_maximum(struct target *target) { fire_sector(target, UINT32_MAX, 0); }
static void flush_with_data(struct target *target) { fire_sector(target, BLK_T_FLUSH, UINT64_MAX); }

static void id_short(struct target *target) {
  target->chain[target->data].length = 3;
  fire_sector(target, BLK_T_GET_ID, 0);
}

static void fire_segments(struct target *target, uint32_t type, uint32_t size) {
  struct discard_segment *segments = dma_allocate(4096, 4096);
  for (uint32_t i = 0; i < 4096 / sizeof *segments; i++) {
    segments[i] = (struct discard_segment){UINT64_MAX - i, UINT32_MAX, i % 3 ? 0 : UINT32_MAX};
  }
  header_of(target)->type = type;
  target->chain[target->data] =
      (struct descriptor){(uint64_t)segments, size, DESC_NEXT, target->last};
  target_fire(target, 0);
}

static void discard_out_of_range(struct target *target) {
  fire_segments(target, BLK_T_DISCARD, 16);
}
static void discard_odd_size(struct target *target) { fire_segments(target, BLK_T_DISCARD, 17); }
static void discard_many(struct target *target) { fire_segments(target, BLK_T_DISCARD, 4096); }
static void zeroes_out_of_range(struct target *target) {
  fire_segments(target, BLK_T_WRITE_ZEROES, 16);
}

const struct attack request_attacks[] = {
    {"request-header-short", header_short, true},
    {"request-header-only", header_only, true},
    {"request-status-only", status_only, true},
    {"request-status-missing", status_missing, true},
    {"request-status-readable", status_readable, true},
    {"request-status-beyond-ram", status_beyond_ram, true},
    {"request-header-in-pieces", header_in_pieces, true},
    {"request-data-unaligned", data_unaligned, true},
    {"request-read-beyond-end", read_beyond_end, true},
    {"request-read-sector-wraps", read_sector_wraps, true},
    {"request-read-sector-at-maximum", read_sector_at_maximum, true},
    {"request-write-beyond-end", write_beyond_end, true},
    {"request-write-sector-wraps", write_sector_wraps, true},
    {"request-write-sector-at-maximum", write_sector_at_maximum, true},
    {"request-type-unknown", type_unknown, true},
    {"request-type-at-maximum", type_at_maximum, true},
    {"request-flush-with-data", flush_with_data, true},
    {"request-id-short", id_short, true},
    {"request-discard-out-of-range", discard_out_of_range, true},
    {"request-discard-odd-size", discard_odd_size, true},
    {"request-discard-many", discard_many, true},
    {"request-zeroes-out-of-range", zeroes_out_of_range, true},
    {0},
};
