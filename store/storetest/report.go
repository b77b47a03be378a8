package storetest

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testReports(t *testing.T, h *harness) {
	t.Run("messages come in pages", h.with(messagePages))
	t.Run("open requests come in pages and leave when they end", h.with(openPages))
	t.Run("open requests are added up as one would by reading them", h.openSums)
	t.Run("adding them up takes the same memory however many there are", h.with(openSumsOfMany))
	t.Run("third-party identifiers lead to their messages", h.with(references))
	t.Run("entries come in pages and stay together", h.with(entryPages))
	t.Run("cards and details come in pages", h.with(cardPages))
	t.Run("a key is asked whether it made numbers", h.with(numbersOfKeys))
	t.Run("an empty store has nothing to report", h.with(nothing))
}

// pages checks that a report gives everything, in order, whatever the pages' size and wherever they begin.
func pages[T any](r *room, all []T, key func(T) int64, ask func(after int64, limit int) []T) {
	r.Helper()
	for limit := 1; limit <= len(all)+1; limit++ {
		var got []T
		for after := int64(-1000); ; {
			page := ask(after, limit)
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				r.Fatalf("a page of %d where %d were asked for", len(page), limit)
			}
			got, after = append(got, page...), key(page[len(page)-1])
		}
		r.same("pages", got, all)
	}
	if page := ask(-1000, 0); len(page) != 0 {
		r.Errorf("a page of %d where none were asked for", len(page))
	}
	r.same("from within", ask(key(all[0]), len(all)), all[1:])
}

func messagePages(r *room) {
	var all []txn.Message
	for n := range 7 {
		m := request(int64(3*n+1), uuid(n))
		m.World = ident.World(n % 2)
		all = append(all, m)
	}
	r.insert(all[4], all[1])
	r.insert(all[0], all[2], all[3], all[5], all[6])
	r.everyWay(func(string) {
		pages(r, all, seqOf, func(after int64, limit int) []txn.Message {
			return must(r.driver.Messages(r.Context(), after, limit))
		})
	})
}

func seqOf(m txn.Message) int64 { return m.Seq }

func openPages(r *room) {
	var open []txn.Message
	for n := range 30 {
		m := request(int64(n+1), uuid(n))
		m.Role, m.State = txn.Role(1+n%3), txn.State(1+n%6)
		r.insert(m)
		if m.Role == txn.Request && m.State == txn.Open {
			open = append(open, m)
		}
	}
	ask := func(after int64, limit int) []txn.Message { return must(r.driver.Open(r.Context(), after, limit)) }
	r.everyWay(func(string) { pages(r, open, seqOf, ask) })
	ended, left := open[1], slices.Concat(open[:1], open[2:])
	ended.State = txn.Confirmed
	r.do(func(tx *store.Tx) { tx.MessageAt(ended.Seq); tx.Amend(ended) })
	r.everyWay(func(string) { pages(r, left, seqOf, ask) })
}

// openSums lets random requests of some worlds, accounts and currencies come and end, and adds up the open ones the long way.
func (h *harness) openSums(t *testing.T) {
	h.check(t, func(rt *rapid.T) {
		r := h.start(t)
		defer r.close()
		for n := range rapid.IntRange(0, 40).Draw(rt, "messages") {
			m := request(int64(n+1), uuid(n))
			m.World, m.Account = ident.World(rapid.IntRange(1, 2).Draw(rt, "world")), ident.Account(rapid.IntRange(1, 3).Draw(rt, "account"))
			m.Role, m.State = txn.Role(rapid.IntRange(1, 2).Draw(rt, "role")), rapid.SampledFrom([]txn.State{txn.Open, txn.Open, txn.Confirmed, txn.Working}).Draw(rt, "state")
			m.Currency = rapid.SampledFrom([]money.Currency{710, 978}).Draw(rt, "currency")
			m.Amount = money.Minor(rapid.Int64Range(0, int64(money.MaxMinor)).Draw(rt, "amount"))
			m.At = noon.Add(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "age")) * time.Millisecond)
			m.Body = []byte("a body")
			r.insert(m)
		}
		for _, m := range must(r.driver.Open(r.Context(), 0, 100)) {
			if rapid.IntRange(0, 3).Draw(rt, "ends") == 0 {
				m.State = txn.Reversed
				r.doIn(m.World, func(tx *store.Tx) { tx.MessageAt(m.Seq); tx.Amend(m) })
			}
		}
		left := must(r.driver.Open(r.Context(), 0, 100))
		for _, world := range []ident.World{1, 2, 3} {
			for account := range ident.Account(4) {
				for _, upto := range []time.Time{{}, noon.Add(-3 * time.Millisecond), noon, noon.Add(time.Millisecond/2 - 1), noon.Add(time.Hour)} {
					got := must(r.driver.OpenSums(r.Context(), world, account, upto))
					if d := differ("sums", reflect.ValueOf(got), reflect.ValueOf(addedUp(left, world, account, upto))); d != "" {
						rt.Errorf("world %d, account %d, up to %s: %s", world, account, upto, d)
					}
				}
			}
		}
	})
}

// openSumsOfMany counts allocations: one for each request would show, as a body or a whole message for each would.
func openSumsOfMany(r *room) {
	const few, many = 10, 600
	last := 0
	allocated := func(upto int) float64 {
		r.do(func(tx *store.Tx) {
			for ; last < upto; last++ {
				m := request(int64(last+1), uuid(last))
				m.Body = bytes.Repeat([]byte("body"), 256)
				tx.Insert(m)
			}
		})
		return testing.AllocsPerRun(5, func() {
			sums := must(r.driver.OpenSums(r.Context(), ident.Production, 0, noon))
			if len(sums) != 1 || sums[0].Count != int64(upto) {
				r.Errorf("%d open requests: got %+v", upto, sums)
			}
		})
	}
	if of, more := allocated(few), allocated(many); more > of+(many-few)/2 {
		r.Errorf("%v allocations for %d requests, %v for %d", of, few, more, many)
	}
}

// addedUp adds open requests up the long way.
func addedUp(open []txn.Message, world ident.World, account ident.Account, upto time.Time) (sums []admin.OpenSum) {
	for _, m := range open {
		if m.World != world || account != 0 && m.Account != account || m.At.After(upto) {
			continue
		}
		s := admin.OpenSum{Account: m.Account, Currency: m.Currency, First: m.Seq, Oldest: m.At}
		at := slices.IndexFunc(sums, func(s admin.OpenSum) bool { return s.Account == m.Account && s.Currency == m.Currency })
		if at >= 0 {
			s = sums[at]
		}
		if s.Count, s.Value = s.Count+1, s.Value.Plus(money.SumOf(m.Amount)); m.At.Before(s.Oldest) {
			s.Oldest = m.At
		}
		if at >= 0 {
			sums[at] = s
		} else {
			sums = append(sums, s)
		}
	}
	return sums
}

func references(r *room) {
	const apart = 30_000_001 // so that a store that searches a long history by parts has several
	var all []txn.Message
	for n := range 20 {
		m := request(int64(n*apart+1), uuid(n))
		m.World = ident.World(1 + n%2)
		m.References = []int64{int64(n % 4), -7, int64(100 + n)}
		if n == 19 {
			m.References = nil
		}
		all = append(all, m)
	}
	r.insert(all...)
	with := func(w ident.World, hash int64) (found []txn.Message) {
		for _, m := range all {
			if m.World == w && slices.Contains(m.References, hash) {
				found = append(found, m)
			}
		}
		return found
	}
	r.everyWay(func(how string) {
		for w := ident.World(0); w <= 3; w++ {
			for _, hash := range []int64{-7, 0, 1, 2, 3, 100, 101, 119, 5, 1 << 62} {
				want := with(w, hash)
				r.same(how, must(r.driver.MessagesByReference(r.Context(), w, hash, 0, 100)), want)
				if len(want) > 0 {
					pages(r, want, seqOf, func(after int64, limit int) []txn.Message {
						return must(r.driver.MessagesByReference(r.Context(), w, hash, after, limit))
					})
				}
			}
		}
		if got := must(r.driver.MessagesByReference(r.Context(), 1, -7, 0, 0)); len(got) != 0 {
			r.Errorf("%s: %d messages where none were asked for", how, len(got))
		}
	})
}

func entryPages(r *room) {
	var all []ledger.Entry
	for _, of := range []struct{ message, entries int }{{3, 1}, {4, 5}, {9, 2}, {10, 1}} {
		for n := range of.entries {
			all = append(all, ledger.Entry{
				Message: int64(of.message), N: n, Request: 1, Debit: 17, Credit: 33, Amount: money.Minor(n + 1), Phase: ledger.Direct,
			})
		}
	}
	backwards := slices.Clone(all)
	slices.Reverse(backwards)
	r.enter(backwards...)
	r.everyWay(func(how string) {
		for limit := 1; limit <= len(all)+1; limit++ {
			var got []ledger.Entry
			for after := int64(0); ; {
				page := must(r.driver.Entries(r.Context(), after, limit))
				if len(page) == 0 {
					break
				}
				last := page[len(page)-1].Message
				if next := must(r.driver.EntriesOf(r.Context(), []int64{last})); next[len(next)-1] != page[len(page)-1] {
					r.Fatalf("%s: a page of %d ends within message %d", how, limit, last)
				}
				got, after = append(got, page...), last
			}
			r.same(how, got, all)
		}
		if got := must(r.driver.Entries(r.Context(), 0, 0)); len(got) != 0 {
			r.Errorf("%s: %d entries where none were asked for", how, len(got))
		}
	})
}

func cardPages(r *room) {
	var cards []giftcard.Card
	var details []giftcard.Detail
	for n := range int64(7) {
		c := newCard(5*n + 1)
		r.add(c)
		cards, details = append(cards, c.Card), append(details, c.Detail)
	}
	r.everyWay(func(string) {
		pages(r, cards, func(c giftcard.Card) int64 { return c.ID }, func(after int64, limit int) []giftcard.Card {
			return must(r.driver.Cards(r.Context(), after, limit))
		})
		pages(r, details, func(d giftcard.Detail) int64 { return d.Card }, func(after int64, limit int) []giftcard.Detail {
			return must(r.driver.Details(r.Context(), after, limit))
		})
	})
}

func numbersOfKeys(r *room) {
	const lowest, key, highest = 1, 1 << 31, math.MaxUint32
	for n, digest := range []secret.Digest{
		{Key: lowest}, {Key: lowest, Sum: [16]byte{1}}, {Key: key, Sum: [16]byte{7}}, {Key: highest, Sum: [16]byte(bytes.Repeat([]byte{255}, 16))},
	} {
		c := newCard(int64(n + 1))
		c.Number = digest
		r.add(c)
	}
	r.everyWay(func(how string) {
		for asked, want := range map[uint32]bool{lowest: true, lowest + 1: false, key - 1: false, key: true, key + 1: false, highest - 1: false, highest: true} {
			if got := must(r.driver.HasNumbers(r.Context(), asked)); got != want {
				r.Errorf("%s: key %d has numbers: %t", how, asked, got)
			}
		}
	})
	r.do(func(tx *store.Tx) {
		tx.Renumber(3, giftcard.CardKey{{Key: lowest, Sum: [16]byte{9}}, {Key: key, Sum: [16]byte{7}}})
	})
	r.everyWay(func(how string) {
		if must(r.driver.HasNumbers(r.Context(), key)) {
			r.Errorf("%s: a key has a number that was rewritten", how)
		}
	})
}

func nothing(r *room) {
	r.everyWay(func(string) { r.same("dump", r.dump(), dump{}) })
	if _, found, err := r.driver.RowByName(r.Context(), admin.AccountRow, 1, "x"); found || err != nil {
		r.Errorf("found %t, %v", found, err)
	}
}

// dump is everything that reports show of a small store.
type dump struct {
	Messages, Open []txn.Message
	Entries        []ledger.Entry
	Cards          []giftcard.Card
	Details        []giftcard.Detail
	Rows           []admin.Row
	Working        []txn.Message
	Vouchers       []airtime.Voucher
	Batches        []airtime.Batch
	Floats         []airtime.Float
	Items          []saf.Item
	Levels         []saf.Level
	Sums           []admin.OpenSum
}

func (r *room) dump() dump {
	const all = 10_000
	return dump{
		Messages: must(r.driver.Messages(r.Context(), 0, all)), Open: must(r.driver.Open(r.Context(), 0, all)),
		Entries: must(r.driver.Entries(r.Context(), 0, all)),
		Cards:   must(r.driver.Cards(r.Context(), 0, all)), Details: must(r.driver.Details(r.Context(), 0, all)),
		Rows: must(r.driver.Rows(r.Context(), admin.AuditRow, 0, all)), Working: must(r.driver.Working(r.Context(), 0, all)),
		Vouchers: must(r.driver.Vouchers(r.Context(), 0, all)), Batches: must(r.driver.VoucherBatches(r.Context(), 0, all)),
		Floats: must(r.driver.Floats(r.Context(), 0, all)), Items: r.items(), Levels: must(r.driver.Levels(r.Context())),
		Sums: must(r.driver.OpenSums(r.Context(), ident.Production, 0, noon.Add(time.Hour))),
	}
}
