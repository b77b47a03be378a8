package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// Sizes of what a message carries, as they are when bodies are compressed and sealed.
const (
	requestBody = 220
	adviceBody  = 130
)

// trade is what a caller does again and again: a request, and what confirms it.
type trade struct {
	request func(*till) (ident.ID, int64)
	confirm func(*till, ident.ID, int64)
}

// Bench measures a driver through the store, without HTTP and rules: redemptions and sales of vouchers, alone and with
// their confirmations, for one, 32 and 128 callers, on so many cards or vouchers. One operation is one message.
func Bench(b *testing.B, open Opener, size int) {
	cards, vouchers := trade{(*till).redeem, (*till).confirm}, trade{(*till).sell, (*till).confirmSale}
	redeem, sell := trade{request: cards.request}, trade{request: vouchers.request}
	for _, callers := range []int{1, 32, 128} {
		for _, run := range []struct {
			name  string
			stock func(*shop)
			trade trade
		}{
			{"redeem", (*shop).stock, redeem}, {"pair", (*shop).stock, cards},
			{"sell", (*shop).stockVouchers, sell}, {"sale", (*shop).stockVouchers, vouchers},
		} {
			b.Run(fmt.Sprintf("%s/callers=%d", run.name, callers), func(b *testing.B) {
				s := &shop{room: (&harness{open: open}).start(b), cards: size, vouchers: max(size, b.N)}
				run.stock(s)
				s.benchmark(b, callers, run.trade)
			})
		}
	}
	b.Run("import", func(b *testing.B) { importVouchers(b, open) })
}

// Grow puts so many redemptions, each with its confirmation, into a store, and closes it. An empty store gets cards first.
func Grow(b *testing.B, d store.Driver, cards, transactions int) {
	h := &harness{open: func(testing.TB) store.Driver { return d }}
	shop := &shop{room: h.start(b), cards: cards}
	if len(must(d.Cards(b.Context(), 0, 1))) == 0 {
		shop.stock()
	}
	var left atomic.Int64
	left.Store(int64(transactions))
	var all sync.WaitGroup
	for n := range 128 {
		all.Go(func() {
			till := &till{shop: shop, random: rand.New(rand.NewPCG(uint64(n), uint64(transactions)))}
			for left.Add(-1) >= 0 {
				id, card := till.redeem()
				till.confirm(id, card)
			}
		})
	}
	all.Wait()
	shop.close()
}

func (s *shop) benchmark(b *testing.B, callers int, trade trade) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for n := range callers {
		all.Go(func() {
			till := &till{shop: s, random: rand.New(rand.NewPCG(uint64(n), 7))}
			for left.Add(-1) >= 0 {
				id, what := trade.request(till)
				if trade.confirm != nil && left.Add(-1) >= 0 {
					trade.confirm(till, id, what)
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// shop is a store with activated cards that hold much, or with vouchers.
type shop struct {
	*room
	cards, vouchers int
}

const stockBatch = 10_000

func (s *shop) stock() {
	for first := 1; first <= s.cards; first += stockBatch {
		s.do(func(tx *store.Tx) {
			for id := first; id < first+stockBatch && id <= s.cards; id++ {
				n := newCard(int64(id))
				n.Card.Status = giftcard.ActivatedConfirmed
				n.Card.Balance = ledger.Balance{Book: 1 << 40, Available: 1 << 40}
				n.Detail.SealedPAN = make([]byte, 52)
				tx.AddCard(n)
			}
			if first == 1 {
				for tx.NextSeq() < int64(s.cards) {
				}
			}
		})
	}
}

// till is one caller.
type till struct {
	*shop
	random *rand.Rand
	bodies [requestBody]byte
}

func (t *till) newID() ident.ID {
	var u [16]byte
	for i := range u {
		u[i] = byte(t.random.Uint32())
	}
	return ident.FromUUID(u)
}

// redeem takes one from a card's balance, deciding as the rules do.
func (t *till) redeem() (ident.ID, int64) {
	id, card := t.newID(), 1+t.random.Int64N(int64(t.cards))
	key := giftcard.CardKey{digest("number", int(card))}
	k := store.Keys{World: ident.Production, IDs: []ident.ID{id}, Cards: []giftcard.CardKey{key}}
	references := []int64{t.random.Int64(), t.random.Int64()}
	err := t.store.Do(context.Background(), k, func(tx *store.Tx) error {
		if len(tx.Remembered(3, id)) > 0 || len(tx.Messages(id)) > 0 {
			return &decline.Error{}
		}
		c, found := tx.CardByNumber(key)
		if !found || c.Balance.Available < 1 {
			return &decline.Error{}
		}
		m := request(tx.NextSeq(), id)
		m.Card, m.Amount, m.Requested = card, 1, 1
		m.Links, m.References, m.Body = []txn.Link{{Card: card, Previous: c.LastMessage}}, references, t.body(requestBody)
		e := ledger.Entry{
			Message: m.Seq, Request: m.Seq, Debit: c.Account(), Credit: ledger.AccountOf(ledger.Redeemed, 3), Amount: 1,
			Currency: 710, Phase: ledger.Pending,
		}
		c.LastMessage = m.Seq
		var err error
		if c.Balance, err = c.Balance.Debited(e); err != nil {
			return err
		}
		tx.Insert(m)
		tx.Enter(e)
		tx.PutCard(c)
		return nil
	})
	if err != nil {
		t.Errorf("redeem: %v", err)
	}
	return id, card
}

// confirm confirms a redemption.
func (t *till) confirm(request ident.ID, card int64) {
	id := t.newID()
	references := []int64{t.random.Int64(), t.random.Int64()}
	k := store.Keys{World: ident.Production, IDs: []ident.ID{id, request}}
	err := t.store.Do(context.Background(), k, func(tx *store.Tx) error {
		asked := tx.Messages(request)
		if len(asked) != 1 || len(tx.Messages(id)) > 0 || txn.Judge(asked[0].State, txn.Confirmation) != txn.Apply {
			return &decline.Error{}
		}
		r := asked[0]
		c := tx.Card(r.Card)
		m := txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: r.Account, Family: r.Family, Role: txn.Confirmation,
			State: txn.Accepted, At: noon, Request: r.Seq, Card: r.Card, Amount: r.Amount, Requested: r.Amount, Currency: r.Currency,
			Links: []txn.Link{{Card: r.Card, Previous: c.LastMessage}}, References: references, Body: t.body(adviceBody),
		}
		r.State, r.Ended, r.Final = txn.Confirmed, m.Seq, r.Amount
		c.LastMessage = m.Seq
		tx.Insert(m)
		tx.Amend(r)
		tx.Enter(ledger.Entry{
			Message: m.Seq, Request: r.Seq, Debit: c.Account(), Credit: ledger.AccountOf(ledger.Redeemed, 3), Amount: r.Amount,
			Currency: 710, Phase: ledger.Posted,
		})
		tx.PutCard(c)
		return nil
	})
	if err != nil {
		t.Errorf("confirm: %v", err)
	}
}

// body gives a body that does not compress, as sealed ones do not.
func (t *till) body(size int) []byte {
	for i := range size {
		t.bodies[i] = byte(t.random.Uint32())
	}
	return append([]byte(nil), t.bodies[:size]...)
}
