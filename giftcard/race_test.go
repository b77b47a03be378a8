package giftcard_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/store/fleet"
)

// counter is an issuer with active cards, and messages that many send at once.
type counter struct {
	*giftcardtest.Issuer
	t    *testing.T
	pans []string
}

const opening = 1000

func newCounter(t *testing.T, cards int) *counter {
	t.Helper()
	return newCounterOn(t, fleet.Memory(t), cards)
}

func newCounterOn(t *testing.T, open fleet.Opener, cards int) *counter {
	t.Helper()
	c := &counter{Issuer: giftcardtest.New(t, giftcardtest.Settings{Open: open}), t: t}
	if err := c.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: opening}); err != nil {
		t.Fatal(err)
	}
	for n := range cards {
		card, err := c.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		if err != nil {
			t.Fatal(err)
		}
		c.pans = append(c.pans, card.PAN)
		id := fmt.Sprintf("activation-%d", n)
		activation := c.request(conform.Activate, id, card.PAN, 0)
		activation.Product = "plain"
		if got := c.answer(activation); got != "201" {
			t.Fatal(got)
		}
		if got := c.answer(c.advice(conform.Activate, conform.Confirmation, id+"-c", id)); got != "202" {
			t.Fatal(got)
		}
	}
	return c
}

func (c *counter) request(kind conform.Kind, id, pan string, amount int64) conform.Message {
	m := conform.Message{Kind: kind, Act: conform.Request, ID: id, Account: "a", Card: &conform.Card{PAN: pan, Expiry: "4010"}}
	if amount > 0 {
		m.Amount = &conform.Amount{Minor: amount, Currency: "710"}
	}
	return m
}

func (c *counter) advice(kind conform.Kind, act conform.Act, id, of string) conform.Message {
	return conform.Message{Kind: kind, Act: act, ID: id, RequestID: of, Account: "a"}
}

// answer is a success's status, or the reason of a refusal.
func (c *counter) answer(m conform.Message) string { return c.answerOf(c, m) }

// answerOf is what a service that leads to the issuer's cards answers.
func (c *counter) answerOf(service conform.Target, m conform.Message) string {
	a, err := service.Do(c.t.Context(), m)
	switch {
	case err != nil:
		return err.Error()
	case a.ErrorType != "":
		return a.ErrorType
	}
	return fmt.Sprint(a.Status)
}

// atOnce sends messages from a common start and counts the answers.
func (c *counter) atOnce(messages ...conform.Message) map[string]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	got, start := map[string]int{}, make(chan struct{})
	for _, m := range messages {
		all.Go(func() {
			<-start
			answer := c.answer(m)
			mu.Lock()
			defer mu.Unlock()
			got[answer]++
		})
	}
	close(start)
	all.Wait()
	return got
}

// balance is what a card has.
func (c *counter) balance(card int) (book, available int64) {
	c.t.Helper()
	cards, err := c.Store.Driver().Cards(c.t.Context(), 0, len(c.pans))
	if err != nil {
		c.t.Fatal(err)
	}
	return int64(cards[card].Balance.Book), int64(cards[card].Balance.Available)
}

// rounds is how often a race is run.
func rounds(full int) int {
	if testing.Short() {
		return full / 10
	}
	return full
}

func TestOneIDIsAnsweredOnce(t *testing.T) {
	for _, race := range []struct {
		name  string
		kinds []conform.Kind
	}{
		{"redemptions", []conform.Kind{conform.Redeem, conform.Redeem}},
		{"look-ups", []conform.Kind{conform.Lookup, conform.Lookup}},
		{"a look-up and a redemption", []conform.Kind{conform.Lookup, conform.Redeem}},
		{"all kinds", []conform.Kind{conform.Redeem, conform.Load, conform.Lookup, conform.Void, conform.Redeem, conform.Lookup}},
	} {
		t.Run(race.name, func(t *testing.T) {
			c := newCounter(t, 1)
			for n := range rounds(500) {
				var messages []conform.Message
				for _, kind := range race.kinds {
					messages = append(messages, c.request(kind, fmt.Sprintf("id-%d", n), c.pans[0], 1))
				}
				got := c.atOnce(messages...)
				if got["201"]+got["CARD_VOIDED"] != 1 || got["DUPLICATE_RECORD"] != len(messages)-1 {
					t.Fatalf("round %d: %v", n, got)
				}
			}
			booksAreRight(t, c.Issuer)
		})
	}
}

func TestReversalThatRacesItsRequest(t *testing.T) {
	c := newCounter(t, 1)
	ends := map[string]int{}
	for n := range rounds(1000) {
		id := fmt.Sprintf("r-%d", n)
		got := fmt.Sprint(c.atOnce(
			c.request(conform.Redeem, id, c.pans[0], 100),
			c.advice(conform.Redeem, conform.Reversal, id+"-w", id),
		))
		switch got {
		case "map[201:1 202:1]": // applied, and reversed
		case "map[GENERAL_ERROR:1 UNABLE_TO_LOCATE_RECORD:1]": // remembered, and declined as late
		default:
			t.Fatalf("round %d: %s", n, got)
		}
		ends[got]++
		if book, available := c.balance(0); book != opening || available != opening {
			t.Fatalf("round %d, %s: book %d, available %d", n, got, book, available)
		}
	}
	t.Log(ends)
	booksAreRight(t, c.Issuer)
}

func TestOneEndingWins(t *testing.T) {
	c := newCounter(t, 1)
	for n := range rounds(300) {
		id := fmt.Sprintf("l-%d", n)
		if got := c.answer(c.request(conform.Load, id, c.pans[0], 10)); got != "201" {
			t.Fatal(got)
		}
		got := c.atOnce(
			c.advice(conform.Load, conform.Confirmation, id+"-c", id), c.advice(conform.Load, conform.Confirmation, id+"-c", id),
			c.advice(conform.Load, conform.Reversal, id+"-w", id), c.advice(conform.Load, conform.Reversal, id+"-x", id),
		)
		confirmed := got["202"] == 2 && got["TRANSACTION_NOT_SUPPORTED"] == 2
		reversed := got["202"] == 2 && got["GENERAL_ERROR"] == 2
		if !confirmed && !reversed {
			t.Fatalf("round %d: %v", n, got)
		}
		if book, available := c.balance(0); book != available {
			t.Fatalf("round %d: book %d, available %d", n, book, available)
		}
	}
	booksAreRight(t, c.Issuer)
}

// Tills that share a few cards redeem, load, confirm and reverse as they like. What they were told adds up to what
// the cards have, and no card was ever overdrawn.
func TestManyTillsShareTheCards(t *testing.T) {
	const tills, cards = 16, 3
	c := newCounter(t, cards)
	var told [cards]struct{ book, available atomic.Int64 }
	var all sync.WaitGroup
	for till := range tills {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(till)))
			for n := range rounds(200) {
				card, amount := random.IntN(cards), int64(1+random.IntN(400))
				book, available := c.cycle(random, fmt.Sprintf("%d-%d", till, n), c.pans[card], amount)
				told[card].book.Add(book)
				told[card].available.Add(available)
			}
		})
	}
	all.Wait()
	for card := range cards {
		book, available := c.balance(card)
		if book != opening+told[card].book.Load() || available != opening+told[card].available.Load() {
			t.Errorf("card %d: book %d, available %d; its tills were told %d and %d", card, book, available,
				opening+told[card].book.Load(), opening+told[card].available.Load())
		}
	}
	booksAreRight(t, c.Issuer) // which asks that no message left a card overdrawn
}

// cycle asks for something and ends it, or leaves it open, and gives what both balances changed by.
func (c *counter) cycle(random *rand.Rand, id, pan string, amount int64) (book, available int64) {
	kind := conform.Redeem
	if random.IntN(2) == 0 {
		kind = conform.Load
	}
	answer := c.answer(c.request(kind, id, pan, amount))
	if answer != "201" {
		if answer != "INSUFFICIENT_FUNDS" {
			c.t.Errorf("%s %s: %s", kind, id, answer)
		}
		return 0, 0
	}
	if book = amount; kind == conform.Redeem {
		book, available = -amount, -amount
	}
	switch random.IntN(3) {
	case 0:
		return book, available
	case 1:
		answer = c.answer(c.advice(kind, conform.Confirmation, id+"-c", id))
		available = book
	case 2:
		answer = c.answer(c.advice(kind, conform.Reversal, id+"-w", id))
		book, available = 0, 0
	}
	if answer != "202" {
		c.t.Errorf("the ending of %s %s: %s", kind, id, answer)
	}
	return book, available
}
