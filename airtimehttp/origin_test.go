package airtimehttp_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/txn"
)

func TestOrigins(t *testing.T) {
	good := txn.Origin{
		Institution: txn.Party{ID: "627482", Name: "Example Gift Cards"}, Terminal: "00000001", Client: txn.Party{ID: "scrip", Name: "Scrip"},
		Merchant: txn.Merchant{Type: "4814", ID: "000000000000001", Name: "Example", City: "Cape Town", Region: "WC", Country: "ZA"},
	}
	for field, spoil := range map[string]func(*txn.Origin){
		"":                                        func(*txn.Origin) {},
		"originator.institution.id":               func(o *txn.Origin) { o.Institution.ID = "" },
		"originator.terminalId":                   func(o *txn.Origin) { o.Terminal = "1" },
		"originator.channelId":                    func(o *txn.Origin) { o.Channel = strings.Repeat("x", 51) },
		"originator.merchant.merchantType":        func(o *txn.Origin) { o.Merchant.Type = "48" },
		"originator.merchant.merchantId":          func(o *txn.Origin) { o.Merchant.ID = "1" },
		"originator.merchant.merchantName.region": func(o *txn.Origin) { o.Merchant.Region = "Western Cape" },
		"client.id":                               func(o *txn.Origin) { o.Client.ID = "" },
		"client.name":                             func(o *txn.Origin) { o.Client.Name = strings.Repeat("x", 41) },
	} {
		o := good
		spoil(&o)
		err := airtimehttp.CheckOrigin(o)
		var refusal *decline.Error
		if errors.As(err, &refusal) != (field != "") || refusal != nil && refusal.Field != field {
			t.Errorf("%q: %v", field, err)
		}
	}
}
