/* Driver side of a split virtqueue: virtio 1.3 §2.7. */
#ifndef VIRTQUEUE_H
#define VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "virtio.h"

#define DESC_NEXT 1
#define DESC_WRITE 2
#define DESC_INDIRECT 4
#define AVAIL_NO_INTERRUPT 1
#define USED_NO_NOTIFY 1

struct descriptor {
  uint64_t address;
  uint32_t length;
  uint16_t flags, next;
};

struct avail_ring {
  uint16_t flags, index;
  uint16_t heads[]; /* then used_event */
};

struct used_element {
  uint32_t head, length;
};

struct used_ring {
  uint16_t flags, index;
  struct used_element elements[]; /* then avail_event */
};

struct virtqueue {
  uint16_t size, number;
  bool event_index;
  struct descriptor *descriptors;
  volatile struct avail_ring *avail;
  volatile struct used_ring *used;
  uint16_t avail_index;  /* the next slot that the driver fills */
  uint16_t kicked_index; /* avail_index at the last decision about a kick */
  uint16_t used_seen;
  uint64_t notify_address;
  uint64_t kicks;
};

/*
 * Allocates the ring, tells the device its addresses and enables it.
 * `size_max` bounds the size; `msix_entry` may be VIRTIO_NO_VECTOR. False if the device has no such
 * queue.
 */
bool virtqueue_init(struct virtqueue *queue, struct virtio_device *device, uint16_t number,
                    uint16_t size_max, uint16_t msix_entry);

/* Offers a chain; the device sees it after virtqueue_kick. */
void virtqueue_offer(struct virtqueue *queue, uint16_t head);

/* Publishes what was offered, and notifies the device if it wants that. */
void virtqueue_kick(struct virtqueue *queue);
/* Notifies the device whatever it wants. */
void virtqueue_kick_always(struct virtqueue *queue);

/* Takes one used element; false if there is none. */
bool virtqueue_take(struct virtqueue *queue, struct used_element *element);

/* Asks for an interrupt at the next used element, or for none. */
void virtqueue_want_interrupt(struct virtqueue *queue, bool wanted);

#endif
