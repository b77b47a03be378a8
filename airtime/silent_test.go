package airtime_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// silent is a provider that lets whoever asks about an order wait for as long as they can.
type silent struct {
	*airtimetest.Provider
	asked *atomic.Int32
}

func (p silent) wait(ctx context.Context) error {
	p.asked.Add(1)
	<-ctx.Done()
	return ctx.Err()
}

func (p silent) Status(ctx context.Context, _ airtime.Order) (airtime.Progress, error) {
	return airtime.Progress{}, p.wait(ctx)
}

func (p silent) Reverse(ctx context.Context, _ airtime.Order) error { return p.wait(ctx) }

// besides makes another vendor of the same records with providers of its own.
func (s *shop) besides(providers map[string]airtime.Provider) *airtime.Vendor {
	return airtime.NewVendor(airtime.Settings{
		Store: store.Airtime(s.Store), Unsettled: s.Store.Driver(), Keys: s.Keys, Catalogue: s.Catalogue,
		Providers: providers, ProviderTimeout: timeout, MaxTopUps: 2,
	})
}

// An advice waits for a silent provider no longer than for anything else (L12), and the work goes on without it.
func TestAnAdviceDoesNotWaitForASilentProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Breaks, 0)
		s.wants("a purchase", s.buyFor("working"), unknown)
		s.Provider.Behave(airtimetest.Prompt, 0)
		s.bought(s.purchase("open", s.topUp))
		time.Sleep(timeout)
		v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: silent{s.Provider, new(atomic.Int32)}})
		for _, id := range []string{"working", "open"} {
			began := time.Now()
			s.wants("the reversal", advised(v.Advise(t.Context(), s.advice(txn.Reversal, id+"-w", id))), undecided)
			if took := time.Since(began); took != txn.DefaultHold {
				t.Errorf("%s: it took %s", id, took)
			}
		}
		if v.InHand() != 2 {
			t.Errorf("%d are in hand", v.InHand())
		}
		time.Sleep(2 * timeout)
		synctest.Wait()
		if v.InHand() != 0 {
			t.Errorf("%d are in hand", v.InHand())
		}
		v.Close(t.Context())
	})
}

// Repeats of an advice for one top-up that is stuck leave the places to others.
func TestRepeatsOfAnAdviceShareOnePlace(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.bought(s.purchase("stuck", s.topUp))
		v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: silent{s.Provider, new(atomic.Int32)}})
		var all sync.WaitGroup
		for n := range 20 {
			all.Go(func() {
				advice := s.advice(txn.Reversal, fmt.Sprint("w", n), "stuck")
				s.wants("the reversal", advised(v.Advise(t.Context(), advice)), undecided)
			})
		}
		time.Sleep(txn.DefaultHold / 2)
		if v.InHand() != 1 {
			t.Errorf("%d places are taken", v.InHand())
		}
		_, err := v.Request(t.Context(), s.purchase("another", s.topUp))
		s.wants("another top-up", word(err), good)
		all.Wait()
		v.Close(t.Context())
		s.wants("the reversal", s.reverse("stuck"), good)
	})
}

// keeping counts how often it is asked to take back what it keeps.
type keeping struct {
	*airtimetest.Provider
	asked *atomic.Int32
}

func (p keeping) Reverse(ctx context.Context, o airtime.Order) error {
	p.asked.Add(1)
	return p.Provider.Reverse(ctx, o)
}

// A provider that refuses to take back is not asked again by the advice that heard it.
func TestARefusedReversalIsAskedForOnce(t *testing.T) {
	for name, manner := range map[string]airtimetest.Manner{"reversing": airtimetest.Prompt, "working": airtimetest.Breaks} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *shop) {
				s.Provider.Able(airtime.Capabilities{Reverses: true})
				s.Provider.Behave(manner, 0)
				_ = s.buyFor("t1")
				if manner == airtimetest.Prompt {
					v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: silent{s.Provider, new(atomic.Int32)}})
					s.wants("a reversal that nobody answers", advised(v.Advise(t.Context(), s.advice(txn.Reversal, "t1-w", "t1"))), undecided)
					v.Close(t.Context())
				}
				time.Sleep(timeout)
				s.wants("the state", s.state("t1").State.String(), name)
				s.Provider.Keep(true)
				p := keeping{s.Provider, new(atomic.Int32)}
				v := s.besides(map[string]airtime.Provider{airtimetest.ProviderName: p})
				for repeat := range int32(2) {
					s.wants("the reversal", advised(v.Advise(t.Context(), s.advice(txn.Reversal, "t1-w", "t1"))), "TRANSACTION_NOT_SUPPORTED")
					if asked := p.asked.Load(); asked != repeat+1 {
						t.Errorf("it was asked %d times", asked)
					}
				}
				s.wants("the confirmation", advised(v.Advise(t.Context(), s.advice(txn.Confirmation, "t1-k", "t1"))), good)
				s.credits("t1", 1)
				v.Close(t.Context())
			})
		})
	}
}
