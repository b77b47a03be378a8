package relay_test

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// A till's redemption goes to an issuer that approves it, and its confirmation is seen through.
func Example() {
	keys, err := secret.Generate()
	if err != nil {
		panic(err)
	}
	records := memstore.New()
	saved := store.New(records, store.Settings{Keys: keys, Now: time.Now})
	r, err := relay.New(relay.Settings{
		Store: store.Queue(saved), Reports: records, Keys: keys, Institution: ident.Reference{Institution: "switch", Identifier: "Our Switch"},
		Upstreams: []relay.Upstream{{Name: "issuer", Giftcard: &stub{}}}, // in earnest a giftcardhttp.Client
	})
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	if err := r.Start(ctx); err != nil {
		panic(err)
	}
	cards, till := r.Giftcard("issuer"), &txn.Sender{Account: 1, World: ident.Production}

	response, err := cards.Request(ctx, &giftcard.Request{
		Family: txn.Redemption, ID: "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10", Sender: till, Received: time.Now(),
		Amount: &money.Amount{Minor: 100, Currency: 710},
	})
	fmt.Println("approved:", *response.Approved, err)
	_, err = cards.Advise(ctx, &txn.Advice{
		Family: txn.Redemption, Role: txn.Confirmation, ID: "0b8f3c52-51d7-4f62-8b0e-6f5f3d1c2a77",
		RequestID: "5a1a1e6a-2f5c-4b3e-9a55-0c8f3b1a7d10", Sender: till, Received: time.Now(),
	})
	fmt.Println("confirmed:", err)
	fmt.Println("closed:", r.Close(ctx), saved.Close())
	// Output:
	// approved: 100 <nil>
	// confirmed: <nil>
	// closed: <nil> <nil>
}
