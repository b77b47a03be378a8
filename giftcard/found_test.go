package giftcard_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// A request is found by its third-party identifiers and by its merchant's hour, and also when it was declined. However
// many identifiers there are, the merchant is not among those left out.
func TestWhatARequestIsFoundBy(t *testing.T) {
	c := newCounter(t, 1)
	sender, merchant := c.Sender("a"), "000000000012345"
	hash := c.Keys.Merchant(sender.World, merchant, c.Now())
	for name, of := range map[string]struct {
		amount      int64
		change      func(*giftcard.Request)
		identifiers int
		atMerchant  bool
	}{
		"named by the message":  {1, func(r *giftcard.Request) { r.Merchant = merchant }, 0, true},
		"named by the origin":   {1, func(r *giftcard.Request) { r.Origin = &txn.Origin{Merchant: txn.Merchant{ID: merchant}} }, 0, true},
		"declined":              {opening + 1, func(r *giftcard.Request) { r.Merchant = merchant }, 0, true},
		"with two identifiers":  {1, func(r *giftcard.Request) { r.Merchant, r.References = merchant, identifiers(2) }, 2, true},
		"with too many of them": {1, func(r *giftcard.Request) { r.Merchant, r.References = merchant, identifiers(100) }, txn.MaxReferences, true},
		"of no merchant":        {1, func(r *giftcard.Request) { r.References = identifiers(2) }, 2, false},
		"an hour later":         {1, func(r *giftcard.Request) { r.Merchant, r.Received = merchant, r.Received.Add(time.Hour) }, 0, false},
		"of another merchant":   {1, func(r *giftcard.Request) { r.Merchant = merchant[1:] + "6" }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.AsRequest(c.request(conform.Redeem, name, c.pans[0], of.amount), sender)
			of.change(r)
			_, err := c.Issuer.Issuer.Request(t.Context(), r)
			if declined := err != nil; declined != (name == "declined") {
				t.Fatal(err)
			}
			found := c.stands(r.ID).References
			for _, identifier := range r.References[:of.identifiers] {
				if !slices.Contains(found, c.Keys.Reference(sender.World, identifier)) {
					t.Errorf("not found by %v", identifier)
				}
			}
			if got := slices.Contains(found, hash); got != of.atMerchant {
				t.Errorf("found by the merchant and hour: %t", got)
			}
			if most := of.identifiers + 1; len(found) > most {
				t.Errorf("found by %d hashes, more than %d", len(found), most)
			}
		})
	}
}

func identifiers(count int) (all []ident.Reference) {
	for n := range count {
		all = append(all, ident.Reference{Institution: "1", Identifier: fmt.Sprint(n)})
	}
	return all
}

// stands gives the record of a request.
func (c *counter) stands(id ident.ID) (m txn.Message) {
	c.t.Helper()
	keys := giftcard.Keys{World: c.Sender("a").World, IDs: []ident.ID{id}}
	err := store.Giftcard(c.Store).View(c.t.Context(), keys, func(tx giftcard.Tx) error {
		m = tx.Messages(id)[0]
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return m
}
