package network_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
)

func TestAnOrderIsCreditedOnce(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		first := h.tops(order("a", anna))
		if again := h.tops(order("a", anna)); again != first {
			h.Errorf("the same order has the references %s and %s", first, again)
		}
		h.restart()
		if again := h.tops(order("a", anna)); again != first {
			h.Errorf("after a restart the same order has the references %s and %s", first, again)
		}
		h.has(anna, 100_00)
		if other := h.tops(order("b", anna)); other == first {
			h.Errorf("two orders have the reference %s", first)
		}
		h.has(anna, 200_00)
	})
}

func TestAnIDBelongsToOneOrder(t *testing.T) {
	h := inMemory(t, network.Settings{})
	h.tops(order("a", anna))
	for what, change := range map[string]func(*airtime.Order){
		"recipient": func(o *airtime.Order) { o.Recipient = msisdn(ben) },
		"amount":    func(o *airtime.Order) { o.Amount.Minor++ },
		"currency":  func(o *airtime.Order) { o.Amount.Currency = dollar },
		"product":   func(o *airtime.Order) { o.Product = annasProduct },
	} {
		o := order("a", anna)
		change(&o)
		if _, err := h.TopUp(t.Context(), o); !errors.Is(err, network.ErrOtherOrder) {
			t.Errorf("another %s: %v", what, err)
		}
	}
	h.has(anna, 100_00)
	h.has(ben, 0)

	elsewhere := order("a", anna)
	elsewhere.World++
	h.tops(elsewhere)
	h.has(anna, 100_00)
}

func TestManyAtOnceCreditOnce(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		const orders, times = 8, 8
		h.atOnce(orders*times, func(i int) error {
			_, err := h.TopUp(h.Context(), order(fmt.Sprint("order-", i%orders), anna))
			return err
		})
		h.has(anna, orders*100_00)
	})
}

// Credits, reversals and spending of one subscriber meet, and none is lost.
func TestAllAtOnceAddsUp(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		const each = 16
		for i := range each {
			h.tops(order(fmt.Sprint("old-", i), anna))
		}
		h.tops(order("plenty", anna))
		h.atOnce(3*each, func(i int) error {
			switch i % 3 {
			case 0:
				_, err := h.TopUp(h.Context(), order(fmt.Sprint("new-", i), anna))
				return err
			case 1:
				return h.Reverse(h.Context(), named(order(fmt.Sprint("old-", i/3), anna)))
			}
			return h.Spend(h.Context(), world, msisdn(anna), money.Amount{Minor: 1, Currency: rand})
		})
		h.has(anna, 100_00+each*100_00-each)
	})
}

// atOnce calls n times at once and wants no error.
func (h *house) atOnce(n int, call func(i int) error) {
	h.Helper()
	var called sync.WaitGroup
	for i := range n {
		called.Go(func() {
			if err := call(i); err != nil {
				h.Error(err)
			}
		})
	}
	called.Wait()
}

func TestWhatWasCreditedIsTakenBackOnce(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		o := order("a", anna)
		h.tops(order("other", anna))
		reference := h.tops(o)
		h.restart()
		if got := h.stands(o, airtime.Done); got.Reference != reference {
			h.Errorf("status has the reference %s, want %s", got.Reference, reference)
		}
		h.takesBack(o)
		h.takesBack(o)
		h.restart()
		h.takesBack(o)
		h.has(anna, 100_00)
		h.stands(o, airtime.Failed)
		_, err := h.TopUp(h.Context(), o)
		h.refuses(err, decline.DeclinedByMNO)
		h.has(anna, 100_00)
	})
}

func TestWhatIsSpentStays(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		o := order("a", anna)
		h.tops(o)
		h.spends(anna, 1)
		h.refuses(h.Reverse(h.Context(), named(o)), decline.TransactionNotSupported)
		h.stands(o, airtime.Done)

		h.tops(order("b", anna)) // what comes later is not the first order's
		h.restart()
		h.refuses(h.Reverse(h.Context(), named(o)), decline.TransactionNotSupported)
		h.has(anna, 199_99)
		h.takesBack(order("b", anna))
		h.has(anna, 99_99)
		h.refuses(h.Spend(h.Context(), world, msisdn(anna), money.Amount{Minor: 100_00, Currency: rand}), decline.InsufficientFunds)
	})
}

func TestAnOrderThatIsTakenBackBeforeItComesIsRefused(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		o := order("a", anna)
		h.stands(o, airtime.NeverReceived)
		h.takesBack(o)
		h.stands(o, airtime.Failed)
		h.restart()
		_, err := h.TopUp(h.Context(), o)
		h.refuses(err, decline.DeclinedByMNO)
		h.takesBack(o)
		h.has(anna, 0)
	})
}

func TestRefusals(t *testing.T) {
	most := network.Settings{MaxBalance: 1_000_00, Networks: []string{"one"}}
	for _, c := range []struct {
		name   string
		change func(*airtime.Order)
		want   decline.Reason
	}{
		{"a number of no network", func(o *airtime.Order) { o.Recipient = msisdn(abroad) }, decline.InvalidMSISDN},
		{"a number of a network that is not served", func(o *airtime.Order) { o.Recipient = msisdn("27830000000") }, decline.InvalidMSISDN},
		{"another network's product", func(o *airtime.Order) { o.Product = &airtime.Product{Network: "two"} }, decline.InvalidMSISDN},
		{"below nothing", func(o *airtime.Order) { o.Amount.Minor = -1 }, decline.InvalidAmount},
		{"more than a message may carry", func(o *airtime.Order) { o.Amount.Minor = money.MaxMinor + 1 }, decline.InvalidAmount},
		{"no currency", func(o *airtime.Order) { o.Amount.Currency = 0 }, decline.InvalidAmount},
		{"more than a subscriber may have", func(o *airtime.Order) { o.Amount.Minor = 1_000_01 }, decline.LimitExceeded},
	} {
		t.Run(c.name, func(t *testing.T) {
			everywhere(t, most, func(h *house) {
				o := order("a", anna)
				c.change(&o)
				h.refuses(h.Trial(h.Context(), o), c.want)
				h.stands(o, airtime.NeverReceived)
				_, err := h.TopUp(h.Context(), o)
				no := h.refuses(err, c.want)
				if c.want == decline.InvalidMSISDN && no.Field != "recipientMsisdn" {
					h.Errorf("the field at fault is %q", no.Field)
				}
				h.restart()
				_, err = h.TopUp(h.Context(), o)
				if again := h.refuses(err, c.want); !reflect.DeepEqual(again, no) {
					h.Errorf("first %+v, then %+v", no, again)
				}
				if why := h.stands(o, airtime.Failed).Why; !reflect.DeepEqual(why, no) {
					h.Errorf("status says %+v, want %+v", why, no)
				}
				h.takesBack(o)
				h.has(anna, 0)
			})
		})
	}
}

func TestASubscriberHasOnlySoMuch(t *testing.T) {
	h := inMemory(t, network.Settings{MaxBalance: 100_01})
	h.tops(order("a", anna))
	_, err := h.TopUp(t.Context(), order("b", anna))
	h.refuses(err, decline.LimitExceeded)
	h.spends(anna, 99_99)
	_, err = h.TopUp(t.Context(), order("b", anna))
	h.refuses(err, decline.LimitExceeded) // a no stays no
	h.tops(order("c", anna))
	h.has(anna, 100_01)
}

func TestASubscriberHasOnlySoManyCurrencies(t *testing.T) {
	h := inMemory(t, network.Settings{})
	for c := range 17 {
		o := order(fmt.Sprint(c), anna)
		o.Amount.Currency = rand + money.Currency(c)
		_, err := h.TopUp(t.Context(), o)
		if c < 16 && err != nil {
			t.Fatal(err)
		}
		if c == 16 {
			h.refuses(err, decline.LimitExceeded)
		}
	}
	h.has(anna, 100_00) // of the first
}

func TestTheRecipientGetsWhatTheProductSays(t *testing.T) {
	h := inMemory(t, network.Settings{})
	o := order("a", anna)
	o.Product = foreignProduct
	h.tops(o)
	got, ok := h.Subscriber(t.Context(), world, msisdn(anna))
	if want := (airtime.Credit{Currency: dollar}); !ok || got.Currency != want.Currency || got.Balance.Available != 5_55 {
		t.Errorf("got %+v, %t", got, ok)
	}
	nothing := order("b", ben) // such as a bundle without a price
	nothing.Amount = money.Amount{}
	h.tops(nothing)
	h.takesBack(nothing)
	if _, ok := h.Subscriber(t.Context(), world, msisdn(ben)); ok {
		t.Error("a subscriber who was given nothing has a balance")
	}
}

func TestTrialLeavesNoTrace(t *testing.T) {
	everywhere(t, network.Settings{}, func(h *house) {
		for range 2 {
			if err := h.Trial(h.Context(), order("a", anna)); err != nil {
				h.Fatal(err)
			}
		}
		h.stands(order("a", anna), airtime.NeverReceived)
		if _, ok := h.Subscriber(h.Context(), world, msisdn(anna)); ok {
			h.Error("a trial made a subscriber")
		}
	})
}

func TestPromotions(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name       string
		start, end time.Time
		want       money.Minor
	}{
		{"without bounds", time.Time{}, time.Time{}, 115_00},
		{"just begun", now, now.Add(1), 115_00},
		{"just ended", now.Add(-time.Hour), now, 100_00},
		{"still to come", now.Add(1), time.Time{}, 100_00},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := inMemory(t, network.Settings{Bonus: 15, Now: func() time.Time { return now }})
			h.shop.promote(c.start, c.end)
			h.tops(order("a", anna))
			h.has(anna, c.want)
			h.tops(order("b", "27830000000"))
			h.has("27830000000", 100_00) // of a network without
		})
	}
}

func TestABonusIsRoundedDownAndNeverOverflows(t *testing.T) {
	h := inMemory(t, network.Settings{Bonus: 500})
	h.shop.promote(time.Time{}, time.Time{})
	o := order("most", anna)
	o.Amount.Minor = money.MaxMinor
	_, err := h.TopUp(t.Context(), o)
	h.refuses(err, decline.LimitExceeded)

	h = inMemory(t, network.Settings{Bonus: 33})
	h.shop.promote(time.Time{}, time.Time{})
	o.Amount.Minor = 199
	h.tops(o)
	h.has(anna, 199+65)
}

func TestOfABonusIsTakenBackWhatIsStillThere(t *testing.T) {
	for _, c := range []struct{ spent, left money.Minor }{{0, 0}, {4_00, 0}, {10_00, 0}} {
		h := inMemory(t, network.Settings{Bonus: 10})
		h.shop.promote(time.Time{}, time.Time{})
		h.tops(order("a", anna))
		if c.spent > 0 {
			h.spends(anna, c.spent)
		}
		h.takesBack(order("a", anna))
		h.has(anna, c.left)
	}
	h := inMemory(t, network.Settings{Bonus: 10})
	h.shop.promote(time.Time{}, time.Time{})
	h.tops(order("a", anna))
	h.spends(anna, 10_01)
	h.refuses(h.Reverse(t.Context(), named(order("a", anna))), decline.TransactionNotSupported)
}

func TestCapabilitiesAreTakenAway(t *testing.T) {
	all := airtime.Capabilities{Reverses: true, Status: true, Trials: true, Subscribers: true}
	able := inMemory(t, network.Settings{})
	if able.Can() != all {
		t.Errorf("by default it can %+v", able.Can())
	}
	for what, without := range map[string]airtime.Capabilities{
		"reverses": {Reverses: true}, "status": {Status: true}, "trials": {Trials: true}, "subscribers": {Subscribers: true},
	} {
		h := inMemory(t, network.Settings{Without: without})
		o := order("a", anna)
		h.tops(o)
		_, statusErr := h.Status(t.Context(), o)
		_, known := h.Subscriber(t.Context(), world, o.Recipient)
		trialErr, reverseErr := h.Trial(t.Context(), o), h.Reverse(t.Context(), o)
		got := airtime.Capabilities{
			Reverses: !errors.Is(reverseErr, network.ErrUnable), Status: !errors.Is(statusErr, network.ErrUnable),
			Trials: !errors.Is(trialErr, network.ErrUnable), Subscribers: known,
		}
		want := airtime.Capabilities{
			Reverses: !without.Reverses, Status: !without.Status, Trials: !without.Trials, Subscribers: !without.Subscribers,
		}
		if got != want || h.Can() != want {
			t.Errorf("without %s it can %+v and says %+v", what, got, h.Can())
		}
	}
}

func TestSettingsHaveBounds(t *testing.T) {
	for what, s := range map[string]network.Settings{
		"delay below": {Delay: -1}, "delay above": {Delay: 10*time.Minute + 1},
		"late by below": {LateBy: -1}, "late by above": {LateBy: 10*time.Minute + 1},
		"share below": {LateShare: -1}, "share above": {LateShare: 10_001},
		"bonus below": {Bonus: -1}, "bonus above": {Bonus: 501},
		"balance below": {MaxBalance: -1}, "balance above": {MaxBalance: money.MaxMinor + 1},
		"networks": {Networks: make([]string, 1001)},
	} {
		if _, err := network.New(nil, nil, nil, nil, s); err == nil {
			t.Errorf("%s was accepted", what)
		}
	}
}

func TestNothingRestsInClear(t *testing.T) {
	h := inMemory(t, network.Settings{})
	h.tops(order("a", anna))
	_, err := h.TopUp(t.Context(), order("b", abroad))
	h.refuses(err, decline.InvalidMSISDN)
	kept := 0
	for _, kind := range []admin.Kind{admin.OrderRow, admin.SubscriberRow} {
		rows, err := h.driver.Rows(t.Context(), kind, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			kept++
			for _, number := range []string{anna, abroad} {
				if bytes.Contains(append([]byte(r.Name), r.Content...), []byte(number[2:])) {
					t.Errorf("a row of kind %s shows a number: %s", kind, r.Content)
				}
			}
		}
	}
	if kept != 3 {
		t.Errorf("%d rows were kept, want 3", kept)
	}
}

// A commit that fails has saved all or nothing, and who asks again is told which.
func TestACommitThatFails(t *testing.T) {
	for _, saved := range []bool{false, true} {
		driver := &brittle{Driver: memstore.New()}
		h := newHouse(t, network.Settings{}, func() store.Driver { return driver })
		o := order("a", anna)
		broken := &breakage{err: store.ErrNotSaved, saved: saved}
		if saved {
			broken.err = errors.New("nobody knows")
		}

		driver.fail.Store(broken)
		_, err := h.TopUp(t.Context(), o)
		unknown(t, "top-up", err)
		wantStage, wantBalance := airtime.NeverReceived, money.Minor(0)
		if saved {
			wantStage, wantBalance = airtime.Done, 100_00
		}
		h.stands(o, wantStage)
		h.has(anna, wantBalance)
		h.tops(o)
		h.has(anna, 100_00)

		driver.fail.Store(broken)
		unknown(t, "reversal", h.Reverse(t.Context(), named(o)))
		wantStage, wantBalance = airtime.Done, 100_00
		if saved {
			wantStage, wantBalance = airtime.Failed, 0
		}
		h.stands(o, wantStage)
		h.has(anna, wantBalance)
		h.takesBack(o)
		h.has(anna, 0)
	}
}

// unknown wants an error that says nothing for sure, also not that nothing was done.
func unknown(t *testing.T, what string, err error) {
	t.Helper()
	var no *decline.Error
	var notTaken *decline.NotTaken
	if err == nil || errors.As(err, &no) || errors.As(err, &notTaken) {
		t.Errorf("%s: %v is no unknown outcome", what, err)
	}
}

func TestAnEffectAndItsRecordAreOneCommit(t *testing.T) {
	driver := &brittle{Driver: memstore.New()}
	h := newHouse(t, network.Settings{}, func() store.Driver { return driver })
	commits := func() int32 { return driver.commits.Swap(0) }
	o := order("a", anna)
	h.tops(o)
	if got := commits(); got != 1 {
		t.Errorf("a top-up took %d commits", got)
	}
	h.tops(o)
	h.stands(o, airtime.Done)
	if got := commits(); got != 0 {
		t.Errorf("asking again took %d commits", got)
	}
	h.takesBack(o)
	if got := commits(); got != 1 {
		t.Errorf("a reversal took %d commits", got)
	}
}

func TestWhoHasLeftIsNotServed(t *testing.T) {
	h := inMemory(t, network.Settings{Delay: time.Minute})
	left, leave := context.WithCancel(t.Context())
	leave()
	o := order("a", anna)
	_, err := h.TopUp(left, o)
	unknown(t, "top-up", err)
	_, err = h.Status(left, o)
	unknown(t, "status", err)
	unknown(t, "reversal", h.Reverse(left, o))
	unknown(t, "trial", h.Trial(left, o))
	if _, ok := h.Subscriber(left, world, o.Recipient); ok {
		t.Error("a subscriber was told of to nobody")
	}
}
