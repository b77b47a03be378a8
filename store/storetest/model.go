package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// model is a store in the plainest form: maps that are copied for every message and thrown away when it fails.
// It shares no code with the store's Set, which all drivers share.
type model struct {
	messages   map[int64]txn.Message
	tombstones map[tombKey]int64
	cards      map[int64]giftcard.Card
	details    map[int64]giftcard.Detail
	numbers    map[secret.Digest]int64
	counters   map[txn.CounterKey]txn.Counter
	entries    map[[2]int64]ledger.Entry
	rows       map[int64]admin.Row
}

type tombKey struct {
	account ident.Account
	id      ident.ID
}

func (m model) copy() model {
	return model{
		maps.Clone(m.messages), maps.Clone(m.tombstones), maps.Clone(m.cards), maps.Clone(m.details), maps.Clone(m.numbers),
		maps.Clone(m.counters), maps.Clone(m.entries), maps.Clone(m.rows),
	}
}

func newModel() model {
	return model{
		map[int64]txn.Message{}, map[tombKey]int64{}, map[int64]giftcard.Card{}, map[int64]giftcard.Detail{}, map[secret.Digest]int64{},
		map[txn.CounterKey]txn.Counter{}, map[[2]int64]ledger.Entry{}, map[int64]admin.Row{},
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
		if message.Role == txn.Request && message.State == txn.Open {
			d.Open = append(d.Open, message)
		}
	}
	return d
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

// few keys, so that messages meet: ids, cards, holders and so on are drawn from this many.
const few = 4

// testModel runs random sequences of messages against the driver and the model, which must agree: within each
// message, after each batch, and after reopening.
func testModel(t *testing.T, h *harness) {
	rapid.Check(t, func(rt *rapid.T) {
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
	steps := rapid.SliceOfN(rapid.IntRange(0, 10), 1, 8).Draw(w.rapid, "steps")
	salt := rapid.Int64Range(0, 1<<30).Draw(w.rapid, "salt")
	fails := rapid.IntRange(0, 3).Draw(w.rapid, "fails") == 0
	next := w.model.copy()
	err := w.try(declared(), func(tx *store.Tx) error {
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
		tx.Insert(message)
		m.messages[w.last] = message
	case 2, 3:
		for _, message := range tx.Messages(uuid(pick)) {
			message.State, message.Ended, message.Final = txn.State(n%6), n, money.Minor(n)
			tx.Amend(message)
			m.messages[message.Seq] = message
		}
	case 4:
		key := tombKey{ident.Account(n % 2), uuid(pick)}
		if at, known := tx.Remembered(key.account, key.id); known {
			w.same("tombstone", at, m.tombstones[key])
			return
		}
		w.last = tx.NextSeq()
		tx.Remember(key.account, key.id, w.last)
		m.tombstones[key] = w.last
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
	}
	w.same("messages with an id", tx.Messages(uuid(pick)), m.withID(uuid(pick)))
	w.same("cards of a holder", tx.CardsOf(digest("m", pick), store.MaxCardsOfHolder), atMost(m.cardsOf(digest("m", pick))))
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
				at, _ := tx.Remembered(account, uuid(n))
				w.same("tombstone", at, w.model.tombstones[tombKey{account, uuid(n)}])
			}
		}
	})
	for hash := range int64(5) {
		var want []txn.Message
		for _, m := range ordered(w.model.messages) {
			if slices.Contains(m.References, hash) {
				want = append(want, m)
			}
		}
		w.same("by reference", must(w.driver.MessagesByReference(w.Context(), ident.Production, hash, 10_000)), want)
	}
}
