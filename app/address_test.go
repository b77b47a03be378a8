package app_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/router"
)

// What was sent to one server is not ended at another that happens to be called the same.
func TestAnUpstreamStaysWhereItIsWhileSomethingIsNotEnded(t *testing.T) {
	first, second := open(t, app.Settings{}), open(t, app.Settings{})
	seller := first.account(t, "till", members{})
	first.product(t, "gold")
	c := first.card(t, "6001000000000001")
	s := complete(app.Settings{
		Data: t.TempDir(), Pairs: []app.Pair{{Name: seller.user, Password: seller.password}},
		Upstreams: []app.Upstream{{
			Name: "upstream", Bound: true, Giftcard: true, Present: app.Presented{Pairs: true},
			Client: exchange.ClientSettings{URL: first.messages},
		}},
		Routes: []router.Route{{To: []string{"upstream"}, Interface: router.Giftcard}},
	})
	relayed := func(change func(*app.Upstream)) (*app.App, error) {
		change(&s.Upstreams[0])
		a, err := app.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if err = a.Start(); err != nil {
			must(t, a.Stop(context.Background()))
		}
		return a, err
	}
	a, err := relayed(func(*app.Upstream) {})
	must(t, err)
	through := &till{base: "http://" + a.Address().String(), client: first.client, user: seller.user, password: seller.password}
	id := newID()
	through.ask("activations", id, c, 500).must(t, http.StatusCreated, "")
	must(t, a.Stop(context.Background()))

	_, err = relayed(func(u *app.Upstream) { u.Client.URL = second.messages })
	if err == nil || !strings.Contains(err.Error(), first.messages) || !strings.Contains(err.Error(), id) {
		t.Errorf("with something open it starts at another address: %v", err)
	}
	a, err = relayed(func(u *app.Upstream) { u.Client.URL = first.messages })
	must(t, err)
	through.base = "http://" + a.Address().String()
	through.confirm("activations", id, newID()).must(t, http.StatusAccepted, "")
	(&house{App: a}).queueEmpties(t)
	must(t, a.Stop(context.Background()))

	a, err = relayed(func(u *app.Upstream) { u.Client.URL = second.messages })
	must(t, err)
	must(t, a.Stop(context.Background()))
	a, err = relayed(func(u *app.Upstream) { u.Client.URL, u.Moved = first.messages, true })
	must(t, err)
	must(t, a.Stop(context.Background()))
}
