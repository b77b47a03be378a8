package relay_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/txn"
)

// A question for a status that is turned away says nothing about the purchase: it is neither declined, nor is whoever
// polls told that it is.
func TestAStatusThatIsTurnedAwayDecidesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"503 in the contract's words": {503, `{"errorType":"SYSTEM_MALFUNCTION","id":"x","errorMessage":"Busy"}`},
		"429 in the contract's words": {429, `{"errorType":"LIMIT_EXCEEDED","id":"x","errorMessage":"Too fast"}`},
		"400 of a gateway":            {400, `<html>bad request</html>`},
		"405 of a gateway":            {405, ``},
		"413 in the contract's words": {413, `{"errorType":"FORMAT_ERROR","id":"x","errorMessage":"Too long"}`},
	} {
		t.Run(name, func(t *testing.T) {
			up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.Contains(r.URL.Path, "status") {
					panic(http.ErrAbortHandler) // it is done, and the answer is lost
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer up.Close()
			client, err := exchange.NewClient(exchange.ClientSettings{URL: up.URL, Credentials: exchange.Same(exchange.Basic("a", "b"))})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{
				{Name: "up", Airtime: airtimehttp.NewClient(client), Profile: relay.Profile{NoReversals: true}},
			}})
			q := purchase("r1")
			q.Wire = txn.Wire(`{"id":"r1"}`)
			if _, err = b.Airtime("up").Request(t.Context(), q); err == nil {
				t.Fatal("it is approved")
			}
			_, err = b.Airtime("up").Advise(t.Context(), &airtime.Advice{Advice: *advice(txn.Purchase, txn.Reversal, "v1", "r1")})
			if m := b.stands(t, "r1"); m.State != txn.Working || err == nil || !strings.HasPrefix(outcome(err), "unknown") {
				t.Errorf("it stands as %s for %q; the reversal hears %q", m.State, m.Reason, outcome(err))
			}
			_, err = b.Airtime("up").Status(t.Context(), &airtime.Query{Sender: q.Sender, Received: q.Received, ID: "r1"})
			if !strings.HasPrefix(outcome(err), "unknown") {
				t.Errorf("who polls hears %q", outcome(err))
			}
		})
	}
}

func TestARelayIsStartedOnce(t *testing.T) {
	b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: &stub{}}}})
	if err := b.Start(t.Context()); err == nil {
		t.Error("it is started a second time")
	}
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Start(t.Context()); err == nil {
		t.Error("it is started after its end")
	}
}
