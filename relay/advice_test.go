package relay_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// giftcardsAt starts a relay in front of one gift card upstream.
func giftcardsAt(t *testing.T, up *stub, p relay.Profile) *switchboard {
	t.Helper()
	return newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Airtime: seller{up}, Profile: p}}})
}

// behind is when what nobody waits for has been saved.
const behind = 100 * time.Millisecond

// approved has a redemption approved, once the line knows the store.
func (b *switchboard) approved(t *testing.T, id ident.ID) {
	t.Helper()
	synctest.Wait()
	if _, err := b.Giftcard("up").Request(t.Context(), redemption(id)); err != nil {
		t.Fatal(err)
	}
}

// What becomes of an advice for an approved request, by what its upstream says.
func TestWhatBecomesOfAnAdvice(t *testing.T) {
	asItCame := &txn.Answer{Status: 202, Body: txn.Wire(`{"as":"it came"}`)}
	yes := func(*txn.Advice) (*txn.Answer, error) { return asItCame, nil }
	no := func(reason decline.Reason) func(*txn.Advice) (*txn.Answer, error) { return refuses(reason) }
	silent := func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }
	for name, c := range map[string]struct {
		role    txn.Role
		says    func(*txn.Advice) (*txn.Answer, error)
		profile relay.Profile
		hears   string
		answer  *txn.Answer
		stands  txn.State
		queued  []string
		sent    bool
	}{
		"confirmed":                  {txn.Confirmation, yes, relay.Profile{}, "ok", asItCame, txn.Confirmed, nil, true},
		"reversed":                   {txn.Reversal, yes, relay.Profile{}, "ok", asItCame, txn.Reversed, nil, true},
		"reversed, it was not there": {txn.Reversal, no(decline.UnableToLocateRecord), relay.Profile{}, "declined UNABLE_TO_LOCATE_RECORD", nil, txn.Reversed, nil, true},
		"nothing to confirm":         {txn.Confirmation, no(decline.UnableToLocateRecord), relay.Profile{}, "declined UNABLE_TO_LOCATE_RECORD", nil, txn.Open, nil, true},
		"confirmation refused":       {txn.Confirmation, no(decline.InvalidAmount), relay.Profile{}, "declined INVALID_AMOUNT", nil, txn.Open, nil, true},
		"reversal refused":           {txn.Reversal, no(decline.CardVoided), relay.Profile{}, "declined CARD_VOIDED", nil, txn.Open, nil, true},
		"no answer to a confirmation": {
			txn.Confirmation, silent, relay.Profile{}, "ok", nil, txn.Confirmed, []string{"waiting confirmation of r1"}, true,
		},
		"no answer to a reversal": {txn.Reversal, silent, relay.Profile{}, "ok", nil, txn.Reversed, []string{"waiting reversal of r1"}, true},
		"no confirmations":        {txn.Confirmation, yes, relay.Profile{NoConfirmations: true}, "ok", nil, txn.Confirmed, nil, false},
		"no confirmations, yet reversals": {
			txn.Reversal, yes, relay.Profile{NoConfirmations: true}, "ok", asItCame, txn.Reversed, nil, true,
		},
		"no reversals": {
			txn.Reversal, yes, relay.Profile{NoReversals: true}, "declined TRANSACTION_NOT_SUPPORTED", nil, txn.Open, nil, false,
		},
		"no reversals, yet confirmations": {txn.Confirmation, yes, relay.Profile{NoReversals: true}, "ok", asItCame, txn.Confirmed, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &stub{advise: c.says}
				b := giftcardsAt(t, up, c.profile)
				b.approved(t, "r1")
				a := advice(txn.Redemption, c.role, "v1", "r1")
				began := time.Now()
				answer, err := b.Giftcard("up").Advise(t.Context(), a)
				if took := time.Since(began); took > relay.DefaultAdviceWait {
					t.Errorf("it took %s", took)
				}
				if got := outcome(err); got != c.hears || answer != c.answer {
					t.Errorf("its sender hears %q and %v, want %q and %v", got, answer, c.hears, c.answer)
				}
				time.Sleep(behind)
				m := b.stands(t, "r1")
				if m.State != c.stands || (m.State == txn.Open) != (m.Ended == 0) || m.State == txn.Confirmed && m.Final != 100 || m.State == txn.Open && m.Final != 0 {
					t.Errorf("the request stands as %s, ended by %d, final %d", m.State, m.Ended, m.Final)
				}
				if got := b.queued(); !slices.Equal(got, c.queued) {
					t.Errorf("queued: %v", got)
				}
				sent := up.advised()
				if (len(sent) > 0) != c.sent || c.sent && (string(sent[0].Wire) != string(a.Wire) || sent[0].ID != "v1") {
					t.Errorf("sent: %v", sent)
				}
				if _, refused := err.(*decline.Error); !refused || m.State == txn.Open {
					b.recorded(t, "v1", m, err)
				}
				b.booksAreRight()
			})
		})
	}
}

// recorded asks that an advice stands as accepted for its request, or as declined with the reason.
func (b *switchboard) recorded(t *testing.T, id ident.ID, request txn.Message, err error) {
	t.Helper()
	want, reason := txn.Accepted, decline.Reason("")
	if refusal, refused := err.(*decline.Error); refused {
		want, reason = txn.Declined, refusal.Reason
	}
	all := b.messages(id)
	if len(all) != 1 || all[0].State != want || all[0].Reason != reason || all[0].Request != request.Seq {
		t.Errorf("the advice stands as %+v", all)
	}
}

// Judged by our own record: the same advice again, another ending, what is not there, what was declined.
func TestAdvicesAreJudgedByTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		cards := b.Giftcard("up")
		b.approved(t, "r1")
		b.approved(t, "r2")
		up.request = always(decline.New(decline.InsufficientFunds, ""))
		_, err := cards.Request(t.Context(), redemption("no"))
		if outcome(err) != "declined INSUFFICIENT_FUNDS" {
			t.Fatal(err)
		}
		foreign := confirmation("f1", "r1")
		foreign.Sender = other
		for i, c := range []struct {
			name string
			a    *txn.Advice
			want string
			sent int // so far
		}{
			{"somebody else's confirmation (A2)", foreign, "declined UNABLE_TO_LOCATE_RECORD", 0},
			{"the first confirmation", confirmation("c1", "r1"), "ok", 1},
			{"the same again (L3)", confirmation("c1", "r1"), "ok", 1},
			{"with another id (L3)", confirmation("c2", "r1"), "ok", 1},
			{"a reversal after it (L6)", reversal("v1", "r1"), "declined TRANSACTION_NOT_SUPPORTED", 1},
			{"the first reversal", reversal("v2", "r2"), "ok", 2},
			{"with another id (L4)", reversal("v3", "r2"), "ok", 2},
			{"a confirmation after it (L5)", confirmation("c3", "r2"), "declined GENERAL_ERROR", 2},
			{"of nothing (L7)", reversal("v4", "never"), "declined UNABLE_TO_LOCATE_RECORD", 2},
			{"of nothing, again (L10)", reversal("v4", "never"), "declined UNABLE_TO_LOCATE_RECORD", 2},
			{"for nothing (L9)", confirmation("c4", "never"), "declined UNABLE_TO_LOCATE_RECORD", 2},
			{"of what was declined (L11)", reversal("v5", "no"), "ok", 2},
			{"for what was declined (L11)", confirmation("c5", "no"), "declined GENERAL_ERROR", 2},
			{"with a request's id (L4a)", confirmation("r2", "r1"), "declined DUPLICATE_RECORD", 2},
		} {
			if _, err := cards.Advise(t.Context(), c.a); outcome(err) != c.want {
				t.Errorf("%d, %s: %v, want %s", i, c.name, err, c.want)
			}
			if sent := len(up.advised()); sent != c.sent {
				t.Errorf("%d, %s: %d advices went upstream", i, c.name, sent)
			}
		}
		b.booksAreRight()
	})
}

// sights is what an observer has heard.
type sights struct {
	mu  sync.Mutex
	all []string
}

// Sent implements relay.Observer.
func (s *sights) Sent(upstream, what, outcome string, _ time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, upstream+" "+what+" "+outcome)
}

// An observer hears of everything that was sent, and how it ended.
func TestWhatAnObserverHears(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, seen := &stub{}, &sights{}
		b := newSwitchboard(t, relay.Settings{Observer: seen, Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Airtime: seller{up}}}})
		synctest.Wait()
		cards, sales := b.Giftcard("up"), b.Airtime("up")
		_, _ = cards.Request(t.Context(), redemption("r1"))
		_, _ = cards.Advise(t.Context(), confirmation("c1", "r1"))
		_, _ = cards.Request(t.Context(), redemption("r2"))
		up.advises(refuses(decline.UnableToLocateRecord))
		_, _ = cards.Advise(t.Context(), reversal("v2", "r2"))
		_, _ = cards.Request(t.Context(), redemption("r3"))
		up.advises(refuses(decline.CardVoided))
		_, _ = cards.Advise(t.Context(), reversal("v3", "r3"))
		_, _ = sales.Status(t.Context(), &airtime.Query{Reference: "A1", Provider: "p", Sender: till})
		_, _ = sales.LookUp(t.Context(), &airtime.LookUp{Sender: till})
		up.request = always(decline.New(decline.CardExpired, ""))
		_, _ = cards.Request(t.Context(), redemption("r4"))
		up.request = always(&decline.NotTaken{Cause: decline.Unreached})
		_, _ = cards.Request(t.Context(), redemption("r5"))
		up.advises(nil)
		up.request = always(errSilence)
		_, _ = cards.Request(t.Context(), redemption("r6"))
		synctest.Wait()
		want := []string{
			"up request successful", "up confirmation successful", "up request successful", "up reversal successful",
			"up request successful", "up reversal failed", "up status successful", "up query successful", "up request failed",
			"up request not_sent", "up request unknown", "up reversal successful",
		}
		if !slices.Equal(seen.all, want) {
			t.Errorf("heard: %q", seen.all)
		}
	})
}

// A refusal that nobody waits for any more needs an operator; its sender was told that it is taken over.
func TestALateRefusalNeedsAttention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{advise: func(*txn.Advice) (*txn.Answer, error) {
			time.Sleep(10 * time.Second)
			return nil, decline.New(decline.CardVoided, "")
		}}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		if answer, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); answer != nil || err != nil {
			t.Errorf("%v, %v", answer, err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := b.queued(); !slices.Equal(got, []string{"attention confirmation of r1"}) {
			t.Errorf("queued: %v", got)
		}
		if m := b.stands(t, "r1"); m.State != txn.Confirmed {
			t.Errorf("it stands as %s", m.State)
		}
		if sent := len(up.advised()); sent != 1 {
			t.Errorf("it was sent %d times", sent)
		}
		own, err := b.own(till.Account)
		if err != nil || len(own) != 1 || own[0].Count != 1 || own[0].State != saf.Attention || own[0].Value != 100 {
			t.Errorf("its account sees %v, %v", own, err)
		}
		if own, err := b.own(other.Account); err != nil || len(own) != 0 {
			t.Errorf("another account sees %v, %v", own, err)
		}
		b.booksAreRight()
	})
}

// What was refused in time may be asked anew, and is sent anew.
func TestATakenBackAdviceMayComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{advise: refuses(decline.GeneralError)}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		for range 2 {
			if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); outcome(err) != "declined GENERAL_ERROR" {
				t.Errorf("%v", err)
			}
		}
		up.advises(nil)
		if _, err := b.Giftcard("up").Advise(t.Context(), reversal("v1", "r1")); err != nil {
			t.Errorf("%v", err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Reversed {
			t.Errorf("it stands as %s", m.State)
		}
		if sent := len(up.advised()); sent != 3 {
			t.Errorf("%d were sent", sent)
		}
		b.booksAreRight()
	})
}

// Two advices of one request are decided one after the other: a repeat is not acknowledged before its first is answered.
func TestAdvicesOfOneRequestTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{advise: func(*txn.Advice) (*txn.Answer, error) {
			time.Sleep(time.Second)
			return nil, decline.New(decline.GeneralError, "")
		}}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		heard := make(chan string, 2)
		for _, id := range []ident.ID{"c1", "c2"} {
			go func() {
				_, err := b.Giftcard("up").Advise(t.Context(), confirmation(id, "r1"))
				heard <- outcome(err)
			}()
		}
		for range 2 {
			if got := <-heard; got != "declined GENERAL_ERROR" {
				t.Errorf("one hears %s", got)
			}
		}
	})
}

// An advice that overtakes its request waits for it (L12).
func TestAnAdviceWaitsForItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		up := &slow{stub: &stub{}, answer: answer}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
		cards := b.Giftcard("up")
		requested := make(chan error, 1)
		go func() {
			_, err := cards.Request(t.Context(), redemption("r1"))
			requested <- err
		}()
		synctest.Wait()
		if _, err := cards.Advise(t.Context(), reversal("v1", "r1")); outcome(err) != "unknown GENERAL_ERROR" {
			t.Errorf("while its request is out: %v", err)
		}
		advised := make(chan error, 1)
		go func() {
			_, err := cards.Advise(t.Context(), reversal("v1", "r1"))
			advised <- err
		}()
		synctest.Wait()
		close(answer)
		if err := <-requested; err != nil {
			t.Error(err)
		}
		if err := <-advised; err != nil {
			t.Error(err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Reversed || len(up.advised()) != 1 {
			t.Errorf("it stands as %s, upstream heard %v", m.State, up.advised())
		}
	})
}

// An advice without bytes is composed, with the final amount that it names (L15).
func TestAnAdviceInWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		a := confirmation("c1", "r1")
		a.Wire, a.Approved = nil, cents(40)
		if _, err := b.Giftcard("up").Advise(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		sent := up.advised()[0]
		read(t, &sent)
		if sent.Approved == nil || *sent.Approved != *cents(40) {
			t.Errorf("sent: %s", string(sent.Wire))
		}
		if m := b.stands(t, "r1"); m.Final != 40 || m.Amount != 100 {
			t.Errorf("%d of %d is final", m.Final, m.Amount)
		}
		again := confirmation("c2", "r1")
		again.Approved = cents(41)
		if _, err := b.Giftcard("up").Advise(t.Context(), again); outcome(err) != "declined INVALID_AMOUNT" {
			t.Errorf("another amount: %v", err)
		}
	})
}

// An upstream whose breaker is open is not asked by each advice that waits for a status.
func TestAnUpstreamThatDoesNotAnswerIsNotAskedByEachAdvice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silence := func(*airtime.Query) (*airtime.Response, error) { return nil, errSilence }
		up := &stub{request: always(errSilence), status: silence}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{
			Name: "up", Airtime: seller{up}, Profile: relay.Profile{NoReversals: true}, Pace: saf.Pace{MinWait: 30 * time.Second},
		}}})
		for n := range saf.DefaultBreakAfter + 1 {
			_, _ = b.Airtime("up").Request(t.Context(), purchase(ident.ID(fmt.Sprint("r", n))))
		}
		synctest.Wait()
		before := up.asked()
		for n := range 100 {
			a := &airtime.Advice{Advice: *advice(txn.Purchase, txn.Reversal, ident.ID(fmt.Sprint("v", n)), "r0")}
			if _, err := b.Airtime("up").Advise(t.Context(), a); outcome(err) != "unknown GENERAL_ERROR" {
				t.Fatalf("its sender hears %v", err)
			}
		}
		if more := up.asked() - before; more > 1 {
			t.Errorf("%d questions went out while the breaker was %s", more, b.Queues()[0].Breaker)
		}
	})
}

// What its sender has been told was taken over, and is refused later, is an alarm.
func TestALateRefusalIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard alarms
		up := &stub{}
		b := newSwitchboard(t, relay.Settings{
			Alarm:     func(a decline.Alarm, who ident.Account) { mu.Lock(); defer mu.Unlock(); heard.raise(a, who) },
			Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}},
		})
		b.approved(t, "r1")
		up.advises(func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence })
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
			t.Fatal(err)
		}
		up.advises(func(*txn.Advice) (*txn.Answer, error) { return nil, decline.New(decline.InvalidAmount, "") })
		time.Sleep(10 * time.Minute)
		mu.Lock()
		defer mu.Unlock()
		if !slices.Equal(heard, alarms{relay.AdviceRefused}) {
			t.Errorf("alarms: %v", heard)
		}
	})
}

func TestNothingIsConfirmedInPartWhereThatCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{NoPartial: true})
		b.approved(t, "r1")
		a := confirmation("c1", "r1")
		if a.Approved = cents(40); outcome(second(b.Giftcard("up").Advise(t.Context(), a))) != "declined INVALID_AMOUNT" || len(up.advised()) != 0 {
			t.Errorf("sent: %v", up.advised())
		}
		if a.Approved = cents(100); second(b.Giftcard("up").Advise(t.Context(), a)) != nil {
			t.Error("all of it is refused")
		}
	})
}

func second[T any](_ T, err error) error { return err }

// Where nothing is taken back, the status tells how a request without an answer ended; an advice that comes meanwhile has
// it asked at once (docs/rules.md section 6).
func TestWhatHasNoAnswerIsAskedAbout(t *testing.T) {
	const early, late = time.Minute, 3 * time.Minute
	done := func(*airtime.Query) (*airtime.Response, error) { return seller{}.sold(), nil }
	says := func(err error) func(*airtime.Query) (*airtime.Response, error) {
		return func(*airtime.Query) (*airtime.Response, error) { return nil, err }
	}
	unknown := &decline.Unknown{Reason: decline.OutcomeUnknown}
	for name, c := range map[string]struct {
		says              func(*airtime.Query) (*airtime.Response, error)
		profile           relay.Profile
		after             time.Duration
		stands            txn.State
		reversal, confirm string
		queued            string
	}{
		"it was done":       {done, relay.Profile{}, early, txn.Open, "declined TRANSACTION_NOT_SUPPORTED", "ok", ""},
		"it was refused":    {says(decline.New(decline.OutOfStock, "")), relay.Profile{}, early, txn.Declined, "ok", "declined GENERAL_ERROR", ""},
		"never seen, early": {says(decline.New(decline.UnableToLocateRecord, "")), relay.Profile{}, early, txn.Working, "unknown GENERAL_ERROR", "unknown GENERAL_ERROR", "waiting"},
		"never seen, late":  {says(decline.New(decline.UnableToLocateRecord, "")), relay.Profile{}, late, txn.Declined, "ok", "declined GENERAL_ERROR", ""},
		"still worked on":   {says(unknown), relay.Profile{}, late, txn.Working, "unknown GENERAL_ERROR", "unknown GENERAL_ERROR", "waiting"},
		"no answer":         {says(errSilence), relay.Profile{}, late, txn.Working, "unknown GENERAL_ERROR", "unknown GENERAL_ERROR", "waiting"},
		"the question is refused": {
			says(decline.New(decline.FormatError, "")), relay.Profile{}, early, txn.Working, "unknown GENERAL_ERROR", "unknown GENERAL_ERROR", "attention",
		},
		"there is no status either": {done, relay.Profile{NoStatus: true}, early, txn.Working, "unknown GENERAL_ERROR", "unknown GENERAL_ERROR", "attention"},
	} {
		for _, role := range []txn.Role{txn.Reversal, txn.Confirmation} {
			t.Run(name+", then a "+role.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					up := &stub{request: always(errSilence), status: says(errSilence)}
					c.profile.NoReversals = true
					b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{
						Name: "up", Giftcard: up, Airtime: seller{up}, Profile: c.profile, Pace: saf.Pace{BreakAfter: saf.MaxParkFrom},
					}}})
					sales := b.Airtime("up")
					if _, err := sales.Request(t.Context(), purchase("r1")); outcome(err) != "unknown OUTCOME_UNKNOWN" {
						t.Errorf("its sender hears %v", err)
					}
					if got := b.queued(); !slices.Equal(got, []string{"waiting request of r1"}) || b.stands(t, "r1").State != txn.Working {
						t.Errorf("queued: %v", got)
					}
					time.Sleep(c.after)
					up.mu.Lock()
					up.status = c.says
					up.mu.Unlock()
					want := c.reversal
					if role == txn.Confirmation {
						want = c.confirm
					}
					a := &airtime.Advice{Advice: *advice(txn.Purchase, role, "v1", "r1")}
					if _, err := sales.Advise(t.Context(), a); outcome(err) != want {
						t.Errorf("a %s: %v, want %s", role, err, want)
					}
					stands := c.stands
					if role == txn.Confirmation && stands == txn.Open {
						stands = txn.Confirmed
					}
					if m := b.stands(t, "r1"); m.State != stands {
						t.Errorf("it stands as %s", m.State)
					}
					for _, a := range up.advised() {
						if a.Role == txn.Reversal {
							t.Errorf("a reversal went upstream: %v", a)
						}
					}
					b.booksAreRight()
				})
			})
		}
		t.Run(name+", and nobody else asks", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				up := &stub{request: always(errSilence), status: c.says}
				c.profile.NoReversals = true
				b := giftcardsAt(t, up, c.profile)
				_, _ = b.Airtime("up").Request(t.Context(), purchase("r1"))
				time.Sleep(c.after)
				if m := b.stands(t, "r1"); m.State != c.stands {
					t.Errorf("it stands as %s", m.State)
				}
				if v := b.Queues()[0]; (v.Breaker == "closed") != (name != "no answer") {
					t.Errorf("the breaker is %s", v.Breaker)
				}
				var want []string
				if c.queued != "" {
					want = []string{c.queued + " request of r1"}
				}
				if got := b.queued(); !slices.Equal(got, want) {
					t.Errorf("queued: %v", got)
				}
				b.booksAreRight()
			})
		})
	}
}

// An activation that was confirmed is not reversed; why not, its card tells, which is the upstream's.
func TestWhyAnActivationStands(t *testing.T) {
	for name, c := range map[string]struct {
		says  func(*txn.Advice) (*txn.Answer, error)
		hears string
		alarm bool
	}{
		"voided since": {refuses(decline.CardVoided), "declined CARD_VOIDED", false},
		"no answer":    {func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }, "declined CARD_ACTIVATED", false},
		"it gives in":  {func(*txn.Advice) (*txn.Answer, error) { return nil, nil }, "declined CARD_ACTIVATED", true},
		"it forgot":    {refuses(decline.UnableToLocateRecord), "declined CARD_ACTIVATED", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var heard alarms
				up := &stub{}
				b := newSwitchboard(t, relay.Settings{Alarm: heard.raise, Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
				synctest.Wait()
				q := redemption("r1")
				q.Family = txn.Activation
				if _, err := b.Giftcard("up").Request(t.Context(), q); err != nil {
					t.Fatal(err)
				}
				if _, err := b.Giftcard("up").Advise(t.Context(), advice(txn.Activation, txn.Confirmation, "c1", "r1")); err != nil {
					t.Fatal(err)
				}
				up.advises(c.says)
				if _, err := b.Giftcard("up").Advise(t.Context(), advice(txn.Activation, txn.Reversal, "v1", "r1")); outcome(err) != c.hears {
					t.Errorf("its sender hears %v", err)
				}
				if m := b.stands(t, "r1"); m.State != txn.Confirmed {
					t.Errorf("it stands as %s", m.State)
				}
				if slices.Contains(heard, relay.Contradicted) != c.alarm {
					t.Errorf("operators heard %v", heard)
				}
			})
		})
	}
}

// duplicates takes an advice, loses the first answer, and refuses each copy for its id (docs/rules.md 1.6).
func duplicates() func(*txn.Advice) (*txn.Answer, error) {
	var mu sync.Mutex
	seen := map[ident.ID]bool{}
	return func(a *txn.Advice) (*txn.Answer, error) {
		mu.Lock()
		defer mu.Unlock()
		if seen[a.ID] {
			return nil, decline.New(decline.DuplicateRecord, "")
		}
		seen[a.ID] = true
		return nil, errSilence
	}
}

// An upstream that refuses the copy of an advice for its id has the first one.
func TestACopyThatIsADuplicateIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{advise: duplicates()}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
			t.Errorf("its sender hears %s", outcome(err))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if m := b.stands(t, "r1"); m.State != txn.Confirmed || len(b.items()) != 0 || len(up.advised()) != 2 {
			t.Errorf("it stands as %s after %d tries, queued: %v", m.State, len(up.advised()), b.queued())
		}
	})
}

// Also when another process sent the first one, and was killed before it could say so.
func TestACopyOfAnEarlierProcessThatIsADuplicateIsDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		b.Pause("up", true)
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
			t.Fatal(err)
		}
		up.advises(refuses(decline.DuplicateRecord))
		time.Sleep(time.Second)
		b.restart(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if m := b.stands(t, "r1"); m.State != txn.Confirmed || len(b.items()) != 0 {
			t.Errorf("it stands as %s, queued: %v", m.State, b.queued())
		}
	})
}

// What was sent once and is a duplicate has an id that belongs to something else, however often an operator tries.
func TestAFirstAdviceThatIsADuplicateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{advise: refuses(decline.DuplicateRecord)}
		b := giftcardsAt(t, up, relay.Profile{})
		b.approved(t, "r1")
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); outcome(err) != "declined DUPLICATE_RECORD" {
			t.Errorf("its sender hears %s", outcome(err))
		}
		if m := b.stands(t, "r1"); m.State != txn.Open {
			t.Errorf("it stands as %s", m.State)
		}
		b.Pause("up", true)
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c2", "r1")); err != nil { // nobody waits for it
			t.Fatal(err)
		}
		b.Pause("up", false)
		for range 2 {
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := b.queued(); !slices.Equal(got, []string{"attention confirmation of r1"}) {
				t.Fatalf("queued: %v", got)
			}
			b.retried(t)
		}
	})
}

// retried has an operator put what needs attention back in line.
func (b *switchboard) retried(t *testing.T) {
	t.Helper()
	i := b.items()[0]
	err := store.Queue(b.store).Update(t.Context(), saf.Keys{World: i.World, Items: []int64{i.Seq}}, func(tx saf.Tx) error {
		i.State = saf.Waiting
		tx.PutItem(i)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Look("up")
}
