package app_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/edge"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/txn"
)

// What the suite proves of an issuer and a vendor it proves, unchanged, of switches in front of them: of one, and of two in a
// row on every store, so that every message is committed in three places.
func TestConformanceThroughRelays(t *testing.T) {
	t.Run("one", func(t *testing.T) {
		t.Parallel()
		judgeThrough(t, 1, func(testing.TB) place { return place{} })
	})
	t.Run("two in a row", func(t *testing.T) {
		if testing.Short() {
			t.Skip("goroutines meet within a relay, and one shows that")
		}
		everywhere(t, func(t *testing.T, in newPlace) { judgeThrough(t, 2, in) })
	})
}

func judgeThrough(t *testing.T, relays int, in newPlace) {
	c := &clock{}
	s := in(t).settings()
	s.Now, s.Network = c.now, &network.Settings{}
	server := open(t, s)
	chain := []*house{server}
	for range relays {
		own := in(t).settings()
		own.Now = c.now
		chain = append(chain, relayTo(t, chain[len(chain)-1], server, own))
	}
	judgeAt(t, chain[relays], server, c, func() {
		for _, h := range chain[1:] {
			h.restart(t)
		}
	})
	for _, h := range chain {
		h.booksAreRight(t)
		h.queueEmpties(t)
	}
}

// upstreamCalled is how relays in tests call the house behind them.
const upstreamCalled = "behind"

// relayTo opens a relay in front of a house. It lets in whom a server further back knows, and presents what they came with.
func relayTo(t *testing.T, behind, server *house, s app.Settings) *house {
	g := &guests{server: server, known: map[ident.Account]exchange.Credential{}}
	s.Guests = g.admit
	s.Upstreams = []app.Upstream{{
		Name: upstreamCalled, Giftcard: true, Airtime: true, Client: exchange.ClientSettings{URL: behind.messages, Credentials: g},
	}}
	s.Routes = []router.Route{{To: []string{upstreamCalled}}}
	h := open(t, s)
	g.relay = h
	return h
}

// guests are accounts of a relay that are made as they come in.
type guests struct {
	relay, server *house
	mu            sync.Mutex
	known         map[ident.Account]exchange.Credential
}

func (g *guests) admit(user, password string) (edge.Identity, error) {
	known, found := g.server.Register.AccountByName(ident.Production, user)
	if !found || !g.server.Verifies(known, password) {
		return edge.Identity{}, &decline.NotTaken{Cause: decline.Unauthenticated, Text: "nobody"}
	}
	by := admin.By{Operator: "test", Role: admin.Admin, World: ident.Production, At: g.relay.Now(), Reason: "test"}
	g.mu.Lock()
	defer g.mu.Unlock()
	account, err := g.relay.Office.Introduce(context.Background(), by, user)
	if err != nil {
		return edge.Identity{}, err
	}
	g.known[account.Number] = exchange.Basic(user, password)
	sender := &txn.Sender{
		Account: account.Number, World: account.World, Name: user, Intermediary: known.Settings.Intermediary,
		HolderLookUps: known.Settings.HolderLookUps,
	}
	return edge.Identity{Account: account, Sender: sender, User: user}, nil
}

// For implements exchange.Credentials.
func (g *guests) For(account ident.Account) (exchange.Credential, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, found := g.known[account]
	return c, found
}

// queueEmpties waits until nothing is queued any more. It looks again and again, for there is no signal to wait for: what was
// delivered is taken off the queue by the relay itself, after the upstream's last answer, and told to nobody.
func (h *house) queueEmpties(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		levels, err := h.Store.Driver().Levels(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if len(levels) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still queued: %+v", levels)
		}
	}
}
