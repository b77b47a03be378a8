package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testBatches(t *testing.T, h *harness) {
	t.Run("messages share a commit", h.bubble(sharedCommit))
	t.Run("a message that fails leaves its neighbours alone", func(t *testing.T) { failingMessages(t, h) })
	t.Run("a decision's own error comes back", h.bubble(ownError))
	t.Run("a poisonous message spoils nobody else", h.bubble(poison))
	t.Run("what was not declared is loaded, and never over a change", h.bubble(undeclared))
	t.Run("a sender that left is surely not applied", h.bubble(abandoned))
	t.Run("a message past its deadline is surely not applied", h.bubble(expired))
	t.Run("a message that was taken is applied whatever its sender does", h.bubble(takenAnyway))
}

// bubble runs a test where it can wait until everybody waits.
func (h *harness) bubble(test func(*batchRoom)) func(*testing.T) {
	return func(t *testing.T) {
		keys() // outside: they outlive the bubble
		synctest.Test(t, func(t *testing.T) { test(h.startBatches(t)) })
	}
}

// batchRoom is a store whose batches a test puts together.
type batchRoom struct {
	*room
	mu     sync.Mutex
	shared []int // how many messages each commit had
}

func (h *harness) startBatches(t *testing.T) *batchRoom {
	b := &batchRoom{}
	b.room = h.startWith(t, store.Settings{
		Now: func() time.Time { return noon },
		Observe: func(messages int, _ time.Duration, _ error) {
			b.mu.Lock()
			b.shared = append(b.shared, messages)
			b.mu.Unlock()
		},
	})
	return b
}

// message is one message of a batch that a test puts together.
type message struct {
	ctx    context.Context
	keys   store.Keys
	decide func(*store.Tx) error
}

// hold keeps the committer busy until release is called.
func (b *batchRoom) hold() (release func()) {
	gate, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if err := b.try(declared(), func(*store.Tx) error { <-gate; return nil }); err != nil {
			b.Errorf("hold: %v", err)
		}
	}()
	synctest.Wait()
	return func() { close(gate); <-over }
}

// queue sends messages in this order, without waiting for their outcome, which wait gives.
func (b *batchRoom) queue(messages ...message) (wait func() []error) {
	outcomes := make([]error, len(messages))
	var all sync.WaitGroup
	for i, m := range messages {
		if m.ctx == nil {
			m.ctx = b.Context()
		}
		if m.keys.World == 0 {
			m.keys.World = 1
		}
		all.Go(func() { outcomes[i] = b.store.Do(m.ctx, m.keys, m.decide) })
		synctest.Wait()
	}
	return func() []error { all.Wait(); return outcomes }
}

// together decides messages in one batch, in this order.
func (b *batchRoom) together(messages ...message) []error {
	release := b.hold()
	wait := b.queue(messages...)
	release()
	return wait()
}

// good is a message that must be saved.
func good(decide func(*store.Tx)) message {
	return message{decide: func(tx *store.Tx) error { decide(tx); return nil }}
}

var errOwn = errors.New("the decision's own")

// bad is a message that changes something and then fails.
func bad(decide func(*store.Tx)) message {
	return message{decide: func(tx *store.Tx) error { decide(tx); return errOwn }}
}

func (b *batchRoom) saved(outcomes []error) {
	b.Helper()
	for i, err := range outcomes {
		if err != nil {
			b.Errorf("message %d: %v", i, err)
		}
	}
}

func sharedCommit(b *batchRoom) {
	b.add(newCard(1))
	outcomes := b.together(
		good(func(tx *store.Tx) { b.balance(tx, 1, 10, 10) }),
		good(func(tx *store.Tx) { b.balance(tx, 1, tx.Card(1).Balance.Book+5, 10) }),
		good(func(tx *store.Tx) { tx.Insert(request(7, uuid(7))) }),
	)
	b.saved(outcomes)
	if !slices.Contains(b.shared, 3) {
		b.Fatalf("commits of %v messages, none of 3", b.shared)
	}
	b.everyWay(func(how string) {
		b.read(func(tx *store.Tx) {
			b.same(how, tx.Card(1).Balance, ledger.Balance{Book: 15, Available: 10})
			b.same(how, tx.Messages(uuid(7)), []txn.Message{request(7, uuid(7))})
		})
	})
}

// writes is every way to change something, on records that neighbours change too.
var writes = map[string]func(*store.Tx){
	"Insert":       func(tx *store.Tx) { tx.Insert(request(90, uuid(1))) },
	"Insert twice": func(tx *store.Tx) { tx.Insert(request(90, uuid(1))); tx.Insert(request(91, uuid(90))) },
	"Amend": func(tx *store.Tx) {
		m := tx.Messages(uuid(1))[0]
		m.State, m.Ended, m.Final = txn.Reversed, 91, 7
		tx.Amend(m)
		m.Ended = 92
		tx.Amend(m)
	},
	"Amend an old one": func(tx *store.Tx) {
		m, _ := tx.MessageAt(100)
		m.State = txn.Reversed
		tx.Amend(m)
	},
	"Insert and amend": func(tx *store.Tx) {
		tx.Insert(request(90, uuid(1)))
		m, _ := tx.MessageAt(90)
		m.State = txn.Reversed
		tx.Amend(m)
	},
	"Remember": func(tx *store.Tx) { tx.Remember(8, uuid(5), 90) },
	"PutCard": func(tx *store.Tx) {
		c := tx.Card(1)
		c.LastMessage = 99
		tx.PutCard(c)
		c.Loads = 99
		tx.PutCard(c)
	},
	"PutCard of another": func(tx *store.Tx) {
		c := tx.Card(2)
		c.LastMessage = 99
		tx.PutCard(c)
	},
	"PutDetail": func(tx *store.Tx) {
		d := tx.Detail(1)
		d.Masked, d.Holder.MSISDN = "bad", digest("m", 9)
		tx.PutDetail(d)
		d.Holder = giftcard.HolderDigests{}
		tx.PutDetail(d)
	},
	"PutCounter": func(tx *store.Tx) {
		tx.PutCounter(someCounter(1), txn.Counter{Count: 90})
		tx.PutCounter(someCounter(2), txn.Counter{Count: 90})
		tx.PutCounter(someCounter(2), txn.Counter{Count: 91})
	},
	"Enter": func(tx *store.Tx) { tx.Enter(someEntry(90)); tx.Enter(someEntry(91)) },
	"AddCard": func(tx *store.Tx) {
		n := newCard(90)
		n.Detail.Holder.MSISDN = digest("m", 1)
		tx.AddCard(n)
		c := tx.Card(90)
		c.Loads = 2
		tx.PutCard(c)
	},
	"PutRow": func(tx *store.Tx) {
		tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: 1, World: 1, Content: []byte("bad")})
		tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: 90, World: 1, Content: []byte("bad")})
	},
	"AddVoucher": func(tx *store.Tx) {
		tx.AddVoucher(newVoucher(90, 1))
		move(tx, 90, airtime.Sold)
		n := newVoucher(91, 1)
		n.SerialHash = newVoucher(11, 1).SerialHash
		tx.AddVoucher(n)
	},
	"PutVoucher": func(tx *store.Tx) {
		move(tx, 11, airtime.Sold)
		move(tx, 11, airtime.InStock)
		move(tx, 12, airtime.Quarantined)
		sell(tx, 6)
		sell(tx, 6)
	},
	"PutBatch": func(tx *store.Tx) {
		tx.PutBatch(newBatch(9, 6))
		b := tx.Batch(1)
		b.Closed, b.Name = true, "bad"
		tx.PutBatch(b)
		b.Expiry = noon
		tx.PutBatch(b)
		sell(tx, 6)
	},
	"PutFloat": func(tx *store.Tx) {
		f, _ := tx.Float(1)
		f.LastMessage = 99
		tx.PutFloat(f)
		f.LastMessage = 100
		tx.PutFloat(f)
		tx.PutFloat(airtime.Float{Account: 90})
	},
	"AddItem": func(tx *store.Tx) {
		tx.AddItem(newItem(90))
		tx.PutItem(troubled(newItem(90), saf.Parked))
		tx.DropItem(90)
		tx.AddItem(newItem(91))
	},
	"PutItem": func(tx *store.Tx) {
		tx.PutItem(troubled(newItem(30), saf.Parked))
		tx.PutItem(troubled(newItem(31), saf.Parked))
		tx.PutItem(troubled(newItem(31), saf.Attention))
	},
	"DropItem": func(tx *store.Tx) {
		tx.DropItem(30)
		tx.DropItem(31)
		tx.DropItem(30)
		tx.DropItem(32)
		tx.DropItem(99)
	},
	"NextSeq": func(tx *store.Tx) { tx.NextSeq() },
}

func someCounter(owner int64) txn.CounterKey {
	return txn.CounterKey{Owner: owner, Family: txn.Load, Window: time.Hour, Start: noon.Truncate(time.Hour)}
}

func someEntry(message int64) ledger.Entry {
	return ledger.Entry{Message: message, Request: message, Debit: 17, Credit: 33, Amount: 5, Currency: 710, Phase: ledger.Direct}
}

// neighbours change something of every kind: before and after the message that fails.
func neighbours(number int64) message {
	return good(func(tx *store.Tx) {
		tx.Insert(request(number, uuid(1)))
		m, _ := tx.MessageAt(100)
		m.Final++
		tx.Amend(m)
		tx.Remember(3, uuid(5), number)
		c := tx.Card(1)
		c.Loads++
		tx.PutCard(c)
		d := tx.Detail(1)
		d.Masked, d.Holder.MSISDN = d.Masked+"+", digest("m", int(number))
		tx.PutDetail(d)
		count := tx.Counter(someCounter(1))
		count.Count++
		tx.PutCounter(someCounter(1), count)
		tx.Enter(someEntry(number))
		tx.AddCard(newCard(number))
		tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: number, World: 1, Content: []byte{1}})
		v := newVoucher(number, 1)
		v.LastMessage = sell(tx, 6) // so that the records show which was sold
		tx.AddVoucher(v)
		b := tx.Batch(1)
		b.Name += "+"
		tx.PutBatch(b)
		f, _ := tx.Float(1)
		f.LastMessage++
		tx.PutFloat(f)
		tx.AddItem(newItem(number))
		i, _ := tx.Item(30)
		tx.PutItem(troubled(i, saf.Attention))
		tx.DropItem(number - 1001 + 32) // which the other neighbour leaves
	})
}

func failingMessages(t *testing.T, h *harness) {
	run := func(t *testing.T, between ...message) (all dump, more []any) {
		h.bubble(func(b *batchRoom) {
			b.add(newCard(1), newCard(2))
			b.insert(request(100, uuid(100)))
			b.fill(newBatch(1, 6), 11, 12, 13, 14)
			b.do(func(tx *store.Tx) { tx.PutFloat(airtime.Float{Account: 1, World: 1}) })
			b.enqueue(newItem(30), newItem(31), newItem(32), newItem(33), newItem(34))
			messages := append([]message{neighbours(1001)}, between...)
			outcomes := b.together(append(messages, neighbours(1002))...)
			for i, err := range outcomes {
				if isBad := i > 0 && i < len(outcomes)-1; isBad != errors.Is(err, errOwn) || (err != nil && !isBad) {
					b.Errorf("message %d: %v", i, err)
				}
			}
			b.everyWay(func(string) { all, more = b.dump(), b.more() })
		})(t)
		return all, more
	}
	all, more := run(t)
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			gotAll, gotMore := run(t, bad(write))
			r := &room{TB: t}
			r.same("records", gotAll, all)
			r.same("records", gotMore, more)
		})
	}
}

// more is what reports do not show.
func (r *room) more() (all []any) {
	r.read(func(tx *store.Tx) {
		for _, n := range []int{1, 5, 90, 100} {
			reversal, other := tx.Remembered(3, uuid(n)), tx.Remembered(8, uuid(n))
			all = append(all, tx.Messages(uuid(n)), reversal, other, tx.Counter(someCounter(int64(n))))
		}
		for _, n := range []int{1, 2, 9, 1001, 1002} {
			all = append(all, tx.CardsOf(digest("m", n), 9))
		}
		_, found := tx.CardByNumber(giftcard.CardKey{newCard(90).Number})
		all = append(all, found)
		for _, id := range []int64{11, 90, 91, 1001} {
			all = append(all, len(tx.VouchersByHash(newVoucher(id, 1).SerialHash)))
		}
	})
	return all
}

func ownError(b *batchRoom) {
	if err := b.try(declared(), func(*store.Tx) error { return errOwn }); err != errOwn {
		b.Errorf("got %v", err)
	}
	refusal := &decline.Error{}
	if err := b.try(declared(), func(*store.Tx) error { return refusal }); err != refusal {
		b.Errorf("got %v", err)
	}
	b.same("records", b.dump(), dump{})
}

// poison fails in the database, which the message cannot know before.
func poison(b *batchRoom) {
	b.add(newCard(1))
	twin := newCard(50)
	twin.Number = newCard(1).Number
	outcomes := b.together(
		good(func(tx *store.Tx) { b.balance(tx, 1, 5, 5) }),
		good(func(tx *store.Tx) { tx.AddCard(twin) }),
		good(func(tx *store.Tx) { b.balance(tx, 1, tx.Card(1).Balance.Book*2, 0) }),
	)
	b.saved([]error{outcomes[0], outcomes[2]})
	var notTaken *decline.NotTaken
	if !errors.As(outcomes[1], &notTaken) {
		b.Errorf("the poisonous message: got %v, want that it was surely not taken", outcomes[1])
	}
	want := newCard(1)
	want.Card.Balance = ledger.Balance{Book: 10}
	b.hasCard(want)
	b.same("cards", b.dump().Cards, []giftcard.Card{want.Card})
}

func undeclared(b *batchRoom) {
	b.add(newCard(1), newCard(2))
	b.insert(request(7, uuid(7)))
	number := []giftcard.CardKey{{newCard(1).Number}}
	outcomes := b.together(
		message{keys: store.Keys{Cards: number}, decide: func(tx *store.Tx) error { b.balance(tx, 1, 5, 5); return nil }},
		good(func(tx *store.Tx) {
			c, found := tx.CardByNumber(number[0])
			if !found || c.Balance.Book != 5 {
				b.Errorf("by number: found %t, balance %v", found, c.Balance)
			}
			if tx.Card(2).Balance.Book != 0 || tx.Detail(1).Masked == "" {
				b.Error("what was not declared was not loaded")
			}
			m := tx.Messages(uuid(7))[0]
			m.State = txn.Confirmed
			tx.Amend(m)
		}),
		message{keys: declared(uuid(7)), decide: func(tx *store.Tx) error {
			if m := tx.Messages(uuid(7))[0]; m.State != txn.Confirmed {
				b.Errorf("a load has overwritten a change: state %s", m.State)
			}
			if _, found := tx.MessageAt(6); found {
				b.Error("a message is found that is not there")
			}
			return nil
		}},
	)
	b.saved(outcomes)
	missing := b.try(declared(), func(tx *store.Tx) error { tx.Card(99); return nil })
	if missing == nil {
		b.Error("a card that is not there was given")
	}
	b.saved(b.together(good(func(tx *store.Tx) { b.balance(tx, 2, 1, 1) })))
}

func abandoned(b *batchRoom) {
	release := b.hold()
	ctx, leave := context.WithCancel(b.Context())
	wait := b.queue(
		message{ctx: ctx, decide: func(tx *store.Tx) error { tx.AddCard(newCard(1)); return nil }},
		good(func(tx *store.Tx) { tx.AddCard(newCard(2)) }),
	)
	leave()
	synctest.Wait()
	release()
	b.notApplied(wait())
}

func expired(b *batchRoom) {
	release := b.hold()
	wait := b.queue(
		message{ctx: over{b.Context()}, decide: func(tx *store.Tx) error { tx.AddCard(newCard(1)); return nil }},
		good(func(tx *store.Tx) { tx.AddCard(newCard(2)) }),
	)
	release()
	b.notApplied(wait())
}

// over is a context whose time is over and which has not been told so yet.
type over struct{ context.Context }

// Deadline lies a moment back.
func (over) Deadline() (time.Time, bool) { return time.Now().Add(-time.Nanosecond), true }

// notApplied checks that the first message was surely not taken and that the second was saved.
func (b *batchRoom) notApplied(outcomes []error) {
	b.Helper()
	var notTaken *decline.NotTaken
	if !errors.As(outcomes[0], &notTaken) || notTaken.Cause != decline.Expired {
		b.Errorf("got %v, want that it expired", outcomes[0])
	}
	b.saved(outcomes[1:])
	b.everyWay(func(how string) { b.same(how, b.dump().Cards, []giftcard.Card{newCard(2).Card}) })
}

func takenAnyway(b *batchRoom) {
	ctx, leave := context.WithCancel(b.Context())
	err := b.store.Do(ctx, declared(), func(tx *store.Tx) error {
		leave()
		tx.AddCard(newCard(1))
		return nil
	})
	b.saved([]error{err})
	b.hasCard(newCard(1))
}
