package relay_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// door lets in who has an account, and remembers under which name, so that the same name is given upstream.
type door struct {
	admit   func(name string) (*txn.Sender, error)
	guessed func(*txn.Sender)
	names   *sync.Map // by account
}

// Admit implements exchange.Gate.
func (d door) Admit(r *http.Request, _ bool) (*txn.Sender, func(), error) {
	name, password, _ := r.BasicAuth()
	sender, err := d.admit(name)
	switch {
	case err != nil:
		return nil, nil, err
	case sender == nil || password != passwordOf(name):
		return nil, nil, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "wrong name or password"}
	}
	d.names.Store(sender.Account, name)
	return sender, func() {}, nil
}

// Guessed implements exchange.Gate.
func (d door) Guessed(s *txn.Sender) { d.guessed(s) }

// passwordOf is the password of an account: all have one of the same form.
func passwordOf(name string) string { return name + "-password" }

// For implements exchange.Credentials.
func (d door) For(account ident.Account) (exchange.Credential, bool) {
	name, known := d.names.Load(account)
	if !known {
		return nil, false
	}
	return exchange.Basic(name.(string), passwordOf(name.(string))), true
}

// upstreamOf gives a client of a server, with what a door has let in.
func (d door) upstreamOf(t *testing.T, url string) *exchange.Client {
	t.Helper()
	c, err := exchange.NewClient(exchange.ClientSettings{URL: url, Credentials: d})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func listen(t *testing.T, handler http.Handler, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	listening := httptest.NewServer(handler)
	t.Cleanup(listening.Close)
	return listening.URL
}

func nobodyGuesses(*txn.Sender) {}

var ourselves = ident.Reference{Institution: "scrip", Identifier: "Scrip"}

// inARow are how many relays the rule scripts go through. In a short run, which is the race detector's, it is one: the second
// one shares nothing with the first but the wire.
func inARow() map[string]int {
	rows := map[string]int{"one relay": 1, "two relays": 2}
	if testing.Short() {
		delete(rows, "two relays")
	}
	return rows
}

// Over HTTP, the rule scripts see the same through one relay and through two in a row as at the issuer itself, byte by
// byte where they look at bytes.
func TestRuleScriptsOfGiftcardsOverHTTP(t *testing.T) {
	for name, relays := range inARow() {
		t.Run(name, func(t *testing.T) {
			i := giftcardtest.New(t, giftcardtest.Settings{Open: inMemory()})
			defersBooks(t, i.Store.Driver())
			named := func(name string) (*txn.Sender, error) { return i.Sender(name), nil }
			server, err := giftcardhttp.New(i, exchange.Settings{
				Gate: door{named, nobodyGuesses, new(sync.Map)}, Institution: ourselves, Now: i.Now,
			})
			url := listen(t, server, err)
			for n := range relays {
				d := door{named, nobodyGuesses, new(sync.Map)}
				if n == relays-1 { // wrong guesses are counted where the account comes in
					d.admit, d.guessed = i.Admit, i.Guessed
				}
				s := newSwitchboard(t, relay.Settings{Now: i.Now, Upstreams: []relay.Upstream{
					{Name: "issuer", Giftcard: giftcardhttp.NewClient(d.upstreamOf(t, url))},
				}})
				server, err := giftcardhttp.New(s.Giftcard("issuer"), exchange.Settings{Gate: d, Institution: ourselves, Now: i.Now})
				url = listen(t, server, err)
			}
			target, err := conform.NewHTTPTarget(conform.HTTPTarget{
				BaseURL: url, Client: http.DefaultClient, Setup: i,
				Login: func(account string) conform.Credentials {
					return conform.Credentials{Name: account, Password: passwordOf(account)}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			conform.Test(t, target, conform.Options{Now: i.Now})
		})
	}
}

// expecting is a vendor behind relays that is told what to expect before it is sent.
type expecting struct {
	*airtimetest.Judged
	wire conform.Target
}

// Do implements conform.Target.
func (e expecting) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	e.Expect(m)
	return e.wire.Do(ctx, m)
}

// Wire says that the scripts which look at the wire can be played.
func (expecting) Wire() bool { return true }

func TestRuleScriptsOfAirtimeOverHTTP(t *testing.T) {
	for name, relays := range inARow() {
		t.Run(name, func(t *testing.T) {
			j := airtimetest.NewJudged(t, inMemory())
			defersBooks(t, j.Store.Driver())
			named := func(name string) (*txn.Sender, error) { return j.Named(name), nil }
			server, err := airtimehttp.New(airtimehttp.Settings{
				Settings: exchange.Settings{Gate: door{named, nobodyGuesses, new(sync.Map)}, Institution: airtimetest.Institution, Now: j.Now},
				Service:  j,
			})
			url := listen(t, server, err)
			for range relays {
				d := door{named, nobodyGuesses, new(sync.Map)}
				s := newSwitchboard(t, relay.Settings{Now: j.Now, Upstreams: []relay.Upstream{
					{Name: "vendor", Airtime: airtimehttp.NewClient(d.upstreamOf(t, url)), Profile: relay.Profile{Timeout: 10 * time.Second}},
				}})
				server, err := airtimehttp.New(airtimehttp.Settings{
					Settings: exchange.Settings{Gate: d, Institution: airtimetest.Institution, Now: j.Now}, Service: s.Airtime("vendor"),
				})
				url = listen(t, server, err)
			}
			target, err := conform.NewHTTPTarget(conform.HTTPTarget{
				BaseURL: url, Client: http.DefaultClient, Setup: j,
				Login: func(account string) conform.Credentials {
					name := j.Name(account)
					return conform.Credentials{Name: name, Password: passwordOf(name)}
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			conform.Test(t, expecting{j, target}, conform.Options{
				Now: j.Now, Match: regexp.MustCompile(`^airtime/`), Scripts: scriptsOfAirtime(t),
			})
		})
	}
}

// The contract has no body for the 404 of a query: a question that is answered so stops nobody's confirmations, and a
// look-up is told so.
func TestAQueryIsAnswered404WithoutABody(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		lookUp string
		alarms bool
	}{
		"empty":      {"", "declined UNABLE_TO_LOCATE_RECORD", false},
		"a stranger": {"<html>", "not taken unavailable", true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := make(chan struct{}, 1000)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet {
					panic(http.ErrAbortHandler) // no answer
				}
				w.WriteHeader(http.StatusNotFound)
				_, _ = w.Write([]byte(c.body))
				select {
				case asked <- struct{}{}:
				default:
				}
			}))
			defer server.Close()
			client, err := exchange.NewClient(exchange.ClientSettings{URL: server.URL, Credentials: exchange.Same(exchange.Basic("a", "b"))})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			var alarms atomic.Int64
			b := newSwitchboard(t, relay.Settings{
				Alarm: func(decline.Alarm, ident.Account) { alarms.Add(1) },
				Upstreams: []relay.Upstream{{
					Name: "up", Airtime: airtimehttp.NewClient(client), Profile: relay.Profile{NoReversals: true},
					Pace: saf.Pace{MinWait: time.Millisecond, MaxWait: time.Millisecond},
				}},
			})
			q := purchase("r1")
			q.Wire = txn.Wire(`{"id":"r1"}`)
			if _, err := b.Airtime("up").Request(t.Context(), q); outcome(err) != "unknown OUTCOME_UNKNOWN" {
				t.Fatal(outcome(err))
			}
			for range 3 { // it is asked again and again
				select {
				case <-asked:
				case <-time.After(10 * time.Second):
					t.Fatalf("it is not asked any more: %+v", b.Queues()[0])
				}
			}
			if v := b.Queues()[0]; len(v.Stopped) > 0 || v.Breaker != "closed" {
				t.Errorf("the line of the upstream: %+v", v)
			}
			l := &airtime.LookUp{Sender: till, Wire: txn.Wire("msisdn=27820000000")}
			if _, err := b.Airtime("up").LookUp(t.Context(), l); outcome(err) != c.lookUp {
				t.Errorf("a look-up: %s", outcome(err))
			}
			if got := alarms.Load() > 0; got != c.alarms {
				t.Errorf("%d alarms", alarms.Load())
			}
		})
	}
}
