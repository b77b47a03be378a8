package app_test

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// The clock settles what is ours to settle, and lets alone what was passed on: only its sender and its upstream know.
func TestTheClockSettlesOnlyWhatIsOurs(t *testing.T) {
	const age = time.Hour
	var log bytes.Buffer
	h := open(t, app.Settings{
		Settle: app.Settle{After: age, Role: txn.Reversal}, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	shop := h.account(t, "shop", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	shop.activate(t, c, 1000)
	const ours, theirs = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	shop.ask("redemptions", ours, c, 100).must(t, 201, "")
	account, _ := h.Register.AccountByName(ident.Production, "shop")
	must(t, h.Store.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.Insert(txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: theirs, Account: account.Number, Family: txn.Redemption, Role: txn.Request,
			State: txn.Open, At: time.Now(), Amount: 100, Requested: 100, Currency: currency, Upstream: "issuer",
		})
		return nil
	}))
	must(t, h.Sweep(t.Context(), time.Now().Add(2*age)))
	states := map[ident.ID]txn.State{}
	must(t, h.Store.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, id := range []ident.ID{ours, theirs} {
			states[id] = tx.Messages(id)[0].State
		}
		return nil
	}))
	if states[ours] != txn.Reversed || states[theirs] != txn.Open {
		t.Errorf("ours is %s, theirs %s", states[ours], states[theirs])
	}
	if log.Len() > 0 {
		t.Errorf("an attempt was made: %s", log.String())
	}
	h.booksAreRight(t)
}
