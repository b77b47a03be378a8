package edge_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// What the rooms of the contracts ask for is what there is here.
var (
	_ exchange.Gate     = (*edge.Gate)(nil)
	_ exchange.Observer = (*edge.Observer)(nil)
)

// one is a single account.
type one struct{ till *admin.Account }

func (o one) AccountByName(_ ident.World, name string) (*admin.Account, bool) {
	return o.till, name == o.till.Name
}

func (o one) AccountByCertificate(ident.World, admin.Certificate) (*admin.Account, bool) {
	return nil, false
}

func (o one) Account(ident.Account) (*admin.Account, bool) { return o.till, true }

func (o one) Sender(ident.World, ident.Account) (*txn.Sender, bool) {
	return o.till.Sender(), true
}

func Example() {
	hash, _ := secret.HashPassword("open sesame")
	till := &admin.Account{Number: 1, World: ident.Production, Name: "till", Credentials: []admin.Credential{{Number: 1, Hash: hash}}}
	metrics, log := edge.NewMetrics("v1.0.0"), slog.New(slog.DiscardHandler)
	gate := edge.NewGate(edge.Settings{
		Accounts: one{till}, Passwords: secret.NewPasswords(time.Hour, 1000),
		Metrics: metrics, Log: log, Now: time.Now,
	})
	server, err := edge.Listen(edge.Listener{
		Name: "messages", Address: "127.0.0.1:0", Bounds: edge.DefaultBounds(time.Minute),
		Gate: gate, Metrics: metrics, Log: log,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	served := make(chan error)
	go func() {
		served <- server.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sender, release, err := gate.Admit(r, false)
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			defer release()
			fmt.Fprintln(w, "account", sender.Account)
		}))
	}()

	for _, user := range []string{"till:open sesame", "till:open barley"} {
		answer, err := http.Post("http://"+strings.Replace(user, " ", "%20", 1)+"@"+server.Address().String(), "application/json", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		fmt.Print(answer.StatusCode, " ", string(text))
	}
	fmt.Println(server.Stop(context.Background()), <-served)
	// Output:
	// 200 account 1
	// 401 not taken: user name and password are not known here
	// <nil> <nil>
}
