package airtime_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// timeout is the provider's in these tests, and patience how long a till waits for an answer.
const (
	timeout  = 50 * time.Second
	patience = 30 * time.Second
)

// inBubble runs a test with a prepaid account whose time is the bubble's.
func inBubble(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now})
		s.prepaid(10_000)
		test(t, s)
		s.booksAreRight()
	})
}

// buyFor gives the till's answer to a purchase that it waits for as long as it is patient.
func (s *shop) buyFor(id string) string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := s.Request(ctx, s.purchase(id, s.topUp))
	return word(err)
}

// Of 10.00 less 2.5 %, 9.75 are charged.
const (
	untouched = "book 10000 available 10000"
	charged   = "book 9025 available 9025"
)

// credits asks how often a purchase is credited, and that its provider was asked once.
func (s *shop) credits(id string, want int) {
	s.t.Helper()
	if got := s.Provider.Credited(ident.ID(id)); got != want {
		s.t.Errorf("%s is credited %d times, not %d", id, got, want)
	}
	if asked := s.Provider.Asked(ident.ID(id)); asked != 1 {
		s.t.Errorf("the provider was asked %d times for %s", asked, id)
	}
}

func TestATopUp(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		got := s.bought(s.purchase("t1", s.topUp))
		if got.Voucher != nil || got.Provider != airtimetest.ProviderName || *got.Amount != rand(1000) || got.Recipient != msisdn(numberOne) {
			t.Errorf("%+v", got)
		}
		s.credits("t1", 1)
		s.wants("the float", s.float(), charged)
		s.wants("the reference", s.state("t1").ProviderRef, "op-t1")
		s.wants("the status", s.status("t1"), good)
		s.wants("the confirmation", s.confirm("t1"), good)
		s.wants("the reversal", s.reverse("t1"), "ACCOUNT_ALREADY_SETTLED")
		s.wants("the float", s.float(), charged)
	})
}

func TestATopUpIsReversed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.bought(s.purchase("t1", s.topUp))
		s.wants("the reversal", s.reverse("t1"), good)
		s.wants("again", s.reverse("t1"), good)
		s.credits("t1", 0)
		s.wants("the float", s.float(), untouched)
		s.wants("the confirmation", s.confirm("t1"), "ACCOUNT_ALREADY_SETTLED")
	})
}

func TestATopUpThatIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Refuses, 0)
		s.wants("the purchase", s.buyFor("t1"), "DECLINED_BY_MNO")
		s.wants("its status", s.status("t1"), "DECLINED_BY_MNO")
		s.wants("the float", s.float(), untouched)
		s.wants("the reversal", s.reverse("t1"), good)
		s.wants("the confirmation", s.confirm("t1"), "GENERAL_ERROR")
		s.wants("the id again", s.buyFor("t1"), "DUPLICATE_RECORD")
	})
}

// A provider that is slower than the till leaves the purchase to be asked for; two queries never top up twice.
func TestTwoStatusQueriesNeverTopUpTwice(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Late, patience+10*time.Second)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		for range 2 {
			_, err := s.Status(t.Context(), s.query("t1"))
			var pending *decline.Unknown
			if !errors.As(err, &pending) || pending.RequestID != "t1" || pending.Reason != decline.OutcomeUnknown {
				t.Errorf("the status: %v", err)
			}
		}
		if left := s.resolve(); left != 1 {
			t.Errorf("%d are left", left)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		s.wants("the status", s.status("t1"), good)
		s.credits("t1", 1)
		s.wants("the float", s.float(), charged)
	})
}

// An advice that comes while the provider is at work waits, and does not wait for ever (L12).
func TestAnAdviceWaitsForTheProvider(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Late, 3*time.Second)
		answer := make(chan string)
		go func() { answer <- s.buyFor("t1") }()
		synctest.Wait()
		s.wants("the reversal", s.reverse("t1"), good)
		s.wants("the purchase", <-answer, good)
		s.credits("t1", 0)

		s.Provider.Behave(airtimetest.Late, 10*time.Second)
		go func() { answer <- s.buyFor("t2") }()
		synctest.Wait()
		began := time.Now()
		s.wants("the reversal", s.reverse("t2"), undecided)
		if took := time.Since(began); took != txn.DefaultHold {
			t.Errorf("it took %s", took)
		}
		s.wants("the purchase", <-answer, good)
		s.wants("the reversal", s.reverse("t2"), good)
		s.wants("the float", s.float(), untouched)
	})
}

// What a reversal is told whose top-up's outcome was lost, for each thing that a provider can: at once, and after
// nobody can be sending the order any more.
func TestReversalOfAnUnknownOutcome(t *testing.T) {
	type can = airtime.Capabilities
	for _, c := range []struct {
		name   string
		manner airtimetest.Manner
		can    can
		// What the reversal is told right after the time-out, and after twice that time; and what is credited then.
		first, last string
		credited    int
	}{
		{"credited; status and reversal", airtimetest.Lost, can{Status: true, Reverses: true}, good, good, 0},
		{"credited; reversal only", airtimetest.Lost, can{Reverses: true}, good, good, 0},
		{"credited; status only", airtimetest.Lost, can{Status: true}, "TRANSACTION_NOT_SUPPORTED", "TRANSACTION_NOT_SUPPORTED", 1},
		{"credited; neither", airtimetest.Lost, can{}, undecided, undecided, 1},
		{"never received; status and reversal", airtimetest.Forgets, can{Status: true, Reverses: true}, good, good, 0},
		{"never received; reversal only", airtimetest.Forgets, can{Reverses: true}, good, good, 0},
		{"never received; status only", airtimetest.Forgets, can{Status: true}, undecided, good, 0},
		{"never received; neither", airtimetest.Forgets, can{}, undecided, undecided, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *shop) {
				s.Provider.Able(c.can)
				s.Provider.Behave(c.manner, 0)
				s.wants("the purchase", s.buyFor("t1"), unknown)
				time.Sleep(timeout - patience)
				synctest.Wait()
				s.wants("the first reversal", s.reverse("t1"), c.first)
				time.Sleep(timeout + time.Second)
				s.wants("the last reversal", s.reverse("t1"), c.last)
				s.credits("t1", c.credited)
				if state := s.state("t1").State; state == txn.Reversed || state == txn.Declined {
					s.wants("the float", s.float(), untouched)
				} else {
					s.wants("the float", s.float(), charged)
				}
			})
		})
	}
}

// The reversal that has a top-up taken back whose outcome is not known is the one that ends it: later advices are told
// of it, and it is found by what it carries. The vendor's own ends it only where nobody asked.
func TestTheSendersReversalEndsWhatIsWorkedOn(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{Reverses: true})
		s.Provider.Behave(airtimetest.Lost, 0)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		s.wants("another", s.buyFor("t2"), unknown)
		time.Sleep(timeout)
		synctest.Wait()
		a := s.advice(txn.Reversal, "t1-w", "t1")
		a.Body, a.References = []byte("{}"), []ident.Reference{{Institution: "till", Identifier: "7"}}
		s.wants("a reversal of a part", advised(s.Advise(t.Context(), s.part(a, 999))), "INVALID_AMOUNT")
		s.wants("the request", s.state("t1").State.String(), "working")
		s.wants("the reversal", advised(s.Advise(t.Context(), a)), good)
		s.wants("again", advised(s.Advise(t.Context(), a)), good)
		s.wants("who ended it", string(s.ended("t1").ID), "t1-w")
		if by := s.ended("t1"); by.Account != a.Sender.Account || by.State != txn.Accepted || len(by.Body) == 0 || len(by.References) != 1 {
			t.Errorf("%+v", by)
		}
		var refusal *decline.Error
		if _, err := s.Advise(t.Context(), s.advice(txn.Confirmation, "t1-c", "t1")); !errors.As(err, &refusal) || refusal.Detail.ReversalID != "t1-w" {
			t.Errorf("the confirmation: %v", err)
		}
		s.resolve()
		if by := s.ended("t2"); by.Account != 0 || !strings.HasPrefix(string(by.ID), "vendor-") {
			t.Errorf("%+v", by)
		}
		s.credits("t1", 0)
		s.credits("t2", 0)
		s.wants("the float", s.float(), untouched)
	})
}

// What the sender's reversal began and the provider refuses stands, and the reversal is kept once.
func TestTheSendersReversalOfWhatIsWorkedOnIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{Reverses: true})
		s.Provider.Behave(airtimetest.Lost, 0)
		s.Provider.Keep(true)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		time.Sleep(timeout)
		synctest.Wait()
		s.wants("the reversal", s.reverse("t1"), "TRANSACTION_NOT_SUPPORTED")
		s.wants("the status", s.status("t1"), good)
		if kept := s.kept("t1-w"); len(kept) != 1 || kept[0].State != txn.Declined {
			t.Errorf("%+v", kept)
		}
		s.credits("t1", 1)
		s.wants("the float", s.float(), charged)
	})
}

// An order that is still on its way when its purchase is asked for must not be called never received, and one that
// comes after its reversal must not be credited.
func TestAnOrderThatStrays(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{Status: true})
		s.Provider.Behave(airtimetest.Strays, timeout+20*time.Second)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		time.Sleep(timeout - patience + 10*time.Second)
		if left := s.resolve(); left != 1 {
			t.Errorf("%d are left", left)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left", left)
		}
		s.wants("the status", s.status("t1"), good)
		s.credits("t1", 1)

		s.Provider.Able(airtime.Capabilities{Reverses: true})
		s.wants("the purchase", s.buyFor("t2"), unknown)
		time.Sleep(timeout - patience + 10*time.Second)
		s.wants("the reversal", s.reverse("t2"), good)
		time.Sleep(time.Minute)
		synctest.Wait()
		s.credits("t2", 0)
	})
}

// A connection that breaks at once says nothing: the purchase is open until it is resolved.
func TestAConnectionThatBreaks(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Breaks, 0)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left", left)
		}
		s.wants("the status", s.status("t1"), good)
		s.credits("t1", 1)
	})
}

func TestAProviderThatCannotTakeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{Status: true})
		s.bought(s.purchase("t1", s.topUp))
		s.wants("the reversal", s.reverse("t1"), "TRANSACTION_NOT_SUPPORTED")
		s.wants("the status", s.status("t1"), good)
		s.wants("the confirmation", s.confirm("t1"), good)
		s.wants("the float", s.float(), charged)
	})
}

// One that can nothing at all leaves what stands as it is; nothing waits for an answer that never comes.
func TestAProviderThatCanNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{})
		s.bought(s.purchase("t1", s.topUp))
		s.wants("the reversal", s.reverse("t1"), "TRANSACTION_NOT_SUPPORTED")
		s.wants("the status", s.status("t1"), good)
		s.wants("the confirmation", s.confirm("t1"), good)
	})
}

// What somebody may still be sending is not taken back: the order might come after its reversal.
func TestAnOrderIsNotTakenBackWhileItMayBeSent(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Able(airtime.Capabilities{Reverses: true})
		s.Provider.Behave(airtimetest.Breaks, 0)
		s.wants("the purchase", s.buyFor("t1"), unknown)
		s.wants("the reversal at once", s.reverse("t1"), undecided)
		s.credits("t1", 1)
		time.Sleep(timeout - time.Millisecond)
		s.wants("just before the time-out", s.reverse("t1"), undecided)
		s.credits("t1", 1)
		time.Sleep(time.Millisecond)
		s.wants("at the time-out", s.reverse("t1"), good)
		s.credits("t1", 0)
	})
}

func TestAProviderThatDoesNotTakeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.bought(s.purchase("t1", s.topUp))
		s.Provider.Keep(true)
		s.wants("the reversal", s.reverse("t1"), "TRANSACTION_NOT_SUPPORTED")
		s.wants("again", s.reverse("t1"), "TRANSACTION_NOT_SUPPORTED")
		s.wants("the status", s.status("t1"), good)
		s.credits("t1", 1)
		s.Provider.Keep(false)
		s.wants("once it does", s.reverse("t1"), good)
		s.credits("t1", 0)
		s.wants("the float", s.float(), untouched)
	})
}

// While the provider has not agreed, everything waits; a repeat asks it again.
func TestAReversalThatTheProviderDoesNotAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.bought(s.purchase("t1", s.topUp))
		s.Provider.Mute(true)
		s.wants("the reversal", s.reverse("t1"), undecided)
		s.wants("the status", s.status("t1"), unknown)
		s.wants("the confirmation", s.confirm("t1"), undecided)
		s.wants("the float", s.float(), charged)
		if left := s.resolve(); left != 1 {
			t.Errorf("%d are left", left)
		}
		s.Provider.Mute(false)
		s.wants("the reversal again", s.reverse("t1"), good)
		s.wants("the status", s.status("t1"), "ACCOUNT_ALREADY_SETTLED")
		s.credits("t1", 0)
		s.wants("the float", s.float(), untouched)
	})
}

// A process dies in the middle of a top-up. What becomes of it follows from what the provider can, and is never guessed.
func TestARestartInTheMiddleOfATopUp(t *testing.T) {
	for _, manner := range []airtimetest.Manner{airtimetest.Lost, airtimetest.Forgets, airtimetest.Refuses} {
		for _, can := range []airtime.Capabilities{
			{Status: true, Reverses: true}, {Status: true}, {Reverses: true}, {},
		} {
			t.Run(fmt.Sprintf("%d %+v", manner, can), func(t *testing.T) {
				inBubble(t, func(t *testing.T, s *shop) { restartInTheMiddle(t, s, manner, can) })
			})
		}
	}
}

func restartInTheMiddle(t *testing.T, s *shop, manner airtimetest.Manner, can airtime.Capabilities) {
	s.Provider.Able(can)
	s.Provider.Behave(manner, 0)
	answered := make(chan string, 1)
	if manner == airtimetest.Refuses { // the refusal is not recorded any more
		s.Provider.Behave(airtimetest.Late, time.Hour)
	}
	go func() { answered <- s.buy(s.purchase("t1", s.topUp)) }()
	synctest.Wait()
	s.Crash()
	s.wants("the purchase", <-answered, unknown)
	s.wants("its status", s.status("t1"), unknown)
	for range 3 {
		s.resolve()
	}
	time.Sleep(timeout)
	s.resolve()
	time.Sleep(timeout + time.Second)
	left := s.resolve()

	credited := manner != airtimetest.Forgets
	state, status, now := txn.Declined, string(decline.UpstreamUnavailable), 0
	switch {
	case can.Status && credited:
		state, status, now = txn.Open, good, 1
	case can.Status:
	case can.Reverses:
		state, status = txn.Reversed, "ACCOUNT_ALREADY_SETTLED"
	default:
		state, status = txn.Working, unknown
		if credited {
			now = 1
		}
	}
	s.wants("it", s.state("t1").State.String(), state.String())
	s.wants("its status", s.status("t1"), status)
	s.credits("t1", now)
	if (left == 0) != (state != txn.Working) {
		t.Errorf("%d are left", left)
	}
	if state == txn.Open || state == txn.Working {
		s.wants("the float", s.float(), charged)
	} else {
		s.wants("the float", s.float(), untouched)
	}
	if left := s.resolve(); left != 0 && state != txn.Working {
		t.Errorf("after another sweep %d are left", left)
	}
}

func TestARestartInTheMiddleOfAReversal(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.bought(s.purchase("t1", s.topUp))
		s.bought(s.purchase("t2", s.topUp))
		s.Provider.Mute(true)
		s.wants("the reversal", s.reverse("t1"), undecided)
		s.Crash()
		s.Provider.Mute(false)
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left", left)
		}
		s.wants("the status", s.status("t1"), "ACCOUNT_ALREADY_SETTLED")
		s.wants("the reversal again", s.reverse("t1"), good)
		s.wants("the float", s.float(), charged)
	})
}

// Close waits for what is in hand, and takes no more.
func TestCloseWaits(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Late, 20*time.Second)
		answer, closed := make(chan string), make(chan struct{})
		go func() { answer <- s.buy(s.purchase("t1", s.topUp)) }()
		synctest.Wait()
		go func() {
			s.Close(context.Background())
			close(closed)
		}()
		synctest.Wait()
		s.wants("another", s.buy(s.purchase("t2", s.topUp)), turned)
		select {
		case <-closed:
			t.Error("it did not wait")
		default:
		}
		s.wants("the purchase", <-answer, good)
		<-closed
		if s.InHand() != 0 {
			t.Errorf("%d in hand", s.InHand())
		}
	})
}

func TestTopUpsInHandAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, MaxTopUps: 2, Now: time.Now})
		s.Provider.Behave(airtimetest.Late, time.Second)
		answers := make(chan string, 3)
		for i := range 3 {
			go func() { answers <- s.buy(s.purchase(fmt.Sprint(i), s.topUp)) }()
		}
		got := []string{<-answers, <-answers, <-answers}
		slices.Sort(got)
		if !slices.Equal(got, []string{good, good, turned}) {
			t.Errorf("%v", got)
		}
		s.wants("one that was turned away, sent again", s.buy(s.purchase("3", s.topUp)), good)
		s.booksAreRight()
	})
}

// A purchase that was recorded too late to be sent is declined: nobody will send it.
func TestATopUpThatIsTooLateToSend(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		r := s.purchase("t1", s.topUp)
		r.Received = time.Now().Add(-timeout)
		s.wants("the purchase", s.buy(r), "UPSTREAM_UNAVAILABLE")
		s.wants("its status", s.status("t1"), "UPSTREAM_UNAVAILABLE")
		s.wants("the float", s.float(), untouched)
		if s.Provider.Asked("t1") != 0 {
			t.Error("it was sent")
		}
	})
}

// broken is a store that takes nothing for a while.
type broken struct {
	airtime.Store
	refuses *atomic.Bool
}

func (b broken) Update(ctx context.Context, keys airtime.Keys, decide func(airtime.Tx) error) error {
	if b.refuses.Load() {
		return &decline.NotTaken{Cause: decline.StoreDown, Text: "out of order"}
	}
	return b.Store.Update(ctx, keys, decide)
}

// An outcome that the store does not take is put to it again, and is asked for when it takes nothing for too long.
func TestAnOutcomeThatTheStoreDoesNotTake(t *testing.T) {
	for _, c := range []struct {
		outage time.Duration
		want   string
		alarms int
	}{{time.Second, good, 0}, {time.Minute, unknown, 1}} {
		synctest.Test(t, func(t *testing.T) {
			var refuses atomic.Bool
			s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now, Lend: func(lent airtime.Store) airtime.Store {
				return broken{lent, &refuses}
			}})
			s.Provider.Behave(airtimetest.Late, 5*time.Second)
			answer := make(chan string)
			go func() { answer <- s.buy(s.purchase("t1", s.topUp)) }()
			time.Sleep(time.Second)
			refuses.Store(true)
			time.Sleep(4*time.Second + c.outage)
			synctest.Wait()
			refuses.Store(false)
			s.wants("the purchase", <-answer, c.want)
			if got := len(s.Alarms()); got != c.alarms {
				t.Errorf("%d alarms", got)
			}
			s.resolve()
			s.wants("the status", s.status("t1"), good)
			s.credits("t1", 1)
			s.booksAreRight()
		})
	}
}

// The alarm of an outcome that is lost comes right after the last try.
func TestALostOutcomeIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refuses atomic.Bool
		s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now, Lend: func(lent airtime.Store) airtime.Store {
			return broken{lent, &refuses}
		}})
		s.Provider.Behave(airtimetest.Late, time.Second)
		answer := make(chan string)
		go func() { answer <- s.buy(s.purchase("t1", s.topUp)) }()
		synctest.Wait()
		refuses.Store(true)
		began := time.Now()
		s.wants("the purchase", <-answer, unknown)
		if took := time.Since(began); took != 4100*time.Millisecond { // of which the pauses are 0.1, 0.2, 0.4, 0.8 and 1.6 s
			t.Errorf("it took %s", took)
		}
	})
}

func TestATopUpWithoutADiscountCostsItsValue(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		p := s.sell(airtime.Product{ID: "plain", TopUp: true, Provider: airtimetest.ProviderName, Values: []money.Amount{rand(300)}})
		r := s.purchase("t1", p)
		r.Amount = nil
		s.bought(r)
		s.wants("the float", s.float(), "book 9700 available 9700")
	})
}

// slow is a provider that does not tell a status, and takes its time over that.
type slow struct{ *airtimetest.Provider }

func (slow) Status(ctx context.Context, _ airtime.Order) (airtime.Progress, error) {
	<-ctx.Done()
	return airtime.Progress{}, ctx.Err()
}

// A sweep with many that nobody answers for takes as long as a few of them.
func TestASweepIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now})
		s.Provider.Behave(airtimetest.Breaks, 0)
		const many = 300
		for n := range many {
			s.wants("the purchase", s.buyFor(fmt.Sprint(n)), unknown)
		}
		v := airtime.NewVendor(airtime.Settings{
			Store: store.Airtime(s.Store), Unsettled: s.Store.Driver(), Keys: s.Keys, Catalogue: s.Catalogue,
			Providers: map[string]airtime.Provider{airtimetest.ProviderName: slow{s.Provider}}, ProviderTimeout: timeout,
		})
		began := time.Now()
		left, err := v.Resolve(t.Context(), time.Now())
		if err != nil || left != many {
			t.Errorf("%d are left: %v", left, err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("the sweep took %s", took)
		}
		v.Close(t.Context())
		if left := s.resolve(); left != 0 {
			t.Errorf("%d are left", left)
		}
		s.booksAreRight()
	})
}
