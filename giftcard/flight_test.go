package giftcard_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// held is a store that keeps one message waiting before it takes it.
type held struct {
	giftcard.Store
	release chan struct{}
}

func (h held) Update(ctx context.Context, keys giftcard.Keys, decide func(giftcard.Tx) error) error {
	if len(keys.Cards) > 0 { // a request; an advice names none
		<-h.release
	}
	return h.Store.Update(ctx, keys, decide)
}

// holdUp puts an issuer over the counter's store that keeps a redemption in flight until release is closed.
func holdUp(c *counter) (h held, i *giftcard.Issuer, reversal *txn.Advice, answered chan error) {
	h = held{store.Giftcard(c.Store), make(chan struct{})}
	i = giftcard.NewIssuer(giftcard.Settings{Store: h, Keys: c.Keys, Products: c.Products()})
	request := c.AsRequest(c.request(conform.Redeem, "r1", c.pans[0], 100), c.Sender("a"))
	answered = make(chan error, 1)
	go func() {
		_, err := i.Request(context.Background(), request)
		answered <- err
	}()
	synctest.Wait()
	return h, i, c.Advice(c.advice(conform.Redeem, conform.Reversal, "w1", "r1"), c.Sender("a")), answered
}

// A reversal that overtakes its request waits for it, and is then applied (L12).
func TestAReversalWaitsForItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 1)
		h, i, reversal, answered := holdUp(c)
		go func() {
			time.Sleep(txn.DefaultHold - time.Second) // of the bubble
			close(h.release)
		}()
		if _, err := i.Advise(t.Context(), reversal); err != nil {
			t.Errorf("the reversal: %v", err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the request: %v", err)
		}
		if book, available := c.balance(0); book != opening || available != opening {
			t.Errorf("book %d, available %d", book, available)
		}
	})
}

// It does not wait for ever, and is not refused either: it has to come again.
func TestAReversalDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCounter(t, 1)
		h, i, reversal, answered := holdUp(c)
		began := time.Now()
		_, err := i.Advise(t.Context(), reversal)
		var refusal *decline.Error
		var turned *decline.NotTaken
		if err == nil || errors.As(err, &refusal) || errors.As(err, &turned) {
			t.Errorf("told %v, which ends the advice", err)
		}
		if took := time.Since(began); took != txn.DefaultHold {
			t.Errorf("it took %s", took)
		}
		close(h.release)
		if err := <-answered; err != nil {
			t.Errorf("the request: %v", err)
		}
		if _, err := i.Advise(t.Context(), reversal); err != nil {
			t.Errorf("the reversal, sent again: %v", err)
		}
	})
}

// A product's months end a card's validity before its own expiry does, and a reversed activation takes them back.
func TestACardIsValidForItsProductsMonths(t *testing.T) {
	c := newCounter(t, 0)
	if err := c.Sell(giftcard.Product{ID: "brief", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: opening, ValidMonths: 2}); err != nil {
		t.Fatal(err)
	}
	card, err := c.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
	if err != nil {
		t.Fatal(err)
	}
	sell := func(id string) {
		t.Helper()
		activation := c.request(conform.Activate, id, card.PAN, 0)
		activation.Product = "brief"
		if got := c.answer(activation); got != "201" {
			t.Fatal(got)
		}
	}
	const month = 31 * 24 * time.Hour
	sell("a1")
	if err := c.Advance(t.Context(), 4*month); err != nil {
		t.Fatal(err)
	}
	if got := c.answer(c.advice(conform.Activate, conform.Reversal, "w1", "a1")); got != "202" {
		t.Fatal(got) // advices are never refused for expiry
	}
	sell("a2")
	if got := c.answer(c.advice(conform.Activate, conform.Confirmation, "k2", "a2")); got != "202" {
		t.Fatal(got)
	}
	if got := c.answer(c.request(conform.Redeem, "r1", card.PAN, 1)); got != "201" {
		t.Errorf("in its months: %s", got)
	}
	if err := c.Advance(t.Context(), 4*month); err != nil {
		t.Fatal(err)
	}
	if got := c.answer(c.request(conform.Redeem, "r2", card.PAN, 1)); got != "CARD_EXPIRED" {
		t.Errorf("after its months: %s", got)
	}
}
