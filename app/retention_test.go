package app_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

const (
	month = 31 * 24 * time.Hour
	year  = 400 * 24 * time.Hour
)

// What is old is pruned, and its ids are used as before, until they are forgotten. What is open is kept.
func TestRetention(t *testing.T) {
	h := open(t, app.Settings{Retention: app.Retention{Messages: month, IDs: year}})
	shop := h.account(t, "shop", members{})
	h.product(t, "gold")
	c := h.card(t, "6001000000000001")
	shop.activate(t, c, 1000)
	const confirmed, left = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
	shop.ask("redemptions", confirmed, c, 100).must(t, 201, "")
	shop.confirm("redemptions", confirmed, "k1").must(t, 202, "")
	shop.ask("redemptions", left, c, 100).must(t, 201, "")
	kept := func() (messages int) {
		found, err := h.Store.Driver().Messages(t.Context(), 0, 100)
		must(t, err)
		return len(found)
	}
	all := kept()
	must(t, h.Retain(t.Context(), time.Now().Add(month-time.Hour)))
	if kept() != all {
		t.Errorf("of %d messages %d are left before their time", all, kept())
	}
	must(t, h.Retain(t.Context(), time.Now().Add(month+time.Hour)))
	if kept() != 1 {
		t.Errorf("%d messages are left, want the one that is open", kept())
	}
	shop.ask("redemptions", confirmed, c, 100).must(t, 400, "DUPLICATE_RECORD")
	shop.confirm("redemptions", confirmed, "k1").must(t, 202, "")
	shop.reverse("redemptions", confirmed, "w1").must(t, 400, "TRANSACTION_NOT_SUPPORTED")
	shop.reverse("redemptions", left, "w2").must(t, 202, "")
	h.booksAreRight(t)
	must(t, h.Retain(t.Context(), time.Now().Add(year+48*time.Hour)))
	must(t, h.Store.Read(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		if found := tx.Messages(confirmed); len(found) != 0 {
			t.Errorf("of %s there is still %+v", confirmed, found)
		}
		return nil
	}))
	shop.ask("redemptions", confirmed, c, 100).must(t, 201, "") // as if it had never been
	h.booksAreRight(t)
	text := string(h.look(t, "/metrics").must(t, 200, "").text)
	for _, want := range []string{"scrip_pruned_messages_total", "scrip_forgotten_ids_total", "scrip_oldest_message_seconds 0"} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}

// leased is a store on which another process holds the lease.
type leased struct{ store.Driver }

func (leased) Lease(context.Context, string) (bool, error) { return false, nil }

// Only who holds the lease prunes.
func TestRetentionIsLeased(t *testing.T) {
	settings := app.Settings{Retention: app.Retention{Messages: month}}
	settings.Watch(func(d store.Driver) store.Driver { return leased{d} }, nil)
	h := open(t, settings)
	must(t, h.Store.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		tx.Insert(txn.Message{
			Seq: tx.NextSeq(), World: ident.Production, ID: "a", Family: txn.LookUp, Role: txn.Request, State: txn.Answered, At: time.Now(),
		})
		return nil
	}))
	must(t, h.Retain(t.Context(), time.Now().Add(2*month)))
	found, err := h.Store.Driver().Messages(t.Context(), 0, 10)
	if must(t, err); len(found) != 1 {
		t.Errorf("%d messages are left", len(found))
	}
}
