package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// model is a store in the plainest form: maps that are copied for every message and thrown away when it fails.
// It shares no code with the store's Set, which all drivers share.
type model struct {
	messages   map[int64]txn.Message
	tombstones map[tombKey][]int64
	cards      map[int64]giftcard.Card
	details    map[int64]giftcard.Detail
	numbers    map[secret.Digest]int64
	counters   map[txn.CounterKey]txn.Counter
	entries    map[[2]int64]ledger.Entry
	rows       map[int64]admin.Row
	vouchers   map[int64]airtime.NewVoucher
	batches    map[int32]airtime.Batch
	floats     map[ident.Account]airtime.Float
	items      map[int64]saf.Item
}

type tombKey struct {
	account ident.Account
	id      ident.ID
}

func (m model) copy() model {
	return model{
		maps.Clone(m.messages), maps.Clone(m.tombstones), maps.Clone(m.cards), maps.Clone(m.details), maps.Clone(m.numbers),
		maps.Clone(m.counters), maps.Clone(m.entries), maps.Clone(m.rows),
		maps.Clone(m.vouchers), maps.Clone(m.batches), maps.Clone(m.floats),
		maps.Clone(m.items),
	}
}

func newModel() model {
	return model{
		map[int64]txn.Message{}, map[tombKey][]int64{}, map[int64]giftcard.Card{}, map[int64]giftcard.Detail{}, map[secret.Digest]int64{},
		map[txn.CounterKey]txn.Counter{}, map[[2]int64]ledger.Entry{}, map[int64]admin.Row{},
		map[int64]airtime.NewVoucher{}, map[int32]airtime.Batch{}, map[ident.Account]airtime.Float{},
		map[int64]saf.Item{},
	}
}

// ordered gives a map's values in the order of their keys.
func ordered[K cmp.Ordered, V any](m map[K]V) []V {
	values := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		values = append(values, m[k])
	}
	return values
}

// dump gives what the reports have to show.
func (m model) dump() dump {
	d := dump{
		Messages: ordered(m.messages), Cards: ordered(m.cards), Details: ordered(m.details), Rows: ordered(m.rows),
		Entries: slices.SortedFunc(maps.Values(m.entries), func(a, b ledger.Entry) int {
			return cmp.Or(cmp.Compare(a.Message, b.Message), cmp.Compare(a.N, b.N))
		}),
	}
	for _, message := range d.Messages {
		switch {
		case message.Role != txn.Request:
		case message.State == txn.Open:
			d.Open = append(d.Open, message)
		case message.State == txn.Working || message.State == txn.Reversing:
			d.Working = append(d.Working, message)
		}
	}
	d.Sums = addedUp(d.Open, ident.Production, 0, noon.Add(time.Hour))
	for _, v := range ordered(m.vouchers) {
		d.Vouchers = append(d.Vouchers, v.Voucher)
	}
	for _, b := range ordered(m.batches) {
		b.InStock = int64(len(m.inStock(b.Number)))
		d.Batches = append(d.Batches, b)
	}
	d.Floats, d.Items, d.Levels = ordered(m.floats), ordered(m.items), m.levels()
	return d
}

// levels counts the queue the long way: for each kind there may be, in order.
func (m model) levels() (found []saf.Level) {
	for _, upstream := range upstreams {
		for _, state := range everyState {
			l := saf.Level{Upstream: upstream, Account: 3, State: state, Currency: 710}
			for _, i := range ordered(m.items) {
				if i.Upstream == upstream && i.State == state {
					if l.Count++; l.Count == 1 || i.At.Before(l.Oldest) {
						l.Oldest = i.At
					}
					l.Value += i.Amount
				}
			}
			if l.Count > 0 {
				found = append(found, l)
			}
		}
	}
	return found
}

// withID gives the messages with an id.
func (m model) withID(id ident.ID) (found []txn.Message) {
	for _, message := range ordered(m.messages) {
		if message.ID == id {
			found = append(found, message)
		}
	}
	return found
}

func (m model) cardsOf(d secret.Digest) (found []int64) {
	for _, detail := range ordered(m.details) {
		if detail.Holder.MSISDN == d || detail.Holder.ProfileID == d {
			found = append(found, detail.Card)
		}
	}
	return found
}

// inStock gives the vouchers of a batch that can be sold, in order.
func (m model) inStock(batch int32) (found []airtime.Voucher) {
	for _, v := range ordered(m.vouchers) {
		if v.Batch == batch && v.Status == airtime.InStock {
			found = append(found, v.Voucher)
		}
	}
	return found
}

// onSale gives the batches of a product that can be sold at noon, in order.
func (m model) onSale(product int32) (found []airtime.Batch) {
	for _, b := range m.dump().Batches {
		if b.Product == product && b.InStock > 0 && !b.Closed && (b.Expiry.IsZero() || b.Expiry.After(noon)) {
			found = append(found, b)
		}
	}
	slices.SortStableFunc(found, func(a, b airtime.Batch) int {
		switch {
		case a.Expiry.IsZero() || b.Expiry.IsZero():
			return cmp.Compare(b.Expiry.Unix(), a.Expiry.Unix()) // the zero time is the least: it comes last
		default:
			return a.Expiry.Compare(b.Expiry)
		}
	})
	return found
}

// withHash gives the vouchers with a hash.
func (m model) withHash(hash int64) (found []airtime.Voucher) {
	for _, v := range ordered(m.vouchers) {
		if v.SerialHash == hash || v.PINHash == hash {
			found = append(found, v.Voucher)
		}
	}
	return found
}

// few keys, so that messages meet: ids, cards, holders and so on are drawn from this many.
const few = 4

// testModel runs random sequences of messages against the driver and the model, which must agree: within each
// message, after each batch, and after reopening.
func testModel(t *testing.T, h *harness) {
	h.check(t, func(rt *rapid.T) {
		r := h.start(t)
		defer r.close()
		w := &walk{room: r, rapid: rt, model: newModel()}
		rt.Repeat(map[string]func(*rapid.T){
			"message": func(rt *rapid.T) { w.rapid = rt; w.message() },
			"reopen": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "seldom") == 0 {
					r.again()
				}
			},
			"": func(rt *rapid.T) { w.rapid = rt; w.agree() },
		})
	})
}

// walk is one random sequence.
type walk struct {
	*room
	rapid *rapid.T
	model model
	last  int64
}

// same tells rapid of a difference, so that it can look for a shorter sequence.
func (w *walk) same(what string, got, want any) {
	if d := differ(what, reflect.ValueOf(got), reflect.ValueOf(want)); d != "" {
		w.rapid.Error(d)
	}
}

// message lets one message do a few random things and then succeed or fail.
func (w *walk) message() {
	steps := rapid.SliceOfN(rapid.IntRange(0, 25), 1, 8).Draw(w.rapid, "steps")
	salt := rapid.Int64Range(0, 1<<30).Draw(w.rapid, "salt")
	fails := rapid.IntRange(0, 3).Draw(w.rapid, "fails") == 0
	keys := declared()
	keys.Stock, keys.At = rapid.Int32Range(0, 2).Draw(w.rapid, "stock"), noon
	var next model
	last := w.last
	err := w.try(keys, func(tx *store.Tx) error {
		next, w.last = w.model.copy(), last // it may run twice
		for i, step := range steps {
			w.step(tx, next, step, salt+int64(i)*7919)
		}
		if fails {
			return errOwn
		}
		return nil
	})
	if fails != errors.Is(err, errOwn) || (err != nil && !fails) {
		w.rapid.Fatalf("got %v", err)
	}
	if !fails {
		w.model = next
	}
}

// step does one thing to both and compares what it reads on the way. Choices come from n.
func (w *walk) step(tx *store.Tx, m model, step int, n int64) {
	pick := int(n % few)
	switch step {
	case 0, 1:
		w.last = tx.NextSeq()
		message := request(w.last, uuid(pick))
		message.Role, message.State, message.Amount = txn.Role(1+n%3), txn.State(1+n/3%5), money.Minor(n)
		message.References, message.Links = []int64{n % 5}, []txn.Link{{Card: n % 7, Previous: n % 11}}
		message.Account, message.At = ident.Account(1+n/7%3), noon.Add(time.Duration(n%9)*time.Second)
		message.Upstream = []string{"", "", "issuer", "other"}[n/5%4]
		tx.Insert(message)
		m.messages[w.last] = message
	case 2, 3:
		for _, message := range tx.Messages(uuid(pick)) {
			message.State, message.Ended, message.Final = txn.State(n%8), n, money.Minor(n)
			asked := message // for more than may be
			asked.Upstream, asked.Amount, asked.Requested, asked.Currency, asked.Account = upstreams[n%2], money.Minor(n%1000), money.Minor(n%77), 978, 9
			tx.Amend(asked)
			if message.Upstream != "" {
				message.Upstream, message.Amount, message.Requested, message.Currency = asked.Upstream, asked.Amount, asked.Requested, asked.Currency
			}
			m.messages[message.Seq] = message
		}
	case 4:
		key := tombKey{ident.Account(n % 2), uuid(pick)}
		w.same("tombstones", tx.Remembered(key.account, key.id), m.tombstones[key])
		w.last = tx.NextSeq()
		tx.Remember(key.account, key.id, w.last)
		m.tombstones[key] = append(slices.Clone(m.tombstones[key]), w.last)
	case 5:
		w.last = tx.NextSeq()
		card := newCard(w.last)
		card.Number, card.Detail.Holder.MSISDN = digest("number", int(w.last)), digest("m", pick)
		tx.AddCard(card)
		m.cards[w.last], m.details[w.last], m.numbers[card.Number] = card.Card, card.Detail, w.last
	case 6, 7:
		w.changeCard(tx, m, n)
	case 8:
		key := someCounter(int64(pick))
		w.same("counter", tx.Counter(key), m.counters[key])
		tx.PutCounter(key, txn.Counter{Count: n})
		m.counters[key] = txn.Counter{Count: n}
	case 9:
		w.last = tx.NextSeq()
		for k := range n%3 + 1 {
			e := ledger.Entry{Message: w.last, N: int(k), Request: n, Debit: 1, Credit: 2, Amount: 1 + money.Minor(n), Phase: ledger.Posted}
			tx.Enter(e)
			m.entries[[2]int64{w.last, k}] = e
		}
	case 10:
		row := admin.Row{Kind: admin.AuditRow, Number: int64(pick) + 1, World: 1, Name: fmt.Sprint("row", pick), Content: []byte{byte(n)}}
		if m.rows[row.Number] = row; n%3 == 0 {
			row.Content = nil
			delete(m.rows, row.Number)
		}
		tx.PutRow(row)
	case 21, 22, 23, 24, 25:
		w.stepOfQueue(tx, m, step, n)
	default:
		w.stepOfStock(tx, m, step, n)
	}
	w.same("messages with an id", tx.Messages(uuid(pick)), m.withID(uuid(pick)))
	w.same("cards of a holder", tx.CardsOf(digest("m", pick), store.MaxCardsOfHolder), atMost(m.cardsOf(digest("m", pick))))
}

// expiries are those that the walk's batches have: never, passed, and two to come.
var expiries = []time.Time{{}, noon, noon.Add(time.Hour), noon.Add(2 * time.Hour)}

// stepOfStock does one thing of airtime to both.
func (w *walk) stepOfStock(tx *store.Tx, m model, step int, n int64) {
	number, product := int32(1+n%(2*few)), int32(1+n/7%2)
	_, known := m.batches[number]
	switch {
	case step == 11:
		b := newBatch(number, product)
		b.Expiry, b.Closed = expiries[n/3%int64(len(expiries))], n%5 == 0
		tx.PutBatch(b)
		if known {
			b.Product = m.batches[number].Product // it stays
		}
		m.batches[number] = b
	case step <= 13 && known:
		for range n%3 + 1 {
			w.last = tx.NextSeq()
			v := newVoucher(w.last, number)
			v.SerialHash, v.PINHash = n%5, n/5%5
			tx.AddVoucher(v)
			m.vouchers[w.last] = v
		}
	case step <= 17:
		w.sell(tx, m, product)
	case step <= 19:
		w.moveVoucher(tx, m, n)
	case step == 20:
		f := airtime.Float{Account: ident.Account(1 + n%few), World: 1, Currency: 710, Balance: ledger.Balance{Book: money.Minor(n)}}
		tx.PutFloat(f)
		m.floats[f.Account] = f
	}
	for product := range int32(3) {
		w.sameOnSale(tx, m, product)
	}
	w.same("by hash", tx.VouchersByHash(n%5), m.withHash(n%5))
}

// upstreams are those that the walk's messages and items go to, in order.
var upstreams = []string{"issuer", "other"}

// stepOfQueue does one thing of the queue to both.
func (w *walk) stepOfQueue(tx *store.Tx, m model, step int, n int64) {
	if step <= 22 {
		w.last = tx.NextSeq()
		i := newItem(w.last)
		i.Upstream, i.Amount, i.At, i.State = upstreams[n%2], money.Minor(n%1000), noon.Add(time.Duration(n%9)*time.Second), everyState[n/2%3]
		tx.AddItem(i)
		m.items[i.Seq] = i
		return
	}
	all := slices.Sorted(maps.Keys(m.items))
	if len(all) == 0 {
		tx.DropItem(-n)
		return
	}
	i := m.items[all[n%int64(len(all))]]
	got, _ := tx.Item(i.Seq)
	w.same("item", got, i)
	if step == 25 {
		tx.DropItem(i.Seq)
		delete(m.items, i.Seq)
		_, found := tx.Item(i.Seq)
		w.same("dropped", found, false)
		return
	}
	i.State, i.Attempts, i.Why = everyState[n/3%3], i.Attempts+1, fmt.Sprint("why", n%5)
	i.Tried = noon.Add(time.Duration(n%7) * time.Millisecond)
	tx.PutItem(i)
	m.items[i.Seq] = i
}

// sameOnSale compares the batches that can be sold: of many the first ones are enough.
func (w *walk) sameOnSale(tx *store.Tx, m model, product int32) []airtime.Batch {
	got, want := tx.Batches(product, noon), m.onSale(product)
	if len(got) == 0 || len(got) > len(want) {
		w.same("on sale", got, want)
		return got
	}
	w.same("on sale", got, want[:len(got)])
	for _, b := range got {
		next, _ := tx.Next(b.Number)
		w.same("next", next, m.inStock(b.Number)[0])
	}
	return got
}

// sell sells what comes next of a product.
func (w *walk) sell(tx *store.Tx, m model, product int32) {
	batches := w.sameOnSale(tx, m, product)
	if len(batches) == 0 {
		return
	}
	v, _ := tx.Next(batches[0].Number) // sameOnSale has looked at it
	v.Status, v.LastMessage = airtime.Sold, tx.NextSeq()
	tx.PutVoucher(v)
	kept := m.vouchers[v.ID]
	kept.Voucher = v
	m.vouchers[v.ID] = kept
}

// moveVoucher puts one of the vouchers into some status.
func (w *walk) moveVoucher(tx *store.Tx, m model, n int64) {
	all := slices.Sorted(maps.Keys(m.vouchers))
	if len(all) == 0 {
		return
	}
	kept := m.vouchers[all[n%int64(len(all))]]
	w.same("voucher", tx.Voucher(kept.ID), kept.Voucher)
	kept.Status, kept.LastMessage = airtime.VoucherStatus(1+n/11%4), n
	tx.PutVoucher(kept.Voucher)
	m.vouchers[kept.ID] = kept
}

// changeCard changes one of the cards and its detail.
func (w *walk) changeCard(tx *store.Tx, m model, n int64) {
	all := slices.Sorted(maps.Keys(m.cards))
	if len(all) == 0 {
		return
	}
	id := all[n%int64(len(all))]
	c, found := tx.CardByNumber(giftcard.CardKey{digest("number", int(id))})
	if !found {
		w.rapid.Errorf("card %d is not found", id)
		return
	}
	w.same("card", c, m.cards[id])
	c.LastMessage, c.Loads = n, int32(n%100)
	tx.PutCard(c)
	d := tx.Detail(id)
	w.same("detail", d, m.details[id])
	if len(m.cardsOf(digest("m", int(n%few)))) < store.MaxCardsOfHolder-1 { // a look-up is cut off above that
		d.Holder.MSISDN, d.Holder.ProfileID = digest("m", int(n%few)), digest("m", int(n/few%few))
	}
	tx.PutDetail(d)
	m.cards[id], m.details[id] = c, d
}

func atMost(cards []int64) []int64 { return cards[:min(len(cards), store.MaxCardsOfHolder)] }

// agree compares everything that can be asked.
func (w *walk) agree() {
	w.same("records", w.dump(), w.model.dump())
	w.read(func(tx *store.Tx) {
		for n := range few {
			w.same("messages with an id", tx.Messages(uuid(n)), w.model.withID(uuid(n)))
			w.same("cards of a holder", tx.CardsOf(digest("m", n), store.MaxCardsOfHolder), atMost(w.model.cardsOf(digest("m", n))))
			w.same("counter", tx.Counter(someCounter(int64(n))), w.model.counters[someCounter(int64(n))])
			for account := range ident.Account(2) {
				w.same("tombstones", tx.Remembered(account, uuid(n)), w.model.tombstones[tombKey{account, uuid(n)}])
			}
		}
	})
	w.agreeOnStock()
	w.agreeOnQueue()
	for hash := range int64(5) {
		var want []txn.Message
		for _, m := range ordered(w.model.messages) {
			if slices.Contains(m.References, hash) {
				want = append(want, m)
			}
		}
		w.same("by reference", must(w.driver.MessagesByReference(w.Context(), ident.Production, hash, 0, 10_000)), want)
		if half := len(want) / 2; half > 0 {
			rest := must(w.driver.MessagesByReference(w.Context(), ident.Production, hash, want[half-1].Seq, 10_000))
			w.same("by reference, the later half", rest, want[half:])
		}
	}
}

// agreeOnQueue compares what can be asked of the queue.
func (w *walk) agreeOnQueue() {
	all := ordered(w.model.items)
	for _, upstream := range append(upstreams, "") {
		for n := range everyState {
			states := everyState[n:]
			for _, limit := range []int{1, 3, 10_000} {
				want := fitting(all, upstream, states)
				w.same("items", must(w.driver.Items(w.Context(), upstream, states, 0, limit)), want[:min(limit, len(want))])
			}
		}
	}
}

// agreeOnStock compares what can be asked of vouchers.
func (w *walk) agreeOnStock() {
	w.read(func(tx *store.Tx) {
		for product := range int32(3) {
			w.sameOnSale(tx, w.model, product)
		}
		for hash := range int64(5) {
			w.same("by hash", tx.VouchersByHash(hash), w.model.withHash(hash))
		}
		for account := range ident.Account(few + 1) {
			f, _ := tx.Float(account)
			w.same("float", f, w.model.floats[account])
		}
	})
	for number := range int32(2*few + 1) {
		for status := airtime.InStock; status <= airtime.Withdrawn; status++ {
			var want []airtime.Voucher
			for _, v := range ordered(w.model.vouchers) {
				if v.Batch == number && v.Status == status {
					want = append(want, v.Voucher)
				}
			}
			w.same("of a batch", must(w.driver.VouchersOf(w.Context(), number, status, 0, 10_000)), want)
		}
	}
}
