package giftcardhttp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// A till asks an issuer for a redemption in words.
func ExampleClient() {
	server, err := giftcardhttp.New(
		&service{response: giftcard.Response{Reference: "G1", Balance: ledger.Balance{Book: 7500, Available: 7500}, Currency: 710}},
		exchange.Settings{Gate: &door{}, Institution: ourselves, Now: time.Now})
	if err != nil {
		fmt.Println(err)
		return
	}
	issuer := httptest.NewServer(server)
	defer issuer.Close()
	wire, err := exchange.NewClient(exchange.ClientSettings{URL: issuer.URL, Credentials: exchange.Same(exchange.Basic("till", "secret"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer wire.Close()
	pan, _ := ident.ParsePAN("6001000000000000001")
	response, err := giftcardhttp.NewClient(wire).Request(context.Background(), &giftcard.Request{
		Family: txn.Redemption, ID: "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10", Sender: &txn.Sender{Account: 1}, Received: time.Now(),
		Card: giftcard.Presented{PAN: pan, Expiry: "4010"}, Amount: &money.Amount{Minor: 2500, Currency: 710},
		Origin: &txn.Origin{
			Institution: txn.Party{ID: "1234567", Name: "Corner Stores"}, Terminal: "T0000001", Client: txn.Party{ID: "till", Name: "Till"},
			Merchant: txn.Merchant{Type: "5411", ID: "000000000012345", Name: "Corner Store 12", City: "Cape Town", Region: "WC", Country: "ZA"},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Reference, response.Balance.Available, response.Currency)
	// Output: G1 7500 710
}

// What a message lacks is found before anything is sent.
func ExampleCompose() {
	_, err := giftcardhttp.Compose(&giftcard.Request{Family: txn.LookUp, ID: "a", Received: time.Now(), Holder: giftcard.Holder{ProfileID: "7"}})
	fmt.Println(err)
	// Output: FORMAT_ERROR: originator may not be null; client may not be null
}
