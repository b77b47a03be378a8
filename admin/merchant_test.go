package admin_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Merchants of the tests.
const (
	corner = "000000000012345"
	market = "000000000067890"
)

// from sends an approved redemption from a merchant, received at an instant.
func (d *desk) from(merchant string, at time.Time) ident.ID {
	d.t.Helper()
	before := d.now
	d.now = at
	defer func() { d.now = before }()
	id, err := d.askFor(&giftcard.Request{
		Family: txn.Redemption, Card: giftcard.Presented{PAN: parsePAN(d.t, pan1), Expiry: "4010"},
		Merchant: merchant, Body: []byte(`{"originator":{"merchant":{"merchantId":"` + merchant + `"}}}`),
	}, 1)
	must(d.t, err)
	return id
}

// allOf gives the ids of all that a question leads to, page by page.
func (d *desk) allOf(q admin.MerchantQuery) (ids []ident.ID, pages int) {
	d.t.Helper()
	for {
		found, next, err := d.office.FindByMerchant(bg, d.by(admin.Viewer), q)
		must(d.t, err)
		if len(found) > q.Limit {
			d.t.Fatalf("a page of %d where %d were asked for", len(found), q.Limit)
		}
		for _, t := range found {
			ids = append(ids, t.ID)
		}
		pages++
		if next == (admin.MerchantCursor{}) {
			return ids, pages
		}
		if q.After, err = admin.ParseMerchantCursor(next.String()); err != nil || q.After != next {
			d.t.Fatalf("the next is %v, and reads %v, %v", next, q.After, err)
		}
	}
}

// Requests of a merchant are found from one instant on, and until before another, whatever hours these are in.
func TestFindByMerchantAndTime(t *testing.T) {
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 500)
	noon := d.now
	var ids []ident.ID
	for _, after := range []time.Duration{0, time.Minute, time.Hour - 1, time.Hour, 3 * time.Hour, 3*time.Hour + 1} {
		ids = append(ids, d.from(corner, noon.Add(after)))
		d.from(market, noon.Add(after))
	}
	must(t, d.advise(txn.Redemption, txn.Confirmation, ids[0]))
	d.from("", noon)
	for _, c := range []struct {
		from, to time.Duration
		want     []ident.ID
	}{
		{0, 4 * time.Hour, ids},
		{0, 3 * time.Hour, ids[:4]},
		{1, 3*time.Hour + 1, ids[1:5]},
		{time.Hour - 1, time.Hour, ids[2:3]},
		{time.Hour, 3 * time.Hour, ids[3:4]},
		{-admin.MaxMerchantRange, 0, nil},
		{4 * time.Hour, 5 * time.Hour, nil},
	} {
		for limit := 1; limit <= 7; limit++ {
			got, pages := d.allOf(admin.MerchantQuery{Merchant: corner, From: noon.Add(c.from), To: noon.Add(c.to), Limit: limit})
			if !slices.Equal(got, c.want) {
				t.Errorf("from %s to %s, %d at once: found %v, want %v", c.from, c.to, limit, got, c.want)
			}
			if most := len(c.want)/limit + int((c.to-c.from).Hours())/24 + 1; pages > most {
				t.Errorf("from %s to %s, %d at once: %d pages, want at most %d", c.from, c.to, limit, pages, most)
			}
		}
	}
}

// asked counts what is asked of a store.
type asked struct {
	store.Driver
	searches int
}

func (a *asked) MessagesByReference(ctx context.Context, w ident.World, hash, after int64, limit int) ([]txn.Message, error) {
	a.searches++
	return a.Driver.MessagesByReference(ctx, w, hash, after, limit)
}

// counting puts a count between the office and its store.
func (d *desk) counting() *asked {
	a := &asked{Driver: d.driver}
	d.driver = a
	d.open()
	return a
}

// One page is bounded also where what was received in an hour is not of the time asked for, and costs no more because it is
// small.
func TestAPageOfAMerchantLooksAtSoManyRequests(t *testing.T) {
	const maxWeighed, most = 2000, 1 + 2000/admin.MaxLimit // the first one reads less
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 2*maxWeighed)
	for range maxWeighed {
		d.from(corner, d.now)
	}
	wanted := d.from(corner, d.now.Add(30*time.Minute))
	count := d.counting()
	for _, limit := range []int{1, admin.MaxLimit} {
		q := admin.MerchantQuery{Merchant: corner, From: d.now.Add(time.Minute), To: d.now.Add(time.Hour), Limit: limit}
		count.searches = 0
		if found, next, err := d.office.FindByMerchant(bg, d.by(admin.Viewer), q); err != nil || len(found) != 0 || next == (admin.MerchantCursor{}) {
			t.Errorf("the first page has %d, goes on at %v, %v", len(found), next, err)
		}
		if count.searches > most {
			t.Errorf("a page of %d costs %d searches, want at most %d", limit, count.searches, most)
		}
		if got, pages := d.allOf(q); len(got) != 1 || got[0] != wanted || pages > 3 {
			t.Errorf("found %v on %d pages", got, pages)
		}
	}
}

// One page is bounded also where there is nothing, and ends with whoever asks for it.
func TestAPageOfAMerchantLooksAtSoManyHours(t *testing.T) {
	const maxHours = 24
	d := newDesk(t)
	d.shop()
	d.activate(pan1, 1)
	wanted := d.from(corner, d.now)
	count := d.counting()
	q := admin.MerchantQuery{Merchant: corner, From: d.now.Add(time.Hour - admin.MaxMerchantRange), To: d.now.Add(time.Hour), Limit: 1}
	if found, next, err := d.office.FindByMerchant(bg, d.by(admin.Viewer), q); err != nil || len(found) != 0 || next == (admin.MerchantCursor{}) || count.searches != maxHours {
		t.Errorf("the first page has %d after %d searches, goes on at %v, %v", len(found), count.searches, next, err)
	}
	if got, pages := d.allOf(q); len(got) != 1 || got[0] != wanted || pages > int(admin.MaxMerchantRange.Hours())/maxHours+1 {
		t.Errorf("found %v on %d pages", got, pages)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	count.searches = 0
	if _, _, err := d.office.FindByMerchant(gone, d.by(admin.Viewer), q); !errors.Is(err, context.Canceled) || count.searches > 0 {
		t.Errorf("there are %d searches for nobody, and error %v", count.searches, err)
	}
}

func TestQuestionsAboutAMerchantThatAreRefused(t *testing.T) {
	d := newDesk(t)
	hour := func(n int64) admin.MerchantCursor { return admin.MerchantCursor{Hour: d.now.Unix() + n*3600} }
	for name, c := range map[string]struct {
		query admin.MerchantQuery
		field string
	}{
		"of nobody":               {admin.MerchantQuery{From: d.now, To: d.now.Add(1)}, "merchant"},
		"of no time":              {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now}, "to"},
		"backwards":               {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(-1)}, "to"},
		"of a long time":          {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(admin.MaxMerchantRange + 1)}, "to"},
		"after the hour before":   {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(time.Hour), After: hour(-1)}, "after"},
		"after the end":           {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(time.Hour), After: hour(1)}, "after"},
		"after the end of days":   {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(time.Hour), After: admin.MerchantCursor{Hour: 9223372036854774000}}, "after"},
		"after what is not there": {admin.MerchantQuery{Merchant: corner, From: d.now, To: d.now.Add(time.Hour), After: admin.MerchantCursor{Hour: -9223372036854774000}}, "after"},
	} {
		_, _, err := d.office.FindByMerchant(bg, d.by(admin.Viewer), c.query)
		var refusal *admin.Refusal
		if !errors.As(err, &refusal) || refusal.Code != admin.Invalid || refusal.Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is read as a cursor is refused by a search, or leads to its end.
func FuzzMerchantCursor(f *testing.F) {
	for _, s := range []string{
		"", "1795262400.17", "1795262401.17", "1795262400.-1", "1795262400", "0.0", "+0.1", "3600.1", "-3600.0",
		"1795258800.0", "1795266000.2", "1795269600.9223372036854775807", "1795273200.0", "9223372036854774000.0", "-9223372036854774000.0",
	} {
		f.Add(s)
	}
	d := newDesk(f)
	d.shop()
	d.activate(pan1, 3)
	for n := range time.Duration(3) {
		d.from(corner, d.now.Add(n*time.Hour))
	}
	by := d.by(admin.Viewer)
	q := admin.MerchantQuery{Merchant: corner, From: d.now.Add(time.Minute), To: d.now.Add(2*time.Hour + time.Minute), Limit: 1}
	first, last := d.now.Unix(), d.now.Unix()+2*3600
	f.Fuzz(func(t *testing.T, s string) {
		c, err := admin.ParseMerchantCursor(s)
		if err != nil {
			return
		}
		if c.String() != s || c.Hour%3600 != 0 || c.After < 0 {
			t.Fatalf("%q reads as %+v", s, c)
		}
		inside := s == "" || c.Hour >= first && c.Hour <= last
		q := q
		for pages := 0; pages < 4; pages++ {
			q.After = c
			_, c, err = d.office.FindByMerchant(bg, by, q)
			var refusal *admin.Refusal
			if errors.As(err, &refusal) && !inside && refusal.Field == "after" {
				return
			}
			if err != nil || !inside {
				t.Fatalf("after %q the next is %v, %v", s, c, err)
			}
			if c == (admin.MerchantCursor{}) {
				return
			}
		}
		t.Errorf("after %q there is no end", s)
	})
}
