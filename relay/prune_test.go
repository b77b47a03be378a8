package relay_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/store/storetest"
)

// forgetful prunes, before each message, all that may go from the stores that it leads through.
type forgetful struct {
	gated
	relay  *switchboard
	pruned atomic.Int64 // some messages come together
}

// Do implements conform.Target.
func (f *forgetful) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	for _, s := range []*store.Store{f.relay.store, f.Store} { // a restart makes another one
		gone, err := storetest.PruneAll(ctx, s, f.Now().Add(time.Hour))
		if f.pruned.Add(int64(gone)); err != nil {
			return conform.Answer{}, err
		}
	}
	return f.gated.Do(ctx, m)
}

// A relay answers by what is left of its record as by the record, and so does the issuer behind it.
func TestRuleScriptsWithEverythingPruned(t *testing.T) {
	fleet.Each(t, judgePruned)
}

func judgePruned(t *testing.T, open fleet.Opener) {
	i := giftcardtest.New(t, giftcardtest.Settings{Open: inMemory()})
	defersBooks(t, i.Store.Driver())
	upstreams := []relay.Upstream{{Name: "issuer", Giftcard: asUpstream(t, i)}}
	s := newRelayOn(t, open, relay.Settings{Now: i.Now, Upstreams: upstreams})
	f := &forgetful{gated: gated{i, i.Through(s.Giftcard("issuer"))}, relay: s}
	conform.Test(t, f, conform.Options{Now: i.Now})
	if f.pruned.Load() == 0 {
		t.Error("nothing was pruned")
	}
	t.Log(f.pruned.Load(), "messages were pruned")
}
