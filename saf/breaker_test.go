package saf

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// brokenBreaker gives a breaker that has just opened, and when its first probe is due.
func brokenBreaker(t *testing.T) (*Breaker, time.Time) {
	t.Helper()
	b := NewBreaker(Pace{BreakAfter: 3, MinWait: time.Second, MaxWait: 4 * time.Second})
	for range 3 {
		if !b.IsClosed() {
			t.Fatal("it opened too soon")
		}
		b.Silent(0, 0, noon, 0)
	}
	if b.State() != "open" {
		t.Fatalf("it is %s", b.State())
	}
	return b, b.Due()
}

func TestABreakerOpensOnSilenceInARow(t *testing.T) {
	b := NewBreaker(Pace{BreakAfter: 2})
	for range 10 {
		b.Silent(0, 0, noon, 0)
		b.Answered()
	}
	if !b.IsClosed() || !b.Due().IsZero() {
		t.Error("it opened although somebody answered in between")
	}
	brokenBreaker(t)
}

func TestAnOpenBreakerLetsOneProbeThroughAtATime(t *testing.T) {
	b, due := brokenBreaker(t)
	if b.MayProbe(due.Add(-1)) || !b.MayProbe(due) {
		t.Fatal("the probe is not let through when it is due")
	}
	probe := b.Probe()
	if b.State() != "probing" || b.MayProbe(due.Add(time.Hour)) {
		t.Error("there may be a second probe")
	}
	b.Silent(0, 0, due, 0) // one from before it opened
	if b.State() != "probing" {
		t.Error("what was sent before counts as the probe")
	}
	b.Silent(probe, 0, due, 0)
	if b.State() != "open" || !b.Due().After(due) {
		t.Error("a probe in vain does not open it again")
	}
}

func TestProbesGoAtGrowingIntervals(t *testing.T) {
	b, due := brokenBreaker(t)
	for _, want := range []time.Duration{1, 2, 2, 2} { // half of twice as long each time: without jitter
		b.Silent(b.Probe(), 0, due, 0)
		if got := b.Due().Sub(due); got != want*time.Second {
			t.Errorf("the next probe goes after %s, want %ds", got, want)
		}
		due = b.Due()
	}
	b.Silent(b.Probe(), time.Minute, due, 0)
	if got := b.Due().Sub(due); got != time.Minute {
		t.Errorf("the upstream wants to be left alone for a minute, and is probed after %s", got)
	}
	if b.Hurry(); !b.MayProbe(due) {
		t.Error("an operator cannot hurry it")
	}
}

func TestAnyAnswerClosesABreaker(t *testing.T) {
	b, due := brokenBreaker(t)
	old := b.Probe()
	b.Answered() // to something that was sent before it opened
	if !b.IsClosed() {
		t.Fatal("it is not closed")
	}
	for range 3 {
		b.Silent(0, 0, due, 0)
	}
	probe := b.Probe()
	b.Silent(old, 0, due, 0)
	if b.State() != "probing" {
		t.Error("a probe of before it closed counts as today's")
	}
	b.Untold(probe)
	if !b.MayProbe(due.Add(time.Hour)) {
		t.Error("a probe that came to nothing keeps out the next one")
	}
}

// TestABreakerLetsThroughAsItPromises tries any course of events against the few sentences on Breaker.
func TestABreakerLetsThroughAsItPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b, now := NewBreaker(Pace{BreakAfter: 3}), noon
		inRow, probes := 0, []int{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			wasClosed := b.IsClosed()
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				b.Answered()
				inRow, probes = 0, nil
			case 1:
				b.Silent(0, 0, now, 0.5)
				inRow++
			case 2, 3:
				if b.MayProbe(now) {
					probes = append(probes, b.Probe())
				}
			case 4:
				if len(probes) > 0 {
					b.Silent(probes[0], 0, now, 0.5)
					probes = probes[1:]
				}
			}
			if len(probes) > 1 {
				t.Fatal("two probes at once")
			}
			if wasClosed && b.IsClosed() != (inRow < 3) {
				t.Fatalf("after %d in a row it is %s", inRow, b.State())
			}
			if (len(probes) == 1) != (b.State() == "probing") {
				t.Fatalf("%d probes are on their way, and it is %s", len(probes), b.State())
			}
		}
	})
}
