package sdk

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/txn"
)

// Only what is older than SettleWithin is reversed, and then the program is too late.
func TestWhatIsNotDecidedInTimeIsReversed(t *testing.T) {
	s := newShop(t, &relaytest.Hostile{})
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	old, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	confirmed, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	must(t, confirmed.Confirm(t.Context()))
	must(t, till.settleBefore(t.Context(), old.At.Truncate(time.Millisecond)))
	if left, err := till.Unsettled(t.Context()); err != nil || len(left) != 1 || left[0].ID != old.ID {
		t.Fatalf("before its time: %v, %v", left, err)
	}
	must(t, till.settleBefore(t.Context(), time.Now().Add(time.Second)))
	if left, err := till.Unsettled(t.Context()); err != nil || len(left) != 0 {
		t.Fatalf("after its time: %v, %v", left, err)
	}
	if err := old.Confirm(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("confirmed after its time: %v", err)
	}
	must(t, till.Drain(t.Context()))
	s.agree(t, till.store.Driver(), map[string]txn.State{old.ID: txn.Reversed, confirmed.ID: txn.Confirmed})
}

// The till looks by itself, as often as it is told to.
func TestTheTillSettlesByItself(t *testing.T) {
	s := newShop(t, &relaytest.Hostile{})
	settings := testSettings(t.TempDir(), s.url)
	settings.SettleWithin = time.Hour
	var later atomic.Int64
	settings.now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	till, _, err := Open(t.Context(), settings)
	must(t, err)
	defer func() { must(t, till.Close()) }()
	sale, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ticks, over := make(chan time.Time), make(chan struct{})
	go func() {
		till.settle(ctx, ticks)
		close(over)
	}()
	later.Store(int64(time.Hour + time.Second))
	ticks <- time.Time{}
	ticks <- time.Time{} // which is taken once the first look is over
	cancel()
	<-over
	if err := sale.Confirm(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("confirmed after its time: %v", err)
	}
}

// An id that was used before is not used again: neither one of the till's own, nor one that the upstream knows.
func TestAnIDThatIsTakenIsReplacedOnce(t *testing.T) {
	s := newShop(t, &relaytest.Hostile{})
	settings := testSettings(t.TempDir(), s.url)
	var next []ident.ID
	settings.newID = func() ident.ID {
		if len(next) == 0 {
			return secret.NewID()
		}
		id := next[0]
		next = next[1:]
		return id
	}
	till, _, err := Open(t.Context(), settings)
	must(t, err)
	defer func() { must(t, till.Close()) }()
	first, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	next = []ident.ID{ident.ID(first.ID)}
	second, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	if second.ID == first.ID {
		t.Fatal("an id was used twice")
	}
	next = []ident.ID{ident.ID(first.ID), ident.ID(second.ID)}
	_, err = till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	if declined, is := errors.AsType[*Declined](err); !is || declined.Reason != "DUPLICATE_RECORD" {
		t.Errorf("two taken ids in a row: %v", err)
	}
	next = []ident.ID{ident.ID(first.ID)}
	must(t, first.Confirm(t.Context()))
	must(t, second.Reverse(t.Context()))
	must(t, till.Drain(t.Context()))
	s.agree(t, till.store.Driver(), map[string]txn.State{first.ID: txn.Confirmed, second.ID: txn.Reversed})
}

// Doubled on its way, a request is refused by its upstream as a duplicate of itself: the first one is reversed, and
// it is sent again under a new id.
func TestWhatWasDoubledOnItsWayIsSentAgain(t *testing.T) {
	var doubled atomic.Int32
	s := newShop(t, &relaytest.Hostile{Choose: func(r *http.Request) relaytest.Mischief {
		if r.Method == http.MethodPost && doubled.Add(1) == 1 {
			return relaytest.Doubled
		}
		return relaytest.None
	}})
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	sale, err := till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	must(t, err)
	must(t, sale.Confirm(t.Context()))
	must(t, till.Drain(t.Context()))
	found := messages(t, till.store.Driver(), 0)
	if found[0].State != txn.Reversed {
		t.Errorf("the first one is %s", found[0].State)
	}
	s.agree(t, till.store.Driver(), map[string]txn.State{sale.ID: txn.Confirmed})
}

// A request without an answer is reversed, and its sender is told so.
func TestAnUnknownOutcomeIsReversed(t *testing.T) {
	var lost atomic.Int32
	s := newShop(t, &relaytest.Hostile{Choose: func(r *http.Request) relaytest.Mischief {
		if lost.Add(1) == 1 {
			return relaytest.AnswerLost
		}
		return relaytest.None
	}})
	till, _, err := Open(t.Context(), testSettings(t.TempDir(), s.url))
	must(t, err)
	defer func() { must(t, till.Close()) }()
	_, err = till.Redeem(t.Context(), Redemption{Card: firstCard, Amount: 1_00})
	unknown, is := errors.AsType[*Unknown](err)
	if !is || !unknown.Reversing || unknown.ID == "" {
		t.Fatalf("got %v", err)
	}
	must(t, till.Drain(t.Context()))
	card, err := till.LookUp(t.Context(), LookUp{Card: firstCard})
	must(t, err)
	if card.Available.Minor != 10_000_00 {
		t.Errorf("on the card: %v", card.Available)
	}
	s.agree(t, till.store.Driver(), map[string]txn.State{unknown.ID: txn.Reversed})
}
