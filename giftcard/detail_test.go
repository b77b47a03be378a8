package giftcard_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// refusal puts a message to the issuer by itself, which must decline it.
func (c *counter) refusal(m conform.Message) *decline.Error {
	c.t.Helper()
	var err error
	if sender := c.Sender(m.Account); m.Act == conform.Request {
		_, err = c.Request(c.t.Context(), c.AsRequest(m, sender))
	} else {
		_, err = c.Advise(c.t.Context(), c.Advice(m, sender))
	}
	var refusal *decline.Error
	if !errors.As(err, &refusal) {
		c.t.Fatalf("%s: %v", m, err)
	}
	return refusal
}

// Ids and times of messages are told to the account that sent them, and to nobody else (A2, V6).
func TestDetailsAreForTheSenderOnly(t *testing.T) {
	c := newCounter(t, 3)
	fresh, err := c.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
	if err != nil {
		t.Fatal(err)
	}
	sent := func(m conform.Message, want string) {
		t.Helper()
		if got := c.answer(m); got != want {
			t.Fatalf("%s: %s", m, got)
		}
	}
	pending := c.request(conform.Activate, "pending", fresh.PAN, 0)
	pending.Product = "plain"
	sent(pending, "201")
	sent(c.request(conform.Void, "void", c.pans[1], 0), "201")
	sent(c.advice(conform.Void, conform.Confirmation, "void-c", "void"), "202")
	sent(c.request(conform.Redeem, "declined", c.pans[0], 5000), "INSUFFICIENT_FUNDS")
	sent(c.request(conform.Redeem, "confirmed", c.pans[0], 10), "201")
	sent(c.advice(conform.Redeem, conform.Confirmation, "confirmed-c", "confirmed"), "202")

	again := c.request(conform.Activate, "again", c.pans[0], 0)
	again.Product = "plain"
	for _, row := range []struct {
		name    string
		message conform.Message
		own     string // what the sender itself is told
		reason  [2]decline.Reason
	}{
		{"an activation in force", again, "activation activation-0 confirmation activation-0-c",
			[2]decline.Reason{decline.CardActivated, decline.CardActivated}},
		{"an activation pending", c.request(conform.Load, "load", fresh.PAN, 10), "activation pending",
			[2]decline.Reason{decline.CardNotActivated, decline.CardNotActivated}},
		{"a void", c.request(conform.Load, "load", c.pans[1], 10), "void void confirmation void-c",
			[2]decline.Reason{decline.CardVoided, decline.CardVoided}},
		{"an id in use", c.request(conform.Redeem, "declined", c.pans[0], 10), "request declined",
			[2]decline.Reason{decline.DuplicateRecord, decline.DuplicateRecord}},
		{"a declined request", c.advice(conform.Redeem, conform.Confirmation, "x", "declined"), "request declined confirmation x",
			[2]decline.Reason{decline.GeneralError, decline.UnableToLocateRecord}},
		{"a request ended the other way", c.advice(conform.Redeem, conform.Reversal, "y", "confirmed"), "request confirmed reversal y confirmation confirmed-c",
			[2]decline.Reason{decline.TransactionNotSupported, decline.GeneralError}},
	} {
		for n, account := range []string{"a", "b"} {
			m, want := row.message, row.own
			m.Account = account
			if m.Act == conform.Request && m.ID != "declined" {
				m.ID += account + row.name
			}
			if account == "b" {
				want = ""
			}
			refusal := c.refusal(m)
			if got := told(refusal.Detail); refusal.Reason != row.reason[n] || got != want {
				t.Errorf("%s: %s is told %s %q, want %s %q", row.name, account, refusal.Reason, got, row.reason[n], want)
			}
		}
	}
}

// told lists the messages that a detail names.
func told(d decline.Detail) string {
	text := ""
	for _, named := range []struct {
		what string
		id   ident.ID
	}{
		{"activation", d.ActivationID}, {"void", d.VoidID}, {"request", d.RequestID},
		{"reversal", d.ReversalID}, {"confirmation", d.ConfirmationID},
	} {
		if named.id != "" {
			text += fmt.Sprintf(" %s %s", named.what, named.id)
		}
	}
	if text == "" && !(d.RequestTime.IsZero() && d.ReversalTime.IsZero() && d.ConfirmTime.IsZero()) {
		return "times of somebody's"
	}
	return text[min(1, len(text)):]
}

// The balance of a card is not told to who does not know its PIN.
func TestTheBalanceOfACardWithAPINIsNotTold(t *testing.T) {
	c := newCounter(t, 1)
	if refusal := c.refusal(c.request(conform.Redeem, "r1", c.pans[0], 5000)); refusal.Detail.Balance == nil || refusal.Detail.Balance.Minor != opening {
		t.Errorf("without a PIN: told %v", refusal.Detail.Balance)
	}
	card, err := c.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010", ClearPIN: "7052"})
	if err != nil {
		t.Fatal(err)
	}
	activation := c.request(conform.Activate, "a1", card.PAN, 0)
	activation.Product = "plain"
	for _, m := range []conform.Message{activation, c.advice(conform.Activate, conform.Confirmation, "k1", "a1")} {
		if got := c.answer(m); got != "201" && got != "202" {
			t.Fatal(got)
		}
	}
	if refusal := c.refusal(c.request(conform.Redeem, "r2", card.PAN, 5000)); refusal.Reason != decline.InsufficientFunds || refusal.Detail.Balance != nil {
		t.Errorf("with a PIN: %s told %v", refusal.Reason, refusal.Detail.Balance)
	}
}
