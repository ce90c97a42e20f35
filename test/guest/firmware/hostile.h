/*
 * A driver that breaks the rules, one attack at a time.
 *
 * Before an attack the device is freshly opened with one valid request laid out but not offered;
 * after it the device is reset and must serve a good request, else it did not survive.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"
#include "virtqueue.h"

enum target_kind { TARGET_BLK, TARGET_RNG };

struct target {
  enum target_kind kind;
  struct virtio_device *virtio;
  struct virtqueue *queue;
  struct descriptor *chain; /* the queue's descriptor table; the valid chain starts at 0 */
  uint16_t data;            /* its data descriptor */
  uint16_t last;            /* its last descriptor, the status byte of a block request */
  uint64_t data_address;
  uint64_t features; /* to negotiate as far as offered */
  uint64_t ram_end;  /* of the RAM below 4 GiB */
  uint64_t seed;
  uint64_t count; /* of steps, for the random attacks */
};

struct attack {
  const char *name;
  void (*run)(struct target *target);
  bool blk_only;
};

/* The tables end with an entry without a name. */
extern const struct attack chain_attacks[], request_attacks[], queue_attacks[], register_attacks[],
    pci_attacks[];

/* Opens the device and lays out the valid request. False if it does not come up. */
bool target_open(struct target *target);

/* A good request, checked. */
bool target_answers(struct target *target);

/* Offers the chain at `head` and notifies; waits a little for a used element or for
 * DEVICE_NEEDS_RESET. */
void target_fire(struct target *target, uint16_t head);
/* Only waits. */
void target_wait(struct target *target);

uint64_t target_random(struct target *target);

#endif
