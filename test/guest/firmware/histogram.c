#include "histogram.h"

#include "clock.h"
#include "console.h"
#include "text.h"

void histogram_clear(struct histogram *histogram) {
  memset(histogram, 0, sizeof *histogram);
  histogram->min = UINT64_MAX;
}

static uint32_t bucket_of(uint64_t cycles) {
  if (cycles < HISTOGRAM_STEPS) return (uint32_t)cycles;
  uint32_t shift = 63u - (uint32_t)__builtin_clzll(cycles) - 5;
  return (shift + 1) * HISTOGRAM_STEPS + (uint32_t)(cycles >> shift & (HISTOGRAM_STEPS - 1));
}

/* Middle of a bucket. */
static uint64_t bucket_cycles(uint32_t bucket) {
  if (bucket < HISTOGRAM_STEPS) return bucket;
  uint32_t shift = bucket / HISTOGRAM_STEPS - 1;
  return (((uint64_t)HISTOGRAM_STEPS + bucket % HISTOGRAM_STEPS) << shift) + ((1ull << shift) >> 1);
}

void histogram_add(struct histogram *histogram, uint64_t cycles) {
  histogram->count++;
  histogram->sum += cycles;
  if (cycles < histogram->min) histogram->min = cycles;
  if (cycles > histogram->max) histogram->max = cycles;
  histogram->buckets[bucket_of(cycles)]++;
}

uint64_t histogram_percentile(const struct histogram *histogram, uint32_t percent) {
  uint64_t wanted = (histogram->count * percent + 99) / 100, seen = 0;
  for (uint32_t bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    seen += histogram->buckets[bucket];
    if (seen >= wanted) return bucket_cycles(bucket);
  }
  return 0;
}

void histogram_print(const struct histogram *histogram) {
  if (!histogram->count) return;
  console_field("mean_ns", clock_to_ns(histogram->sum / histogram->count));
  console_field("p50_ns", clock_to_ns(histogram_percentile(histogram, 50)));
  console_field("p99_ns", clock_to_ns(histogram_percentile(histogram, 99)));
  console_field("min_ns", clock_to_ns(histogram->min));
  console_field("max_ns", clock_to_ns(histogram->max));
}
