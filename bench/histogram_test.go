package bench

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// durations draws a sample whose members differ by orders of magnitude, as latencies do.
func durations(t *rapid.T) []time.Duration {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
		bits := rapid.IntRange(0, 39).Draw(t, "bits")
		return time.Duration(rapid.Int64Range(0, 1<<bits).Draw(t, "ns"))
	}), 1, 500).Draw(t, "sample")
}

func recorded(sample []time.Duration) *Histogram {
	h := new(Histogram)
	for _, d := range sample {
		h.Record(d)
	}
	return h
}

func TestQuantileIsAtMostOnePartIn64AboveTheExactOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := durations(t)
		q := rapid.Float64Range(0, 1).Draw(t, "q")
		got := recorded(sample).Quantile(q)
		slices.Sort(sample)
		exact := sample[max(int(math.Ceil(q*float64(len(sample)))), 1)-1]
		if got < exact || got > exact+exact/subBuckets {
			t.Fatalf("quantile %v of %v: got %d, exactly %d", q, sample, got, exact)
		}
	})
}

func TestQuantilesRiseAndEndAtTheMaximum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sample := durations(t)
		h := recorded(sample)
		if h.Quantile(0.5) > h.Quantile(0.9) || h.Quantile(0.9) > h.Quantile(0.999) {
			t.Fatalf("quantiles fall: %v", sample)
		}
		if h.Quantile(1) != slices.Max(sample) || h.Max() != slices.Max(sample) {
			t.Fatalf("maximum %v of %v", h.Max(), sample)
		}
	})
}

func TestMergingEqualsRecordingAllInOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := durations(t), durations(t)
		merged := recorded(one)
		merged.Merge(recorded(two))
		whole := recorded(slices.Concat(one, two))
		if merged.counts != whole.counts || merged.Count() != whole.Count() || merged.Max() != whole.Max() {
			t.Fatalf("merge of %v and %v differs", one, two)
		}
	})
}

func TestBucketsCoverEveryDurationWithoutGap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, int64(longest)).Draw(t, "ns"))
		bucket := bucketOf(d)
		if d > bucketEnd(bucket) || bucket > 0 && d <= bucketEnd(bucket-1) {
			t.Fatalf("%d is not in bucket %d", d, bucket)
		}
	})
	if got := bucketOf(longest); got != bucketCount-1 {
		t.Errorf("the longest duration is in bucket %d of %d", got, bucketCount)
	}
}

func TestHistogramKeepsOddDurationsWithinItsBounds(t *testing.T) {
	var h Histogram
	if h.Quantile(0.99) != 0 || h.Mean() != 0 {
		t.Error("an empty histogram is not 0")
	}
	h.Record(-time.Second)
	h.Record(1000 * time.Hour)
	if h.Quantile(0.5) != 0 || h.Max() != longest || h.Count() != 2 {
		t.Errorf("got p50 %v, max %v, count %d", h.Quantile(0.5), h.Max(), h.Count())
	}
}
