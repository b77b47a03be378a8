package saf

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTheZeroPaceIsGood(t *testing.T) {
	if err := (Pace{}).Check(); err != nil {
		t.Error(err)
	}
	want := Pace{DefaultWindow, DefaultMinWait, DefaultMaxWait, DefaultParkAfter, DefaultBreakAfter}
	if got := (Pace{}).Full(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := (Pace{MinWait: time.Minute}).Full(); got.MaxWait != time.Minute {
		t.Errorf("who waits a minute at least waits %s at most", got.MaxWait)
	}
}

func TestAPaceIsHeldToItsBounds(t *testing.T) {
	for name, p := range map[string]Pace{
		"no window":           {Window: -1},
		"a wide window":       {Window: MaxWindow + 1},
		"a negative wait":     {MinWait: -time.Second},
		"a short wait":        {MinWait: time.Microsecond},
		"a long wait":         {MaxWait: LongestWait + 1},
		"a long shortest":     {MinWait: LongestWait + 1},
		"shortest above most": {MinWait: time.Minute, MaxWait: time.Second},
		"parks at once":       {ParkAfter: -1},
		"never parks":         {ParkAfter: MaxParkFrom + 1},
		"breaks at once":      {BreakAfter: -1},
		"never breaks":        {BreakAfter: MaxParkFrom + 1},
	} {
		if p.Check() == nil {
			t.Errorf("%s: %+v passes", name, p)
		}
	}
}

func TestWaitsDoubleUpToTheLongest(t *testing.T) {
	p := Pace{MinWait: time.Second, MaxWait: 10 * time.Second}.Full()
	for i, want := range []time.Duration{1, 2, 4, 8, 10, 10} {
		least, most := p.wait(i+1, 0), p.wait(i+1, 0.999999)
		if least != want*time.Second/2 || most <= want*time.Second*99/100 || most > want*time.Second {
			t.Errorf("after %d failures: from %s to %s, want half of %ds to all of it", i+1, least, most, want)
		}
	}
}

func TestWaitsStayWithinTheirBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Pace{
			MinWait: time.Duration(rapid.Int64Range(int64(ShortestMin), int64(LongestWait)).Draw(t, "min")),
			MaxWait: time.Duration(rapid.Int64Range(int64(ShortestMin), int64(LongestWait)).Draw(t, "max")),
		}
		if p.Check() != nil {
			t.Skip("no pace")
		}
		failures := rapid.IntRange(0, 1<<40).Draw(t, "failures")
		jitter := rapid.Float64Range(0, 0.999999999).Draw(t, "jitter")
		d := p.wait(failures, jitter)
		if d < p.MinWait/2 || d > p.MaxWait {
			t.Errorf("waits %s", d)
		}
		if more := p.wait(failures+1, jitter); more < d {
			t.Errorf("waits %s after %d failures and %s after one more", d, failures, more)
		}
	})
}
