package saf_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
)

func TestATallyCountsEachKindByItself(t *testing.T) {
	at := time.UnixMilli(5000)
	var tally saf.Tally
	if len(tally.Levels()) != 0 {
		t.Error("nothing was counted, and there are levels")
	}
	for _, i := range []saf.Item{
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 710, Amount: 5, At: at},
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 710, Amount: 7, At: at.Add(-time.Second)},
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 710, At: at},
		{Upstream: "b", Account: 1, State: saf.Parked, Currency: 710, Amount: 9, At: at},
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 978, Amount: 9, At: at},
		{Upstream: "b", Account: 0, State: saf.Attention, Currency: 710, Amount: 9, At: at},
		{Upstream: "a", Account: 1, State: saf.Waiting, Currency: 710, Amount: 9, At: at},
	} {
		tally.Add(&i)
	}
	want := []saf.Level{
		{Upstream: "a", Account: 1, State: saf.Waiting, Currency: 710, Count: 1, Value: 9, Oldest: at},
		{Upstream: "b", Account: 0, State: saf.Attention, Currency: 710, Count: 1, Value: 9, Oldest: at},
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 710, Count: 3, Value: 12, Oldest: at.Add(-time.Second)},
		{Upstream: "b", Account: 1, State: saf.Waiting, Currency: 978, Count: 1, Value: 9, Oldest: at},
		{Upstream: "b", Account: 1, State: saf.Parked, Currency: 710, Count: 1, Value: 9, Oldest: at},
	}
	if got := tally.Levels(); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestATallyStopsAtTheMostAnAmountCanBe(t *testing.T) {
	var tally saf.Tally
	for _, amount := range []money.Minor{math.MaxInt64 - 5, 6, math.MaxInt64, 1} {
		tally.Add(&saf.Item{Amount: amount})
	}
	if got := tally.Levels(); len(got) != 1 || got[0].Count != 4 || got[0].Value != math.MaxInt64 {
		t.Errorf("got %+v", got)
	}
}
