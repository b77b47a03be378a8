package storetest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// forgetter is a driver that can forget a world, as a sandbox's has to.
type forgetter interface {
	Forget(ctx context.Context, world ident.World, above int64, keyed func(ident.ID) int64) error
}

// Forget judges how a driver forgets a world: wholly, so that its ids and numbers are free again, and without a
// trace in any other world.
func Forget(t *testing.T, open Opener, reopen Reopener) {
	h := &harness{open: open, reopen: reopen}
	t.Run("a world is forgotten wholly", h.with(wholeWorld))
	t.Run("a large world", h.with(largeWorld))
	t.Run("what was pruned of it", h.with(prunedWorldForgotten))
	t.Run("twice, and a world that never was", h.with(forgottenTwice))
}

// Settle puts something of every kind into a world of an empty store, prunes what it can of it, and closes the store. It
// gives the hash of the world's ids, for Forget.
func Settle(t *testing.T, d store.Driver, w ident.World) (keyed func(ident.ID) int64) {
	h := &harness{open: func(testing.TB) store.Driver { return d }}
	r := h.start(t)
	r.settle(w, 200)
	r.prune(noon.Add(pruneDay))
	r.close()
	return func(id ident.ID) int64 { return keys().ID(w, id) }
}

func (r *room) forget(w ident.World, above int64) {
	r.Helper()
	keyed := func(id ident.ID) int64 { return keys().ID(w, id) }
	if err := r.driver.(forgetter).Forget(r.Context(), w, above, keyed); err != nil {
		r.Fatal(err)
	}
}

// settle puts something of every kind into a world, above a place.
func (r *room) settle(w ident.World, above int64) {
	r.Helper()
	r.doIn(w, func(tx *store.Tx) {
		c := newCard(above + 1)
		c.Card.World, c.Number = w, digest("number of world", int(w))
		c.Detail.Holder = giftcard.HolderDigests{ProfileID: digest("p", int(w)), MSISDN: digest("m", 1), EmailAddress: digest("e", 1)}
		tx.AddCard(c)
		m := request(above+2, uuid(1))
		m.World, m.Card, m.References, m.Links = w, c.Card.ID, []int64{5, int64(w)}, []txn.Link{{Card: c.Card.ID}}
		tx.Insert(m)
		tx.Enter(ledger.Entry{Message: m.Seq, Request: m.Seq, Debit: ledger.AccountOf(ledger.Card, c.Card.ID), Credit: 33, Amount: 5, Currency: 710, Phase: ledger.Pending})
		for n, id := range []ident.ID{"not-a-uuid", uuid(2)} {
			reversal := request(above+3+int64(n), id)
			reversal.World, reversal.Role, reversal.State = w, txn.Reversal, txn.Declined
			tx.Insert(reversal)
			tx.Remember(3, id+"x", reversal.Seq)
		}
		tx.PutCounter(someCounter(c.Card.ID), txn.Counter{Count: 1})
		b, v := newBatch(int32(w), int32(w)), newVoucher(above+6, int32(w))
		b.World, v.World, v.SerialHash, v.PINHash = w, w, 4, -int64(w)
		tx.PutBatch(b)
		tx.AddVoucher(v)
		tx.PutFloat(airtime.Float{Account: ident.Account(w), World: w, Currency: 710})
		working := request(above+7, uuid(3))
		working.World, working.Family, working.State = w, txn.Purchase, txn.Working
		tx.Insert(working)
		i := troubled(newItem(above+8), saf.Parked)
		i.World, i.Account = w, ident.Account(w)
		tx.AddItem(i)
		tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: above + 5, World: w, Name: "name", Content: []byte{1}})
	})
}

// foundOf says what is found of a world that settle has filled, above a place.
func (r *room) foundOf(w ident.World, above int64) (found []string) {
	r.Helper()
	note := func(yes bool, what string) {
		if yes {
			found = append(found, what)
		}
	}
	r.readIn(w, func(tx *store.Tx) {
		_, yes := tx.CardByNumber(giftcard.CardKey{digest("number of world", int(w))})
		note(yes, "card")
		note(slices.Contains(tx.CardsOf(digest("m", 1), 9), above+1), "shared holder")
		note(len(tx.CardsOf(digest("p", int(w)), 9)) > 0, "holder")
		_, yes = tx.MessageAt(above + 2)
		note(yes, "message")
		for _, id := range []ident.ID{uuid(1), "not-a-uuid", uuid(2)} {
			note(len(tx.Messages(id)) > 0, "id "+string(id))
			note(len(tx.Remembered(3, id+"x")) > 0, "tombstone "+string(id))
		}
		note(tx.Counter(someCounter(above+1)).Count > 0, "counter")
		note(len(tx.VouchersByHash(4)) > 0, "voucher by serial")
		note(len(tx.VouchersByHash(-int64(w))) > 0, "voucher by PIN")
		note(len(tx.Batches(int32(w), noon)) > 0, "batch")
		_, yes = tx.Float(ident.Account(w))
		note(yes, "float")
		_, yes = tx.Item(above + 8)
		note(yes, "queue item")
	})
	note(len(must(r.driver.EntriesOf(r.Context(), []int64{above + 2}))) > 0, "entry")
	note(len(must(r.driver.MessagesByReference(r.Context(), w, 5, 0, 9))) > 0, "reference")
	_, yes, err := r.driver.RowByName(r.Context(), admin.AuditRow, w, "name")
	note(yes || err != nil, "row")
	return found
}

// everythingOf is what foundOf finds of a world that has not been forgotten.
const everythingOf = 18

func wholeWorld(r *room) {
	r.settle(ident.Production, 100)
	r.settle(7, 200)
	r.settle(8, 300)
	before := r.dump()
	if found := r.foundOf(7, 200); len(found) != everythingOf {
		r.Fatalf("before: only %v", found)
	}
	r.forget(7, 199)
	r.everyWay(func(how string) {
		r.same(how, r.dump(), before.without(7))
		if found := r.foundOf(7, 200); len(found) != 0 {
			r.Errorf("%s: still there: %v", how, found)
		}
		for w, above := range map[ident.World]int64{ident.Production: 100, 8: 300} {
			if found := r.foundOf(w, above); len(found) != everythingOf {
				r.Errorf("%s: of world %d there is only %v", how, w, found)
			}
		}
	})
	r.settle(7, 400) // the same ids, number and names
	if found := r.foundOf(7, 400); len(found) != everythingOf {
		r.Errorf("settled again: only %v", found)
	}
}

// without is what a dump must be when a world is forgotten.
func (d dump) without(w ident.World) dump {
	gone := map[int64]bool{}
	note := func(yes bool, key int64) bool {
		gone[key] = gone[key] || yes
		return yes
	}
	ofWorld := func(m txn.Message) bool { return note(m.World == w, m.Seq) }
	return dump{
		Messages: slices.DeleteFunc(slices.Clone(d.Messages), ofWorld), Open: slices.DeleteFunc(slices.Clone(d.Open), ofWorld),
		Entries:  slices.DeleteFunc(slices.Clone(d.Entries), func(e ledger.Entry) bool { return gone[e.Message] }),
		Cards:    slices.DeleteFunc(slices.Clone(d.Cards), func(c giftcard.Card) bool { return note(c.World == w, c.ID) }),
		Details:  slices.DeleteFunc(slices.Clone(d.Details), func(c giftcard.Detail) bool { return gone[c.Card] }),
		Rows:     slices.DeleteFunc(slices.Clone(d.Rows), func(row admin.Row) bool { return row.World == w }),
		Working:  slices.DeleteFunc(slices.Clone(d.Working), ofWorld),
		Vouchers: slices.DeleteFunc(slices.Clone(d.Vouchers), func(v airtime.Voucher) bool { return v.World == w }),
		Items:    slices.DeleteFunc(slices.Clone(d.Items), func(i saf.Item) bool { return i.World == w }),
		Levels:   slices.DeleteFunc(slices.Clone(d.Levels), func(l saf.Level) bool { return l.Account == ident.Account(w) }),
		Batches:  slices.DeleteFunc(slices.Clone(d.Batches), func(b airtime.Batch) bool { return b.World == w }),
		Floats:   slices.DeleteFunc(slices.Clone(d.Floats), func(f airtime.Float) bool { return f.World == w }),
		Sums:     d.Sums, // of the world of production, which is never forgotten
	}
}

func largeWorld(r *room) {
	const messages, batch = 1000, 100
	for first := int64(0); first < messages; first += batch {
		r.doIn(7, func(tx *store.Tx) {
			for n := first; n < first+batch; n++ {
				m := request(1000+n, ident.ID(fmt.Sprintf("m%d", n)))
				m.World = 7
				tx.Insert(m)
			}
		})
	}
	r.settle(8, 500)
	r.forget(7, 0)
	if left := len(r.dump().without(8).Messages); left != 0 {
		r.Errorf("%d messages are left", left)
	}
	if found := r.foundOf(8, 500); len(found) != everythingOf {
		r.Errorf("of another world there is only %v", found)
	}
}

func prunedWorldForgotten(r *room) {
	for _, w := range []ident.World{7, 8} {
		request, ending, entries := transaction(int64(w)*1000, noon)
		request.World, ending.World = w, w
		reversal := r.unlocatedIn(w, int64(w)*1000+5, uuid(5))
		r.insert(request, ending)
		r.enter(entries...)
		if gone := r.prune(noon.Add(pruneDay)); gone != 3 {
			r.Errorf("%d messages went with %d", gone, reversal.Seq)
		}
	}
	r.forget(7, 6999)
	r.everyWay(func(how string) {
		for w, want := range map[ident.World]int{7: 0, 8: 1} {
			r.readIn(w, func(tx *store.Tx) {
				for _, id := range []int{int(w) * 1000, int(w)*1000 + 1, int(w)*1000 + 5} {
					r.same(how+": messages", len(tx.Messages(uuid(id))), want)
				}
				r.same(how+": remembered", len(tx.Remembered(pruneShop, uuid(5))), want)
			})
		}
		r.same(how+": husks", len(must(r.driver.Pruned(r.Context(), 0, 9))), 3)
		r.same(how+": brought", len(must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 9))), 1)
	})
}

func forgottenTwice(r *room) {
	r.settle(7, 200)
	r.forget(9, 0)
	if found := r.foundOf(7, 200); len(found) != everythingOf {
		r.Errorf("there is only %v", found)
	}
	r.forget(7, 0)
	r.forget(7, 0)
	r.same("dump", r.dump(), dump{})
}
