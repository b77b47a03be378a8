package app_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// What operators set through one server is true for a message to another one that is sent afterwards, however soon: it is refused
// nothing that it may. It is tried several times, since the other one might have looked just then by itself.
func TestWhatWasSetThroughAnotherServerIsKnown(t *testing.T) {
	s := app.Settings{Data: t.TempDir(), Database: pgtest.Shared(t).Database(t)}
	a := open(t, s)
	b := open(t, s)
	a.product(t, "gold")
	for round := range 5 {
		name := fmt.Sprintf("till-%d", round)
		l := b.at(a.account(t, name, members{"products": []string{"gold"}}))
		c := a.card(t, fmt.Sprintf("600100000000%04d", round))
		l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")

		a.operate(t, http.MethodPost, "/accounts/"+name+"/credentials", members{"password": "a better password", "reason": "test"})
		later := *l
		later.password = "a better password"
		later.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")

		product := fmt.Sprintf("gold%d", round)
		a.product(t, product)
		a.operate(t, http.MethodPut, "/accounts/"+name, members{"settings": members{"products": []string{product}}, "reason": "test"})
		id := newID()
		body := requestBody(id, c, 1000)
		body["product"] = members{"id": product}
		l.post("activations/"+id, body).must(t, http.StatusCreated, "")

		made := a.operate(t, http.MethodPost, "/operators", members{"name": name, "role": "viewer"})
		token, _ := made.member("token").(string)
		me, err := call(b.client, http.MethodGet, b.operators+"/admin/v1/operators/me", nil, func(r *http.Request) {
			r.Header.Set("Authorization", "Bearer "+token)
		})
		must(t, err)
		me.must(t, http.StatusOK, "")
	}
}

func TestANewProductIsOnSaleEverywhere(t *testing.T) {
	s := app.Settings{Data: t.TempDir(), Database: pgtest.Shared(t).Database(t)}
	a := open(t, s)
	b := open(t, s)
	l := b.at(a.account(t, "till", members{}))
	for round := range 5 {
		product := fmt.Sprintf("new%d", round)
		a.operate(t, http.MethodPut, "/airtime/products/"+product, members{"reason": "test", "settings": members{
			"name": product, "type": "AIRTIME_FIXED", "returned": "stock", "values": []any{rands(faceValue)}, "wholesale": rands(wholesale),
		}})
		l.buy(newID(), sale{product: product, amount: faceValue}).must(t, http.StatusBadRequest, "OUT_OF_STOCK") // but no unknown one
	}
}

// presenting gives every account the same credential upstream.
type presenting struct{ exchange.Credential }

func (p presenting) For(ident.Account) (exchange.Credential, bool) { return p.Credential, true }

// What is passed on is refused by no relay for what another one has been told that it is permitted.
func TestWhatWasPermittedThroughAnotherRelayIsPassedOn(t *testing.T) {
	upstream := open(t, app.Settings{})
	upstream.product(t, "gold")
	known := upstream.account(t, "relay", members{})
	s := app.Settings{
		Data: t.TempDir(), Database: pgtest.Shared(t).Database(t), Routes: []router.Route{{To: []string{upstreamCalled}}},
		Upstreams: []app.Upstream{{Name: upstreamCalled, Giftcard: true, Airtime: true, Client: exchange.ClientSettings{
			URL: upstream.messages, Credentials: presenting{exchange.Basic(known.user, known.password)},
		}}},
	}
	a := open(t, s)
	b := open(t, s)
	a.product(t, "gold")
	a.product(t, "silver")
	for round := range 5 {
		name := fmt.Sprintf("till-%d", round)
		l := b.at(a.account(t, name, members{"products": []string{"silver"}}))
		c := upstream.card(t, fmt.Sprintf("600100000000%04d", round))
		l.ask("lookupGiftcard", newID(), c, -1).must(t, http.StatusCreated, "")
		a.operate(t, http.MethodPut, "/accounts/"+name, members{"settings": members{"products": []string{"gold"}}, "reason": "test"})
		l.ask("activations", newID(), c, 1000).must(t, http.StatusCreated, "")
	}
}
