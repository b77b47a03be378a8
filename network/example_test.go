package network_test

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

// A subscriber is topped up, and the top-up is taken back.
func Example() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	driver := memstore.New()
	s := store.New(driver, store.Settings{Keys: keys})
	defer s.Close()
	n, err := network.New(store.Admin(s), driver, keys, newShop(), network.Settings{})
	if err != nil {
		panic(err)
	}

	ctx := context.Background()
	number, err := ident.ParseMSISDN("+27820004711")
	if err != nil {
		panic(err)
	}
	o := airtime.Order{
		ID: "0f0c1b2a-1111-4222-8333-444455556666", World: ident.Production, Product: &airtime.Product{ID: "plain", TopUp: true},
		Recipient: number, Amount: money.Amount{Minor: 50_00, Currency: 710},
	}
	_, err = n.TopUp(ctx, o)
	credit, _ := n.Subscriber(ctx, ident.Production, number)
	fmt.Println(err, credit.Balance.Available)

	err = n.Reverse(ctx, o)
	credit, _ = n.Subscriber(ctx, ident.Production, number)
	fmt.Println(err, credit.Balance.Available)
	// Output:
	// <nil> 5000
	// <nil> 0
}
