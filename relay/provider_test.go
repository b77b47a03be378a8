package relay_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// counter is a provider in front of a stub, with what a test asks of its relay.
type counter struct {
	*switchboard
	up     *stub
	topUps *relay.TopUps
	airtime.Provider
}

// inCounter runs a test in a bubble of time.
func inCounter(t *testing.T, p relay.Profile, test func(t *testing.T, c *counter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := &counter{up: &stub{}}
		c.switchboard = giftcardsAt(t, c.up, p)
		c.open(t)
		test(t, c)
	})
}

// open makes the provider of the relay as it was started last.
func (c *counter) open(t *testing.T) {
	t.Helper()
	synctest.Wait() // until the line knows the store
	c.topUps = c.TopUps(relay.TopUpSettings{Account: topUpAccount, Opened: c.driver})
	var err error
	if c.Provider, err = c.topUps.Provider("up", vendorsOrigin); err != nil {
		t.Fatal(err)
	}
}

// order is a top-up of one rand.
func order(id ident.ID) airtime.Order {
	return airtime.Order{
		ID: id, World: ident.Production, Placed: time.Now(), Product: &airtime.Product{ID: "p1"}, Recipient: subscriber, Amount: money.Amount{Minor: 100, Currency: 710},
	}
}

// passed gives the one purchase that was passed on, and how often it was sent.
func (c *counter) passed(t *testing.T) (m txn.Message, sent int) {
	t.Helper()
	for _, r := range requestsOf(t, c.driver) {
		if r.Upstream != "" {
			m = r
		}
	}
	return m, len(c.up.sent())
}

// sell records the vendor's own purchase in a state.
func (c *counter) sell(t *testing.T, s txn.State, ids ...ident.ID) {
	t.Helper()
	err := c.store.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, id := range ids {
			tx.Insert(txn.Message{
				Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: till.Account, Family: txn.Purchase, Role: txn.Request, State: s,
				At: time.Now(), Amount: 1000, Currency: 710,
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// turn puts the vendor's own purchase into another state.
func (c *counter) turn(t *testing.T, id ident.ID, s txn.State) {
	t.Helper()
	err := c.store.Do(t.Context(), store.Keys{World: ident.Production, IDs: []ident.ID{id}}, func(tx *store.Tx) error {
		m := tx.Messages(id)[0]
		m.State = s
		tx.Amend(m)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sweep goes round once.
func (c *counter) sweep(t *testing.T) (calls int) {
	t.Helper()
	for round := false; !round; calls++ {
		var err error
		if round, err = c.topUps.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	return calls
}

// ended gives the endings that the upstream was sent.
func (c *counter) ended() (roles []string) {
	for _, a := range c.up.advised() {
		roles = append(roles, a.Role.String())
	}
	return roles
}

// says tells what a provider says of an order.
func (c *counter) says(t *testing.T, id ident.ID) string {
	t.Helper()
	p, err := c.Status(t.Context(), airtime.Order{ID: id, World: ident.Production})
	if err != nil {
		return "error"
	}
	word := map[airtime.Stage]string{
		airtime.Pending: "pending", airtime.Done: "done " + p.Reference, airtime.Failed: "failed", airtime.NeverReceived: "never received",
	}[p.Stage]
	if p.Why != nil {
		word += " " + string(p.Why.Reason)
	}
	return word
}

var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestATopUpIsAPurchaseOfItsOwn(t *testing.T) {
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		o := order("r1")
		o.Buyer, _ = ident.ParseMSISDN("27839999999")
		reference, err := c.TopUp(t.Context(), o)
		if reference != "A0001" || err != nil {
			t.Fatalf("%q %v", reference, err)
		}
		q := c.up.sales[0]
		if !uuid4.MatchString(string(q.ID)) || q.Family != txn.Purchase || q.Product != "p1" || q.Recipient != o.Recipient || q.Buyer != o.Buyer ||
			*q.Amount != o.Amount || *q.Origin != vendorsOrigin || q.Sender.Account != topUpAccount || q.Wire != nil {
			t.Errorf("it was sent %+v", q)
		}
		if m, _ := c.passed(t); m.ID != q.ID || m.State != txn.Open || m.Account != topUpAccount || m.Amount != 100 {
			t.Errorf("it stands as %+v", m)
		}
		if _, err := c.TopUp(t.Context(), order("r2")); err != nil || c.up.sales[1].ID == q.ID {
			t.Errorf("another one: %v", err)
		}
		c.restart(t)
		c.open(t)
		if _, err = c.TopUp(t.Context(), o); err == nil || errors.As(err, new(*decline.Error)) || len(c.up.sales) != 2 {
			t.Errorf("again: %v, and %d were sent", err, len(c.up.sales))
		}
		if said := c.says(t, "r1"); said != "done A0001" {
			t.Errorf("it is %s", said)
		}
		c.booksAreRight()
	})
}

// Nobody but the vendor sees a purchase upstream, or ends it, whoever knows its id.
func TestTopUpsAreNobodyElses(t *testing.T) {
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		if _, err := c.TopUp(t.Context(), order("r1")); err != nil {
			t.Fatal(err)
		}
		id, shop := c.up.sales[0].ID, c.Airtime("up")
		for want, err := range map[string]error{
			"declined DUPLICATE_RECORD": func() error {
				_, err := shop.Request(t.Context(), purchase(id))
				return err
			}(),
			"declined UNABLE_TO_LOCATE_RECORD": func() error {
				_, err := shop.Status(t.Context(), &airtime.Query{Sender: till, ID: id})
				return err
			}(),
			"declined GENERAL_ERROR": func() error {
				_, err := shop.Advise(t.Context(), &airtime.Advice{Advice: *advice(txn.Purchase, txn.Reversal, "w1", id)})
				return err
			}(),
		} {
			if got := outcome(err); got != want {
				t.Errorf("%s, not %s", got, want)
			}
		}
		_, err := shop.Advise(t.Context(), &airtime.Advice{Advice: *advice(txn.Purchase, txn.Confirmation, "k1", id)})
		if m, _ := c.passed(t); outcome(err) != "declined UNABLE_TO_LOCATE_RECORD" || m.State != txn.Open || len(c.ended()) > 0 {
			t.Errorf("%s, and it is %s, ended by %v", outcome(err), m.State, c.ended())
		}
		if upstream, found, _ := c.Upstream(t.Context(), till, txn.Purchase, id); found {
			t.Errorf("a router is told that %s took it", upstream)
		}
	})
}

// What an upstream answers to a top-up, what the vendor is told, and how the order stands at once and a minute later.
func TestWhatBecomesOfATopUp(t *testing.T) {
	refusal := func(r decline.Reason) error {
		return &decline.Error{Reason: r, Text: "their words", Wire: []byte(`{"id":"theirs"}`), Status: 400}
	}
	for name, c := range map[string]struct {
		err               error
		profile           relay.Profile
		told, first, last string
		reversed          bool
	}{
		"approved":              {told: "ok", first: "done A0001", last: "done A0001"},
		"refused":               {err: refusal(decline.DeclinedByMNO), told: "declined DECLINED_BY_MNO", first: "failed DECLINED_BY_MNO", last: "failed DECLINED_BY_MNO"},
		"our float is empty":    {err: refusal(decline.InsufficientFunds), told: "declined UPSTREAM_UNAVAILABLE", first: "failed UPSTREAM_UNAVAILABLE", last: "failed UPSTREAM_UNAVAILABLE"},
		"never reached":         {err: &decline.NotTaken{Cause: decline.Unreached}, told: "declined UPSTREAM_UNAVAILABLE", first: "never received", last: "never received"},
		"not answered":          {err: errSilence, told: "unknown", first: "failed UPSTREAM_UNAVAILABLE", last: "failed UPSTREAM_UNAVAILABLE", reversed: true},
		"doubled on the way":    {err: refusal(decline.DuplicateRecord), told: "unknown", first: "failed UPSTREAM_UNAVAILABLE", last: "failed UPSTREAM_UNAVAILABLE", reversed: true},
		"nobody takes it back":  {err: errSilence, profile: relay.Profile{NoReversals: true}, told: "unknown", first: "done A0001", last: "done A0001"},
		"it cannot be told yet": {err: errSilence, profile: relay.Profile{NoReversals: true, NoStatus: true}, told: "unknown", first: "pending", last: "pending"},
	} {
		t.Run(name, func(t *testing.T) {
			inCounter(t, c.profile, func(t *testing.T, s *counter) {
				if c.err != nil {
					s.up.request = always(c.err)
				}
				_, err := s.TopUp(t.Context(), order("r1"))
				told := outcome(err)
				if strings.HasPrefix(told, "fault") {
					told = "unknown"
				}
				var said *decline.Error
				if errors.As(err, &said) && (said.Wire != nil || strings.Contains(said.Text, "their words")) {
					t.Errorf("it is told in their words: %+v", said)
				}
				first := s.says(t, "r1")
				time.Sleep(time.Minute)
				if last := s.says(t, "r1"); told != c.told || first != c.first || last != c.last {
					t.Errorf("told %s; at first %s, then %s", told, first, last)
				}
				if reversed := slices.Equal(s.ended(), []string{"reversal"}); reversed != c.reversed {
					t.Errorf("it was ended by %v", s.ended())
				}
				if _, sent := s.passed(t); sent != 1 {
					t.Errorf("it was sent %d times", sent)
				}
				s.booksAreRight()
			})
		})
	}
}

// What has no answer is pending until the upstream has agreed to its reversal, which a restart does not change.
func TestAnUnansweredTopUpIsPendingUntilItIsTakenBack(t *testing.T) {
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		c.up.request = always(errSilence)
		c.up.advises(func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence })
		if _, err := c.TopUp(t.Context(), order("r1")); err == nil {
			t.Fatal("it is approved")
		}
		for range 2 {
			if said := c.says(t, "r1"); said != "pending" {
				t.Errorf("it is %s", said)
			}
			if err := c.Reverse(t.Context(), order("r1")); err == nil || errors.As(err, new(*decline.Error)) {
				t.Errorf("to take it back: %v", err)
			}
			c.restart(t)
			c.open(t)
		}
		c.up.advises(nil)
		time.Sleep(10 * time.Minute)
		if said := c.says(t, "r1"); said != "failed UPSTREAM_UNAVAILABLE" {
			t.Errorf("it is %s", said)
		}
		if err := c.Reverse(t.Context(), order("r1")); err != nil {
			t.Errorf("to take back what is: %v", err)
		}
		c.booksAreRight()
	})
}

// An upstream may refuse the relay's own reversal, because the credit is spent. Then its status decides.
func TestAReversalThatWasRefusedIsReconsidered(t *testing.T) {
	for name, c := range map[string]struct {
		status      error
		said        string
		state, item string
		reversal    string
	}{
		"it stands":             {nil, "done A0001", "open", "[]", "declined TRANSACTION_NOT_SUPPORTED"},
		"nothing is credited":   {decline.New(decline.DeclinedByMNO, ""), "failed UPSTREAM_UNAVAILABLE", "reversed", "[]", "ok"},
		"it is reversed":        {decline.New(decline.AccountAlreadySettled, ""), "failed UPSTREAM_UNAVAILABLE", "reversed", "[]", "ok"},
		"it cannot say":         {errSilence, "pending", "reversed", "[attention reversal]", "unknown"},
		"it does not say, ever": {decline.New(decline.FunctionNotSupported, ""), "pending", "reversed", "[attention reversal]", "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			inCounter(t, relay.Profile{}, func(t *testing.T, s *counter) {
				s.up.request = always(errSilence)
				s.up.advises(refuses(decline.TransactionNotSupported))
				s.up.status = func(*airtime.Query) (*airtime.Response, error) { return seller{s.up}.sold(), c.status }
				if _, err := s.TopUp(t.Context(), order("r1")); err == nil {
					t.Fatal("it is approved")
				}
				time.Sleep(time.Second)
				said := s.says(t, "r1")
				m, _ := s.passed(t)
				items := []string{}
				for _, i := range s.items() {
					items = append(items, i.State.String()+" "+i.Role.String())
				}
				if said != c.said || m.State.String() != c.state || fmt.Sprint(items) != c.item {
					t.Errorf("it is %s, and stands as %s with %v", said, m.State, items)
				}
				reversal := outcome(s.Reverse(t.Context(), order("r1")))
				if strings.HasPrefix(reversal, "fault") {
					reversal = "unknown"
				}
				if reversal != c.reversal {
					t.Errorf("to take it back: %s", reversal)
				}
				s.booksAreRight()
			})
		})
	}
}

func TestATopUpIsTakenBack(t *testing.T) {
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		if _, err := c.TopUp(t.Context(), order("r1")); err != nil {
			t.Fatal(err)
		}
		c.up.advises(refuses(decline.TransactionNotSupported))
		for range 2 {
			if got := outcome(c.Reverse(t.Context(), order("r1"))); got != "declined TRANSACTION_NOT_SUPPORTED" {
				t.Errorf("it is spent: %s", got)
			}
		}
		if said := c.says(t, "r1"); said != "done A0001" {
			t.Errorf("it is %s", said)
		}
		c.up.advises(nil)
		for range 2 {
			if err := c.Reverse(t.Context(), order("r1")); err != nil {
				t.Error(err)
			}
			time.Sleep(behind)
		}
		ids := map[ident.ID]bool{}
		for _, a := range c.up.advised() {
			ids[a.ID] = true
		}
		if got := c.ended(); len(got) != 3 || len(ids) != 1 {
			t.Errorf("ended by %v, under %d ids", got, len(ids))
		}
		c.booksAreRight()
	})
}

// What never came is kept from coming.
func TestAReversalOfWhatNeverCame(t *testing.T) {
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		if said := c.says(t, "r1"); said != "never received" {
			t.Errorf("it is %s", said)
		}
		if err := c.Reverse(t.Context(), order("r1")); err != nil {
			t.Error(err)
		}
		if _, err := c.TopUp(t.Context(), order("r1")); outcome(err) != "declined UPSTREAM_UNAVAILABLE" || len(c.up.sent()) > 0 {
			t.Errorf("%v, and %d were sent", err, len(c.up.sent()))
		}
		c.booksAreRight()
	})
}

// By how the vendor's own purchase has ended, the one upstream is: once, and never before.
func TestTheSweepEndsWhatHasEndedHere(t *testing.T) {
	for state, want := range map[txn.State][]string{
		txn.Open: nil, txn.Working: nil, txn.Reversing: nil,
		txn.Confirmed: {"confirmation"}, txn.Reversed: {"reversal"}, txn.Declined: {"reversal"},
	} {
		t.Run(state.String(), func(t *testing.T) {
			inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
				c.sell(t, txn.Working, "r1")
				if _, err := c.TopUp(t.Context(), order("r1")); err != nil {
					t.Fatal(err)
				}
				if c.sweep(t); len(c.ended()) > 0 {
					t.Fatalf("while it is worked on it is ended by %v", c.ended())
				}
				c.turn(t, "r1", state)
				c.restart(t)
				c.open(t)
				for range 3 {
					c.sweep(t)
					c.Provider.(airtime.Confirmer).Confirm(t.Context(), order("r1"))
					time.Sleep(time.Minute)
				}
				if got := c.ended(); !slices.Equal(got, want) {
					t.Errorf("ended by %v", got)
				}
			})
		})
	}
}

// Nobody can be told of a refusal, however soon it comes, so it needs attention; and no confirmation is sent for ever.
func TestARefusedConfirmationNeedsAttention(t *testing.T) {
	const orders = 200
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		for i := range orders {
			id := ident.ID(fmt.Sprint("r", i))
			c.sell(t, txn.Confirmed, id)
			if _, err := c.TopUp(t.Context(), order(id)); err != nil {
				t.Fatal(err)
			}
		}
		c.up.advises(refuses(decline.AccountAlreadySettled))
		for range 3 {
			c.sweep(t)
			time.Sleep(time.Minute)
		}
		if sent := len(c.ended()); sent != orders {
			t.Errorf("%d confirmations were sent for %d top-ups", sent, orders)
		}
		var want []string
		for _, m := range requestsOf(t, c.driver) {
			if m.Upstream != "" {
				want = append(want, "attention confirmation of "+string(m.ID))
			}
		}
		if got := c.queued(); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("queued %q", got)
		}
	})
}

// What a sweep reads is bounded; it goes on where it stopped, and passes over all that is not the vendor's.
func TestTheSweepGoesOnWhereItStopped(t *testing.T) {
	const others = 5000
	inCounter(t, relay.Profile{}, func(t *testing.T, c *counter) {
		var ids []ident.ID
		for i := range others {
			ids = append(ids, ident.ID(fmt.Sprint("other", i)))
		}
		c.sell(t, txn.Open, ids...)
		c.sell(t, txn.Confirmed, "r1")
		if _, err := c.TopUp(t.Context(), order("r1")); err != nil {
			t.Fatal(err)
		}
		if round, err := c.topUps.Sweep(t.Context()); round || err != nil || len(c.ended()) > 0 {
			t.Errorf("the first call goes round: %t %v", round, err)
		}
		if calls := c.sweep(t); calls != 1 || !slices.Equal(c.ended(), []string{"confirmation"}) {
			t.Errorf("after %d more it is ended by %v", calls, c.ended())
		}
		if calls := c.sweep(t); calls != 2 {
			t.Errorf("the next round has %d calls", calls)
		}
	})
}

// Whoever asks need not wait for an upstream that does not answer; the relay does.
func TestATopUpEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &slowSeller{seller: seller{&stub{}}, answer: make(chan struct{})}
		c := &counter{up: up.stub}
		c.switchboard = newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Airtime: up}}})
		c.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if _, err := c.TopUp(ctx, order("r1")); err == nil || errors.As(err, new(*decline.Error)) || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
		if said := c.says(t, "r1"); said != "pending" {
			t.Errorf("it is %s", said)
		}
		close(up.answer)
		synctest.Wait()
		if said := c.says(t, "r1"); said != "done A0001" {
			t.Errorf("then it is %s", said)
		}
	})
}

// slowSeller answers a request when it is told to.
type slowSeller struct {
	seller
	answer chan struct{}
}

// Request implements airtime.Service.
func (s *slowSeller) Request(ctx context.Context, q *airtime.Request) (*airtime.Response, error) {
	<-s.answer
	return s.seller.Request(ctx, q)
}

// knowing is an upstream that knows subscribers.
type knowing struct {
	seller
	balance *ledger.Balance
}

// LookUp implements airtime.Service.
func (k knowing) LookUp(context.Context, *airtime.LookUp) (*airtime.Subscriber, error) {
	return &airtime.Subscriber{Balance: k.balance, Currency: 710}, k.asks()
}

func TestTrialsAndSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := knowing{seller{&stub{}}, &ledger.Balance{Book: 500, Available: 400}}
		c := &counter{up: up.stub}
		c.switchboard = newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Airtime: up}}})
		c.open(t)
		if err := c.Trial(t.Context(), order("r1")); err != nil {
			t.Error(err)
		}
		credit, ok := c.Subscriber(t.Context(), ident.Production, subscriber)
		if want := (airtime.Credit{Balance: *up.balance, Currency: money.Currency(710)}); !ok || credit != want {
			t.Errorf("%+v %t", credit, ok)
		}
		up.request = always(decline.New(decline.LimitExceeded, "no"))
		if got := outcome(c.Trial(t.Context(), order("r1"))); got != "declined LIMIT_EXCEEDED" {
			t.Error(got)
		}
		if _, ok := c.Subscriber(t.Context(), ident.Production, subscriber); ok {
			t.Error("it knows what it was not told")
		}
		if said := c.says(t, "r1"); said != "never received" {
			t.Errorf("after trials it is %s", said)
		}
	})
}

func TestWhatAProviderCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := seller{&stub{}}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{
			{Name: "whole", Airtime: up}, {Name: "poor", Airtime: up, Profile: relay.Profile{NoReversals: true, NoTrials: true}},
			{Name: "cards", Giftcard: up.stub},
		}})
		topUps := b.TopUps(relay.TopUpSettings{Account: topUpAccount, Opened: b.driver})
		for name, want := range map[string]airtime.Capabilities{
			"whole": {Reverses: true, Status: true, Trials: true, Subscribers: true}, "poor": {Status: true, Subscribers: true},
		} {
			p, err := topUps.Provider(name, vendorsOrigin)
			if err != nil || p.Can() != want {
				t.Errorf("%s: %+v %v", name, p, err)
			}
		}
		for _, name := range []string{"cards", "nobody"} {
			if p, err := topUps.Provider(name, vendorsOrigin); err == nil {
				t.Errorf("%s: %+v", name, p)
			}
		}
	})
}
