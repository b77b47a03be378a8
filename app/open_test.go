package app

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/money"
)

// Each scrape would read the whole store anew, if a count that failed were not one.
func TestOpenRequestsAreCountedOnceInAWhileAlsoWhenThatFails(t *testing.T) {
	now, counts := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), 0
	var log strings.Builder
	totals, err := []admin.OpenTotal{{Account: "till", Currency: 710, Count: 2}}, error(nil)
	o := newOpenRequests(&App{settings: Settings{Now: func() time.Time { return now }}, log: slog.New(slog.NewTextHandler(&log, nil))})
	o.read = func(time.Time) ([]admin.OpenTotal, error) {
		counts++
		if err != nil {
			return nil, err
		}
		return totals, nil
	}
	for _, step := range []struct {
		pass         time.Duration
		err          error
		counts, seen int
	}{
		{0, nil, 1, 3},
		{openEvery - 1, nil, 1, 3},
		{1, errors.New("disk"), 2, 0}, // nothing rather than something old
		{openEvery - 1, errors.New("disk"), 2, 0},
		{1, nil, 3, 3},
	} {
		now, err = now.Add(step.pass), step.err
		if seen := testutil.CollectAndCount(o); seen != step.seen || counts != step.counts {
			t.Errorf("%+v: saw %d series after %d counts", step, seen, counts)
		}
	}
	if lines := strings.Count(log.String(), "count open requests"); lines != 1 {
		t.Errorf("%d lines in the log, want 1", lines)
	}
}

// What an account has open may be more than 64 bits hold, and hides no other account.
func TestLargeOpenTotalsAreShown(t *testing.T) {
	o := newOpenRequests(&App{settings: Settings{Now: time.Now}})
	var much money.Sum
	for range 100 {
		much = much.Add(money.MaxMinor)
	}
	o.read = func(now time.Time) ([]admin.OpenTotal, error) {
		return []admin.OpenTotal{
			{Account: "big", Currency: 710, Count: 100, Value: much, Oldest: now},
			{Account: "small", Currency: 710, Count: 1, Value: money.SumOf(7), Oldest: now},
		}, nil
	}
	want := `
# HELP scrip_open_requests_minor_units Their value.
# TYPE scrip_open_requests_minor_units gauge
scrip_open_requests_minor_units{account="big",currency="710"} 1e+20
scrip_open_requests_minor_units{account="small",currency="710"} 7
`
	if err := testutil.CollectAndCompare(o, strings.NewReader(want), "scrip_open_requests_minor_units"); err != nil {
		t.Error(err)
	}
}
