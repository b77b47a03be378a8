package airtime_test

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// A vendor sells a voucher, and tells of the sale once more.
func ExampleNewVendor() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	records, catalogue := memstore.New(), &airtimetest.Catalogue{}
	kept := store.New(records, store.Settings{Keys: keys})
	defer kept.Close()
	if _, err := catalogue.Sell(airtime.Product{ID: "airtime10", Source: airtime.Made}); err != nil {
		panic(err)
	}
	vendor := airtime.NewVendor(airtime.Settings{Store: store.Airtime(kept), Unsettled: records, Keys: keys, Catalogue: catalogue})
	defer vendor.Close(context.Background())

	till := &txn.Sender{World: ident.Production, Account: 1}
	sold, err := vendor.Request(context.Background(), &airtime.Request{
		Family: txn.Purchase, ID: secret.NewID(), Sender: till, Received: time.Now(), Product: "airtime10",
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(sold.Reference, sold.Voucher.Serial, sold.Voucher.PIN)

	again, err := vendor.Status(context.Background(), &airtime.Query{Sender: till, Reference: sold.Reference, Provider: "us"})
	fmt.Println(again.Voucher.Serial, again.Voucher.PIN.Reveal() == sold.Voucher.PIN.Reveal(), err)
	// Output:
	// A000000001 V000000002 ****
	// V000000002 true <nil>
}

// Prefixes find the network of a number.
func ExamplePrefixes_Of() {
	prefixes := airtime.Prefixes{"27": {ID: "any"}, "2783": {ID: "one"}}
	number, err := ident.ParseMSISDN("+27831234567")
	if err != nil {
		panic(err)
	}
	network, found := prefixes.Of(number)
	fmt.Println(network.ID, found, airtime.Country(number))
	// Output: one true ZA
}
