package app_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/saf"
)

// Operators are told whether a request was reversed by whoever sent it or by the relay itself, because its answer was lost.
func TestOperatorsAreToldWhoReversedARequest(t *testing.T) {
	far := open(t, app.Settings{})
	shop := far.account(t, "shop", members{})
	far.product(t, "gold")
	c := far.card(t, "6001000000000001")
	shop.activate(t, c, 5000)
	between := newLine(t, far)
	near := open(t, app.Settings{
		Upstreams: []app.Upstream{{
			Name: upstreamCalled, Giftcard: true, Client: exchange.ClientSettings{URL: between.url},
			Present: app.Presented{All: exchange.Basic(shop.user, shop.password)}, Profile: relay.Profile{Timeout: 5 * time.Second},
			Pace: saf.Pace{MinWait: 5 * time.Millisecond, MaxWait: 50 * time.Millisecond},
		}},
		Routes: []router.Route{{To: []string{upstreamCalled}, Interface: router.Giftcard}},
	})
	till := near.account(t, "till", members{})

	lost := newID()
	between.cut.Store(true)
	till.ask("redemptions", lost, c, 100).must(t, http.StatusGatewayTimeout, "GENERAL_ERROR")
	between.cut.Store(false)
	near.queueEmpties(t)
	till.reverse("redemptions", lost, newID()).must(t, http.StatusAccepted, "") // finds it done

	heard := newID()
	till.ask("redemptions", heard, c, 100).must(t, http.StatusCreated, "")
	till.reverse("redemptions", heard, newID()).must(t, http.StatusAccepted, "")

	for id, want := range map[string]string{lost: "relay", heard: "sender"} {
		found, _ := near.operate(t, http.MethodGet, "/transactions?id="+url.QueryEscape(id), nil).member("transactions").([]any)
		if len(found) != 1 {
			t.Fatalf("%d messages have the id of a request", len(found))
		}
		ended, _ := found[0].(map[string]any)["ended"].(map[string]any)
		if state := found[0].(map[string]any)["state"]; state != "reversed" || ended["by"] != want {
			t.Errorf("it is %v by the %v's message, want reversed by the %s's", state, ended["by"], want)
		}
	}
	near.booksAreRight(t)
}
