package storetest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// testWhole judges what a driver shows beyond its reports to be moved, and takes. Each says that it is a store.Whole by a
// guard of its own.
func testWhole(t *testing.T, h *harness) {
	for name, test := range map[string]func(*room, store.Whole){
		"the kinds of rows are told":             kinds,
		"tombstones are told in order":           tombstonesTold,
		"counters are told in order":             counted,
		"counters that are over are picked":      overCounters,
		"places go on after the one that is set": advanced,
		"what was erased is gone":                erased,
	} {
		t.Run(name, h.with(func(r *room) {
			if _, is := r.driver.(store.Whole); is {
				test(r, r.driver.(store.Whole))
			}
		}))
	}
}

func kinds(r *room, d store.Whole) {
	r.same("of an empty store", must(d.Kinds(r.Context())), []admin.Kind(nil))
	row := func(kind admin.Kind, number int64) admin.Row {
		return admin.Row{Kind: kind, Number: number, World: ident.Production, Content: []byte{1}}
	}
	r.do(func(tx *store.Tx) {
		for n := range int64(3) {
			tx.PutRow(row(admin.OrderRow, n+1))
			tx.PutRow(row("a kind of tomorrow", n+1))
		}
		tx.PutRow(row(admin.AuditRow, 1))
	})
	gone := row(admin.AuditRow, 1)
	gone.Content = nil
	r.do(func(tx *store.Tx) { tx.PutRow(gone) })
	r.same("kinds", must(d.Kinds(r.Context())), []admin.Kind{"a kind of tomorrow", admin.OrderRow})
}

func tombstonesTold(r *room, d store.Whole) {
	var want []store.Tombstone
	for n, id := range []ident.ID{uuid(1), "not a UUID", uuid(2), uuid(1)} {
		reversal := request(int64(10-n), ident.ID(fmt.Sprint("reversal ", n)))
		account := ident.Account(n + 1)
		r.do(func(tx *store.Tx) {
			tx.Insert(reversal)
			tx.Remember(account, id, reversal.Seq)
		})
		want = append([]store.Tombstone{{
			Request: store.IDKey{World: ident.Production, ID: id}, Account: account, Reversal: reversal.Seq,
		}}, want...)
	}
	r.same("all", must(d.Tombstones(r.Context(), 0, 10)), want)
	r.same("a page", must(d.Tombstones(r.Context(), want[0].Reversal, 2)), want[1:3])
	r.same("after the last", must(d.Tombstones(r.Context(), want[3].Reversal, 2)), []store.Tombstone(nil))
}

func counted(r *room, d store.Whole) {
	base := txn.CounterKey{Owner: 5, Family: txn.Load, Window: time.Minute, Start: noon.Truncate(time.Minute)}
	keys := []txn.CounterKey{base, base, base, base, base, base}
	keys[1].Start = base.Start.Add(time.Minute)
	keys[2].Window = time.Hour
	keys[3].Family = txn.Redemption
	keys[4].Owner = 6
	keys[5].PerAccount, keys[5].Owner = true, -7
	var want []store.Counted
	for n, k := range keys {
		want = append(want, store.Counted{Key: k, Counter: txn.Counter{Count: int64(n + 1), Amount: 1 << 40}})
	}
	if txn.Load > txn.Redemption {
		want[1], want[2], want[3] = want[3], want[1], want[2]
	}
	r.do(func(tx *store.Tx) {
		for _, c := range []int{4, 0, 5, 2, 1, 3} {
			tx.PutCounter(want[c].Key, want[c].Counter)
		}
	})
	r.same("all", must(d.Counters(r.Context(), txn.CounterKey{}, 10)), want)
	for n := range want {
		r.same("a page", must(d.Counters(r.Context(), want[n].Key, 2)), want[n+1:min(n+3, len(want))])
	}
}

// overCounters: a page of those that are over is that of all counters, but for what is not, and says where it ends.
func overCounters(r *room, d store.Whole) {
	minute := txn.CounterKey{Owner: 5, Family: txn.Load, Window: time.Minute, Start: noon.Truncate(time.Minute)}
	keys := []txn.CounterKey{minute, minute, minute, minute, minute, minute}
	keys[0].Owner, keys[0].Window = 4, math.MaxInt64
	keys[2].Window++
	keys[3].Window = time.Hour
	keys[4].Owner = 6
	keys[5].PerAccount = true
	r.do(func(tx *store.Tx) {
		for n, k := range keys {
			tx.PutCounter(k, txn.Counter{Count: int64(n + 1)})
		}
	})
	end := minute.Start.Add(minute.Window)
	for at, isOver := range map[time.Time][]bool{
		end.Add(-1):               {false, false, false, false, false, false},
		end:                       {false, true, false, false, true, true},
		end.Add(1):                {false, true, true, false, true, true},
		end.Add(59 * time.Minute): {false, true, true, true, true, true},
	} {
		for limit := 1; limit <= len(keys)+1; limit++ {
			for first := range len(keys) + 1 {
				var after, wantLast txn.CounterKey
				if first > 0 {
					after = keys[first-1]
				}
				var want []txn.CounterKey
				for n := first; n < min(first+limit, len(keys)); n++ {
					if wantLast = keys[n]; isOver[n] {
						want = append(want, keys[n])
					}
				}
				over, last, err := d.Over(r.Context(), after, limit, at)
				if err != nil {
					r.Fatal(err)
				}
				r.same("over", over, want)
				r.same("the last that was looked at", last, wantLast)
			}
		}
	}
}

func advanced(r *room, d store.Whole) {
	r.same("of an empty store", must(d.LastPlace(r.Context())), int64(0))
	const last = 123_456
	if err := d.Advance(r.Context(), last); err != nil {
		r.Fatal(err)
	}
	if err := d.Advance(r.Context(), 5); err != nil {
		r.Fatal(err)
	}
	if got := must(d.LastPlace(r.Context())); got < last {
		r.Errorf("the last place is %d, want %d or more", got, last)
	}
	r.again()
	r.do(func(tx *store.Tx) {
		if seq := tx.NextSeq(); seq <= last {
			r.Errorf("place %d was given out after %d", seq, last)
		}
		tx.Insert(request(last+1, uuid(1)))
	})
	if got := must(r.driver.(store.Whole).LastPlace(r.Context())); got <= last {
		r.Errorf("the last place is %d, want more than %d", got, last)
	}
}

func erased(r *room, d store.Whole) {
	fill := func() {
		r.do(func(tx *store.Tx) {
			m := request(tx.NextSeq(), uuid(1))
			m.References = []int64{4}
			tx.Insert(m)
			tx.Remember(3, uuid(2), m.Seq)
			tx.AddCard(newCard(1))
			tx.Enter(someEntry(m.Seq))
			tx.PutCounter(someCounter(5), txn.Counter{Count: 1})
			tx.PutRow(admin.Row{Kind: admin.AuditRow, Number: 1, World: ident.Production, Content: []byte{1}})
		})
	}
	fill()
	before := r.dump()
	if err := d.Erase(r.Context()); err != nil {
		r.Fatal(err)
	}
	empty := func(how string) {
		r.same(how, r.dump(), dump{})
		d := r.driver.(store.Whole)
		r.same(how, must(d.Kinds(r.Context())), []admin.Kind(nil))
		r.same(how, must(d.Tombstones(r.Context(), 0, 10)), []store.Tombstone(nil))
		r.same(how, must(d.Counters(r.Context(), txn.CounterKey{}, 10)), []store.Counted(nil))
		r.same(how, must(d.LastPlace(r.Context())), int64(0))
		r.same(how, must(d.MessagesByReference(r.Context(), ident.Production, 4, 0, 10)), []txn.Message(nil))
		r.read(func(tx *store.Tx) {
			if len(tx.Messages(uuid(1))) > 0 || len(tx.Remembered(3, uuid(2))) > 0 {
				r.Errorf("%s: ids are known", how)
			}
		})
	}
	r.everyWay(empty)
	fill()
	r.everyWay(func(how string) { r.same(how, r.dump(), before) })
	r.read(func(tx *store.Tx) {
		if len(tx.Messages(uuid(1))) != 1 || len(tx.Remembered(3, uuid(2))) != 1 {
			r.Error("ids are not known again")
		}
	})
}
