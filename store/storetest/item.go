package storetest

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testItems(t *testing.T, h *harness) {
	t.Run("every field comes back", h.with(everyItemField))
	t.Run("extreme values come back", h.with(extremeItems))
	t.Run("what may change is changed", h.with(changedItem))
	t.Run("items come in pages, of an upstream and of any", h.with(itemPages))
	t.Run("the queue is eaten from its head", h.with(eatenQueue))
	t.Run("an item is dropped once, and again without harm", h.with(droppedItems))
	t.Run("added, changed and dropped in one batch", h.bubble(shortLife))
	t.Run("an item that is there already is refused", h.bubble(addedTwice))
	t.Run("an item that is gone cannot be changed", h.with(changedTooLate))
	t.Run("items are of their world", h.with(itemWorlds))
	t.Run("a view shows an item with its message, or neither", h.with(itemsInViews))
	t.Run("levels count the queue", h.with(queueLevels))
	t.Run("a value beyond all amounts is the most that an amount can be", h.with(levelsOverflow))
	t.Run("the words of store-and-forward", h.with(queueFace))
	t.Run("a commit in doubt", func(t *testing.T) { itemsInDoubt(t, h) })
}

// everyState is all states of an item.
var everyState = []saf.State{saf.Waiting, saf.Parked, saf.Attention}

// newItem gives an item with nothing special about it: the reversal of a request that came just before it.
func newItem(seq int64) saf.Item {
	return saf.Item{
		Seq: seq, Upstream: "issuer", World: ident.Production, Account: 3, Family: txn.Redemption, Role: txn.Reversal,
		ID: uuid(int(seq)), Request: seq - 1, RequestID: uuid(int(seq) - 1), At: noon, Amount: 500, Currency: 710,
		Body: []byte("sealed"), State: saf.Waiting,
	}
}

// enqueue adds items, all in one message.
func (r *room) enqueue(items ...saf.Item) {
	r.Helper()
	r.do(func(tx *store.Tx) {
		for _, i := range items {
			tx.AddItem(i)
		}
	})
}

// items gives all there are, of any upstream and in any state.
func (r *room) items() []saf.Item {
	return must(r.driver.Items(r.Context(), "", everyState, 0, 10_000))
}

// queued checks an item by its seq and in the report.
func (r *room) queued(want saf.Item) {
	r.Helper()
	r.everyWay(func(how string) {
		r.Helper()
		r.readIn(want.World, func(tx *store.Tx) {
			r.Helper()
			got, found := tx.Item(want.Seq)
			if !found {
				r.Errorf("%s: there is no item %d", how, want.Seq)
			}
			r.same(how+": item", got, want)
		})
		listed := must(r.driver.Items(r.Context(), want.Upstream, []saf.State{want.State}, want.Seq-1, 1))
		r.same(how+": listed", listed, []saf.Item{want})
	})
}

func everyItemField(r *room) {
	i := saf.Item{
		Seq: 901, Upstream: "issuer-2", World: 7, Account: 3, Family: txn.Purchase, Role: txn.Confirmation, ID: uuid(1), Request: 850,
		RequestID: "Not-A-UUID", At: noon, Amount: 1200, Currency: 710, Body: []byte{0, 1, 255}, State: saf.Parked, Attempts: 12,
		Tried: noon.Add(time.Hour), Why: "503 from the upstream",
	}
	r.full(i)
	r.enqueue(i)
	r.queued(i)
}

func extremeItems(r *room) {
	least := saf.Item{
		Seq: 1, Upstream: "'", World: math.MinInt32, Account: math.MinInt32, ID: "-", RequestID: "-", Request: math.MinInt64,
		At: time.UnixMilli(math.MinInt32).UTC(), Amount: math.MinInt64, State: saf.Waiting, Attempts: math.MinInt32,
		Tried: time.UnixMilli(0).UTC(),
	}
	most := saf.Item{
		Seq: math.MaxInt64 - 1, Upstream: strings.Repeat("Ünicode-\u2028", 20), World: math.MaxInt32, Account: math.MaxInt32,
		Family: math.MaxUint8, Role: math.MaxUint8, ID: ident.ID(strings.Repeat("~", ident.MaxIDLength)), Request: math.MaxInt64,
		RequestID: ident.ID(strings.Repeat("a", ident.MaxIDLength)), At: time.UnixMilli(253402300799999).UTC(), Amount: math.MaxInt64,
		Currency: math.MaxUint16, Body: make([]byte, 1<<20), State: saf.Attention, Attempts: math.MaxInt32,
		Tried: time.UnixMilli(253402300799999).UTC(), Why: strings.Repeat("ü'", 300),
	}
	question := saf.Item{Seq: 2, Upstream: "u", World: 1, ID: "q", RequestID: "q", At: noon, State: saf.Waiting, Role: txn.Request}
	r.enqueue(least, most, question)
	for _, i := range []saf.Item{least, most, question} {
		r.queued(i)
	}
}

// troubled is an item after a few attempts.
func troubled(i saf.Item, s saf.State) saf.Item {
	i.State, i.Attempts, i.Tried, i.Why = s, i.Attempts+3, noon.Add(time.Minute), "it did not answer"
	return i
}

func changedItem(r *room) {
	i := newItem(40)
	r.enqueue(i, newItem(41))
	for _, s := range []saf.State{saf.Waiting, saf.Parked, saf.Attention, saf.Waiting} {
		i = troubled(i, s)
		r.do(func(tx *store.Tx) {
			other := newItem(i.Seq)
			other.State, other.Attempts, other.Tried, other.Why = i.State, i.Attempts, i.Tried, i.Why
			other.Upstream, other.Account, other.Amount, other.Body, other.At = "x", 9, 9, nil, noon.Add(1) // what may not change
			tx.PutItem(other)
			got, _ := tx.Item(i.Seq)
			r.same("in the batch", got, i)
		})
		r.queued(i)
	}
	i.Attempts, i.Tried, i.Why = 0, time.Time{}, "" // an operator has it tried anew
	r.do(func(tx *store.Tx) { tx.PutItem(i) })
	r.queued(i)
	r.queued(newItem(41))
}

// line fills a queue of two upstreams, with items in every state.
func (r *room) line() (all []saf.Item) {
	for n := range int64(24) {
		i := newItem(3*n + 2)
		i.Upstream, i.State = []string{"issuer", "other"}[n%2], everyState[n/2%3]
		all = append(all, i)
	}
	r.enqueue(all[12:]...)
	r.enqueue(all[:12]...)
	return all
}

func itemPages(r *room) {
	all := r.line()
	r.everyWay(func(string) {
		for _, upstream := range []string{"", "issuer", "other"} {
			for _, states := range [][]saf.State{
				{saf.Waiting}, {saf.Parked}, {saf.Attention}, {saf.Attention, saf.Waiting}, {saf.Parked, saf.Parked}, everyState,
			} {
				want := fitting(all, upstream, states)
				if len(want) < 3 {
					r.Fatalf("%d items of %q in %v", len(want), upstream, states)
				}
				pages(r, want, func(i saf.Item) int64 { return i.Seq }, func(after int64, limit int) []saf.Item {
					return must(r.driver.Items(r.Context(), upstream, states, after, limit))
				})
			}
		}
		if got := must(r.driver.Items(r.Context(), "nobody", everyState, 0, 9)); len(got) != 0 {
			r.Errorf("an upstream that nothing goes to has %d items", len(got))
		}
		if got := must(r.driver.Items(r.Context(), "", nil, 0, 9)); len(got) != 0 {
			r.Errorf("%d items are in no state", len(got))
		}
	})
}

// fitting gives the items of an upstream, or of any, in one of the states.
func fitting(all []saf.Item, upstream string, states []saf.State) []saf.Item {
	return slices.DeleteFunc(slices.Clone(all), func(i saf.Item) bool {
		return upstream != "" && i.Upstream != upstream || !slices.Contains(states, i.State)
	})
}

// eatenQueue takes from the head while it adds at the end, as a relay does.
func eatenQueue(r *room) {
	const items, window = 300, 7
	var left []saf.Item
	for seq := int64(2); seq < items; seq++ {
		i := newItem(seq)
		r.do(func(tx *store.Tx) {
			if tx.AddItem(i); len(left) >= window {
				tx.DropItem(left[int(seq)%3].Seq) // not always the very first
			}
		})
		if len(left) >= window {
			left = slices.Delete(left, int(seq)%3, int(seq)%3+1)
		}
		left = append(left, i)
		r.same("head", must(r.driver.Items(r.Context(), "issuer", []saf.State{saf.Waiting}, 0, 2)), left[:min(2, len(left))])
	}
	r.everyWay(func(how string) { r.same(how, r.items(), left) })
}

func droppedItems(r *room) {
	kept, gone := newItem(50), troubled(newItem(51), saf.Attention)
	r.enqueue(kept, gone)
	r.do(func(tx *store.Tx) { tx.DropItem(gone.Seq); tx.DropItem(gone.Seq); tx.DropItem(999) })
	r.do(func(tx *store.Tx) { tx.DropItem(gone.Seq) })
	r.everyWay(func(how string) {
		r.same(how, r.items(), []saf.Item{kept})
		r.read(func(tx *store.Tx) {
			if _, found := tx.Item(gone.Seq); found {
				r.Errorf("%s: a dropped item is still there", how)
			}
		})
	})
	back := newItem(gone.Seq) // no seq is given twice; still, nothing of the first may cling to it
	r.enqueue(back)
	r.queued(back)
}

func shortLife(b *batchRoom) {
	old, stays := newItem(30), troubled(newItem(20), saf.Parked)
	b.enqueue(old, newItem(20))
	b.saved(b.together(
		good(func(tx *store.Tx) { tx.AddItem(newItem(10)); tx.AddItem(newItem(11)) }),
		good(func(tx *store.Tx) {
			tx.PutItem(troubled(newItem(10), saf.Attention))
			tx.PutItem(troubled(newItem(11), saf.Attention))
			tx.PutItem(troubled(newItem(20), saf.Attention))
			tx.PutItem(troubled(old, saf.Parked))
		}),
		good(func(tx *store.Tx) {
			got, _ := tx.Item(20)
			b.same("of a neighbour", got, troubled(newItem(20), saf.Attention))
			tx.PutItem(stays)
			tx.DropItem(old.Seq)
			tx.DropItem(10)
			if _, found := tx.Item(10); found {
				b.Error("an item is there although it was dropped in the batch")
			}
		}),
	))
	b.everyWay(func(how string) { b.same(how, b.items(), []saf.Item{troubled(newItem(11), saf.Attention), stays}) })
}

func addedTwice(b *batchRoom) {
	b.enqueue(newItem(10))
	outcomes := b.together(
		good(func(tx *store.Tx) { tx.AddItem(newItem(20)) }),
		good(func(tx *store.Tx) { tx.AddItem(newItem(10)); tx.Insert(request(10, uuid(10))) }),
		good(func(tx *store.Tx) { tx.AddItem(newItem(30)); tx.AddItem(newItem(30)) }),
		good(func(tx *store.Tx) { tx.DropItem(10) }),
	)
	var refused *decline.NotTaken
	for i, err := range outcomes {
		if twice := i == 1 || i == 2; twice != errors.As(err, &refused) || !twice && err != nil {
			b.Errorf("message %d: %v", i, err)
		}
	}
	b.everyWay(func(how string) {
		b.same(how, b.items(), []saf.Item{newItem(20)})
		b.read(func(tx *store.Tx) {
			if _, found := tx.MessageAt(10); found {
				b.Errorf("%s: the message of a refused item is there", how)
			}
		})
	})
}

func changedTooLate(r *room) {
	r.enqueue(newItem(10))
	r.do(func(tx *store.Tx) { tx.DropItem(10) })
	if r.try(declared(), func(tx *store.Tx) error { tx.PutItem(newItem(10)); return nil }) == nil {
		r.Error("an item that is gone was changed")
	}
	if r.try(declared(), func(tx *store.Tx) error {
		tx.AddItem(newItem(11))
		tx.DropItem(11)
		tx.PutItem(newItem(11))
		return nil
	}) == nil {
		r.Error("an item that was dropped by the same message was changed")
	}
	if r.try(declared(), func(tx *store.Tx) error { tx.DropItem(12); tx.AddItem(newItem(12)); return nil }) == nil {
		r.Error("an item was dropped before it was added, and nobody said so")
	}
	r.everyWay(func(how string) { r.same(how, r.items(), []saf.Item(nil)) })
}

func itemWorlds(r *room) {
	ours, theirs := newItem(10), newItem(11)
	theirs.World = 9
	r.enqueue(ours)
	r.doIn(9, func(tx *store.Tx) { tx.AddItem(theirs) })
	r.everyWay(func(how string) {
		for _, i := range []saf.Item{ours, theirs} {
			for _, w := range []ident.World{ident.Production, 9} {
				r.readIn(w, func(tx *store.Tx) {
					if _, found := tx.Item(i.Seq); found != (w == i.World) {
						r.Errorf("%s: an item of world %d is seen in world %d: %t", how, i.World, w, found)
					}
				})
			}
		}
	})
	if r.try(declared(), func(tx *store.Tx) error { tx.PutItem(troubled(theirs, saf.Parked)); return nil }) == nil {
		r.Error("an item was changed from another world")
	}
	r.queued(theirs)
}

// itemsInViews hands one item after another on, each with its message, while views look.
func itemsInViews(r *room) {
	const seqs, least = 6, 40
	var all sync.WaitGroup
	var over atomic.Bool
	var with, without atomic.Int64
	for range 3 {
		all.Go(func() {
			for !over.Load() {
				r.read(func(tx *store.Tx) {
					for seq := int64(1); seq <= seqs; seq++ {
						m, _ := tx.MessageAt(seq)
						switch _, queued := tx.Item(seq); {
						case queued != (m.State == txn.Working):
							r.Errorf("message %d is %s, its item is there: %t", seq, m.State, queued)
						case queued:
							with.Add(1)
						default:
							without.Add(1)
						}
					}
				})
			}
		})
	}
	for seq := int64(1); seq <= seqs; seq++ {
		r.insert(request(seq, uuid(int(seq))))
	}
	for n := int64(0); n < 200 || with.Load() < least || without.Load() < least; n++ { // until the views have run beside us
		r.do(func(tx *store.Tx) {
			seq := 1 + n%seqs
			m, _ := tx.MessageAt(seq)
			if m.State == txn.Open {
				m.State = txn.Working
				tx.AddItem(newItem(seq))
			} else {
				m.State = txn.Open
				tx.DropItem(seq)
			}
			tx.Amend(m)
		})
	}
	over.Store(true)
	all.Wait()
}

func queueLevels(r *room) {
	if got := must(r.driver.Levels(r.Context())); len(got) != 0 {
		r.Errorf("an empty queue has levels: %v", got)
	}
	add := func(seq int64, upstream string, a ident.Account, s saf.State, c money.Currency, amount money.Minor, since time.Duration) {
		i := newItem(seq)
		i.Upstream, i.Account, i.State, i.Currency, i.Amount, i.At = upstream, a, s, c, amount, noon.Add(-since)
		r.enqueue(i)
	}
	add(1, "b", 3, saf.Waiting, 710, 500, time.Second)
	add(2, "b", 3, saf.Waiting, 710, 70, time.Hour)
	add(3, "b", 3, saf.Waiting, 710, 0, time.Minute)
	add(4, "b", 3, saf.Waiting, 978, 5, 0)
	add(5, "b", 3, saf.Attention, 710, 6, 0)
	add(6, "b", 2, saf.Parked, 0, 0, 0)
	add(7, "a", 3, saf.Waiting, 710, 8, 0)
	want := []saf.Level{
		{Upstream: "a", Account: 3, State: saf.Waiting, Currency: 710, Count: 1, Value: 8, Oldest: noon},
		{Upstream: "b", Account: 2, State: saf.Parked, Count: 1, Oldest: noon},
		{Upstream: "b", Account: 3, State: saf.Waiting, Currency: 710, Count: 3, Value: 570, Oldest: noon.Add(-time.Hour)},
		{Upstream: "b", Account: 3, State: saf.Waiting, Currency: 978, Count: 1, Value: 5, Oldest: noon},
		{Upstream: "b", Account: 3, State: saf.Attention, Currency: 710, Count: 1, Value: 6, Oldest: noon},
	}
	r.everyWay(func(how string) { r.same(how, must(r.driver.Levels(r.Context())), want) })
	r.do(func(tx *store.Tx) { tx.DropItem(2); tx.DropItem(7) })
	want = want[1:]
	want[1].Count, want[1].Value, want[1].Oldest = 2, 500, noon.Add(-time.Minute)
	r.everyWay(func(how string) { r.same(how, must(r.driver.Levels(r.Context())), want) })
}

func levelsOverflow(r *room) {
	one, two := newItem(1), newItem(2)
	one.Amount, two.Amount = math.MaxInt64, 1
	r.enqueue(one, two)
	r.everyWay(func(how string) {
		if got := must(r.driver.Levels(r.Context())); len(got) != 1 || got[0].Count != 2 || got[0].Value != math.MaxInt64 {
			r.Errorf("%s: got %v", how, got)
		}
	})
}

// queueFace says what it needs before, as the relay does.
func queueFace(r *room) {
	r.insert(request(40, uuid(40)))
	r.enqueue(newItem(41))
	queue, keys := store.Queue(r.store), saf.Keys{World: ident.Production, IDs: []ident.ID{uuid(1)}, Seqs: []int64{40, 39}, Items: []int64{41, 40}}
	look := func(tx saf.Tx) error {
		m, _ := tx.MessageAt(40)
		r.same("message", m, request(40, uuid(40)))
		i, _ := tx.Item(41)
		r.same("item", i, newItem(41))
		_, none := tx.MessageAt(39)
		if _, item := tx.Item(40); none || item || len(tx.Messages(uuid(1))) != 0 {
			r.Error("what is not there was found")
		}
		return nil
	}
	if err := errors.Join(queue.Update(r.Context(), keys, look), queue.View(r.Context(), keys, look)); err != nil {
		r.Error(err)
	}
	done := make(chan struct{})
	queue.Later(saf.Keys{World: ident.Production}, func(tx saf.Tx) error { tx.DropItem(41); return nil }, func() { close(done) })
	<-done
	r.everyWay(func(how string) { r.same(how, r.items(), []saf.Item(nil)) })
}

// itemsInDoubt has commits take place that report an error: whoever comes again finds what they have left.
func itemsInDoubt(t *testing.T, h *harness) {
	disk := &Doubtful{}
	open := func(t testing.TB) store.Driver { disk.Driver = h.open(t); return disk }
	reopen := func(t testing.TB, _ store.Driver) store.Driver { disk.Driver = h.reopen(t, disk.Driver); return disk }
	r := (&harness{open: open, reopen: reopen}).start(t)
	doubted := func(decide func(*store.Tx)) {
		t.Helper()
		disk.Doubt = 1
		err := r.store.Do(context.Background(), declared(), func(tx *store.Tx) error { decide(tx); return nil })
		if !errors.Is(err, ErrDoubt) {
			t.Fatalf("got %v", err)
		}
	}
	has := func(want ...saf.Item) {
		t.Helper()
		r.everyWay(func(how string) {
			t.Helper()
			r.same(how, r.items(), want)
			r.same(how+": messages", len(must(r.driver.Messages(t.Context(), 0, 9))), 1)
		})
	}
	doubted(func(tx *store.Tx) { tx.Insert(request(10, uuid(10))); tx.AddItem(newItem(10)) })
	has(newItem(10))
	doubted(func(tx *store.Tx) { tx.PutItem(troubled(newItem(10), saf.Parked)) })
	has(troubled(newItem(10), saf.Parked))
	doubted(func(tx *store.Tx) { tx.DropItem(10) })
	has()
	r.do(func(tx *store.Tx) { tx.DropItem(10) })
	has()
}
