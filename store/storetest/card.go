package storetest

import (
	"errors"
	"math"
	"testing"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
)

func testCards(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(everyCardField))
	t.Run("extreme values come back", h.with(extremeCards))
	t.Run("a change of every field comes back", h.with(changedCard))
	t.Run("a number leads to its card under any key", h.with(cardNumbers))
	t.Run("a number is taken once", h.with(numberTaken))
	t.Run("a number is rewritten under another key", h.with(renumbered))
	t.Run("a holder leads to his cards", h.with(holders))
	t.Run("a holder look-up is bounded", h.with(manyCardsOfOneHolder))
	t.Run("cards of an unfinished import are hidden", hiddenImports(h))
}

// add saves cards that were not there before.
func (r *room) add(cards ...giftcard.NewCard) {
	r.Helper()
	r.do(func(tx *store.Tx) {
		for _, n := range cards {
			tx.AddCard(n)
		}
	})
}

// hasCard checks that a card comes back by number and by id, with its detail.
func (r *room) hasCard(want giftcard.NewCard) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.read(func(tx *store.Tx) {
			r.Helper()
			byNumber, found := tx.CardByNumber(giftcard.CardKey{want.Number})
			if !found {
				r.Errorf("%s: card %d is not found by its number", how, want.Card.ID)
			}
			r.same(how+": card by number", byNumber, want.Card)
			r.same(how+": card", tx.Card(want.Card.ID), want.Card)
			r.same(how+": detail", tx.Detail(want.Card.ID), want.Detail)
		})
	})
}

func everyCardField(r *room) {
	n := giftcard.NewCard{
		Card: giftcard.Card{
			ID: 31, World: 4, Status: giftcard.Voided, Frozen: true, HasPIN: true, Expiry: 4010, ValidThrough: 3101, Currency: 710,
			Product: 12, Balance: ledger.Balance{Book: 700, Available: 600}, LastMessage: 90, Activation: 80, Void: 85,
			Successor: 32, Loads: 3, WrongPINs: 2, Import: 5,
		},
		Detail: giftcard.Detail{
			Card: 31, SealedPAN: []byte{0, 9, 255}, Masked: "600100******0001",
			Seeded:       giftcard.PINs{Clear: digest("pin", 1), Encrypted: digest("pin", 2)},
			PINs:         giftcard.PINs{Clear: digest("pin", 3), Encrypted: digest("pin", 4)},
			Holder:       giftcard.HolderDigests{ProfileID: digest("p", 1), MSISDN: digest("m", 1), EmailAddress: digest("e", 1)},
			SeededHolder: giftcard.HolderDigests{ProfileID: digest("p", 8), MSISDN: digest("m", 8), EmailAddress: digest("e", 8)},
		},
		Number: digest("number", 31),
	}
	r.full(n.Card)
	r.full(n.Detail)
	r.full(n.Detail.Seeded)
	r.full(n.Detail.PINs)
	r.full(n.Detail.Holder)
	r.add(n)
	r.hasCard(n)
}

func extremeCards(r *room) {
	most := giftcard.NewCard{
		Card: giftcard.Card{
			ID: math.MaxInt64, World: math.MaxInt32, Status: math.MaxUint8, Expiry: math.MaxUint16, ValidThrough: math.MaxUint16,
			Currency: math.MaxUint16, Product: math.MaxInt32, Balance: ledger.Balance{Book: math.MaxInt64, Available: math.MaxInt64},
			LastMessage: math.MaxInt64, Activation: math.MaxInt64, Void: math.MaxInt64, Successor: math.MaxInt64,
			Loads: math.MaxInt32, WrongPINs: math.MaxInt32, Import: math.MaxInt32,
		},
		Detail: giftcard.Detail{Card: math.MaxInt64, SealedPAN: make([]byte, 1<<16), Masked: "ü\u2028'"},
		Number: secret.Digest{Key: math.MaxUint32, Sum: [16]byte{255, 0, 255}},
	}
	least := giftcard.NewCard{
		Card: giftcard.Card{
			ID: 1, World: math.MinInt32, Product: math.MinInt32, LastMessage: math.MinInt64, Activation: math.MinInt64,
			Void: math.MinInt64, Successor: math.MinInt64, Loads: math.MinInt32, WrongPINs: math.MinInt32, Import: math.MinInt32,
		},
		Detail: giftcard.Detail{Card: 1},
		Number: secret.Digest{Sum: [16]byte{15: 1}},
	}
	r.add(most, least)
	r.hasCard(most)
	r.hasCard(least)
}

func changedCard(r *room) {
	n := newCard(5)
	r.add(n, newCard(6))
	n.Card = giftcard.Card{
		ID: 5, World: 4, Status: giftcard.Voided, Frozen: true, HasPIN: true, Expiry: 4010, ValidThrough: 3101, Currency: 978,
		Product: 12, Balance: ledger.Balance{Book: 700, Available: 600}, LastMessage: 90, Activation: 80, Void: 85,
		Successor: 6, Loads: 3, WrongPINs: 2, Import: 5,
	}
	r.full(n.Card)
	n.Detail = giftcard.Detail{
		Card: 5, SealedPAN: []byte("other"), Masked: "other", Seeded: giftcard.PINs{Clear: digest("pin", 5), Encrypted: digest("pin", 6)},
		PINs:         giftcard.PINs{Clear: digest("pin", 7), Encrypted: digest("pin", 8)},
		Holder:       giftcard.HolderDigests{ProfileID: digest("p", 2), MSISDN: digest("m", 2), EmailAddress: digest("e", 2)},
		SeededHolder: giftcard.HolderDigests{ProfileID: digest("p", 9), MSISDN: digest("m", 9), EmailAddress: digest("e", 9)},
	}
	r.full(n.Detail)
	r.do(func(tx *store.Tx) {
		tx.Card(5)
		tx.PutCard(n.Card)
		r.same("in the batch", tx.Card(5), n.Card)
		tx.Detail(5)
		tx.PutDetail(n.Detail)
		r.same("in the batch", tx.Detail(5), n.Detail)
	})
	r.hasCard(n)
	r.hasCard(newCard(6))
}

func cardNumbers(r *room) {
	n := newCard(1)
	r.add(n, newCard(2))
	unknown := digest("number", 99)
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) {
			for _, key := range []giftcard.CardKey{{n.Number}, {unknown, n.Number}, {n.Number, unknown}} {
				if c, found := tx.CardByNumber(key); !found || c.ID != 1 {
					r.Errorf("%s: number of %d keys leads to %d", how, len(key), c.ID)
				}
			}
			if _, found := tx.CardByNumber(giftcard.CardKey{unknown}); found {
				r.Errorf("%s: an unknown number leads to a card", how)
			}
			rotated := n.Number
			rotated.Key++
			if _, found := tx.CardByNumber(giftcard.CardKey{rotated}); found {
				r.Errorf("%s: a digest under another key leads to a card", how)
			}
		})
	})
}

func numberTaken(r *room) {
	r.add(newCard(1))
	twin := newCard(2)
	twin.Number = newCard(1).Number
	err := r.try(store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.AddCard(twin)
		return nil
	})
	if err == nil {
		r.Fatal("two cards have one number")
	}
	r.hasCard(newCard(1))
}

func holders(r *room) {
	first, second := newCard(1), newCard(2)
	first.Detail.Holder = giftcard.HolderDigests{ProfileID: digest("p", 1), MSISDN: digest("m", 1)}
	second.Detail.Holder = giftcard.HolderDigests{ProfileID: digest("p", 1), EmailAddress: digest("e", 1)}
	r.add(second, first)
	r.holds(digest("p", 1), 1, 2)
	r.holds(digest("m", 1), 1)
	r.holds(digest("e", 1), 2)
	r.holds(digest("e", 2))

	moved := first.Detail
	moved.Holder = giftcard.HolderDigests{MSISDN: digest("m", 1), EmailAddress: digest("e", 1)}
	r.do(func(tx *store.Tx) {
		tx.Detail(1)
		tx.PutDetail(moved)
		r.same("in the batch", tx.CardsOf(digest("e", 1), 9), []int64{1, 2})
		r.same("in the batch", tx.CardsOf(digest("p", 1), 9), []int64{2})
	})
	r.holds(digest("p", 1), 2)
	r.holds(digest("m", 1), 1)
	r.holds(digest("e", 1), 1, 2)

	gone := moved
	gone.Holder = giftcard.HolderDigests{}
	r.do(func(tx *store.Tx) { tx.Detail(1); tx.PutDetail(gone) })
	r.holds(digest("m", 1))
	r.holds(digest("e", 1), 2)
}

// holds checks which cards a holder's digest leads to.
func (r *room) holds(d secret.Digest, cards ...int64) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.read(func(tx *store.Tx) {
			r.Helper()
			r.same(how+": cards of a holder", tx.CardsOf(d, store.MaxCardsOfHolder), cards)
		})
	})
}

func manyCardsOfOneHolder(r *room) {
	var cards []giftcard.NewCard
	var first []int64
	for id := int64(1); id <= 2*store.MaxCardsOfHolder; id++ {
		n := newCard(id)
		n.Detail.Holder.MSISDN = digest("m", 1)
		if cards = append(cards, n); id <= store.MaxCardsOfHolder {
			first = append(first, id)
		}
	}
	r.add(cards...)
	r.holds(digest("m", 1), first...)
	r.read(func(tx *store.Tx) { r.same("two at most", tx.CardsOf(digest("m", 1), 2), []int64{1, 2}) })
}

func hiddenImports(h *harness) func(*testing.T) {
	return func(t *testing.T) {
		unfinished := true
		r := h.startWith(t, store.Settings{Unfinished: func(n int32) bool { return n == 6 && unfinished }})
		hidden, plain := newCard(1), newCard(2)
		hidden.Card.Import = 6
		hidden.Detail.Holder.MSISDN, plain.Detail.Holder.MSISDN = digest("m", 1), digest("m", 1)
		r.add(hidden, plain)
		r.everyWay(func(how string) {
			r.read(func(tx *store.Tx) {
				if _, found := tx.CardByNumber(giftcard.CardKey{hidden.Number}); found {
					t.Errorf("%s: a card of an unfinished import is found by number", how)
				}
				if c, found := tx.AnyCardByNumber(giftcard.CardKey{hidden.Number}); !found || c.ID != 1 {
					t.Errorf("%s: an operator does not find a card of an unfinished import", how)
				}
				r.same(how+": cards of a holder", tx.CardsOf(digest("m", 1), 9), []int64{2})
			})
		})
		unfinished = false
		r.hasCard(hidden)
		r.holds(digest("m", 1), 1, 2)
	}
}

// balance changes a card's balance.
func (r *room) balance(tx *store.Tx, id int64, book, available money.Minor) {
	c := tx.Card(id)
	c.Balance = ledger.Balance{Book: book, Available: available}
	tx.PutCard(c)
}

func renumbered(r *room) {
	r.add(newCard(1), newCard(2))
	old, fresh, never := newCard(1).Number, digest("number", 101), digest("number", 102)
	err := r.try(declared(), func(tx *store.Tx) error {
		tx.Renumber(1, giftcard.CardKey{fresh, old, never})
		return errOwn
	})
	if !errors.Is(err, errOwn) {
		r.Fatal(err)
	}
	r.hasCard(newCard(1))
	for range 2 { // once more changes nothing
		r.do(func(tx *store.Tx) {
			tx.Renumber(1, giftcard.CardKey{fresh, old, never})
			if c, found := tx.CardByNumber(giftcard.CardKey{fresh}); !found || c.ID != 1 {
				r.Errorf("in the batch: the new number leads to %d", c.ID)
			}
		})
		want := newCard(1)
		want.Number = fresh
		r.hasCard(want)
		r.hasCard(newCard(2))
		r.read(func(tx *store.Tx) {
			if _, found := tx.CardByNumber(giftcard.CardKey{old}); found {
				r.Error("the old number still leads to a card")
			}
		})
	}
}
