package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// NodesOpener gives two drivers over one empty store, as two processes have them. The suite closes both.
type NodesOpener func(t testing.TB) (a, b store.Driver)

// RunNodes judges what drivers promise to processes that share a store: who holds a lease, what operators have set, what a
// process has left when it is gone, and that two that meet on the same records decide one after the other.
func RunNodes(t *testing.T, open NodesOpener) {
	for _, s := range []struct {
		name  string
		judge func(*pair)
	}{
		{"a lease has one holder", leaseHolder},
		{"of all that ask at once one gets the lease", leaseRace},
		{"a lease that is not prolonged is taken over", leaseLapsed},
		{"the lease of a process that is gone is taken over", leaseInherited},
		{"what a process was at work on is lost when it is gone", lostWork},
		{"everybody sees the revision", revisionShared},
		{"no two acts are judged by the same revision", revisionLocked},
		{"no act is overwritten that was not seen", actsRace},
		{"a name is taken once", namesRace},
		{"places never repeat", placesRace},
		{"what follows has a later place", orderRace},
		{"an id is used once", idsRace},
		{"a request and its reversal never miss each other", reversalsRace},
		{"a card is not spent twice", cardRace},
		{"no voucher is sold twice and none is left", stockRace},
		{"an item is ended once", itemsRace},
		{"nothing is folded twice", pruneRace},
	} {
		t.Run(s.name, func(t *testing.T) { s.judge(startPair(t, open)) })
	}
}

// pair is two processes on one store.
type pair struct {
	*testing.T
	a, b *room
}

func startPair(t *testing.T, open NodesOpener) *pair {
	a, b := open(t)
	p := &pair{T: t}
	for _, n := range []struct {
		room   **room
		driver store.Driver
	}{{&p.a, a}, {&p.b, b}} {
		settings := store.Settings{Keys: keys(), Now: func() time.Time { return noon }, Committers: 2}
		r := &room{TB: t, driver: n.driver, settings: settings, store: store.New(n.driver, settings)}
		t.Cleanup(func() { r.close() })
		*n.room = r
	}
	return p
}

// both gives the two nodes.
func (p *pair) both() []*room { return []*room{p.a, p.b} }

// callers is how many goroutines of each node meet in a race.
const callers = 4

// race has callers of both nodes do the same at once, so many times each.
func (p *pair) race(times int, do func(r *room, caller, n int)) {
	p.Helper()
	start := make(chan struct{})
	var all sync.WaitGroup
	for i, r := range p.both() {
		for c := range callers {
			all.Go(func() {
				<-start
				for n := range times {
					do(r, 2*c+i, n)
				}
			})
		}
	}
	close(start)
	all.Wait()
}

// Times of the tests that wait for somebody's end: they are as long as the clock says.
const (
	askEvery = 20 * time.Millisecond
	leeway   = 2 * time.Second // how much later than promised something may be noticed
)

// until asks again and again until the answer is yes, and gives how long that took. It gives up after a while.
func (p *pair) until(what string, atMost time.Duration, yes func() bool) time.Duration {
	p.Helper()
	began := time.Now()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for !yes() {
		if time.Since(began) > atMost {
			p.Fatalf("%s: not within %s", what, atMost)
		}
		<-tick.C
	}
	return time.Since(began)
}

// lease asks for a lease.
func (r *room) lease(name string) bool {
	r.Helper()
	held, err := r.driver.Lease(context.Background(), name)
	if err != nil {
		r.Errorf("lease %s: %v", name, err)
	}
	return held
}

func (r *room) release(name string) {
	r.Helper()
	if err := r.driver.Release(context.Background(), name); err != nil {
		r.Errorf("release %s: %v", name, err)
	}
}

func leaseHolder(p *pair) {
	p.a.same("shared", []bool{p.a.driver.Shared(), p.b.driver.Shared()}, []bool{true, true})
	p.a.same("first", p.a.lease("queue"), true)
	p.a.same("while another holds it", p.b.lease("queue"), false)
	p.a.same("prolonged", p.a.lease("queue"), true)
	p.a.same("another name", p.b.lease("import"), true)
	p.b.release("queue") // which is not its own
	p.a.same("after somebody else gave it up", p.b.lease("queue"), false)
	p.a.release("queue")
	p.a.same("given up", p.b.lease("queue"), true)
	p.a.same("the one who had it", p.a.lease("queue"), false)
}

func leaseRace(p *pair) {
	for round := range 20 {
		name := fmt.Sprint("lease-", round)
		var mu sync.Mutex
		holders := map[*room]int{}
		p.race(1, func(r *room, _, _ int) {
			if r.lease(name) {
				mu.Lock()
				defer mu.Unlock()
				holders[r]++
			}
		})
		if len(holders) != 1 || holders[p.a]+holders[p.b] != callers {
			p.Fatalf("%s: %d processes hold it, asked %d and %d times", name, len(holders), holders[p.a], holders[p.b])
		}
	}
}

func leaseLapsed(p *pair) {
	p.a.lease("queue")
	kept := time.Now()
	p.a.lease("prolonged")
	p.until("a lease that nobody prolongs", store.LeaseTime+leeway, func() bool {
		p.a.lease("prolonged")
		return p.b.lease("queue")
	})
	if took := time.Since(kept); took < store.LeaseTime-leeway {
		p.Errorf("it was taken over after %s", took)
	}
	p.a.same("who had it", p.a.lease("queue"), false)
	p.a.same("one that was prolonged", p.b.lease("prolonged"), false)
}

func leaseInherited(p *pair) {
	p.a.lease("queue")
	p.a.same("while it lives", p.b.lease("queue"), false)
	p.a.close()
	p.until("the lease of who is gone", store.LeaseTime+leeway, func() bool { return p.b.lease("queue") })
}

// atWork records a request that the node passes on.
func (r *room) atWork(id ident.ID) (seq int64) {
	r.Helper()
	r.do(func(tx *store.Tx) {
		seq = tx.NextSeq()
		m := request(seq, id)
		m.Family, m.State, m.Upstream = txn.Purchase, txn.Working, "issuer"
		tx.Insert(m)
	})
	return seq
}

// lost gives the places of what nobody is at work on any more.
func (r *room) lost() (seqs []int64) {
	r.Helper()
	for after := int64(0); ; {
		page, err := r.driver.Lost(context.Background(), after, 2)
		if err != nil {
			r.Fatalf("lost: %v", err)
		}
		for _, m := range page {
			after = m.Seq
			seqs = append(seqs, m.Seq)
		}
		if len(page) < 2 {
			return seqs
		}
	}
}

func lostWork(p *pair) {
	var left []int64
	for n := range 5 {
		left = append(left, p.a.atWork(uuid(n)))
		p.b.atWork(uuid(10 + n))
	}
	done := p.a.atWork(uuid(20))
	p.a.do(func(tx *store.Tx) {
		m, _ := tx.MessageAt(done)
		m.State = txn.Open
		tx.Amend(m)
	})
	// The lease of who does nothing ends; the process itself goes on.
	p.a.lease("idle")
	p.until("an idle lease", store.LeaseTime+leeway, func() bool { return p.b.lease("idle") })
	for _, r := range p.both() {
		r.same("lost while both live", r.lost(), []int64(nil))
	}
	p.a.close()
	p.until("what was left", store.LeaseTime+leeway, func() bool { return len(p.b.lost()) > 0 })
	p.b.same("lost", p.b.lost(), left)
	p.b.do(func(tx *store.Tx) {
		m, _ := tx.MessageAt(left[1])
		m.State = txn.Reversing
		tx.Amend(m) // b has it in hand now
		m, _ = tx.MessageAt(left[2])
		m.State = txn.Reversed
		tx.Amend(m)
	})
	if lost := p.b.lost(); slices.Contains(lost, left[2]) || !slices.Contains(lost, left[0]) {
		p.Errorf("lost are %v of %v", lost, left)
	}
}

func revisionShared(p *pair) {
	for n := range int64(4) {
		by, other := p.both()[n%2], p.both()[1-n%2]
		before := other.revision()
		by.put(setting(n))
		other.same("raised by another node", other.revision(), before+1)
		other.same("to the same", by.revision(), before+1)
		by.put(admin.Row{Kind: admin.AuditRow, Number: n, World: 1, Content: []byte("x")})
		other.same("by the audit trail", other.revision(), before+1)
		other.same("in a view", func() (seen int64) {
			other.read(func(tx *store.Tx) { seen = tx.Revision() })
			return seen
		}(), before+1)
	}
}

// revisionLocked has one act of each node at a time, so that no two share a batch.
func revisionLocked(p *pair) {
	const times = 50
	before := p.a.revision()
	seen := map[*room][]int64{p.a: nil, p.b: nil}
	var mu sync.Mutex
	p.race(times, func(r *room, caller, n int) {
		if caller > 1 {
			return
		}
		keys := declared()
		keys.Register = n%2 == 0 // or it is asked in the middle
		var revision int64
		r.doKeys(keys, func(tx *store.Tx) {
			revision = tx.Revision()
			tx.PutRow(setting(int64(caller)))
		})
		mu.Lock()
		defer mu.Unlock()
		seen[r] = append(seen[r], revision-before)
	})
	all := slices.Sorted(slices.Values(slices.Concat(seen[p.a], seen[p.b])))
	if len(slices.Compact(all)) != 2*times || all[0] != 0 || p.b.revision()-before != 2*times {
		p.Errorf("%d acts raised the revision by %d; judged by %v and %v", 2*times, p.b.revision()-before, seen[p.a], seen[p.b])
	}
}

// doKeys is do with keys of one's own.
func (r *room) doKeys(k store.Keys, decide func(*store.Tx)) {
	r.Helper()
	if err := r.try(k, func(tx *store.Tx) error { decide(tx); return nil }); err != nil {
		r.Errorf("save: %v: %v", err, r.store.Health())
	}
}

// errAhead is what an act says that was judged by an older revision.
var errAhead = fmt.Errorf("the store is ahead")

func actsRace(p *pair) {
	const times = 10
	p.a.put(admin.Row{Kind: admin.SettingRow, Number: 1, World: 1, Content: []byte{0}})
	p.race(times, func(r *room, _, _ int) {
		for r.increment() == errAhead {
		}
	})
	for _, r := range p.both() {
		rows := must(r.driver.Rows(context.Background(), admin.SettingRow, 0, 9))
		r.same("rows", len(rows), 1)
		for _, row := range rows {
			r.same("counted", row.Content, []byte{2 * callers * times})
		}
	}
}

// increment counts in a row what it has read before, unless somebody was faster.
func (r *room) increment() error {
	ctx := context.Background()
	revision := r.revision()
	rows, err := r.driver.Rows(ctx, admin.SettingRow, 0, 1)
	if err != nil || len(rows) != 1 {
		r.Errorf("%d rows, %v", len(rows), err)
		return nil
	}
	row := rows[0]
	row.Content = []byte{row.Content[0] + 1}
	err = store.Admin(r.store).Update(ctx, giftcard.Keys{World: 1}, func(tx admin.Tx) error {
		if tx.Revision() != revision {
			return errAhead
		}
		tx.PutRow(row)
		return nil
	})
	if err != nil && err != errAhead {
		r.Errorf("act: %v", err)
	}
	return err
}

func namesRace(p *pair) {
	for n := range 20 {
		name := fmt.Sprint("name-", n)
		var mu sync.Mutex
		took := 0
		p.race(1, func(r *room, caller, _ int) {
			number := int64(100*n + caller + 1)
			if r.tryPut(admin.Row{Kind: admin.ProductRow, Number: number, World: 1, Name: name, Content: []byte("x")}) == nil {
				mu.Lock()
				defer mu.Unlock()
				took++
			}
		})
		rows := must(p.a.driver.Rows(context.Background(), admin.ProductRow, int64(100*n), 100))
		if took != 1 || len(rows) != 1 {
			p.Fatalf("%d took %s, and %d rows have it", took, name, len(rows))
		}
	}
}

func placesRace(p *pair) {
	var mu sync.Mutex
	given := map[int64]bool{}
	p.race(20, func(r *room, _, _ int) {
		r.doKeys(declared(), func(tx *store.Tx) {
			mu.Lock()
			defer mu.Unlock()
			for range 300 {
				seq := tx.NextSeq()
				if given[seq] {
					r.Errorf("place %d was given twice", seq)
				}
				given[seq] = true
			}
		})
	})
}

func idsRace(p *pair) {
	const ids = 100
	var mu sync.Mutex
	inserted := 0
	p.race(ids, func(r *room, _, n int) {
		var isNew bool
		r.doKeys(declared(uuid(n)), func(tx *store.Tx) {
			if isNew = len(tx.Messages(uuid(n))) == 0; isNew {
				tx.Insert(request(tx.NextSeq(), uuid(n)))
			}
		})
		if isNew {
			mu.Lock()
			defer mu.Unlock()
			inserted++
		}
	})
	p.a.same("inserted", inserted, ids)
	for _, r := range p.both() {
		r.read(func(tx *store.Tx) {
			for n := range ids {
				r.same("messages with an id", len(tx.Messages(uuid(n))), 1)
			}
		})
	}
}

// reversalsRace sends each request on one node and its reversal on the other. Whichever comes first, both end alike: the
// request is reversed, or it meets the reversal that is remembered and is declined.
func reversalsRace(p *pair) {
	const requests = 300
	p.race(requests/callers, func(r *room, caller, n int) {
		k := caller/2*(requests/callers) + n
		id, advice := uuid(k), uuid(1_000_000+k)
		if (r == p.a) == (k%2 == 0) {
			r.doKeys(declared(id), func(tx *store.Tx) {
				m := request(tx.NextSeq(), id)
				if len(tx.Remembered(m.Account, id)) > 0 {
					m.State = txn.Declined
				}
				tx.Insert(m)
			})
			return
		}
		r.doKeys(declared(id, advice), func(tx *store.Tx) {
			seq := tx.NextSeq()
			for _, m := range tx.Messages(id) {
				m.State, m.Ended = txn.Reversed, seq
				tx.Amend(m)
				return
			}
			tx.Remember(3, id, seq)
		})
	})
	for _, r := range p.both() {
		r.read(func(tx *store.Tx) {
			for k := range requests {
				found, remembered := tx.Messages(uuid(k)), len(tx.Remembered(3, uuid(k)))
				if len(found) != 1 || (found[0].State == txn.Reversed) != (remembered == 0) || found[0].State == txn.Open {
					r.Errorf("request %d: %d of it, %d reversals remembered, state %v", k, len(found), remembered, found)
				}
			}
		})
	}
}

func cardRace(p *pair) {
	const times, book = 30, 150
	n := newCard(1)
	n.Card.Balance.Book, n.Card.Balance.Available = book, book
	p.a.add(n)
	key := giftcard.CardKey{n.Number}
	var mu sync.Mutex
	approved := 0
	p.race(times, func(r *room, _, _ int) {
		var yes bool
		k := declared()
		k.Cards = []giftcard.CardKey{key}
		r.doKeys(k, func(tx *store.Tx) {
			c, _ := tx.CardByNumber(key)
			if yes = c.Balance.Available > 0; yes {
				c.Balance.Available--
				c.Balance.Book--
				tx.PutCard(c)
			}
		})
		if yes {
			mu.Lock()
			defer mu.Unlock()
			approved++
		}
	})
	p.a.same("approved", approved, book)
	for _, r := range p.both() {
		r.read(func(tx *store.Tx) { r.same("left", int(tx.Card(1).Balance.Book), 0) })
	}
}

func stockRace(p *pair) {
	const times, vouchers = 30, 150
	b := expiring(1, 6, time.Hour)
	ids := make([]int64, vouchers)
	for n := range ids {
		ids[n] = int64(1000 + n)
	}
	p.a.fill(b, ids...)
	var mu sync.Mutex
	sold := map[int64]int{}
	p.race(times, func(r *room, _, _ int) {
		id := r.buy(false)
		mu.Lock()
		defer mu.Unlock()
		sold[id]++
	})
	for id, times := range sold {
		if id != 0 && times != 1 {
			p.Errorf("voucher %d was sold %d times", id, times)
		}
	}
	p.a.same("sold", len(sold), vouchers+1)
	p.a.same("out of stock", sold[0], 2*callers*times-vouchers)
	for _, r := range p.both() {
		r.same("saved as sold", len(r.vouchersOf(1, airtime.Sold)), vouchers)
		r.read(func(tx *store.Tx) { r.same("in stock", tx.Batch(1).InStock, int64(0)) })
	}
}

// vouchersOf gives the vouchers of a batch that are in a status.
func (r *room) vouchersOf(batch int32, status airtime.VoucherStatus) []airtime.Voucher {
	return must(r.driver.VouchersOf(context.Background(), batch, status, 0, 1000))
}

// itemsRace has both nodes end the items of the queue that both see.
func itemsRace(p *pair) {
	const items = 60
	for n := range items {
		p.a.enqueue(newItem(int64(n + 1)))
	}
	waiting := func() int {
		return len(must(p.b.driver.Items(context.Background(), "", []saf.State{saf.Waiting}, 0, 100)))
	}
	p.b.same("seen by the other node", waiting(), items)
	var mu sync.Mutex
	ended := map[int64]int{}
	p.race(items, func(r *room, caller, n int) {
		seq := int64((n+7*caller)%items + 1)
		var mine bool
		k := declared()
		k.Items = []int64{seq}
		r.doKeys(k, func(tx *store.Tx) {
			if _, mine = tx.Item(seq); mine {
				tx.DropItem(seq)
			}
		})
		if mine {
			mu.Lock()
			defer mu.Unlock()
			ended[seq]++
		}
	})
	for seq, times := range ended {
		if times != 1 {
			p.Errorf("item %d was ended %d times", seq, times)
		}
	}
	p.a.same("ended", len(ended), items)
	p.b.same("left", waiting(), 0)
}
