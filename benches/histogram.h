/* A log-linear histogram in the manner of HdrHistogram: 128 buckets to each
 * power of two, so a percentile is at most 0.8 % above the true value. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_SUB_BITS = 7,
	HISTOGRAM_SUB = 1 << HISTOGRAM_SUB_BITS,
	HISTOGRAM_BUCKETS = (64 - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB,
};

struct histogram {
	uint64_t count;
	uint64_t sum;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

/* Values below HISTOGRAM_SUB have a bucket each; above, the bucket is the
 * position of the leading bit followed by the HISTOGRAM_SUB_BITS after it. */
static inline unsigned histogram_bucket(uint64_t value)
{
	if (value < HISTOGRAM_SUB)
		return (unsigned)value;
	unsigned shift = 63 - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(value);
	return (shift + 1) * HISTOGRAM_SUB + (unsigned)((value >> shift) - HISTOGRAM_SUB);
}

static inline uint64_t histogram_bucket_top(unsigned bucket)
{
	if (bucket < HISTOGRAM_SUB)
		return bucket;
	unsigned shift = bucket / HISTOGRAM_SUB - 1;
	uint64_t leading = HISTOGRAM_SUB + bucket % HISTOGRAM_SUB;
	return ((leading + 1) << shift) - 1;
}

static inline void histogram_record(struct histogram *h, uint64_t value)
{
	h->count++;
	h->sum += value;
	if (value > h->max)
		h->max = value;
	h->buckets[histogram_bucket(value)]++;
}

/* The smallest recorded value that `percent` of all values do not exceed. */
static inline uint64_t histogram_percentile(const struct histogram *h, double percent)
{
	uint64_t wanted = (uint64_t)((double)h->count * percent / 100.0);
	if (wanted < 1)
		wanted = 1;
	uint64_t seen = 0;
	for (unsigned bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
		seen += h->buckets[bucket];
		if (seen >= wanted) {
			uint64_t top = histogram_bucket_top(bucket);
			return top < h->max ? top : h->max;
		}
	}
	return h->max;
}

#endif
