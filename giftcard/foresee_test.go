package giftcard_test

import (
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// What is foreseen of a request is what operators have set alone: the product that an activation names, and who may look up by
// card holder. Of everything else only the card can tell.
func TestWhatIsForeseen(t *testing.T) {
	c := newCounter(t, 0)
	pan, err := ident.ParsePAN("6001000000000001")
	if err != nil {
		t.Fatal(err)
	}
	card := giftcard.Presented{PAN: pan}
	for name, of := range map[string]struct {
		request giftcard.Request
		holders bool
		want    decline.Reason
	}{
		"an activation":                          {giftcard.Request{Family: txn.Activation, Card: card, Product: "plain"}, false, ""},
		"an activation of an unknown product":    {giftcard.Request{Family: txn.Activation, Card: card, Product: "unknown"}, false, decline.InvalidProduct},
		"an activation of no product":            {giftcard.Request{Family: txn.Activation, Card: card}, true, decline.InvalidProduct},
		"a load that names an unknown product":   {giftcard.Request{Family: txn.Load, Card: card, Product: "unknown"}, false, ""},
		"a redemption without a card":            {giftcard.Request{Family: txn.Redemption}, false, ""},
		"a look-up by card":                      {giftcard.Request{Family: txn.LookUp, Card: card}, false, ""},
		"a look-up by holder":                    {giftcard.Request{Family: txn.LookUp}, true, ""},
		"a look-up by holder of who may not ask": {giftcard.Request{Family: txn.LookUp}, false, decline.TransactionNotSupported},
	} {
		of.request.Sender = &txn.Sender{World: ident.Production, HolderLookUps: of.holders}
		var got decline.Reason
		if refusal := c.Foresee(&of.request); refusal != nil {
			got = refusal.Reason
		}
		if got != of.want {
			t.Errorf("%s: foreseen is %q, want %q", name, got, of.want)
		}
	}
}
