/* Distribution of durations in cycles: 32 steps for each power of two, so percentiles are right to
 * 3 %. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 32
#define HISTOGRAM_BUCKETS (64 * HISTOGRAM_STEPS)

struct histogram {
  uint64_t count, sum, min, max;
  uint32_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t cycles);
/* The smallest bucket bound that `percent` of the values do not exceed, in cycles. */
uint64_t histogram_percentile(const struct histogram *histogram, uint32_t percent);
/* Prints fields mean_ns, p50_ns, p99_ns, min_ns and max_ns. */
void histogram_print(const struct histogram *histogram);

#endif
