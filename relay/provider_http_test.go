package relay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/txn"
)

// farOverHTTP gives a client of the far vendor's server, behind a network that does what it is told.
func farOverHTTP(t *testing.T, network *relaytest.Hostile) func(*airtimetest.Vendor) airtime.Service {
	return func(far *airtimetest.Vendor) airtime.Service {
		named := func(name string) (*txn.Sender, error) { return far.Named(name), nil }
		server, err := airtimehttp.New(airtimehttp.Settings{
			Settings: exchange.Settings{Gate: door{named, nobodyGuesses, new(sync.Map)}, Institution: airtimetest.Institution, Now: far.Now},
			Service:  far,
		})
		if err != nil {
			t.Fatal(err)
		}
		network.Server = server
		listening := httptest.NewServer(network)
		t.Cleanup(listening.Close)
		client, err := exchange.NewClient(exchange.ClientSettings{
			URL: listening.URL, Credentials: exchange.Same(exchange.Basic(farUser, passwordOf(farUser))), Timeout: throughTimeout,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return airtimehttp.NewClient(client)
	}
}

// sellTopUps puts a top-up on sale, and gives a number that can have it.
func (c *chain) sellTopUps(t testing.TB) ident.MSISDN {
	t.Helper()
	err := c.Catalogue.Connect(airtime.Network{ID: "n1", Name: "Network", Country: "ZA", Prefixes: []string{"2783"}})
	if err == nil {
		_, err = c.Catalogue.Sell(airtime.Product{
			ID: "t1", TopUp: true, Provider: airtimetest.ProviderName, Network: "n1", Limits: []airtime.Limit{{Currency: 710, Min: 100, Max: 5000}},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return subscriber
}

// subscriber is who is topped up.
var subscriber, _ = ident.ParseMSISDN("27831234567")

// topUp is a purchase of the account a.
func (c *chain) topUp(id ident.ID) *airtime.Request {
	return &airtime.Request{
		Family: txn.Purchase, ID: id, Sender: c.Named("a"), Received: c.Now(), Product: "t1", Recipient: subscriber,
		Amount: &money.Amount{Minor: 1000, Currency: 710},
	}
}

// see has a purchase made and sees it through, as a till must: it ends what was approved, and reverses what has no answer.
func (c *chain) see(ctx context.Context, t testing.TB, id ident.ID, n int) {
	_, err := c.Request(ctx, c.topUp(id))
	role := txn.Reversal
	var refusal *decline.Error
	switch {
	case err == nil && n%3 > 0:
		role = txn.Confirmation
	case errors.As(err, &refusal):
		return
	}
	a := airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: role, ID: id + "-advice", RequestID: id, Sender: c.Named("a"), Received: c.Now(),
	}}
	for ctx.Err() == nil {
		a.Received = c.Now()
		if _, err = c.Advise(ctx, &a); err == nil {
			return
		}
		if errors.As(err, &refusal) {
			break
		}
	}
	t.Errorf("the %s of %s: %v", role, id, err)
}

// Over HTTP and a network that loses, doubles, delays and reorders in both directions, and through restarts, both vendors and
// the operator come to agree on every top-up, and each that was approved has its one ending everywhere.
func TestTopUpsOnABadNetwork(t *testing.T) {
	seeds := uint64(6)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			network := &relaytest.Hostile{Odds: .4, Seed: seed, Delay: throughTimeout + farTimeout}
			c := newChain(t, relay.Profile{}, farOverHTTP(t, network))
			c.sellTopUps(t)
			const rounds, tills, each = 3, 4, 3
			for round := range rounds {
				c.buyAtOnce(t, tills, func(till int) {
					for n := range each {
						c.see(t.Context(), t, ident.ID(fmt.Sprintf("r%d-t%d-n%d", round, till, n)), n)
					}
				})
				if err := c.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			network.Calm()
			network.Wait()
			c.bothAgree(t)
			c.allEnded(t, rounds*tills*each)
		})
	}
}

// buyAtOnce has tills buy, while the vendor asks about what it does not know.
func (c *chain) buyAtOnce(t testing.TB, tills int, buy func(till int)) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := c.Resolve(t.Context(), c.Now()); err != nil {
					t.Error(err)
				}
			case <-done:
				return
			}
		}
	}()
	var buying sync.WaitGroup
	for till := range tills {
		buying.Go(func() { buy(till) })
	}
	buying.Wait()
	close(done)
	<-stopped
}

// allEnded asks that so many purchases were made, that none of them is open, and that some were confirmed.
func (c *chain) allEnded(t testing.TB, made int) {
	t.Helper()
	states := map[txn.State]int{}
	for _, m := range requestsOf(t, c.Store.Driver()) {
		if m.Upstream == "" {
			states[m.State]++
			made--
		}
	}
	ended := []txn.State{txn.Confirmed, txn.Reversed, txn.Declined}
	for s := range states {
		if !slices.Contains(ended, s) {
			t.Errorf("%d are %s", states[s], s)
		}
	}
	if made != 0 || states[txn.Confirmed] == 0 {
		t.Errorf("%v of the purchases are there, %d are missing", states, made)
	}
}
