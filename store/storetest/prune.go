package storetest

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

func testPrune(t *testing.T, h *harness) {
	t.Run("a settled transaction goes, and its ids stay used", h.with(prunedTransaction))
	t.Run("every field of a husk comes back", h.with(huskFields))
	t.Run("what may still change stays", h.with(unprunable))
	t.Run("what is young stays", h.with(young))
	t.Run("what is brought forward adds up", h.with(broughtTogether))
	t.Run("a page may end between a request and what ended it", h.with(prunedAcrossPages))
	t.Run("what was brought forward comes in pages", h.with(broughtPages))
	t.Run("a remembered reversal stays remembered", h.with(prunedReversal))
	t.Run("worlds are their own", h.with(prunedWorlds))
	t.Run("nothing is folded twice", h.with(prunedAtOnce))
	t.Run("husks are forgotten with what leads to them", h.with(forgottenHusks))
	t.Run("husks of another store", h.with(husksOfAnother))
	t.Run("random histories", func(t *testing.T) { randomHistories(t, h) })
}

const (
	pruneShop = ident.Account(3)
	pruneDay  = 24 * time.Hour
)

var (
	cardAccount = ledger.AccountOf(ledger.Card, 21)
	fundingOf3  = ledger.AccountOf(ledger.Funding, int64(pruneShop))
	redeemedOf3 = ledger.AccountOf(ledger.Redeemed, int64(pruneShop))
)

// PruneAll prunes everything that may go and was received before an instant, and gives how many messages went. The error is
// that of Store.Prune; what had gone before it stays gone, and is counted.
func PruneAll(ctx context.Context, s *store.Store, before time.Time) (messages int, err error) {
	for after := int64(0); ; {
		done, err := s.Prune(ctx, before, after)
		if messages += done.Messages; err != nil || done.Next == 0 {
			return messages, err
		}
		after = done.Next
	}
}

// prune prunes everything that was received before an instant, and says how many messages went.
func (r *room) prune(before time.Time) int {
	r.Helper()
	gone, err := PruneAll(r.Context(), r.store, before)
	if err != nil {
		r.Fatalf("prune: %v", err)
	}
	return gone
}

// transaction is a confirmed load, confirmed for less.
func transaction(seq int64, at time.Time) (request, ending txn.Message, entries []ledger.Entry) {
	request = txn.Message{
		Seq: seq, World: ident.Production, ID: uuid(int(seq)), Account: pruneShop, Family: txn.Load, Role: txn.Request, State: txn.Confirmed, At: at,
		Ended: seq + 1, Card: 21, Amount: 500, Requested: 500, Final: 300, Currency: 710,
		Links: []txn.Link{{Card: 21, Previous: seq - 1}}, References: []int64{seq}, Body: []byte("a body"),
	}
	ending = txn.Message{
		Seq: seq + 1, World: ident.Production, ID: uuid(int(seq + 1)), Account: pruneShop, Family: txn.Load, Role: txn.Confirmation,
		State: txn.Accepted, At: at.Add(time.Minute), Request: seq, Card: 21, Amount: 300, Final: 300, Currency: 710,
		Links: []txn.Link{{Card: 21, Previous: seq}}, Body: []byte("another"),
	}
	entry := func(message int64, n int, phase ledger.Phase, amount money.Minor) ledger.Entry {
		return ledger.Entry{
			Message: message, N: n, Request: seq, Debit: fundingOf3, Credit: cardAccount, Amount: amount, Currency: 710, Phase: phase,
		}
	}
	return request, ending, []ledger.Entry{
		entry(seq, 0, ledger.Pending, 500), entry(seq+1, 0, ledger.Posted, 300), entry(seq+1, 1, ledger.Released, 200),
	}
}

func (r *room) settled(seq int64, at time.Time) (request, ending txn.Message) {
	r.Helper()
	request, ending, entries := transaction(seq, at)
	r.insert(request, ending)
	r.enter(entries...)
	return request, ending
}

func hashOf(m txn.Message) int64 { return keys().ID(m.World, m.ID) }

func prunedTransaction(r *room) {
	request, ending := r.settled(1000, noon)
	stays, _ := r.settled(2000, noon.Add(10*pruneDay))
	if gone := r.prune(noon.Add(pruneDay)); gone != 2 {
		r.Errorf("%d messages went", gone)
	}
	husks := []txn.Husk{request.Husk(hashOf(request)), ending.Husk(hashOf(ending))}
	brought := ledger.Brought{
		BroughtKey: ledger.BroughtKey{World: ident.Production, Period: ledger.PeriodOf(noon), Debit: fundingOf3, Credit: cardAccount, Currency: 710},
		Amount:     300, Upto: ending.Seq,
	}
	r.everyWay(func(how string) {
		d := r.dump()
		r.same(how+": messages", len(d.Messages), 2)
		r.same(how+": the first that stays", d.Messages[0].Seq, stays.Seq)
		r.same(how+": entries", len(d.Entries), 3)
		r.same(how+": husks", must(r.driver.Pruned(r.Context(), 0, 10)), husks)
		r.same(how+": brought forward", must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 10)), []ledger.Brought{brought})
		r.same(how+": by reference", len(must(r.driver.MessagesByReference(r.Context(), ident.Production, 1000, 0, 9))), 0)
		r.read(func(tx *store.Tx) {
			for i, m := range []txn.Message{request, ending} {
				want := husks[i].Message
				at, found := tx.MessageAt(m.Seq)
				r.same(how+": found by place", found, true)
				r.same(how+": by place", at, want)
				want.ID = m.ID
				r.same(how+": by id", tx.Messages(m.ID), []txn.Message{want})
			}
		})
	})
	if gone := r.prune(noon.Add(pruneDay)); gone != 0 {
		r.Errorf("%d messages went once more", gone)
	}
	err := r.try(declared(), func(tx *store.Tx) error { tx.Messages(request.ID); tx.Amend(request); return nil })
	if err == nil {
		r.Error("a pruned message was amended")
	}
}

func huskFields(r *room) {
	m := txn.Message{
		Seq: 901, World: ident.Production, ID: uuid(1), Account: 4, Family: txn.Purchase, Role: txn.Confirmation, State: txn.Declined,
		Reason: "AN_INVENTED_REASON", At: noon, Card: 21, Names: -77, Amount: 1200, Requested: 1000, Final: 300, Currency: 978,
		Upstream: "issuer-2", Request: 800,
	}
	ended := request(800, uuid(2))
	ended.State, ended.Reason = txn.Declined, "OTHER"
	r.insert(ended, m)
	r.prune(noon.Add(pruneDay))
	want := m.Husk(hashOf(m))
	want.At = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	r.full(want.Message, "ID", "Ended", "Target", "Voucher", "Product", "Prepaid", "ProviderRef", "Links", "References", "Body")
	r.everyWay(func(how string) {
		r.same(how, must(r.driver.Pruned(r.Context(), ended.Seq, 9)), []txn.Husk{want})
		r.same(how+": a page", len(must(r.driver.Pruned(r.Context(), 0, 1))), 1)
		r.same(how+": no page", len(must(r.driver.Pruned(r.Context(), 0, 0))), 0)
	})
}

// unprunable inserts what may never go, however old, and something beside each that may.
func unprunable(r *room) {
	open := request(100, uuid(100))
	refused := txn.Message{Seq: 101, World: 1, ID: uuid(101), Account: 3, Family: open.Family, Role: txn.Confirmation, State: txn.Declined, At: noon, Request: 100}
	working, reversing := request(110, uuid(110)), request(112, uuid(112))
	working.State, reversing.State, reversing.Ended = txn.Working, txn.Reversing, 113
	asked := txn.Message{Seq: 113, World: 1, ID: uuid(113), Account: 3, Family: open.Family, Role: txn.Reversal, State: txn.Working, At: noon, Request: 112}
	act := txn.Message{Seq: 120, World: 1, ID: uuid(120), Family: txn.Adjustment, Role: txn.Request, State: txn.Confirmed, At: noon, Amount: 5}
	queued, delivered, queuedEntries := transaction(130, noon)
	queued.Upstream, delivered.Upstream = "issuer", "issuer"
	lateRequest, lateEnding, lateEntries := transaction(140, noon)
	lateEnding.At = noon.Add(40 * pruneDay)
	broken, brokenEnding, brokenEntries := transaction(150, noon)
	r.insert(open, refused, working, reversing, asked, act, queued, delivered, lateRequest, lateEnding, broken, brokenEnding)
	r.enter(slices.Concat(queuedEntries, lateEntries)...)
	r.enter(brokenEntries[0]) // its ending moved nothing: `scrip verify` would say so
	item := newItem(131)
	item.State = saf.Attention
	r.do(func(tx *store.Tx) { tx.AddItem(item) })
	before := r.dump()
	if gone := r.prune(noon.Add(30 * pruneDay)); gone != 0 {
		r.Errorf("%d messages went", gone)
	}
	r.same("everything", r.dump(), before)
	r.do(func(tx *store.Tx) { tx.Item(131); tx.DropItem(131) })
	if gone := r.prune(noon.Add(41 * pruneDay)); gone != 4 {
		r.Errorf("%d messages went once their ending was old enough or served, want 4", gone)
	}
}

func young(r *room) {
	r.settled(1000, noon)
	lookup := request(1010, uuid(1))
	lookup.Family, lookup.State = txn.LookUp, txn.Answered
	r.insert(lookup)
	before := r.dump()
	if gone := r.prune(noon); gone != 0 {
		r.Errorf("%d messages went", gone)
	}
	r.same("everything", r.dump(), before)
	if gone := r.prune(noon.Add(time.Millisecond)); gone != 1 {
		r.Errorf("%d messages went, want the look-up", gone)
	}
}

// prunedAcrossPages has one message by itself before many pairs, so that a page of an even number of messages parts one of them.
func prunedAcrossPages(r *room) {
	const pairs = 300
	r.do(func(tx *store.Tx) {
		tx.Insert(txn.Message{
			Seq: 999, World: ident.Production, ID: uuid(999), Account: pruneShop, Family: txn.Redemption, Role: txn.Request, State: txn.Declined,
			Reason: "X", At: noon, Currency: 710,
		})
	})
	for n := range int64(pairs) {
		r.settled(1000+2*n, noon)
	}
	if gone := r.prune(noon.Add(pruneDay)); gone != 1+2*pairs {
		r.Errorf("%d messages went, want %d", gone, 1+2*pairs)
	}
}

// broughtTogether has many transactions, more than fit in one call, come to a row for each month.
func broughtTogether(r *room) {
	const count = 300
	for n := range int64(count) {
		at := noon
		if n%3 == 0 {
			at = noon.Add(31 * pruneDay)
		}
		request, ending, entries := transaction(1000+2*n, at)
		r.do(func(tx *store.Tx) {
			tx.Insert(request)
			tx.Insert(ending)
			for _, e := range entries {
				tx.Enter(e)
			}
		})
	}
	if gone := r.prune(noon.Add(60 * pruneDay)); gone != 2*count {
		r.Errorf("%d messages went", gone)
	}
	key := ledger.BroughtKey{World: ident.Production, Period: ledger.PeriodOf(noon), Debit: fundingOf3, Credit: cardAccount, Currency: 710}
	next := key
	next.Period++
	r.everyWay(func(how string) {
		r.same(how, must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 10)), []ledger.Brought{
			{BroughtKey: key, Amount: 300 * count * 2 / 3, Upto: 1000 + 2*(count-1) + 1},
			{BroughtKey: next, Amount: 300 * count / 3, Upto: 1000 + 2*(count-3) + 1},
		})
		r.same(how+": messages", len(r.dump().Messages), 0)
		r.same(how+": entries", len(r.dump().Entries), 0)
	})
}

func broughtPages(r *room) {
	var all []ledger.Brought
	for n := range int64(3) {
		for m := range int64(3) {
			request, ending, entries := transaction(1000+100*n+10*m, noon.Add(time.Duration(n)*31*pruneDay))
			for i := range entries {
				entries[i].Credit = ledger.AccountOf(ledger.Card, m)
			}
			r.insert(request, ending)
			r.enter(entries...)
			all = append(all, ledger.Brought{
				BroughtKey: ledger.BroughtKey{
					World: ident.Production, Period: ledger.PeriodOf(noon) + ledger.Period(n), Debit: fundingOf3,
					Credit: ledger.AccountOf(ledger.Card, m), Currency: 710,
				}, Amount: 300, Upto: ending.Seq,
			})
		}
	}
	r.prune(noon.Add(100 * pruneDay))
	for limit := 1; limit < 11; limit++ {
		var got []ledger.Brought
		for after := (ledger.BroughtKey{}); ; {
			page := must(r.driver.Brought(r.Context(), after, limit))
			if len(page) == 0 {
				break
			}
			got, after = append(got, page...), page[len(page)-1].BroughtKey
		}
		r.same("pages", got, all)
	}
	r.same("no page", len(must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 0))), 0)
}

// unlocated is a reversal that came before its request, and is remembered.
func (r *room) unlocated(seq int64, named ident.ID) txn.Message {
	r.Helper()
	return r.unlocatedIn(ident.Production, seq, named)
}

func (r *room) unlocatedIn(w ident.World, seq int64, named ident.ID) txn.Message {
	r.Helper()
	m := txn.Message{
		Seq: seq, World: w, ID: uuid(int(seq)), Account: pruneShop, Family: txn.Load, Role: txn.Reversal, State: txn.Declined,
		Reason: "UNABLE_TO_LOCATE_RECORD", At: noon, Names: keys().ID(w, named),
	}
	r.doIn(w, func(tx *store.Tx) { tx.Insert(m); tx.Remember(pruneShop, named, seq) })
	return m
}

func prunedReversal(r *room) {
	m := r.unlocated(77, uuid(5))
	if gone := r.prune(noon.Add(pruneDay)); gone != 1 {
		r.Errorf("%d messages went", gone)
	}
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) {
			r.same(how, tx.Remembered(pruneShop, uuid(5)), []int64{77})
			husk, found := tx.MessageAt(77)
			r.same(how+": its husk is there", found, true)
			r.same(how+": its husk", husk, m.Husk(0).Message)
		})
	})
}

func prunedWorlds(r *room) {
	for w := range ident.World(3) {
		m := request(int64(100+w), uuid(1))
		m.World, m.State, m.Account = w+1, txn.Declined, ident.Account(w+1)
		r.insert(m)
	}
	r.prune(noon.Add(pruneDay))
	r.everyWay(func(how string) {
		for w := range ident.World(4) {
			r.readIn(w+1, func(tx *store.Tx) {
				var accounts []ident.Account
				for _, m := range tx.Messages(uuid(1)) {
					accounts = append(accounts, m.Account)
				}
				if _, found := tx.MessageAt(int64(100 + w)); found != (w < 3) {
					r.Errorf("%s: found %t in world %d", how, found, w+1)
				}
				if _, found := tx.MessageAt(int64(101 + w)); found {
					r.Errorf("%s: another world's message is found in world %d", how, w+1)
				}
				if w < 3 {
					r.same(how, accounts, []ident.Account{ident.Account(w + 1)})
				}
			})
		}
	})
}

// prunedAtOnce has several prune the same messages at once.
func prunedAtOnce(r *room) {
	const count = 40
	for n := range int64(count) {
		r.settled(1000+2*n, noon)
	}
	gone := make(chan int)
	for range 4 {
		go func() {
			all, err := PruneAll(r.Context(), r.store, noon.Add(pruneDay))
			if err != nil {
				r.Error(err)
			}
			gone <- all
		}()
	}
	total := 0
	for range 4 {
		total += <-gone
	}
	if total != 2*count {
		r.Errorf("%d messages went, of %d", total, 2*count)
	}
	if brought := must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 9)); len(brought) != 1 || brought[0].Amount != 300*count {
		r.Errorf("brought forward is %+v", brought)
	}
}

// pruneRace has two nodes prune the same messages, while advices for them are decided again.
func pruneRace(p *pair) {
	const count = 200
	for n := range int64(count) {
		p.a.settled(1000+2*n, noon)
	}
	var mu sync.Mutex
	gone := 0
	p.race(count/callers, func(r *room, caller, n int) {
		if caller%callers == 0 {
			done, err := r.store.Prune(r.Context(), noon.Add(pruneDay), int64(999+2*n*callers))
			if err != nil {
				r.Error(err)
			}
			mu.Lock()
			gone += done.Messages
			mu.Unlock()
			return
		}
		id := uuid(1000 + 2*(caller+n*callers)%(2*count))
		err := r.try(store.Keys{World: ident.Production, IDs: []ident.ID{id}}, func(tx *store.Tx) error {
			if found := tx.Messages(id); len(found) != 1 || found[0].State != txn.Confirmed || found[0].Final != 300 {
				r.Errorf("of %s there is %+v", id, found)
			}
			tx.PutCounter(someCounter(int64(caller)), txn.Counter{Count: int64(n)})
			return nil
		})
		if err != nil {
			r.Error(err)
		}
	})
	if gone += p.b.prune(noon.Add(pruneDay)); gone != 2*count {
		p.Errorf("%d messages went, of %d", gone, 2*count)
	}
	if brought := must(p.b.driver.Brought(p.Context(), ledger.BroughtKey{}, 9)); len(brought) != 1 || brought[0].Amount != 300*count {
		p.Errorf("brought forward is %+v", brought)
	}
	if husks := must(p.a.driver.Pruned(p.Context(), 0, 1000)); len(husks) != 2*count {
		p.Errorf("%d husks are left", len(husks))
	}
}

func forgottenHusks(r *room) {
	request, ending := r.settled(1000, noon)
	reversal := r.unlocated(2000, uuid(5))
	r.settled(3000, noon.Add(10*pruneDay))
	r.prune(noon.Add(20 * pruneDay))
	r.same("before", must(r.driver.Forgotten(r.Context())), int64(0))
	early, err := r.store.ForgetPruned(r.Context(), noon.Add(11*time.Hour))
	if early != 0 || err != nil {
		r.Errorf("%d are forgotten early, %v", early, err)
	}
	gone, err := r.store.ForgetPruned(r.Context(), noon.Add(5*pruneDay))
	if gone != 3 || err != nil {
		r.Errorf("%d are forgotten, %v", gone, err)
	}
	r.everyWay(func(how string) {
		r.same(how, must(r.driver.Forgotten(r.Context())), reversal.Seq)
		r.same(how+": husks", len(must(r.driver.Pruned(r.Context(), 0, 10))), 2)
		r.same(how+": brought", len(must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 10))), 1)
		r.read(func(tx *store.Tx) {
			for _, m := range []txn.Message{request, ending, reversal} {
				if _, found := tx.MessageAt(m.Seq); found || len(tx.Messages(m.ID)) > 0 {
					r.Errorf("%s: message %d is not forgotten", how, m.Seq)
				}
			}
			r.same(how+": remembered", tx.Remembered(pruneShop, uuid(5)), []int64(nil))
			r.same(how+": the younger one", len(tx.Messages(uuid(3000))), 1)
		})
	})
	fresh := request
	fresh.Seq, fresh.Ended, fresh.State = 4000, 0, txn.Open
	r.insert(fresh) // its id is free again
	r.read(func(tx *store.Tx) { r.same("used again", tx.Messages(request.ID), []txn.Message{fresh}) })
	if gone, err := r.store.ForgetPruned(r.Context(), noon.Add(5*pruneDay)); gone != 0 || err != nil {
		r.Errorf("%d are forgotten again, %v", gone, err)
	}
}

// husksOfAnother are brought by a store that takes over from another.
func husksOfAnother(r *room) {
	request, _, _ := transaction(1000, noon)
	husk := request.Husk(hashOf(request))
	key := ledger.BroughtKey{World: ident.Production, Period: 5, Debit: fundingOf3, Credit: cardAccount, Currency: 710}
	b, err := r.driver.Begin(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	set := store.NewSet()
	set.Changes().Husks = []txn.Husk{husk}
	set.Changes().Brought[key] = ledger.Brought{BroughtKey: key, Amount: 7, Upto: 3}
	if err := b.Save(r.Context(), set); err != nil {
		r.Fatal(err)
	}
	want := husk.Message
	want.ID = request.ID
	r.everyWay(func(how string) {
		r.read(func(tx *store.Tx) { r.same(how, tx.Messages(request.ID), []txn.Message{want}) })
		r.same(how, must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 9)), []ledger.Brought{{BroughtKey: key, Amount: 7, Upto: 3}})
	})
}

// past is what a store has to have when everything that may go before an instant has gone, in the plainest form: it is
// worked out from the whole history at once.
type past struct {
	kept  map[int64]txn.Message
	husks map[int64]txn.Message
}

// lived works out what stays of a history. It shares no code with what prunes.
func lived(history []txn.Message, items map[int64]bool, cuts []time.Time) past {
	p := past{kept: map[int64]txn.Message{}, husks: map[int64]txn.Message{}}
	for _, m := range history {
		p.kept[m.Seq] = m
	}
	for _, cut := range cuts {
		for _, m := range history {
			goes := m.At.Before(cut) && m.Family != txn.Adjustment && !items[m.Seq]
			if m.Role == txn.Request {
				switch m.State {
				case txn.Confirmed, txn.Reversed:
					goes = goes && p.before(m.Ended, cut) && !items[m.Ended]
				case txn.Declined, txn.Answered:
				default:
					goes = false
				}
			} else {
				about := slices.IndexFunc(history, func(o txn.Message) bool { return o.Seq == m.Request })
				if about >= 0 {
					state, ending := history[about].State, history[about].Ended == m.Seq
					if ending {
						goes = goes && p.before(m.Request, cut)
					} else {
						goes = goes && state != txn.Open && state != txn.Working
					}
				}
			}
			if _, there := p.kept[m.Seq]; there && goes {
				p.husks[m.Seq] = m
			}
		}
		for seq := range p.husks {
			delete(p.kept, seq)
		}
	}
	return p
}

// before says whether a message is gone, or older than an instant.
func (p past) before(seq int64, cut time.Time) bool {
	m, kept := p.kept[seq]
	return !kept || m.At.Before(cut)
}

// randomHistories prunes random histories at random instants: what stays is what the plain model says, every id is still
// used, and each account's balance is what it was.
func randomHistories(t *testing.T, h *harness) {
	h.check(t, func(rt *rapid.T) {
		r := h.start(t)
		defer r.close()
		history, entries, items := drawHistory(rt)
		for _, m := range history {
			r.do(func(tx *store.Tx) {
				tx.Insert(m)
				for _, e := range entries[m.Seq] {
					tx.Enter(e)
				}
				if items[m.Seq] {
					i := newItem(m.Seq)
					tx.AddItem(i)
				}
			})
		}
		want := r.balances(rt)
		cuts := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 3).Draw(rt, "cuts")
		slices.Sort(cuts)
		var instants []time.Time
		for _, days := range cuts {
			instants = append(instants, noon.Add(time.Duration(days)*pruneDay))
			r.prune(instants[len(instants)-1])
			if rapid.IntRange(0, 5).Draw(rt, "seldom") == 0 {
				r.again()
			}
		}
		left := lived(history, items, instants)
		w := &walk{room: r, rapid: rt}
		w.same("kept", r.dump().Messages, ordered(left.kept))
		var husks []int64
		for _, husk := range must(r.driver.Pruned(r.Context(), 0, 1000)) {
			husks = append(husks, husk.Seq)
		}
		w.same("husks", husks, slices.Sorted(maps.Keys(left.husks)))
		if got := r.balances(rt); !maps.Equal(got, want) {
			rt.Errorf("balances are %+v, and were %+v", got, want)
		}
		r.read(func(tx *store.Tx) {
			for _, m := range history {
				found := tx.Messages(m.ID)
				if len(found) != 1 || found[0].State != m.State || found[0].Account != m.Account || found[0].Final != m.Final {
					rt.Errorf("of message %d there is %+v", m.Seq, found)
				}
			}
		})
	})
}

// balances adds up all entries, and what was brought forward, by account.
func (r *room) balances(rt *rapid.T) map[ledger.Account]ledger.Balance {
	found := map[ledger.Account]ledger.Balance{}
	all := r.dump().Entries
	for _, b := range must(r.driver.Brought(r.Context(), ledger.BroughtKey{}, 1000)) {
		all = append(all, b.Entry())
	}
	for _, e := range all {
		var err error
		if found[e.Debit], err = found[e.Debit].Debited(e); err != nil {
			rt.Fatal(err)
		}
		if found[e.Credit], err = found[e.Credit].Credited(e); err != nil {
			rt.Fatal(err)
		}
	}
	maps.DeleteFunc(found, func(_ ledger.Account, b ledger.Balance) bool { return b == ledger.Balance{} })
	return found
}

// drawHistory draws messages of all kinds and ages, with their entries, and which of them are in the queue.
func drawHistory(rt *rapid.T) (history []txn.Message, entries map[int64][]ledger.Entry, items map[int64]bool) {
	entries, items = map[int64][]ledger.Entry{}, map[int64]bool{}
	seq := int64(0)
	days := rapid.SliceOfN(rapid.IntRange(0, 40), 1, 16).Draw(rt, "days") // of the requests, which came in order
	slices.Sort(days)
	for _, day := range days {
		at := noon.Add(time.Duration(day) * pruneDay)
		m := txn.Message{
			Seq: seq + 1, World: ident.Production, ID: uuid(int(seq + 1)), Account: pruneShop, Family: txn.Redemption, Role: txn.Request, At: at,
			Amount: money.Minor(rapid.IntRange(1, 99).Draw(rt, "amount")), Currency: 710,
		}
		m.State = rapid.SampledFrom([]txn.State{txn.Open, txn.Confirmed, txn.Reversed, txn.Declined, txn.Answered, txn.Working, txn.Confirmed}).Draw(rt, "state")
		advice := m
		advice.Seq, advice.ID, advice.Request, advice.State = seq+2, uuid(int(seq+2)), m.Seq, txn.Accepted
		advice.At = at.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "later")) * pruneDay)
		advice.Role = rapid.SampledFrom([]txn.Role{txn.Confirmation, txn.Reversal}).Draw(rt, "role")
		repeat := advice
		repeat.Seq, repeat.ID, repeat.At = seq+3, uuid(int(seq+3)), advice.At.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "again"))*pruneDay)
		e := ledger.Entry{Message: m.Seq, Request: m.Seq, Debit: cardAccount, Credit: redeemedOf3, Amount: m.Amount, Currency: 710, Phase: ledger.Pending}
		ending := e
		ending.Message = advice.Seq
		switch m.State {
		case txn.Confirmed:
			m.Ended, m.Final, advice.Role, ending.Phase = advice.Seq, m.Amount, txn.Confirmation, ledger.Posted
		case txn.Reversed:
			m.Ended, advice.Role, ending.Phase = advice.Seq, txn.Reversal, ledger.Released
		default:
			advice.State = txn.Declined
		}
		if m.State == txn.Answered {
			m.Family = txn.LookUp
		}
		if rapid.IntRange(0, 5).Draw(rt, "seldom") == 0 {
			m.Upstream, advice.Upstream = "issuer", "issuer"
			items[advice.Seq] = m.Ended != 0
		}
		if m.State != txn.Declined && m.State != txn.Answered {
			entries[m.Seq] = []ledger.Entry{e}
		}
		if m.Ended != 0 {
			entries[advice.Seq] = []ledger.Entry{ending}
		}
		repeat.Role = advice.Role
		history = append(history, m, advice, repeat)
		seq += 3
	}
	return history, entries, items
}
