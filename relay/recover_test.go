package relay_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// leftBehind records requests as a process that was killed leaves them: sent, and not answered.
func (b *switchboard) leftBehind(t *testing.T, f txn.Family, upstream string, ids ...ident.ID) {
	t.Helper()
	body, err := b.settings.Keys.SealBody([]byte(bytesOfRequest))
	if err != nil {
		t.Fatal(err)
	}
	err = b.store.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for _, id := range ids {
			tx.Insert(txn.Message{
				Seq: tx.NextSeq(), World: ident.Production, ID: id, Account: till.Account, Family: f, Role: txn.Request, State: txn.Working,
				At: time.Now(), Amount: 100, Requested: 100, Currency: 710, Upstream: upstream, Body: body,
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What stands as sent when a process starts is unknown: it is reversed, with its identifiers, before anything new is taken.
func TestWhatWasInHandIsReversedAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{}
		b := giftcardsAt(t, up, relay.Profile{})
		var ids []ident.ID
		for i := range 600 { // more than are read at once
			ids = append(ids, ident.ID("r"+strings.Repeat("x", i%40)+string(rune('a'+i/40))))
		}
		b.leftBehind(t, txn.Redemption, "up", ids...)
		b.leftBehind(t, txn.Purchase, "", "a vendor's own")
		b.restart(t)
		if m := b.stands(t, ids[0]); m.State != txn.Reversed {
			t.Errorf("when it has started the first stands as %s", m.State)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		heard := map[ident.ID]int{}
		for _, a := range up.advised() {
			heard[a.RequestID]++
			if own := relay.Reference(b.stands(t, a.RequestID).Seq); a.Role != txn.Reversal || !strings.Contains(string(a.Wire), own) || !strings.Contains(string(a.Wire), "T1") {
				t.Errorf("sent: %v %s", a, string(a.Wire))
			}
		}
		for _, id := range ids {
			if m := b.stands(t, id); m.State != txn.Reversed || heard[id] != 1 {
				t.Errorf("%s stands as %s, and was reversed %d times", id, m.State, heard[id])
			}
		}
		if m := b.stands(t, "a vendor's own"); m.State != txn.Working || len(heard) != len(ids) {
			t.Errorf("a vendor's own stands as %s", m.State)
		}
		if got := b.queued(); len(got) != 0 {
			t.Errorf("still queued: %v", got)
		}
		b.restart(t) // which finds nothing more to do
		time.Sleep(time.Minute)
		if len(up.advised()) != len(ids) {
			t.Errorf("%d reversals after another start", len(up.advised()))
		}
	})
}

func (b *switchboard) restart(t *testing.T) {
	t.Helper()
	if err := b.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.reopen(t)
}

// reopen starts again with what is in the store.
func (b *switchboard) reopen(t *testing.T) {
	t.Helper()
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.start()
}

// Where there are no reversals it is asked about, once.
func TestWhatWasInHandIsAskedAboutAtTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{status: nil}
		b := giftcardsAt(t, up, relay.Profile{NoReversals: true})
		b.leftBehind(t, txn.Purchase, "up", "r1")
		b.Pause("up", true)
		b.settings.Paused = func(upstream string) bool { return upstream == "up" }
		for range 2 {
			b.restart(t)
			if got := b.queued(); !slices.Equal(got, []string{"waiting request of r1"}) {
				t.Errorf("queued: %v", got)
			}
			b.booksAreRight()
		}
		if v := b.Queues(); len(v) != 1 || !v[0].Paused || v[0].Waiting != 1 || v[0].Doubt[710] != 100 {
			t.Errorf("the queue is %+v", v)
		}
		b.Pause("up", false)
		time.Sleep(behind)
		if m := b.stands(t, "r1"); m.State != txn.Open || m.ProviderRef != "A0001" || m.Ended != 0 || up.asked() != 1 {
			t.Errorf("it stands as %+v", m)
		}
		b.booksAreRight()
	})
}

// An upstream that something waits for must stay configured.
func TestAnUpstreamThatIsGone(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, b *switchboard){
		"sent": func(t *testing.T, b *switchboard) { b.leftBehind(t, txn.Redemption, "up", "r1") },
		"queued": func(t *testing.T, b *switchboard) {
			b.Pause("up", true)
			b.approved(t, "r1")
			if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := giftcardsAt(t, &stub{}, relay.Profile{})
				leave(t, b)
				if err := b.driver.Close(); err != nil { // what is there was another process's
					t.Fatal(err)
				}
				s := b.settings
				s.Upstreams = []relay.Upstream{{Name: "another", Giftcard: &stub{}}}
				s.Store, s.Reports = store.Queue(b.store), b.driver
				without, err := relay.New(s)
				if err != nil {
					t.Fatal(err)
				}
				if err := without.Start(t.Context()); err == nil || !strings.Contains(err.Error(), `"up"`) {
					t.Errorf("it starts: %v", err)
				}
				if err := without.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An approved request of an upstream that is gone keeps its advices with their sender.
func TestAnAdviceForAnUpstreamThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := giftcardsAt(t, &stub{}, relay.Profile{})
		b.approved(t, "r1")
		b.settings.Upstreams = []relay.Upstream{{Name: "another", Giftcard: &stub{}}}
		b.restart(t)
		if _, err := b.Giftcard("another").Advise(t.Context(), confirmation("c1", "r1")); err == nil || !strings.HasPrefix(outcome(err), "fault") {
			t.Errorf("it is taken over: %v", err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Open || len(b.queued()) != 0 {
			t.Errorf("it stands as %s", m.State)
		}
	})
}

// Nothing is taken before the start and after the end; what is in hand is finished.
func TestTheLifeOfARelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		up := &slow{stub: &stub{}, answer: answer}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
		heard := make(chan error, 1)
		go func() {
			_, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
			heard <- err
		}()
		synctest.Wait()
		closed := make(chan error, 1)
		go func() { closed <- b.Close(t.Context()) }()
		synctest.Wait()
		if _, err := b.Giftcard("up").Request(t.Context(), redemption("r2")); outcome(err) != "not taken stopping" {
			t.Errorf("while it stops: %v", err)
		}
		if _, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); outcome(err) != "not taken stopping" {
			t.Errorf("while it stops: %v", err)
		}
		close(answer)
		if err := <-heard; err != nil {
			t.Error(err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Open {
			t.Errorf("it stands as %s", m.State)
		}
	})
}

// When there is no time left its upstreams are given up, and what has no answer then is undone after the next start.
func TestARelayIsClosedInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &slow{stub: &stub{}}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}})
		heard := make(chan error, 1)
		go func() {
			_, err := b.Giftcard("up").Request(t.Context(), redemption("r1"))
			heard <- err
		}()
		synctest.Wait()
		hurry, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Close(hurry); err == nil {
			t.Error("it says that all was finished")
		}
		if err := <-heard; outcome(err) != "unknown GENERAL_ERROR" {
			t.Errorf("its sender hears %v", err)
		}
		if m := b.stands(t, "r1"); m.State != txn.Reversed {
			t.Errorf("it stands as %s", m.State)
		}
		b.reopen(t)
		time.Sleep(time.Minute)
		if heard := up.advised(); len(heard) != 1 || heard[0].RequestID != "r1" {
			t.Errorf("upstream heard %v", heard)
		}
		b.booksAreRight()
	})
}

func TestSettingsThatCannotBe(t *testing.T) {
	keys := newSwitchboard(t, relay.Settings{}).settings.Keys
	for name, ups := range map[string][]relay.Upstream{
		"no name":    {{Giftcard: &stub{}}},
		"twice":      {{Name: "up", Giftcard: &stub{}}, {Name: "up", Giftcard: &stub{}}},
		"no service": {{Name: "up"}},
		"a pace":     {{Name: "up", Giftcard: &stub{}, Pace: saf.Pace{Window: -1}}},
	} {
		if _, err := relay.New(relay.Settings{Keys: keys, Upstreams: ups}); err == nil {
			t.Errorf("%s: it is made", name)
		}
	}
}

// However much is in doubt, everybody hears what is queued, and a process that follows starts and delivers it.
func TestNoValueInDoubtKeepsARelayFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := &stub{request: always(errSilence), advise: func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }}
		b := newSwitchboard(t, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Pace: saf.Pace{BreakAfter: 1000}}}})
		const many = 16
		for i := range many {
			q := redemption(ident.ID("r" + strconv.Itoa(i)))
			q.Amount = cents(money.MaxMinor)
			if _, err := b.Giftcard("up").Request(t.Context(), q); outcome(err) != "unknown GENERAL_ERROR" {
				t.Fatal(outcome(err))
			}
		}
		if own, err := b.own(till.Account); err != nil || len(own) != 1 || own[0].Count != many || own[0].Value != math.MaxInt64 {
			t.Errorf("queued: %+v, %v", own, err)
		}
		if own, err := b.own(other.Account); err != nil || len(own) != 0 {
			t.Errorf("of somebody else: %+v, %v", own, err)
		}
		up.advises(nil)
		b.restart(t)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := b.queued(); len(got) != 0 {
			t.Errorf("still queued: %v", got)
		}
	})
}
