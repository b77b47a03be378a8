package relay_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// A fallback that was saved although the store said that it may not be is undone as the second upstream allows.
func TestAFallbackThatNobodyKnowsOfIsUndoneWhereItStands(t *testing.T) {
	for name, c := range map[string]struct {
		one, two relay.Profile
		reversed []ident.ID // at the second
		asked    int
	}{
		"the second has no reversals": {relay.Profile{}, relay.Profile{NoReversals: true}, nil, 1},
		"the first has no reversals":  {relay.Profile{NoReversals: true}, relay.Profile{}, []ident.ID{"r1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var kept *lying
				first := &stub{request: func(ident.ID) error {
					commits := 0
					kept.tell(func() (bool, error) {
						commits++
						return commits == 1, errors.New("nobody knows")
					})
					return &decline.NotTaken{Cause: decline.Unreached}
				}}
				second := &stub{}
				b := newSwitchboardOn(t, relay.Settings{Upstreams: []relay.Upstream{
					{Name: "one", Airtime: seller{first}, Profile: c.one}, {Name: "two", Airtime: seller{second}, Profile: c.two},
				}}, func(s saf.Store) saf.Store {
					kept = &lying{Store: s}
					return kept
				})
				if _, err := b.Airtime("one", "two").Request(t.Context(), purchase("r1")); outcome(err) != "unknown OUTCOME_UNKNOWN" {
					t.Error(outcome(err))
				}
				kept.tell(nil)
				time.Sleep(time.Minute)
				synctest.Wait()
				var reversed []ident.ID
				for _, a := range second.advised() {
					reversed = append(reversed, a.RequestID)
				}
				if !slices.Equal(reversed, c.reversed) || second.asked() != c.asked || len(first.advised())+first.asked() > 0 {
					t.Errorf("reversed at the second: %v, asked there: %d, at the first: %v", reversed, second.asked(), first.advised())
				}
				if m := b.stands(t, "r1"); m.Upstream != "two" || m.State == txn.Working || len(b.items()) != 0 {
					t.Errorf("it stands as %s at %q, queued: %v", m.State, m.Upstream, b.queued())
				}
			})
		})
	}
}
