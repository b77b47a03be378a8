package giftcardhttp_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

var ourselves = ident.Reference{Institution: "scrip", Identifier: "Scrip"}

// passwordOf is the password of an account: all have one of the same form.
func passwordOf(name string) string { return name + "-password" }

// gate lets in the accounts of an issuer.
type gate struct{ issuer *giftcardtest.Issuer }

func (g gate) Admit(r *http.Request, _ bool) (*txn.Sender, func(), error) {
	name, password, _ := r.BasicAuth()
	if password != passwordOf(name) {
		return nil, nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "wrong name or password"}
	}
	sender, err := g.issuer.Admit(name)
	return sender, func() {}, err
}

func (g gate) Guessed(s *txn.Sender) { g.issuer.Guessed(s) }

// newIssuer is an issuer on a store in memory that outlives restarts.
func newIssuer(t testing.TB, compatible bool) *giftcardtest.Issuer {
	kept := memstore.New()
	open := func(testing.TB) store.Driver { return kept }
	return giftcardtest.New(t, giftcardtest.Settings{Open: open, Compatible: compatible})
}

// serve puts a server in front of an issuer, on a loopback address.
func serve(t testing.TB, i *giftcardtest.Issuer) *httptest.Server {
	t.Helper()
	server, err := giftcardhttp.New(i, exchange.Settings{Gate: gate{i}, Institution: ourselves, Now: i.Now})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return listening
}
