package network_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/network"
)

// providerTimeOut is how long the asker of these tests waits.
const providerTimeOut = 30 * time.Second

// inBubble runs a test where time passes at once.
func inBubble(t *testing.T, settings network.Settings, test func(t *testing.T, h *house)) {
	synctest.Test(t, func(t *testing.T) { test(t, inMemory(t, settings)) })
}

// asks places an order and gives up when the provider's time-out has passed. It gives how long that took.
func (h *house) asks(o airtime.Order) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(h.Context(), providerTimeOut)
	defer cancel()
	began := time.Now()
	_, err = h.TopUp(ctx, o)
	return time.Since(began), err
}

// gaveUp wants an order that nobody answered in time.
func (h *house) gaveUp(o airtime.Order) {
	h.Helper()
	if took, err := h.asks(o); took != providerTimeOut || !errors.Is(err, context.DeadlineExceeded) {
		h.Fatalf("after %s: %v", took, err)
	}
}

const badly = "2782000"

func TestNumbersThatBehaveBadly(t *testing.T) {
	for digits, test := range map[string]func(*house, airtime.Order){
		"0001": func(h *house, o airtime.Order) {
			h.refuses(h.Trial(h.Context(), o), decline.DeclinedByMNO)
			_, err := h.asks(o)
			h.refuses(err, decline.DeclinedByMNO)
			h.stands(o, airtime.Failed)
		},
		"0002": func(h *house, o airtime.Order) {
			h.gaveUp(o)
			h.stands(o, airtime.Pending)
			h.restart()
			h.stands(o, airtime.Pending)
			time.Sleep(network.DefaultLateBy - providerTimeOut)
			h.stands(o, airtime.Done)
			h.takesBack(o)
			h.has(o.Recipient.Reveal(), 0)
		},
		"0003": func(h *house, o airtime.Order) {
			h.gaveUp(o)
			h.stands(o, airtime.Done)
			h.has(o.Recipient.Reveal(), 100_00)
			h.gaveUp(o)
			h.has(o.Recipient.Reveal(), 100_00)
			h.takesBack(o)
			h.has(o.Recipient.Reveal(), 0)
		},
		"0004": func(h *house, o airtime.Order) {
			h.gaveUp(o)
			h.stands(o, airtime.NeverReceived)
			h.has(o.Recipient.Reveal(), 0)
			h.takesBack(o)
			h.stands(o, airtime.Failed)
		},
		"0005": func(h *house, o airtime.Order) {
			h.refuses(h.Trial(h.Context(), o), decline.LimitExceeded)
			_, err := h.asks(o)
			h.refuses(err, decline.LimitExceeded)
			h.stands(o, airtime.Failed)
		},
		"0006": func(h *house, o airtime.Order) {
			h.tops(o)
			h.has(o.Recipient.Reveal(), 0)
			h.stands(o, airtime.Done)
			h.refuses(h.Reverse(h.Context(), named(o)), decline.TransactionNotSupported)
			h.stands(o, airtime.Done)
		},
		"0007": func(h *house, o airtime.Order) {
			h.tops(o)
			h.has(o.Recipient.Reveal(), 100_00)
		},
	} {
		o := order("a", badly+digits)
		t.Run(digits, func(t *testing.T) {
			inBubble(t, network.Settings{Badly: true}, func(_ *testing.T, h *house) { test(h, o) })
		})
		t.Run(digits+" in production", func(t *testing.T) {
			inBubble(t, network.Settings{}, func(_ *testing.T, h *house) {
				h.tops(o)
				h.has(o.Recipient.Reveal(), 100_00)
			})
		})
	}
}

func TestASilenceEnds(t *testing.T) {
	inBubble(t, network.Settings{Badly: true}, func(t *testing.T, h *house) {
		for _, number := range []string{badly + "0003", badly + "0004"} {
			if _, err := h.TopUp(t.Context(), order(number, number)); !errors.Is(err, network.ErrSilent) {
				t.Errorf("%s: %v", number, err)
			}
		}
	})
}

func TestALateOrderIsAnsweredIfAnybodyWaits(t *testing.T) {
	inBubble(t, network.Settings{LateShare: 10_000, LateBy: 20 * time.Second}, func(t *testing.T, h *house) {
		o := order("a", anna)
		took, err := h.asks(o)
		if err != nil || took != 20*time.Second {
			t.Fatalf("answered after %s: %v", took, err)
		}
		if took, err = h.asks(o); err != nil || took != 0 {
			t.Errorf("answered again after %s: %v", took, err)
		}
	})
}

func TestALateOrderThatIsTakenBackMeanwhile(t *testing.T) {
	inBubble(t, network.Settings{LateShare: 10_000, LateBy: 20 * time.Second}, func(t *testing.T, h *house) {
		o := order("a", anna)
		answer := make(chan error)
		go func() {
			_, err := h.TopUp(t.Context(), o)
			answer <- err
		}()
		synctest.Wait()
		h.takesBack(o)
		h.refuses(<-answer, decline.DeclinedByMNO)
		h.has(anna, 0)
	})
}

func TestAShareIsLate(t *testing.T) {
	inBubble(t, network.Settings{LateShare: 2_500, LateBy: time.Second}, func(t *testing.T, h *house) {
		const orders = 400
		late := 0
		for i := range orders {
			o := order(fmt.Sprint("order-", i), anna)
			first, err := h.asks(o)
			if err != nil {
				t.Fatal(err)
			}
			if first > 0 {
				late++
			}
		}
		if late < orders/8 || late > orders*3/8 {
			t.Errorf("%d of %d orders were late, want about a quarter", late, orders)
		}
	})
}

func TestADelayPassesBeforeEachAnswer(t *testing.T) {
	const delay = 3 * time.Second
	inBubble(t, network.Settings{Delay: delay}, func(t *testing.T, h *house) {
		o := order("a", anna)
		for _, ask := range []struct {
			what string
			call func()
		}{
			{"trial", func() { _ = h.Trial(t.Context(), o) }},
			{"top-up", func() { h.tops(o) }},
			{"status", func() { h.stands(o, airtime.Done) }},
			{"subscriber", func() { h.has(anna, 100_00) }},
			{"reversal", func() { h.takesBack(o) }},
		} {
			began := time.Now()
			ask.call()
			if took := time.Since(began); took != delay {
				t.Errorf("%s took %s", ask.what, took)
			}
		}
	})
}

// What is asked has happened when the answer is still on its way, so who leaves early must be told the truth later.
func TestADelayedOrderHasHappened(t *testing.T) {
	inBubble(t, network.Settings{Delay: providerTimeOut + 1}, func(_ *testing.T, h *house) {
		o := order("a", anna)
		h.gaveUp(o)
		h.stands(o, airtime.Done)
		h.has(anna, 100_00)
	})
}
