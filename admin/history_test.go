package admin_test

import (
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/txn"
)

// told gives a card's history as lines, newest first, read in pages of a size.
func (d *desk) told(pan string, limit int) (lines []string) {
	d.t.Helper()
	for from := (admin.Cursor{}); ; {
		h, err := d.office.CardHistory(d.t.Context(), d.by(admin.Viewer), d.find(pan).ID, from, limit)
		must(d.t, err)
		for _, i := range h.Items {
			lines = append(lines, fmt.Sprintf("%s %s %s book=%d available=%d%s", i.Family, i.Role, i.State, i.After.Book, i.After.Available, who(i)))
		}
		if from, err = admin.ParseCursor(h.Next.String()); err != nil || from == (admin.Cursor{}) {
			must(d.t, err)
			return lines
		}
	}
}

func who(i admin.HistoryItem) string {
	if i.Operator == "" {
		return ""
	}
	return " by " + i.Operator + " " + i.Why
}

func TestCardHistoryHasRunningBalances(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	load := d.approve(txn.Load, pan1, 300)
	redemption := d.approve(txn.Redemption, pan1, 200)
	must(t, d.advise(txn.Load, txn.Confirmation, load))
	must(t, d.advise(txn.Redemption, txn.Reversal, redemption))
	if _, err := d.ask(txn.Redemption, pan1, 5000); err == nil {
		t.Fatal("too much was approved")
	}
	must(t, d.adjust(pan1, admin.DebitCard, 100))
	want := []string{
		"adjustment request confirmed book=700 available=700 by ann because",
		"redemption request declined book=800 available=800",
		"redemption reversal accepted book=800 available=800",
		"load confirmation accepted book=600 available=600",
		"redemption request reversed book=600 available=300",
		"load request confirmed book=800 available=500",
		"activation confirmation accepted book=500 available=500",
		"activation request confirmed book=500 available=0",
	}
	for _, limit := range []int{1, 3, 100} {
		if got := d.told(pan1, limit); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("in pages of %d:\n%q\nwant\n%q", limit, got, want)
		}
	}
}

func TestAHistoryGoesOnOnlyFromItsOwnMessages(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	d.activate(pan2, 500)
	foreign := admin.Cursor{Message: d.find(pan2).LastMessage}
	_, err := d.office.CardHistory(bg, d.by(admin.Viewer), d.find(pan1).ID, foreign, 10)
	refused(t, err, admin.NotFound, "")
}

func FuzzParseCursor(f *testing.F) {
	for _, s := range []string{"", "1.2.3", "1.-2.3", "1.2", "1.2.3.4", " 1.2.3", "99999999999999999999.1.1", "+1.2.3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := admin.ParseCursor(s); err == nil && c.String() != s && (s == "" || c != admin.Cursor{}) {
			t.Errorf("%q was read as %q", s, c)
		}
	})
}
