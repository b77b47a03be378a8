package airtime_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// sweep lets a vendor sweep once, and gives how many top-ups are left.
func sweep(t *testing.T, v *airtime.Vendor) int {
	t.Helper()
	began := time.Now()
	left, err := v.Resolve(t.Context(), began)
	if err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > airtime.SweepTime {
		t.Errorf("the sweep took %s", took)
	}
	return left
}

// The top-ups of a provider that says nothing hold up neither the sweep nor those of another.
func TestASilentProviderHoldsUpNoOther(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.prepaid(1_000_000)
		other := airtimetest.NewProvider()
		p := s.sell(airtime.Product{ID: "other", TopUp: true, Provider: "other", Values: []money.Amount{rand(300)}})
		asked := new(atomic.Int32)
		v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: silent{s.Provider, asked}, "other": other})
		s.Provider.Behave(airtimetest.Breaks, 0)
		other.Behave(airtimetest.Breaks, 0)
		const many = 500
		for n := range many {
			s.wants("a purchase", s.buyFor(fmt.Sprint(n)), unknown)
		}
		last := s.purchase("last", p)
		last.Amount = nil
		_, err := v.Request(t.Context(), last)
		s.wants("the last purchase", word(err), unknown)
		if left := sweep(t, v); left != many {
			t.Errorf("%d are left", left)
		}
		s.wants("the last purchase", s.state("last").State.String(), txn.Open.String())
		if n := asked.Load(); n == 0 || n > many/2 {
			t.Errorf("%d questions were put to the silent provider", n)
		}
		v.Close(t.Context())
	})
}

// forgetful is a provider that says nothing of some of its orders.
type forgetful struct {
	*airtimetest.Provider
	forgets map[ident.ID]bool
}

func (p forgetful) Status(ctx context.Context, o airtime.Order) (airtime.Progress, error) {
	if p.forgets[o.ID] {
		<-ctx.Done()
		return airtime.Progress{}, ctx.Err()
	}
	return p.Provider.Status(ctx, o)
}

// A sweep goes on where the last one stopped, so that what cannot be ended does not keep the rest from being asked for.
func TestASweepGoesOnWhereTheLastOneStopped(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.prepaid(1_000_000)
		p := forgetful{s.Provider, map[ident.ID]bool{}}
		v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: p})
		s.Provider.Behave(airtimetest.Breaks, 0)
		const stuck, many = 100, 150
		for n := range many {
			id := fmt.Sprint(n)
			p.forgets[ident.ID(id)] = n < stuck
			s.wants("a purchase", s.buyFor(id), unknown)
		}
		sweeps, left := 1, sweep(t, v)
		if left != many {
			t.Errorf("after one sweep %d are left", left)
		}
		for ; left > stuck && sweeps < 10; sweeps++ {
			left = sweep(t, v)
		}
		if left != stuck {
			t.Errorf("after %d sweeps %d are left", sweeps, left)
		}
		v.Close(t.Context())
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left once nothing is forgotten", left)
		}
	})
}

// What was passed on to another server is not a vendor's to end, and not counted among what is left.
func TestASweepLeavesAloneWhatWasPassedOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Breaks, 0)
		s.wants("a purchase of our own", s.buyFor("ours"), unknown)
		s.must(s.Store.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
			passed := tx.Messages("ours")[0]
			passed.Seq, passed.ID, passed.Upstream, passed.Prepaid = tx.NextSeq(), "theirs", "vendor", false
			tx.Insert(passed)
			return nil
		}))
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left", left)
		}
		s.wants("our own", s.state("ours").State.String(), txn.Open.String())
		s.wants("the other", s.state("theirs").State.String(), txn.Working.String())
		if asked := s.Provider.Asked("theirs"); asked != 0 {
			t.Errorf("our provider was asked %d times for what it has never seen", asked)
		}
	})
}
