/*
 * Program `blk`: block I/O through virtio-blk, timed and checked.
 *
 * Every read is checked against the pattern: the ends of each 4 KiB, and each 64th request whole.
 * Writes store the pattern of another generation and are read back in part afterwards.
 */
#include "blk_device.h"
#include "clock.h"
#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "histogram.h"
#include "pattern.h"
#include "programs.h"
#include "text.h"
#include "traps.h"

#define VECTOR_QUEUE 0x51
#define FULL_CHECK_EVERY 64
#define READ_BACK_MAX 256
#define TIME_LIMIT_MS 60000
#define STALL_LIMIT_US 5000000

static struct blk_device blk;
static struct histogram latencies;

static struct {
  const char *mode;
  bool random, write, interrupts;
  uint32_t block_size, depth, generation;
  uint64_t count_max, blocks;
  uint64_t seed, next_block;
} job;

static struct {
  uint64_t started, finished, bad, errors, read_back;
  uint64_t written[READ_BACK_MAX]; /* offsets of the latest writes */
  bool stalled;
} run;

static uint64_t next_random(void) {
  job.seed ^= job.seed << 13;
  job.seed ^= job.seed >> 7;
  job.seed ^= job.seed << 17;
  return job.seed;
}

static void read_options(void) {
  job.mode = option_text("mode", "randread");
  job.random = text_equal(job.mode, "randread") || text_equal(job.mode, "randwrite");
  job.write = text_equal(job.mode, "randwrite") || text_equal(job.mode, "seqwrite");
  job.interrupts = option_number("irq", 0) != 0;
  job.block_size = (uint32_t)option_number("bs", 4096);
  job.depth = (uint32_t)option_number("qd", 1);
  job.count_max = option_number("count", UINT64_MAX);
  job.generation = job.write ? (uint32_t)option_number("generation", 1) : 0;
  job.seed = option_number("seed", 88172645463325252ull);
  job.next_block = 0;
}

static uint64_t choose_offset(void) {
  uint64_t block = job.random ? next_random() % job.blocks : job.next_block++ % job.blocks;
  return block * job.block_size;
}

static void submit(uint32_t slot) {
  uint64_t offset = choose_offset();
  if (job.write) {
    pattern_fill(blk.slots[slot].data, offset, job.block_size, job.generation);
    run.written[run.started % READ_BACK_MAX] = offset;
  }
  blk_offer(&blk, slot, job.write ? BLK_T_OUT : BLK_T_IN, offset, job.block_size);
  run.started++;
}

static void finish(uint32_t slot, uint32_t length) {
  struct blk_slot *request = &blk.slots[slot];
  histogram_add(&latencies, rdtsc() - request->start);
  run.finished++;
  if (*request->status != BLK_S_OK) {
    run.errors++;
    return;
  }
  /* What the device wrote: the data of a read, and the status. */
  if (length != (job.write ? 1 : job.block_size + 1)) run.bad++;
  bool whole = run.finished % FULL_CHECK_EVERY == 0;
  if (!job.write && !pattern_holds(request->data, request->offset, job.block_size, 0, whole))
    run.bad++;
}

/* Takes one used element of any queue, and tells of which; the queues get their turns. */
static bool take_any(struct used_element *element, uint32_t *number) {
  for (uint32_t tries = 0; tries < blk.queue_count; tries++) {
    *number = *number + 1 < blk.queue_count ? *number + 1 : 0;
    if (virtqueue_take(&blk.queues[*number], element)) return true;
  }
  return false;
}

/* The same, waiting for one; false when the device has stopped answering. */
static bool wait_any(struct used_element *element, uint32_t *number) {
  uint64_t limit = 0;
  uint64_t seen = interrupt_counts[VECTOR_QUEUE];
  while (!take_any(element, number)) {
    if (job.interrupts) {
      for (uint32_t i = 0; i < blk.queue_count; i++) virtqueue_want_interrupt(&blk.queues[i], true);
      if (take_any(element, number)) return true;
      interrupt_wait(VECTOR_QUEUE, seen);
      seen = interrupt_counts[VECTOR_QUEUE];
      continue;
    }
    cpu_pause();
    if (!limit)
      limit = rdtsc() + clock_from_us(STALL_LIMIT_US);
    else if (rdtsc() > limit)
      return false;
  }
  return true;
}

/* Finishes one request and what else has come back in its queue; false if it is none of ours. */
static bool refill(struct used_element element, uint32_t number, bool more) {
  struct virtqueue *queue = &blk.queues[number];
  do {
    uint32_t slot = element.head / BLK_DESCRIPTORS;
    if (slot >= blk.slot_count) return false;
    slot += number * blk.slot_count;
    finish(slot, element.length);
    if (more && run.started < job.count_max) submit(slot);
  } while (virtqueue_take(queue, &element));
  virtqueue_kick(queue);
  return true;
}

/* Keeps `depth` requests under way in each queue until the deadline or the count, then waits for
 * the rest. */
static void run_load(uint64_t deadline) {
  struct used_element element;
  uint32_t number = 0, slots = blk.queue_count * blk.slot_count;
  for (uint32_t slot = 0; slot < slots && run.started < job.count_max; slot++) submit(slot);
  for (uint32_t i = 0; i < blk.queue_count; i++) virtqueue_kick(&blk.queues[i]);
  while (run.finished < run.started) {
    if (!wait_any(&element, &number)) {
      run.stalled = true;
      return;
    }
    if (!refill(element, number, rdtsc() < deadline)) {
      run.bad++;
      return;
    }
  }
}

static uint64_t kicks(void) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < blk.queue_count; i++) sum += blk.queues[i].kicks;
  return sum;
}

static void read_back(void) {
  uint64_t number = run.started < READ_BACK_MAX ? run.started : READ_BACK_MAX;
  for (uint64_t i = 0; i < number && !run.stalled; i++) {
    run.stalled = !blk_one(&blk, BLK_T_IN, run.written[i], job.block_size);
    if (!pattern_holds(blk.slots[0].data, run.written[i], job.block_size, job.generation, true))
      run.bad++;
    run.read_back++;
  }
}

static void print_result(uint64_t elapsed) {
  uint64_t ns = clock_to_ns(elapsed);
  console_begin("blk");
  console_field_text("mode", job.mode);
  console_field("bs", job.block_size);
  console_field("queues", blk.queue_count);
  console_field("qd", blk.slot_count);
  console_field("segment", blk.segment);
  console_field("irq", job.interrupts);
  console_field("requests", run.finished);
  console_field("elapsed_ns", ns);
  console_field("iops", ns ? run.finished * 1000000000ull / ns : 0);
  console_field("mib_per_s",
                ns ? run.finished * job.block_size * 954 / ns : 0); /* 954 = 10^9 / 2^20 */
  histogram_print(&latencies);
  console_field("kicks", kicks());
  console_field("interrupts", interrupt_counts[VECTOR_QUEUE]);
  console_field("read_back", run.read_back);
  console_field("errors", run.errors);
  console_field("bad", run.bad);
  console_field("stalled", run.stalled);
  console_end();
}

/*
 * Options: dev (index), mode (randread, randwrite, seqread, seqwrite), bs (bytes), queues (driven by
 * the one vCPU), qd (of each queue), ms or count, irq (1: sleep for interrupts, else poll), segment (bytes: the data in pieces of so many, listed
 * in an indirect table, as Linux gives it; at most 254 pieces, because no chain may be longer than
 * the queue), event_idx (0: do not negotiate it), seed, generation (of writes).
 */
bool run_blk(void) {
  memset(&run, 0, sizeof run);
  read_options();
  const struct blk_options options = {
      .index = (uint32_t)option_number("dev", 0),
      .queues = (uint32_t)option_number("queues", 1),
      .slots = job.depth,
      .block_size = job.block_size,
      .features = VIRTIO_F_INDIRECT_DESC | BLK_F_MQ |
                  (option_number("event_idx", 1) ? VIRTIO_F_EVENT_IDX : 0),
      .segment = (uint32_t)option_number("segment", 0),
      .vector = job.interrupts ? VECTOR_QUEUE : 0,
  };
  if (!blk_open(&blk, &options)) {
    console_begin("blk");
    console_field_text("error", blk.problem);
    console_end();
    return false;
  }
  job.blocks = blk.capacity / job.block_size;
  histogram_clear(&latencies);
  uint64_t start = rdtsc();
  run_load(start + clock_from_us(option_number("ms", TIME_LIMIT_MS) * 1000));
  uint64_t elapsed = rdtsc() - start;
  uint64_t interrupts = job.interrupts;
  job.interrupts = false;
  if (job.write) read_back();
  job.interrupts = interrupts != 0;
  print_result(elapsed);
  return !run.bad && !run.errors && !run.stalled;
}
