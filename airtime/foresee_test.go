package airtime_test

import (
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// What is foreseen of a request is whether its product is on sale, which operators have set, and nothing that the records or the
// rest of the request tell.
func TestWhatIsForeseen(t *testing.T) {
	s := newShop(t, airtimetest.Settings{})
	s.sell(airtime.Product{ID: "old", Withdrawn: true})
	for name, of := range map[string]struct {
		family  txn.Family
		product string
		want    decline.Reason
	}{
		"a voucher that is out of stock":     {txn.Purchase, "voucher", ""},
		"the same by the older operation":    {txn.Voucher, "voucher", ""},
		"a top-up of no number":              {txn.Purchase, "topup", ""},
		"a top-up bought as a voucher":       {txn.Voucher, "topup", decline.InvalidProduct},
		"a product that was withdrawn":       {txn.Purchase, "old", decline.InvalidProduct},
		"a product that nobody has heard of": {txn.Purchase, "unknown", decline.InvalidProduct},
		"no product":                         {txn.Voucher, "", decline.InvalidProduct},
	} {
		r := airtime.Request{Family: of.family, Product: of.product, Sender: &txn.Sender{World: ident.Production}}
		var got decline.Reason
		if refusal := s.Foresee(&r); refusal != nil {
			got = refusal.Reason
		}
		if got != of.want {
			t.Errorf("%s: foreseen is %q, want %q", name, got, of.want)
		}
	}
}
