/* Program `rng`: reads bytes from virtio-rng and prints what can be said of them. */
#include "clock.h"
#include "command_line.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "programs.h"
#include "rng_device.h"
#include "text.h"

/* FNV-1a, 64 bits: tells two runs apart, nothing more. */
static uint64_t digest_of(uint64_t digest, const uint8_t *bytes, uint32_t size) {
  for (uint32_t i = 0; i < size; i++) digest = (digest ^ bytes[i]) * 0x100000001b3ull;
  return digest;
}

/* Options: dev, bytes (in all), chunk (bytes of a request). */
bool run_rng(void) {
  struct rng_device rng;
  uint64_t wanted = option_number("bytes", 4096), got = 0, ones = 0, digest = 0xcbf29ce484222325ull;
  uint32_t chunk = (uint32_t)option_number("chunk", 1024);
  bool ready = rng_open(&rng, (uint32_t)option_number("dev", 0), chunk, VIRTIO_F_EVENT_IDX);
  uint64_t start = rdtsc();
  while (ready && got < wanted) {
    uint32_t size = rng_read(&rng, chunk);
    if (size == 0 || size > chunk) break;
    digest = digest_of(digest, rng.data, size);
    for (uint32_t i = 0; i < size; i++) {
      for (uint8_t bits = rng.data[i]; bits; bits &= bits - 1) ones++;
    }
    got += size;
  }
  console_begin("rng");
  console_field("bytes", got);
  console_field("elapsed_ns", clock_to_ns(rdtsc() - start));
  console_field_hex("digest", digest);
  console_field("ones_per_mille", got ? ones * 1000 / (got * 8) : 0);
  console_end();
  return got >= wanted;
}
