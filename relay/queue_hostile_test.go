package relay

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
)

// hostile is an upstream that is out for a while now and then, and otherwise loses, delays, refuses and turns away by
// chance. It remembers what it has agreed to, and that no request had two advices on their way.
type hostile struct {
	*rig
	mu      sync.Mutex
	chance  *rand.Rand
	calm    bool
	outage  time.Time // until then
	sending map[int64]bool
	agreed  map[int64]bool
	refused map[int64]bool // for good: it says no to these each time
}

func (h *hostile) answer(i saf.Item) error {
	takes, err := h.decide(i)
	time.Sleep(takes)
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sending, i.Request)
	return err
}

func (h *hostile) decide(i saf.Item) (takes time.Duration, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sending[i.Request] {
		h.Errorf("two advices of request %d are sent at once", i.Request)
	}
	h.sending[i.Request] = true
	now, roll := time.Now(), h.chance.IntN(100)
	switch {
	case h.refused[i.Seq]:
		return 0, errNo
	case h.calm || roll < 60 && !now.Before(h.outage):
		h.agreed[i.Seq] = true
		return time.Duration(h.chance.IntN(300)) * time.Millisecond, nil
	case roll < 2:
		h.outage = now.Add(time.Duration(h.chance.IntN(120)) * time.Second)
	case now.Before(h.outage) || roll < 80:
		return time.Duration(h.chance.IntN(3000)) * time.Millisecond, errReset
	case roll < 85: // agreed to, and the answer is lost
		h.agreed[i.Seq] = true
		return time.Second, errReset
	case roll < 86:
		return 0, errTurned
	case roll < 88:
		return 0, errNoSecret
	case roll < 92 && !h.agreed[i.Seq]:
		h.refused[i.Seq] = true
		return time.Duration(h.chance.IntN(7000)) * time.Millisecond, errNo
	}
	return 0, errReset
}

// fickle are leases that come and go.
type fickle struct {
	mu     sync.Mutex
	chance *rand.Rand
}

// Lease implements Leases.
func (f *fickle) Lease(ctx context.Context, _ string) (bool, error) {
	f.mu.Lock()
	roll := f.chance.IntN(20)
	f.mu.Unlock()
	if roll == 0 {
		<-ctx.Done()
		return false, ctx.Err()
	}
	return roll > 2, nil
}

// Release implements Leases.
func (*fickle) Release(context.Context, string) error { return nil }

// TestEveryAdviceEndsOnceWhateverTheUpstreamDoes has senders commit, offer and wait, operators look and pause, and the
// process stop and start, while the upstream is hostile. Then it is calm, and all must have ended: agreed to, or refused,
// and then dealt with by its sender or by operators, and by one of the two.
func TestEveryAdviceEndsOnceWhateverTheUpstreamDoes(t *testing.T) {
	var agreed, taken, atOperators int
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				if seed%2 == 1 {
					r.leases = &fickle{chance: rand.New(rand.NewPCG(seed, 6))}
				}
				h := &hostile{
					rig: r, chance: rand.New(rand.NewPCG(seed, 4)), sending: map[int64]bool{}, agreed: map[int64]bool{},
					refused: map[int64]bool{},
				}
				r.say(h.answer)
				r.renew(saf.Pace{Window: 4, ParkAfter: 3})
				r.start()
				theirs := h.trouble(rand.New(rand.NewPCG(seed, 5)))
				h.mu.Lock()
				h.calm = true
				h.mu.Unlock()
				h.calmDown()
				h.mustAgree(theirs)
				agreed, taken, atOperators = agreed+len(h.agreed), taken+len(theirs), atOperators+len(h.refused)-len(theirs)
			})
		})
	}
	if agreed == 0 || taken == 0 || atOperators == 0 {
		t.Errorf("%d agreed to, %d taken back, %d with the operators: that tries too little", agreed, taken, atOperators)
	}
}

// trouble plays for a while, and gives which refusals were recorded by their senders.
func (h *hostile) trouble(chance *rand.Rand) (taken map[int64]bool) {
	taken = map[int64]bool{}
	var mu sync.Mutex
	var senders sync.WaitGroup
	for range 300 {
		for _, i := range h.commit(chance.IntN(4), ident.Account(1+chance.IntN(3))) {
			o, patience := h.offer(i, nil), time.Duration(chance.IntN(6000))*time.Millisecond
			senders.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if _, err, final := o.await(ctx); final && err != nil {
					h.update(func(tx saf.Tx) { tx.DropItem(i.Seq) })
					o.recorded(nil)
					mu.Lock()
					defer mu.Unlock()
					taken[i.Seq] = true
				}
			})
		}
		switch chance.IntN(40) {
		case 0:
			h.pause(true)
		case 1, 2:
			h.pause(false)
			h.look()
		case 3:
			h.restart(senders.Wait)
		}
		time.Sleep(time.Duration(chance.IntN(1500)) * time.Millisecond)
	}
	senders.Wait()
	return taken
}

// restart stops the queue, and starts another one on the same store.
func (h *hostile) restart(settled func()) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	h.queue.close(ctx)
	settled()
	h.renew(saf.Pace{Window: 4, ParkAfter: 3})
	h.start()
}

// calmDown has an operator let everything go that waits for one.
func (h *hostile) calmDown() {
	h.pause(false)
	h.look()
	time.Sleep(10 * time.Minute)
	if err := h.drain(context.Background()); err != nil {
		h.Error(err)
	}
	synctest.Wait()
}

// mustAgree checks that every item has ended once.
func (h *hostile) mustAgree(taken map[int64]bool) {
	h.holds(0, 0, len(h.rows(saf.Attention)))
	atOperators := map[int64]bool{}
	for _, i := range h.rows(saf.Attention) {
		atOperators[i.Seq] = true
		if i.Why != saf.Read(i.Role, errNo).Why {
			h.Errorf("%d is left over: %s", i.Seq, i.Why)
		}
	}
	for seq := int64(1); seq <= h.seq; seq++ {
		ends := 0
		for _, ended := range []bool{h.agreed[seq], taken[seq], atOperators[seq]} {
			if ended {
				ends++
			}
		}
		if ends != 1 || (taken[seq] || atOperators[seq]) != h.refused[seq] {
			h.Errorf("%d: agreed to %t, refused %t, recorded %t, with the operators %t",
				seq, h.agreed[seq], h.refused[seq], taken[seq], atOperators[seq])
		}
	}
}

// broken is a store that cannot save for a while.
type broken struct {
	saf.Store
	mu    sync.Mutex
	fails int // as many updates
}

func (b *broken) Update(ctx context.Context, keys saf.Keys, decide func(saf.Tx) error) error {
	b.mu.Lock()
	fails := b.fails > 0
	b.fails--
	b.mu.Unlock()
	if fails {
		return &decline.NotTaken{Cause: decline.StoreDown, Text: "the disk is full"}
	}
	return b.Store.Update(ctx, keys, decide)
}

func TestAStoreThatCannotSaveIsTriedAgain(t *testing.T) {
	for name, fails := range map[string]int{"a while": saveTries - 1, "longer": 3 * saveTries} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				store := &broken{Store: r.saf}
				r.queue.store = store
				r.commit(5, 1)
				store.fails = fails
				r.start()
				time.Sleep(10 * time.Minute)
				r.holds(0, 0, 0)
				if again := r.sent(1) > 1; again != (fails >= saveTries) {
					t.Errorf("it was sent %d times", r.sent(1))
				}
			})
		})
	}
}

// What an operator closes while it is on its way, and its sender has left, leaves nothing behind.
func TestWhatIsClosedOnItsWayIsForgotten(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.start()
		synctest.Wait()
		r.say(always(errReset))
		r.dawdle(10 * time.Second)
		i := r.commit(1, 1)[0]
		o := r.offer(i, nil)
		if _, _, final := o.await(soon(t)); final {
			t.Fatal("it is answered")
		}
		r.update(func(tx saf.Tx) { tx.DropItem(i.Seq) })
		r.look()
		time.Sleep(time.Minute)
		synctest.Wait()
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.offers) != 0 || !r.line.IsEmpty() || r.sends[i.Seq] != 1 {
			t.Errorf("%d offers are left, the line is empty: %t, it was sent %d times", len(r.offers), r.line.IsEmpty(), r.sends[i.Seq])
		}
	})
}

func TestACloseSavesWhatIsDone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.commit(1000, 1)
		r.start()
		if err := r.drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		last := r.commit(1, 1)[0]
		r.dawdle(time.Second)
		o := r.offer(last, nil)
		synctest.Wait()
		r.queue.close(t.Context())
		if _, err, final := o.await(t.Context()); err != nil || !final {
			t.Errorf("what was in flight ended with %v, %t", err, final)
		}
		if items, err := r.driver.Items(t.Context(), "up", []saf.State{saf.Waiting}, 0, 10); err != nil || len(items) > 0 {
			t.Errorf("%v, %v", items, err)
		}
		r.queue.close(t.Context()) // again: nothing happens
	})
}
