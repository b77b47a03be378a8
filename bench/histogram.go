package bench

import (
	"math"
	"math/bits"
	"time"
)

const (
	// subBuckets is the number of buckets for each power of two. With 64 of them a quantile is
	// at most one part in 64 above the value that was recorded.
	subBuckets = 64
	// longest is the largest duration told apart; anything above it is counted as this long.
	// It is far beyond any time-out that makes sense here, about 18 minutes.
	longest = time.Duration(1<<40 - 1)
	// bucketCount is one more than the bucket that holds longest.
	bucketCount = (40-7)*subBuckets + 2*subBuckets
)

// Histogram counts durations in buckets whose width grows with the duration, so that a
// microsecond and a minute are kept with the same relative precision in fixed memory. The
// greatest duration is kept exactly. The zero value is empty and ready for use. It is not safe
// for concurrent use: every worker keeps its own, and they are merged at the end.
type Histogram struct {
	counts [bucketCount]uint64
	total  uint64
	sum    float64
	max    time.Duration
}

// Record counts one duration. A negative one, which a clock set back could produce, counts as 0.
func (h *Histogram) Record(d time.Duration) {
	d = min(max(d, 0), longest)
	h.counts[bucketOf(d)]++
	h.total++
	h.sum += float64(d)
	h.max = max(h.max, d)
}

// Merge adds everything that other has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.sum += other.sum
	h.max = max(h.max, other.max)
}

// Count is the number of durations recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Max is the greatest duration recorded, or 0 when there is none.
func (h *Histogram) Max() time.Duration { return h.max }

// Mean is the mean of the durations recorded, or 0 when there is none.
func (h *Histogram) Mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return time.Duration(h.sum / float64(h.total))
}

// Quantile is a duration that the fraction q (0 to 1) of those recorded do not exceed: never
// below the exact quantile and at most 1/64 above it. It is 0 when nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(math.Ceil(q*float64(h.total))), 1)
	var seen uint64
	for i, n := range h.counts {
		seen += n
		if seen >= rank {
			return min(bucketEnd(i), h.max)
		}
	}
	return h.max
}

// bucketOf gives the bucket of a duration: below 2*subBuckets each nanosecond has its own, above
// it the leading seven bits decide.
func bucketOf(d time.Duration) int {
	v := uint64(d)
	if v < subBuckets {
		return int(v)
	}
	shift := bits.Len64(v) - 7
	return shift*subBuckets + int(v>>shift)
}

// bucketEnd gives the longest duration that falls into a bucket.
func bucketEnd(bucket int) time.Duration {
	if bucket < 2*subBuckets {
		return time.Duration(bucket)
	}
	shift := bucket/subBuckets - 1
	lead := bucket - shift*subBuckets
	return time.Duration((lead+1)<<shift - 1)
}
