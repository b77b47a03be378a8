package airtime_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

var errConnection = errors.New("the connection to the database broke")

// doubtful is a store that saves, and for a while does not say so.
type doubtful struct {
	airtime.Store
	silent *atomic.Int32 // how many more updates it says nothing of
}

func (d doubtful) Update(ctx context.Context, keys airtime.Keys, decide func(airtime.Tx) error) error {
	err := d.Store.Update(ctx, keys, decide)
	if err == nil && d.silent.Add(-1) >= 0 {
		return errConnection
	}
	return err
}

// An outcome that was saved without the store saying so is put to it again, and counts once.
func TestAnOutcomeIsRecordedOnce(t *testing.T) {
	for _, c := range []struct {
		manner        airtimetest.Manner
		answer, float string
	}{{airtimetest.Late, good, charged}, {airtimetest.Dithers, "DECLINED_BY_MNO", untouched}} {
		synctest.Test(t, func(t *testing.T) {
			var silent atomic.Int32
			s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now, Lend: func(lent airtime.Store) airtime.Store {
				return doubtful{lent, &silent}
			}})
			s.prepaid(10_000)
			s.Provider.Behave(c.manner, time.Second)
			r := s.purchase("t1", s.topUp)
			silent.Store(-1) // the request itself is told well
			go func() {
				time.Sleep(time.Millisecond)
				silent.Store(2)
			}()
			s.wants("the purchase", s.buy(r), c.answer)
			s.wants("the float", s.float(), c.float)
			s.booksAreRight()
		})
	}
}

// A purchase whose record the store does not tell of is not sent: it is resolved like any other.
func TestAPurchaseWhoseRecordIsInDoubtIsNotSent(t *testing.T) {
	var silent atomic.Int32
	s := newShop(t, airtimetest.Settings{Lend: func(lent airtime.Store) airtime.Store { return doubtful{lent, &silent} }})
	silent.Store(1)
	s.wants("the purchase", s.buy(s.purchase("t1", s.topUp)), undecided)
	s.wants("its status", s.status("t1"), unknown)
	if s.Provider.Asked("t1") != 0 {
		t.Error("it was sent")
	}
	s.Advance(longAfter)
	if left := s.resolve(); left != 0 {
		t.Errorf("%d are left", left)
	}
	s.wants("its status", s.status("t1"), "UPSTREAM_UNAVAILABLE")
	s.booksAreRight()
}

// Another process that ended a top-up has the last word over an outcome that comes after it, and people hear of it.
func TestAnOutcomeThatComesTooLate(t *testing.T) {
	inBubble(t, func(t *testing.T, s *shop) {
		s.Provider.Behave(airtimetest.Late, 10*time.Second)
		s.Provider.Able(airtime.Capabilities{})
		answer := make(chan string)
		go func() { answer <- s.buyFor("t1") }()
		synctest.Wait()
		other := airtime.NewVendor(airtime.Settings{
			Store: store.Airtime(s.Store), Unsettled: s.Store.Driver(), Keys: s.Keys, Catalogue: s.Catalogue,
			Providers: map[string]airtime.Provider{airtimetest.ProviderName: s.Provider}, ProviderTimeout: timeout,
		})
		s.must(other.Settle(t.Context(), airtime.Settlement{
			World: s.Named("a").World, Family: txn.Purchase, RequestID: "t1", Role: txn.Reversal, ID: newID(), At: s.Now(),
			Sender: s.Named("a"), Note: func(airtime.Tx, int64) error { return nil },
		}))
		s.wants("the purchase", <-answer, unknown)
		s.wants("its status", s.status("t1"), "ACCOUNT_ALREADY_SETTLED")
		s.wants("the float", s.float(), untouched)
		if got := s.Alarms(); !slices.Equal(got, []decline.Alarm{airtime.OutcomeLate}) {
			t.Errorf("alarms: %v", got)
		}
		other.Close(t.Context())
	})
}

// held is a store that keeps updates waiting.
type held struct {
	airtime.Store
	release chan struct{}
}

func (h held) Update(ctx context.Context, keys airtime.Keys, decide func(airtime.Tx) error) error {
	<-h.release
	return h.Store.Update(ctx, keys, decide)
}

// A purchase that has not been decided yet is being worked on, and not unknown.
func TestStatusOfAPurchaseThatIsBeingDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout, Now: time.Now, Lend: func(lent airtime.Store) airtime.Store {
			return held{lent, release}
		}})
		answer := make(chan string)
		go func() { answer <- s.buy(s.purchase("t1", s.topUp)) }()
		synctest.Wait()
		s.wants("its status", s.status("t1"), unknown)
		s.wants("another's", s.status("t2"), "UNABLE_TO_LOCATE_RECORD")
		close(release)
		s.wants("the purchase", <-answer, good)
		s.wants("its status", s.status("t1"), good)
	})
}
