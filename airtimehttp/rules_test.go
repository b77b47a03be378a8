package airtimehttp_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// gate lets in the accounts of a vendor.
type gate struct{ vendor *airtimetest.Judged }

func (g gate) Admit(r *http.Request, _ bool) (*txn.Sender, func(), error) {
	name, password, _ := r.BasicAuth()
	sender := g.vendor.Named(name)
	if sender == nil || password != passwordOf(name) {
		return nil, nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "wrong name or password"}
	}
	return sender, func() {}, nil
}

func (gate) Guessed(*txn.Sender) {}

// passwordOf is the password of an account: all have one of the same form.
func passwordOf(name string) string { return name + "-password" }

// overHTTP is a vendor that is set up directly, told what to expect, and sent messages through its server.
type overHTTP struct {
	*airtimetest.Judged
	wire conform.Target
	url  string // of the server
}

// Do implements conform.Target.
func (o overHTTP) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	o.Expect(m)
	return o.wire.Do(ctx, m)
}

// Wire says that the scripts which look at the wire can be played.
func (overHTTP) Wire() bool { return true }

// judgedOverHTTP is a new vendor behind a server.
func judgedOverHTTP(t *testing.T, compatible bool) overHTTP {
	t.Helper()
	kept := memstore.New()
	vendor := airtimetest.NewJudged(t, func(testing.TB) store.Driver { return kept })
	listening := serving(t, vendor, vendor, compatible)
	return overHTTP{vendor, targetAt(t, vendor, listening), listening.URL}
}

// serving puts a server in front of a service, for the accounts of a vendor.
func serving(t *testing.T, vendor *airtimetest.Judged, service airtime.Service, compatible bool) *httptest.Server {
	t.Helper()
	server, err := airtimehttp.New(airtimehttp.Settings{
		Settings: exchange.Settings{Gate: gate{vendor}, Institution: airtimetest.Institution, Now: vendor.Now},
		Service:  service, Compatible: compatible,
	})
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	return listening
}

// targetAt is what listens somewhere, set up directly.
func targetAt(t *testing.T, vendor *airtimetest.Judged, listening *httptest.Server) conform.Target {
	t.Helper()
	target, err := conform.NewHTTPTarget(conform.HTTPTarget{
		BaseURL: listening.URL, Client: listening.Client(), Setup: vendor,
		Login: func(account string) conform.Credentials {
			name := vendor.Name(account)
			return conform.Credentials{Name: name, Password: passwordOf(name)}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestRuleScripts(t *testing.T) {
	target := judgedOverHTTP(t, false)
	conform.Test(t, target, conform.Options{Now: target.Now, Match: regexp.MustCompile(`^airtime/`)})
}

// Worlds, open doors and payments that are ignored are not this room's, but the sandbox's and the vendor's.
func TestRuleScriptsOfTheCompatibilityProfile(t *testing.T) {
	target := judgedOverHTTP(t, true)
	ours := regexp.MustCompile(`^airtime/((status|msisdn|error|trial)/|compatibility/(statuses|what))`)
	conform.Test(t, target, conform.Options{Now: target.Now, Profile: conform.Compatibility, Match: ours})
}
