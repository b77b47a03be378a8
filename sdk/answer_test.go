package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay/relaytest"
)

// other is an upstream that approves every request, and answers advices as a test wants.
type other struct {
	approving func()                                             // runs before a request is approved; nil does nothing
	advice    func(w http.ResponseWriter, kind string, m advice) // kind is confirmations or reversals
	also      string                                             // members that an approval has beside the id

	mu  sync.Mutex
	ids []string // of the advices that came, in their order
}

// advice is what is read of one.
type advice struct{ ID, RequestID string }

func (o *other) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m advice
	_ = json.NewDecoder(r.Body).Decode(&m)
	if kind := path.Base(path.Dir(r.URL.Path)); strings.Contains("confirmations reversals", kind) {
		o.mu.Lock()
		o.ids = append(o.ids, m.ID)
		o.mu.Unlock()
		o.advice(w, kind, m)
		return
	}
	if o.approving != nil {
		o.approving()
	}
	say(w, http.StatusCreated, `{"id":%q%s}`, m.ID, o.also)
}

// came gives how many advices came under different ids.
func (o *other) came() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	different := map[string]bool{}
	for _, id := range o.ids {
		different[id] = true
	}
	return len(different)
}

func say(w http.ResponseWriter, status int, format string, values ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format, values...)
}

// till opens a till in front of the upstream, which waits for its answers.
func (o *other) till(t *testing.T, change func(*Settings)) *Till {
	t.Helper()
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	settings := testSettings(t.TempDir(), server.URL)
	settings.Upstream.AdviceWait = 30 * time.Second
	if change != nil {
		change(&settings)
	}
	till, _, err := Open(t.Context(), settings)
	must(t, err)
	t.Cleanup(func() { must(t, till.Close()) })
	return till
}

// An upstream that says DUPLICATE_RECORD to an advice has had it, and may well apply one under another id as well. So
// there is never another id because of what it says.
func TestAnAdviceThatTheUpstreamKnowsIsNotSentUnderAnotherID(t *testing.T) {
	o := &other{advice: func(w http.ResponseWriter, _ string, m advice) {
		say(w, http.StatusBadRequest, `{"errorType":"DUPLICATE_RECORD","id":%q}`, m.ID)
	}}
	till := o.till(t, nil)
	load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	err = load.Confirm(t.Context())
	if declined, is := errors.AsType[*Declined](err); err != nil && (!is || declined.Reason != decline.DuplicateRecord) {
		t.Errorf("got %v", err)
	}
	if n := o.came(); n != 1 {
		t.Errorf("one confirmation was sent under %d ids", n)
	}
}

// An upstream that does not know what is to be reversed agrees with the till that nothing has happened.
func TestAReversalOfWhatTheUpstreamDoesNotKnowHasSucceeded(t *testing.T) {
	o := &other{advice: func(w http.ResponseWriter, _ string, m advice) {
		say(w, http.StatusNotFound, `{"errorType":"UNABLE_TO_LOCATE_RECORD","id":%q,"originalId":%q}`, m.ID, m.RequestID)
	}}
	till := o.till(t, nil)
	load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	if err := load.Reverse(t.Context()); err != nil {
		t.Errorf("the reversal: %v", err)
	}
	must(t, load.Reverse(t.Context()))
	if err := load.Confirm(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("confirmed afterwards: %v", err)
	}
	_, err = till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	must(t, till.settleBefore(t.Context(), time.Now().Add(time.Hour)))
	if left, err := till.Unsettled(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// Whatever an upstream puts among the references, what it approved can be ended: what no message can carry is left out.
func TestWhatCameWithOddReferencesCanBeEnded(t *testing.T) {
	o := &other{
		also:   `,"thirdPartyIdentifiers":[null,{},7,{"institutionId":null,"transactionIdentifier":"x"},{"institutionId":"a\u0000"},{"institutionId":"77"}]`,
		advice: func(w http.ResponseWriter, _ string, m advice) { say(w, http.StatusAccepted, `{"id":%q}`, m.ID) },
	}
	till := o.till(t, nil)
	for _, references := range []string{o.also, `,"thirdPartyIdentifiers":[{}]`} {
		o.also = references
		for _, end := range []func(*Transaction, context.Context) error{(*Transaction).Reverse, (*Transaction).Confirm} {
			load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
			must(t, err)
			if err := end(&load.Transaction, t.Context()); err != nil {
				t.Errorf("%s: %v", references, err)
			}
		}
	}
}

// A purchase is confirmed without its voucher where that has a serial of which the contract knows nothing.
func TestAPurchaseWithAnOddSerialCanBeConfirmed(t *testing.T) {
	o := &other{also: `,"product":{"productId":"A10"},"voucher":{"pin":"902512345678","serialNumber":"S-7/8"}`}
	bought, err := o.till(t, nil).Purchase(t.Context(), Order{Product: "A10"})
	must(t, err)
	if bought.Voucher == nil || bought.Voucher.Serial != "S-7/8" {
		t.Errorf("bought %v", bought.Voucher)
	}
	if err := bought.Confirm(t.Context()); err != nil {
		t.Error(err)
	}
}

// What the till itself knows nothing of it cannot reverse, and says so.
func TestAReversalOfWhatTheTillDoesNotKnowIsDeclined(t *testing.T) {
	till := (&other{}).till(t, nil)
	load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	strange := load.Transaction
	strange.ID = "9f0de2b5-6a1c-4b3e-8a63-0f6f8b2b7c11"
	err = strange.Reverse(t.Context())
	if declined, is := errors.AsType[*Declined](err); !is || declined.Reason != decline.UnableToLocateRecord {
		t.Errorf("got %v", err)
	}
}

// SettleWithin is the program's time: what its upstream took to answer is not taken from it.
func TestTheTimeToDecideBeginsWithTheAnswer(t *testing.T) {
	var mu sync.Mutex
	now := time.Now()
	pass := func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
	o := &other{approving: func() { pass(time.Minute) }, advice: func(w http.ResponseWriter, _ string, m advice) {
		say(w, http.StatusAccepted, `{"id":%q}`, m.ID)
	}}
	till := o.till(t, func(s *Settings) {
		s.SettleWithin = 30 * time.Second
		s.now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})
	load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	look := func() (left int) {
		must(t, till.settleBefore(t.Context(), till.settings.now().Add(-till.settings.SettleWithin)))
		all, err := till.Unsettled(t.Context())
		must(t, err)
		return len(all)
	}
	pass(29 * time.Second)
	if look() != 1 {
		t.Fatal("it was reversed under the program's hands")
	}
	pass(2 * time.Second)
	if look() != 0 {
		t.Error("it was never reversed")
	}
	if err := load.Confirm(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("confirmed too late: %v", err)
	}
}

// What is under way is in nobody's hands yet, and what an earlier run left has its time since it was sent.
func TestSinceWhenTheProgramCanDecide(t *testing.T) {
	var h hands
	sent := time.Now()
	answered := sent.Add(time.Minute)
	h.reach("a")
	if got := h.since("a", sent); got.Before(sent.AddDate(1000, 0, 0)) {
		t.Errorf("under way: since %v", got)
	}
	h.hold("a", answered)
	if got := h.since("a", sent); got != answered {
		t.Errorf("approved: since %v", got)
	}
	h.drop("a")
	if got := h.since("a", sent); got != sent {
		t.Errorf("of an earlier run: since %v", got)
	}
}

// What has ended, was declined, or cannot be ended is not held.
func TestOnlyWhatCanBeDecidedIsHeld(t *testing.T) {
	s := newShop(t, &relaytest.Hostile{})
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	var open []*Approval
	for range 3 {
		sale, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
		must(t, err)
		open = append(open, sale)
	}
	must(t, open[0].Confirm(t.Context()))
	must(t, open[1].Reverse(t.Context()))
	_, err = till.LookUp(t.Context(), LookUp{Card: firstCard})
	must(t, err)
	if _, err = till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 90_000_00}); err == nil {
		t.Fatal("there was enough on it")
	}
	if _, held := till.hands.held[ident.ID(open[2].ID)]; !held || len(till.hands.held) != 1 {
		t.Errorf("held: %v", till.hands.held)
	}
}

// What the upstream leaves out of its answer the till knows from its own request.
func TestTheAmountThatWasRequestedIsKnown(t *testing.T) {
	till := (&other{}).till(t, nil)
	load, err := till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	must(t, err)
	if load.Requested.Minor != 1_00 || load.Amount.Minor != 0 {
		t.Errorf("requested %+v, approved %+v", load.Requested, load.Amount)
	}
}

// A refusal comes with the upstream's own words.
func TestARefusalIsToldInTheUpstreamsWords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m advice
		_ = json.NewDecoder(r.Body).Decode(&m)
		say(w, http.StatusBadRequest, `{"errorType":"CARD_EXPIRED","id":%q,"errorMessage":"Too old","detailMessage":{"freeString":"since May"}}`, m.ID)
	}))
	defer server.Close()
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), server.URL))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	_, err = till.Load(t.Context(), Load{Card: firstCard, Amount: 1_00})
	if declined, is := errors.AsType[*Declined](err); !is || declined.Text != "Too old: since May" {
		t.Errorf("got %v", err)
	}
}
