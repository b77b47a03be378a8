package admin

import (
	"slices"
	"testing"
	"time"

	"github.com/scripworks/scrip/money"
)

// A node may not know the accounts yet that others have added, and metrics must not have two series under one name.
func TestOpenRequestsOfAccountsWithoutANameAreOneTotal(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var totals []OpenTotal
	for _, s := range []struct {
		name string
		OpenSum
	}{
		{"", OpenSum{Account: 8, Currency: 710, Count: 2, Value: money.SumOf(30), Oldest: noon}},
		{"till", OpenSum{Account: 3, Currency: 710, Count: 1, Value: money.SumOf(5), Oldest: noon}},
		{"", OpenSum{Account: 9, Currency: 710, Count: 1, Value: money.SumOf(12), Oldest: noon.Add(-time.Hour)}},
		{"", OpenSum{Account: 9, Currency: 978, Count: 4, Value: money.SumOf(1), Oldest: noon}},
		{"", OpenSum{Account: 10, Currency: 710, Count: 1, Value: money.SumOf(1), Oldest: noon}},
	} {
		totals = addOpen(totals, s.name, s.OpenSum)
	}
	want := []OpenTotal{
		{"", 710, 4, money.SumOf(43), noon.Add(-time.Hour)}, {"till", 710, 1, money.SumOf(5), noon}, {"", 978, 4, money.SumOf(1), noon},
	}
	if !slices.Equal(totals, want) {
		t.Errorf("got  %+v\nwant %+v", totals, want)
	}
}
