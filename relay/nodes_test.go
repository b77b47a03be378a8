package relay_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/relay"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

func TestTheRelayCountsLeasesAsTheStoreDoes(t *testing.T) {
	if relay.LeaseTime != store.LeaseTime {
		t.Errorf("a lease lives %s here and %s in the store", relay.LeaseTime, store.LeaseTime)
	}
}

// inCluster runs a test with relays on the nodes of one store, in a bubble. The first holds the queues.
func inCluster(t *testing.T, nodes int, s relay.Settings, test func(t *testing.T, nodes []*switchboard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		keys, err := secret.Generate()
		if err != nil {
			t.Fatal(err)
		}
		s := s
		s.Keys = keys
		cluster := storetest.NewCluster(memstore.New(), nil)
		var all []*switchboard
		for range nodes {
			all = append(all, newSwitchboardOver(t, s, cluster.Node(), nil))
			synctest.Wait()
		}
		test(t, all)
		for _, b := range all {
			b.booksAreRight()
		}
	})
}

// dies has the store take a node for dead, which still works on.
func (b *switchboard) dies() {
	b.t.Helper()
	if err := b.driver.Close(); err != nil {
		b.t.Fatal(err)
	}
}

// leads gives which of some nodes send the queue of an upstream.
func leads(nodes []*switchboard) (all []int) {
	for n, b := range nodes {
		if b.Queues()[0].Leads {
			all = append(all, n)
		}
	}
	return all
}

// held is an upstream whose answers to requests a test holds back.
func held(err error) (up *stub, answer func()) {
	gate := sync.OnceValue(func() chan struct{} { return make(chan struct{}) }) // in the bubble
	return &stub{request: func(ident.ID) error {
		<-gate()
		return err
	}}, sync.OnceFunc(func() { close(gate()) })
}

// What another node has in hand is not undone, neither by one that starts nor by those that look for what is lost.
func TestARequestInHandElsewhereIsLeftAlone(t *testing.T) {
	up, answer := held(nil)
	inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
		defer answer()
		heard := make(chan error)
		go func() {
			_, err := nodes[0].Giftcard("up").Request(t.Context(), redemption("r1"))
			heard <- err
		}()
		synctest.Wait()
		nodes[1].restart(t)
		time.Sleep(30 * time.Second)
		if m := nodes[1].stands(t, "r1"); m.State != txn.Working {
			t.Errorf("while it is in hand it stands as %s", m.State)
		}
		answer()
		if err := <-heard; err != nil {
			t.Errorf("its sender hears %v", err)
		}
		if m := nodes[1].stands(t, "r1"); m.State != txn.Open || len(up.advised()) != 0 {
			t.Errorf("it stands as %s, and %d advices went out", m.State, len(up.advised()))
		}
	})
}

// What a node that died had in hand is undone within seconds, once, however many nodes see that. The answer that comes
// nevertheless is an unknown outcome, and ends nothing a second time.
func TestWhatADeadNodeHadInHandIsTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		answer error
		want   string
	}{
		"approved":     {nil, "unknown GENERAL_ERROR"},
		"declined":     {decline.New(decline.InsufficientFunds, ""), "unknown GENERAL_ERROR"},
		"never sent":   {&decline.NotTaken{Cause: decline.Unreached}, "unknown GENERAL_ERROR"},
		"turned away":  {&decline.NotTaken{Cause: decline.Unauthenticated}, "unknown GENERAL_ERROR"},
		"no answer":    {errSilence, "unknown GENERAL_ERROR"},
		"doubled":      {decline.New(decline.DuplicateRecord, ""), "declined DUPLICATE_RECORD"},
		"of its form":  {decline.New(decline.FormatError, ""), "unknown GENERAL_ERROR"},
		"out of order": {context.DeadlineExceeded, "unknown GENERAL_ERROR"},
	} {
		t.Run(name, func(t *testing.T) {
			up, answer := held(c.answer)
			second := &stub{}
			s := relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}, {Name: "second", Giftcard: second}}}
			inCluster(t, 3, s, func(t *testing.T, nodes []*switchboard) {
				defer answer()
				heard := make(chan error)
				go func() {
					_, err := nodes[0].Giftcard("up", "second").Request(t.Context(), redemption("r1"))
					heard <- err
				}()
				synctest.Wait()
				nodes[0].dies()
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if m := nodes[1].stands(t, "r1"); m.State != txn.Reversed {
					t.Fatalf("it stands as %s", m.State)
				}
				answer()
				if got := outcome(<-heard); got != c.want {
					t.Errorf("its sender hears %s, want %s", got, c.want)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				m := nodes[1].stands(t, "r1")
				if m.State != txn.Reversed || m.Upstream != "up" || len(second.sent()) != 0 {
					t.Errorf("it stands as %s at %s, and the second upstream has had %v", m.State, m.Upstream, second.sent())
				}
				if got := nodes[1].queued(); len(got) != 0 {
					t.Errorf("still queued: %v", got)
				}
				ids := map[ident.ID]bool{}
				for _, a := range up.advised() {
					ids[a.ID] = true
				}
				if len(ids) != 1 {
					t.Errorf("%d reversals went out", len(ids))
				}
				if got := outcome(reverse(nodes[2], "v1", "r1")); got != "ok" {
					t.Errorf("its sender's own reversal hears %s", got)
				}
			})
		})
	}
}

// reverse sends a reversal to a node.
func reverse(b *switchboard, id, request ident.ID) error {
	_, err := b.Giftcard("up").Advise(context.Background(), reversal(id, request))
	return err
}

// Where nothing is taken back another node asks what became of it. The answer that comes first ends it.
func TestAQuestionOfAnotherNodeIsEndedByTheAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		answer error
		want   txn.State
	}{
		"approved": {nil, txn.Open}, "declined": {decline.New(decline.OutOfStock, ""), txn.Declined},
		"never sent": {&decline.NotTaken{Cause: decline.Unreached}, txn.Absent},
	} {
		t.Run(name, func(t *testing.T) {
			up, answer := held(c.answer)
			up.status = statusUnknown
			s := relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Airtime: seller{up}, Profile: relay.Profile{NoReversals: true}}}}
			inCluster(t, 2, s, func(t *testing.T, nodes []*switchboard) {
				defer answer()
				heard := make(chan error)
				go func() {
					_, err := nodes[0].Airtime("up").Request(t.Context(), purchase("r1"))
					heard <- err
				}()
				synctest.Wait()
				nodes[0].dies()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if got := nodes[1].queued(); !slices.Equal(got, []string{"waiting request of r1"}) {
					t.Fatalf("queued: %v", got)
				}
				answer()
				<-heard
				if m := nodes[1].stands(t, "r1"); m.State != c.want || m.Ended != 0 {
					t.Errorf("it stands as %s, ended by %d", m.State, m.Ended)
				}
				if got := nodes[1].queued(); len(got) != 0 {
					t.Errorf("still queued: %v", got)
				}
				time.Sleep(time.Minute)
				asked := up.asked()
				time.Sleep(10 * time.Minute)
				if now := up.asked(); now != asked {
					t.Errorf("it is asked about %d times more", now-asked)
				}
			})
		})
	}
}

// An advice that meets its request in flight on another node waits for it, though not for ever (rule L12).
func TestAnAdviceWaitsForItsRequestOnAnotherNode(t *testing.T) {
	for name, c := range map[string]struct {
		after time.Duration
		want  string
		state txn.State
	}{
		"answered soon": {2 * time.Second, "ok", txn.Reversed},
		"answered late": {20 * time.Second, "unknown GENERAL_ERROR", txn.Open},
	} {
		t.Run(name, func(t *testing.T) {
			up, answer := held(nil)
			inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
				heard := make(chan error)
				go func() {
					_, err := nodes[0].Giftcard("up").Request(t.Context(), redemption("r1"))
					heard <- err
				}()
				synctest.Wait()
				time.AfterFunc(c.after, answer)
				began := time.Now()
				if got := outcome(reverse(nodes[1], "v1", "r1")); got != c.want {
					t.Errorf("the reversal hears %s", got)
				}
				if took := time.Since(began); took > txn.DefaultHold+time.Second {
					t.Errorf("that took %s", took)
				}
				if err := <-heard; err != nil {
					t.Error(err)
				}
				if m := nodes[0].stands(t, "r1"); m.State != c.state {
					t.Errorf("it stands as %s", m.State)
				}
			})
		})
	}
}

// An advice is not acknowledged as a repeat of one that another node may still take back, nor refused for it.
func TestNothingIsJudgedByAnAdviceThatMayBeTakenBack(t *testing.T) {
	for name, c := range map[string]struct {
		second *txn.Advice
		refuse bool
		want   string
		state  txn.State
	}{
		"the same, then refused":    {confirmation("c1", "r1"), true, "declined INVALID_AMOUNT", txn.Open},
		"the same, then accepted":   {confirmation("c1", "r1"), false, "ok", txn.Confirmed},
		"another, then refused":     {confirmation("c2", "r1"), true, "declined INVALID_AMOUNT", txn.Open},
		"a reversal, then refused":  {reversal("v1", "r1"), true, "ok", txn.Reversed},
		"a reversal, then accepted": {reversal("v1", "r1"), false, "declined ", txn.Confirmed},
	} {
		t.Run(name, func(t *testing.T) {
			up := &stub{}
			inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
				nodes[0].approved(t, "r1")
				gate := make(chan struct{})
				up.advises(func(a *txn.Advice) (*txn.Answer, error) {
					<-gate
					if c.refuse && a.Role == txn.Confirmation {
						return nil, decline.New(decline.InvalidAmount, "")
					}
					return nil, nil
				})
				first := make(chan error)
				go func() {
					_, err := nodes[1].Giftcard("up").Advise(t.Context(), confirmation("c1", "r1"))
					first <- err
				}()
				synctest.Wait()
				time.AfterFunc(2*time.Second, func() { close(gate) })
				_, err := nodes[0].Giftcard("up").Advise(t.Context(), c.second)
				if got := outcome(err); got != c.want && (c.want != "declined " || got == "ok") {
					t.Errorf("the second hears %s, want %s", got, c.want)
				}
				want := "ok"
				if c.refuse {
					want = "declined INVALID_AMOUNT"
				}
				if got := outcome(<-first); got != want {
					t.Errorf("the first hears %s", got)
				}
				if m := nodes[0].stands(t, "r1"); m.State != c.state {
					t.Errorf("it stands as %s", m.State)
				}
			})
		})
	}
}

// An advice that was left to the queue is no reason to wait on the node that took it, and on another one not for long.
func TestARepeatOfWhatIsQueuedIsAcknowledged(t *testing.T) {
	up := &stub{advise: func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }}
	inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
		nodes[1].approved(t, "r1")
		advise := func(b *switchboard) string {
			_, err := b.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1"))
			return outcome(err)
		}
		if got := advise(nodes[1]); got != "ok" {
			t.Fatal(got)
		}
		began := time.Now()
		if got := advise(nodes[1]); got != "ok" || time.Since(began) > time.Second {
			t.Errorf("on the same node its repeat hears %s after %s", got, time.Since(began))
		}
		time.Sleep(10 * time.Second)
		began = time.Now()
		if got := advise(nodes[0]); got != "ok" || time.Since(began) > time.Second {
			t.Errorf("on another node its repeat hears %s after %s", got, time.Since(began))
		}
	})
}

// An upstream that refuses an advice which it has had before does not undo what it has agreed to: which of two nodes was
// first nobody can tell.
func TestAnAdviceThatTwoNodesSendIsNotTakenForRefused(t *testing.T) {
	had := map[ident.ID]bool{}
	var mu sync.Mutex
	up := &stub{advise: func(a *txn.Advice) (*txn.Answer, error) {
		mu.Lock()
		again := had[a.ID]
		had[a.ID] = true
		mu.Unlock()
		if again {
			return nil, decline.New(decline.DuplicateRecord, "")
		}
		time.Sleep(20 * time.Second) // its answer comes late
		return nil, errSilence
	}}
	inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
		nodes[1].approved(t, "r1")
		if _, err := nodes[1].Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := nodes[0].queued(); len(got) != 0 {
			t.Errorf("still queued: %v", got)
		}
		if m := nodes[0].stands(t, "r1"); m.State != txn.Confirmed {
			t.Errorf("it stands as %s", m.State)
		}
	})
}

// Whichever node takes an advice has its answer told to its sender.
func TestEveryNodeOffersItsOwnAdvices(t *testing.T) {
	up := &stub{}
	inCluster(t, 3, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
		if got := leads(nodes); !slices.Equal(got, []int{0}) {
			t.Fatalf("the queue is sent by %v", got)
		}
		for n, b := range nodes {
			request, id := ident.ID(fmt.Sprint("r", n)), ident.ID(fmt.Sprint("c", n))
			b.approved(t, request)
			answer, err := b.Giftcard("up").Advise(t.Context(), confirmation(id, request))
			if err != nil || answer == nil || answer.Status != 202 {
				t.Errorf("node %d answers %v, %v", n, answer, err)
			}
		}
		time.Sleep(time.Minute)
		if sent := len(up.advised()); sent != len(nodes) || len(nodes[0].queued()) != 0 {
			t.Errorf("%d were sent, and %v is queued", sent, nodes[0].queued())
		}
	})
}

// What an upstream could not take is sent by whoever holds its queue, and by the next within seconds of the holder's death,
// or at once when it closes.
func TestTheQueueIsTakenOver(t *testing.T) {
	for name, c := range map[string]struct {
		end    func(t *testing.T, b *switchboard)
		within time.Duration
	}{
		"closed": {func(t *testing.T, b *switchboard) {
			if err := b.Close(context.Background()); err != nil {
				t.Error(err)
			}
		}, 1100 * time.Millisecond},
		"silent": {func(_ *testing.T, b *switchboard) { b.driver.(*silentNode).fall() }, relay.LeaseTime + 1100*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				keys, err := secret.Generate()
				if err != nil {
					t.Fatal(err)
				}
				up := &stub{advise: func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }}
				s := relay.Settings{Keys: keys, Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Pace: saf.Pace{MaxWait: time.Second}}}}
				cluster := storetest.NewCluster(memstore.New(), nil)
				first := newSwitchboardOver(t, s, &silentNode{Driver: cluster.Node()}, nil)
				synctest.Wait()
				second := newSwitchboardOver(t, s, cluster.Node(), nil)
				both := []*switchboard{first, second}
				first.approved(t, "r1")
				if _, err := first.Giftcard("up").Advise(t.Context(), confirmation("c1", "r1")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if got := leads(both); !slices.Equal(got, []int{0}) {
					t.Fatalf("the queue is sent by %v", got)
				}
				c.end(t, first)
				for end := time.Now().Add(c.within); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
					if got := leads(both); len(got) > 1 {
						t.Fatalf("the queue is sent by %v", got)
					}
				}
				synctest.Wait()
				if got := leads(both); !slices.Equal(got, []int{1}) {
					t.Fatalf("after %s the queue is sent by %v", c.within, got)
				}
				up.advises(nil)
				time.Sleep(40 * time.Second)
				if got := second.queued(); len(got) != 0 {
					t.Errorf("still queued: %v", got)
				}
			})
		})
	}
}

// silentNode is a node that cannot prolong its leases any more.
type silentNode struct {
	store.Driver
	mu     sync.Mutex
	fallen bool
}

func (n *silentNode) fall() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fallen = true
}

func (n *silentNode) gone() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fallen
}

// Lease implements store.Leases.
func (n *silentNode) Lease(ctx context.Context, name string) (bool, error) {
	if n.gone() {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return n.Driver.Lease(ctx, name)
}

// Operators act on one node, and the one that holds the queue follows.
func TestActsOnAnotherNodeReachTheHolder(t *testing.T) {
	up := &stub{advise: func(*txn.Advice) (*txn.Answer, error) { return nil, errSilence }}
	s := relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up, Pace: saf.Pace{MaxWait: time.Second, BreakAfter: 1000, ParkAfter: 1000}}}}
	inCluster(t, 2, s, func(t *testing.T, nodes []*switchboard) {
		for _, id := range []ident.ID{"r1", "r2"} {
			nodes[0].approved(t, id)
			if _, err := nodes[0].Giftcard("up").Advise(t.Context(), confirmation("c"+id, id)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		closed := nodes[0].items()[0]
		err := store.Queue(nodes[1].store).Update(t.Context(), saf.Keys{World: closed.World}, func(tx saf.Tx) error {
			tx.DropItem(closed.Seq)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		before := len(up.advised())
		time.Sleep(time.Minute)
		for _, a := range up.advised()[before:] {
			if a.ID == closed.ID {
				t.Fatal("what is closed is sent again")
			}
		}
		if len(up.advised()) == before {
			t.Fatal("nothing is sent at all")
		}
		up.advises(refuses(decline.InvalidAmount))
		time.Sleep(time.Minute)
		if got := nodes[1].queued(); !slices.Equal(got, []string{"attention confirmation of r2"}) {
			t.Fatalf("queued: %v", got)
		}
		up.advises(nil)
		nodes[1].retried(t)
		time.Sleep(3 * time.Second)
		if got := nodes[1].queued(); len(got) != 0 {
			t.Errorf("still queued: %v", got)
		}
	})
}

// The relay's own reversal is nobody's to take back: who has heard nothing and reverses at another node hears at once that it
// is done.
func TestAReversalOfWhatAnotherNodeHasReversedIsARepeat(t *testing.T) {
	up := &stub{request: always(errSilence), advise: func(*txn.Advice) (*txn.Answer, error) {
		time.Sleep(30 * time.Second)
		return nil, errSilence
	}}
	inCluster(t, 2, relay.Settings{Upstreams: []relay.Upstream{{Name: "up", Giftcard: up}}}, func(t *testing.T, nodes []*switchboard) {
		if _, err := nodes[1].Giftcard("up").Request(t.Context(), redemption("r1")); outcome(err) != "unknown GENERAL_ERROR" {
			t.Fatal(err)
		}
		began := time.Now()
		if got := outcome(reverse(nodes[0], "v1", "r1")); got != "ok" || time.Since(began) > time.Second {
			t.Errorf("it hears %s after %s", got, time.Since(began))
		}
	})
}
