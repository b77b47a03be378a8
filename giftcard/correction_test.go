package giftcard_test

import (
	"context"
	"errors"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store/fleet"
)

// desk is an issuer with one active card of a product that holds at most 500,000, and 1,000 on it.
type desk struct {
	*giftcardtest.Issuer
	t    *testing.T
	card conform.Card
	id   int64
}

func newDesk(t *testing.T) *desk {
	d := &desk{Issuer: giftcardtest.New(t, giftcardtest.Settings{Open: fleet.Memory(t)}), t: t}
	ctx := t.Context()
	product, err := d.Product(ctx, conform.Product{ID: "p1", Currency: "710", Opening: "sum", Start: 1000, MaxBalance: 500_000})
	if err != nil {
		t.Fatal(err)
	}
	if d.card, err = d.Card(ctx, conform.CardSpec{Product: product, Currency: "710", Expiry: "4912"}); err != nil {
		t.Fatal(err)
	}
	activation := d.send(conform.Message{Kind: conform.Activate, Product: product, Card: &d.card})
	d.advise(conform.Activate, conform.Confirmation, activation)
	if err := d.Change(ctx, d.card.PAN, func(c *giftcard.Card) { d.id = c.ID }); err != nil {
		t.Fatal(err)
	}
	return d
}

// send sends a request that must be approved, and gives its id.
func (d *desk) send(m conform.Message) string {
	d.t.Helper()
	m.Act, m.Account, m.ID, m.Time = conform.Request, "a", string(secret.NewID()), "2030-01-01T12:00:00.000Z"
	if a, err := d.Do(d.t.Context(), m); err != nil || a.Status != 201 {
		d.t.Fatalf("%s: %d %s, %v", m.Kind, a.Status, a.ErrorType, err)
	}
	return m.ID
}

func (d *desk) advise(kind conform.Kind, act conform.Act, request string) {
	d.t.Helper()
	m := conform.Message{Kind: kind, Act: act, Account: "a", ID: string(secret.NewID()), RequestID: request, Time: "2030-01-01T12:00:00.000Z"}
	if a, err := d.Do(d.t.Context(), m); err != nil || a.Status != 202 {
		d.t.Fatalf("%s %s: %d %s, %v", kind, act, a.Status, a.ErrorType, err)
	}
}

func (d *desk) correct(c giftcard.Correction) error {
	c.Card, c.World, c.ID, c.At = d.id, ident.Production, secret.NewID(), d.Now()
	c.Note = func(giftcard.Tx, int64, giftcard.Card, giftcard.Card) error { return nil }
	return d.Correct(context.WithoutCancel(d.t.Context()), c)
}

func (d *desk) refused(err error, want decline.Reason) {
	d.t.Helper()
	var refusal *decline.Error
	if !errors.As(err, &refusal) || refusal.Reason != want {
		d.t.Errorf("got %v, want %s", err, want)
	}
}

func TestABalanceIsNotWrittenOffWhileItsVoidIsOpen(t *testing.T) {
	d := newDesk(t)
	void := d.send(conform.Message{Kind: conform.Void, Card: &d.card})
	d.refused(d.correct(giftcard.Correction{WriteOff: true}), decline.TransactionNotSupported)
	d.advise(conform.Void, conform.Reversal, void)
	void = d.send(conform.Message{Kind: conform.Void, Card: &d.card})
	d.advise(conform.Void, conform.Confirmation, void)
	if err := d.correct(giftcard.Correction{WriteOff: true}); err != nil {
		t.Error(err)
	}
	booksAreRight(t, d.Issuer)
}

func TestACreditIsHeldToTheMaximumBalance(t *testing.T) {
	d := newDesk(t)
	d.refused(d.correct(giftcard.Correction{Amount: 499_001}), decline.InvalidAmount)
	d.refused(d.correct(giftcard.Correction{Amount: money.MaxMinor}), decline.InvalidAmount)
	if err := d.correct(giftcard.Correction{Amount: 499_000}); err != nil {
		t.Error(err)
	}
	booksAreRight(t, d.Issuer)
}

func TestADebitTakesNoMoreThanIsAvailable(t *testing.T) {
	d := newDesk(t)
	d.refused(d.correct(giftcard.Correction{Debit: true, Amount: 1001}), decline.InsufficientFunds)
	if err := d.correct(giftcard.Correction{Debit: true, Amount: 1000}); err != nil {
		t.Error(err)
	}
	booksAreRight(t, d.Issuer)
}
