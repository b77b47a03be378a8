package storetest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testMessages(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(everyMessageField))
	t.Run("extreme values come back", h.with(extremeMessages))
	t.Run("ids come back character by character", h.with(idsComeBack))
	t.Run("ids are case-sensitive and of their world", h.with(idsAreTheirOwn))
	t.Run("one id leads to all its messages in order", h.with(sharedIDs))
	t.Run("what may be amended is amended", h.with(amended))
	t.Run("what was passed on is amended by its answer", h.with(amendedRelayed))
	t.Run("a withdrawn request leaves its id free", h.with(withdrawn))
	t.Run("tombstones belong to an account and an id", h.with(tombstones))
}

func (h *harness) with(test func(*room)) func(*testing.T) {
	return func(t *testing.T) { test(h.start(t)) }
}

// insert saves messages, each in a batch of its own.
func (r *room) insert(messages ...txn.Message) {
	r.Helper()
	for _, m := range messages {
		r.doIn(m.World, func(tx *store.Tx) { tx.Insert(m) })
	}
}

// found checks that a message comes back by its place and by its id.
func (r *room) found(want txn.Message) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.readIn(want.World, func(tx *store.Tx) {
			got, found := tx.MessageAt(want.Seq)
			if !found {
				r.Errorf("%s: no message at %d", how, want.Seq)
			}
			r.same(how+": message", got, want)
			byID := tx.Messages(want.ID)
			if len(byID) != 1 {
				r.Errorf("%s: %d messages have the id %q", how, len(byID), want.ID)
			}
			r.same(how+": by id", byID[0], want)
		})
	})
}

func everyMessageField(r *room) {
	m := txn.Message{
		Seq: 901, World: 7, ID: uuid(1), Account: 3, Family: txn.Transfer, Role: txn.Request, State: txn.Declined,
		Reason: decline.Reason("AN_INVENTED_REASON"), At: noon, Request: 11, Ended: 950, Card: 21, Target: 22, Voucher: 23, Product: 5,
		Names: -77, Amount: 1200, Requested: 1000, Final: 300, Currency: 710, Prepaid: true, ProviderRef: "MNO-77", Upstream: "issuer-2",
		Links:      []txn.Link{{Card: 21, Previous: 800}, {Card: 22, Previous: 0}},
		References: []int64{5, -6}, Body: []byte{0, 1, 255},
	}
	r.full(m, "Pruned")
	r.insert(m)
	r.found(m)
}

func extremeMessages(r *room) {
	least := txn.Message{
		Seq: 1, World: math.MinInt32, ID: "-", Account: math.MinInt32, At: time.UnixMilli(math.MinInt32).UTC(),
		Request: math.MinInt64, Ended: math.MinInt64, Card: math.MinInt64, Target: math.MinInt64, Product: math.MinInt32,
		Voucher: math.MinInt64, Names: math.MinInt64, Amount: math.MinInt64, Requested: math.MaxInt64, Final: math.MaxInt64,
		Links: []txn.Link{{Card: math.MaxInt64, Previous: math.MinInt64}, {Card: 1, Previous: 1}}, References: []int64{math.MinInt64},
	}
	most := txn.Message{
		Seq: math.MaxInt64 - 1, World: math.MaxInt32, ID: ident.ID(strings.Repeat("~", ident.MaxIDLength)), Account: math.MaxInt32,
		Family: math.MaxUint8, Role: math.MaxUint8, State: math.MaxUint8, Reason: decline.Reason(strings.Repeat("Ünicode-\u2028", 20)),
		At: time.UnixMilli(253402300799999).UTC(), Request: math.MaxInt64 - 1, Ended: math.MaxInt64, Card: math.MaxInt64,
		Target: math.MaxInt64, Product: math.MaxInt32, Names: math.MaxInt64, Amount: math.MaxInt64, Requested: math.MinInt64,
		Final: math.MinInt64, Currency: math.MaxUint16, Voucher: math.MaxInt64, ProviderRef: strings.Repeat("ü'", 200),
		Links:      []txn.Link{{Card: math.MinInt64, Previous: math.MaxInt64}, {Card: 0, Previous: math.MaxInt64 - 1}},
		References: []int64{math.MaxInt64, 0}, Body: make([]byte, 1<<20),
	}
	empty := txn.Message{Seq: 2, ID: "e", At: noon}
	r.insert(least, empty, most)
	for _, m := range []txn.Message{least, empty, most} {
		r.found(m)
	}
}

func idsComeBack(r *room) {
	for i, id := range []ident.ID{
		"0f0c1b2a-1111-2222-3333-444455556666",
		"0F0C1B2A-1111-2222-3333-444455556667",
		"0f0c1b2a111122223333444455556668",
		"0", "00", "'; --", ident.ID(strings.Repeat("a", ident.MaxIDLength)), ident.ID(strings.Repeat("9", 16)),
	} {
		m := request(int64(i+1), id)
		r.insert(m)
		r.found(m)
	}
}

func idsAreTheirOwn(r *room) {
	lower, upper := request(1, "0f0c1b2a-1111-2222-3333-444455556666"), request(2, "0F0C1B2A-1111-2222-3333-444455556666")
	elsewhere := request(3, lower.ID)
	elsewhere.World = 9
	r.insert(lower, upper, elsewhere)
	r.everyWay(func(how string) {
		for _, m := range []txn.Message{lower, upper, elsewhere} {
			r.readIn(m.World, func(tx *store.Tx) { r.same(how, tx.Messages(m.ID), []txn.Message{m}) })
		}
		r.read(func(tx *store.Tx) {
			if _, found := tx.MessageAt(elsewhere.Seq); found {
				r.Errorf("%s: a message of another world is seen", how)
			}
			if len(tx.Messages("0F0c1b2a-1111-2222-3333-444455556666")) != 0 {
				r.Errorf("%s: ids are compared without case", how)
			}
		})
	})
}

func sharedIDs(r *room) {
	first := request(1, uuid(1))
	second, third := first, first
	second.Seq, second.Role, second.Account = 5, txn.Confirmation, 4
	third.Seq, third.Role, third.Account = 3, txn.Reversal, 5
	r.insert(first, second, third)
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) { r.same(how, tx.Messages(uuid(1)), []txn.Message{first, third, second}) })
	})
}

func amended(r *room) {
	m := request(40, uuid(1))
	m.Links, m.References, m.Body = []txn.Link{{Card: 4, Previous: 2}}, []int64{9}, []byte("body")
	r.insert(m)
	changed := m
	changed.State, changed.Ended, changed.Final, changed.Reason, changed.ProviderRef = txn.Confirmed, 41, 499, "LATE", "MNO-77"
	r.do(func(tx *store.Tx) {
		other := changed
		other.Amount, other.Body, other.Account, other.Voucher, other.Prepaid = 1, nil, 99, 7, true // what may not be amended
		other.Requested, other.Currency, other.Upstream = 2, 978, "issuer"
		tx.MessageAt(m.Seq)
		tx.Amend(other)
		got, _ := tx.MessageAt(m.Seq)
		r.same("in the batch", got, changed)
	})
	r.found(changed)
	r.do(func(tx *store.Tx) { tx.Messages(m.ID); tx.Amend(m) })
	r.found(m)
}

func withdrawn(r *room) {
	first, again := request(1, uuid(1)), request(7, uuid(1))
	first.State, first.Upstream = txn.Working, "issuer"
	r.insert(first)
	gone := first
	gone.State, gone.Reason = txn.Withdrawn, "UPSTREAM_UNAVAILABLE"
	r.do(func(tx *store.Tx) {
		tx.MessageAt(first.Seq)
		tx.Amend(gone)
		r.same("in the batch", len(tx.Messages(uuid(1))), 0)
	})
	r.insert(again)
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) {
			r.same(how, tx.Messages(uuid(1)), []txn.Message{again})
			kept, _ := tx.MessageAt(first.Seq)
			r.same(how, kept, gone)
		})
	})
}

func amendedRelayed(r *room) {
	m := request(40, uuid(1))
	m.State, m.Upstream, m.References, m.Body = txn.Working, "issuer", []int64{9}, []byte("body")
	r.insert(m)
	for n, change := range []func(*txn.Message){
		func(m *txn.Message) { m.Upstream = "a much longer name of the second issuer" },
		func(m *txn.Message) {
			m.State, m.Amount, m.Requested, m.Currency, m.ProviderRef = txn.Open, 1<<40, 1<<39, 978, strings.Repeat("R", 60)
		},
		func(m *txn.Message) { m.State, m.Ended, m.Final = txn.Confirmed, 1<<50, 7 },
		func(m *txn.Message) { m.State, m.Reason, m.Amount = txn.Declined, "DO_NOT_HONOUR", 0 },
	} {
		change(&m)
		r.do(func(tx *store.Tx) {
			other := m
			other.Body, other.Account, other.At = nil, 99, noon.Add(1) // what may not be amended
			tx.MessageAt(m.Seq)
			tx.Amend(other)
			got, _ := tx.MessageAt(m.Seq)
			r.same("in the batch", got, m)
		})
		if n == 1 {
			r.found(m)
		}
	}
	r.found(m)
	r.do(func(tx *store.Tx) {
		nobody := m
		nobody.Upstream, nobody.Amount = "", 5 // it stays somebody's
		tx.MessageAt(m.Seq)
		tx.Amend(nobody)
	})
	r.found(m)
}

func tombstones(r *room) {
	r.do(func(tx *store.Tx) {
		tx.Remember(3, uuid(1), 71)
		tx.Remember(4, uuid(1), 72)
		tx.Remember(4, uuid(1), 75) // of another space of ids
		tx.Remember(3, "Not-A-UUID", 73)
		r.same("in the batch", tx.Remembered(4, uuid(1)), []int64{72, 75})
	})
	r.doIn(8, func(tx *store.Tx) { tx.Remember(3, uuid(1), 74) })
	r.everyWay(func(how string) {
		for _, want := range []struct {
			world   ident.World
			account ident.Account
			id      ident.ID
			at      []int64
		}{
			{1, 3, uuid(1), []int64{71}}, {1, 4, uuid(1), []int64{72, 75}}, {1, 3, "Not-A-UUID", []int64{73}}, {8, 3, uuid(1), []int64{74}},
			{1, 5, uuid(1), nil}, {8, 4, uuid(1), nil}, {1, 3, "not-a-uuid", nil}, {1, 3, uuid(2), nil},
		} {
			r.readIn(want.world, func(tx *store.Tx) {
				if at := tx.Remembered(want.account, want.id); !slices.Equal(at, want.at) {
					r.Errorf("%s: %+v: got %d", how, want, at)
				}
				if len(tx.Messages(want.id)) != 0 {
					r.Errorf("%s: a tombstone was taken for a message", how)
				}
			})
		}
	})
}

// declared names what a message needs, as senders do.
func declared(ids ...ident.ID) store.Keys {
	return store.Keys{World: ident.Production, IDs: ids}
}
