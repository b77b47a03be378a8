package airtime_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// heedful is a provider that is told what stands for good.
type heedful struct {
	*airtimetest.Provider
	patience func(ctx context.Context) // how it takes its time

	mu   sync.Mutex
	told []ident.ID
}

func (h *heedful) Confirm(ctx context.Context, o airtime.Order) {
	h.mu.Lock()
	h.told = append(h.told, o.ID)
	h.mu.Unlock()
	if h.patience != nil {
		h.patience(ctx)
	}
}

func (h *heedful) heard() []ident.ID {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Sorted(slices.Values(h.told))
}

// inBubbleWith runs a test with a provider that is told what stands for good.
func inBubbleWith(t *testing.T, h *heedful, test func(t *testing.T, s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, airtimetest.Settings{
			ProviderTimeout: timeout, Now: time.Now, Connect: func(v *airtimetest.Vendor) (airtime.Provider, func()) {
				h.Provider = v.Provider
				return h, nil
			},
		})
		s.prepaid(10_000)
		test(t, s)
		s.booksAreRight()
	})
}

// Its provider hears of a confirmation once it is recorded, and of nothing else.
func TestTheProviderHearsOfConfirmations(t *testing.T) {
	h := &heedful{}
	inBubbleWith(t, h, func(t *testing.T, s *shop) {
		s.deliver(s.voucher, 1)
		s.bought(s.purchase("t1", s.topUp))
		s.bought(s.purchase("t2", s.topUp))
		s.bought(s.purchase("t3", s.topUp))
		s.bought(s.purchase("v1", s.voucher))
		synctest.Wait()
		if heard := h.heard(); len(heard) > 0 {
			t.Errorf("before any confirmation it heard of %v", heard)
		}
		s.wants("the confirmation", s.confirm("t1"), good)
		s.wants("its repeat", s.confirm("t1"), good)
		s.wants("the reversal", s.reverse("t2"), good)
		s.wants("a confirmation after it", s.confirm("t2"), "ACCOUNT_ALREADY_SETTLED")
		s.wants("the confirmation of a voucher", s.confirm("v1"), good)
		s.must(s.Settle(t.Context(), airtime.Settlement{
			World: ident.Production, Family: txn.Purchase, RequestID: "t3", Role: txn.Confirmation, ID: "s3", At: s.Now(),
			Sender: s.Named("a"), Note: func(airtime.Tx, int64) error { return nil },
		}))
		synctest.Wait()
		if heard := h.heard(); !slices.Equal(heard, []ident.ID{"t1", "t3"}) {
			t.Errorf("it heard of %v", heard)
		}
	})
}

// One that takes its time holds up no confirmation, takes no place of a top-up, and ends with the vendor.
func TestASlowConfirmerHoldsUpNobody(t *testing.T) {
	const many = 300
	h := &heedful{patience: func(ctx context.Context) { <-ctx.Done() }}
	inBubbleWith(t, h, func(t *testing.T, s *shop) {
		s.prepaid(many * 1000)
		began := s.Now()
		for i := range many {
			id := "t" + string(rune('a'+i/26)) + string(rune('a'+i%26))
			s.bought(s.purchase(id, s.topUp))
			s.wants("the confirmation", s.confirm(id), good)
		}
		synctest.Wait()
		if took := s.Now().Sub(began); took > 0 || s.InHand() != 0 {
			t.Errorf("it took %s, and %d are in hand", took, s.InHand())
		}
		if heard := len(h.heard()); heard < 100 || heard == many {
			t.Errorf("it is told of %d at once", heard)
		}
		hurry, cancel := context.WithCancel(t.Context())
		cancel()
		s.Close(hurry)
		if took := s.Now().Sub(began); took > 0 {
			t.Errorf("to close took %s", took)
		}
	})
}
