package airtime_test

import (
	"maps"
	"slices"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
)

// model is airtime as one would explain it to a shopkeeper: shelves with numbered vouchers, one purse, and a list of
// what has been asked. It knows no ledger, no entries and no store, and of the provider only what it did.
type model struct {
	now      time.Time
	can      airtime.Capabilities
	manner   airtimetest.Manner
	keeps    bool
	mute     bool
	purse    int64            // of account a; account b buys on account
	shelves  map[string][]int // vouchers in stock, ascending
	requests map[string]*modelPurchase
	early    map[string]bool // purchases whose reversal came first, by account and id
}

type modelPurchase struct {
	id, account, product string
	state                string // as txn names it
	reason               string // why it was declined
	price                int64
	voucher              int
	placed               time.Time
	credited, refused    bool // what the provider did
	spoiled              bool // it was credited, and taken back
}

// goods is what the model knows of a product. A top-up costs nine tenths of its amount.
type goods struct {
	price, least, most int64
	toStock, topUp     bool
}

var catalogue = map[string]goods{
	"plain": {price: 100}, "back": {price: 50, toStock: true}, "topup": {topUp: true, least: 10, most: 200},
}

func (m *model) request(id, account, product string, amount int64) string {
	g, known := catalogue[product]
	if m.requests[id] != nil {
		return "DUPLICATE_RECORD"
	}
	r := &modelPurchase{id: id, account: account, product: product, placed: m.now, state: "declined"}
	m.requests[id] = r
	r.price = g.price
	if g.topUp {
		r.price = amount - amount/10
	}
	switch {
	case m.early[account+id]:
		r.reason = "ACCOUNT_ALREADY_SETTLED"
	case !known:
		r.reason = "INVALID_PRODUCT"
	case g.topUp && (amount < g.least || amount > g.most), !g.topUp && amount != 0 && amount != g.price:
		r.reason = "INVALID_AMOUNT"
	case account == "a" && r.price > m.purse:
		r.reason = "INSUFFICIENT_FUNDS"
	case !g.topUp && len(m.shelves[product]) == 0:
		r.reason = "OUT_OF_STOCK"
	default:
		return m.supply(r, g)
	}
	return r.reason
}

func (m *model) supply(r *modelPurchase, g goods) string {
	m.pay(r, -r.price)
	if !g.topUp {
		r.state, r.voucher = "open", m.shelves[r.product][0]
		m.shelves[r.product] = m.shelves[r.product][1:]
		return good
	}
	r.credited = m.manner == airtimetest.Prompt || m.manner == airtimetest.Breaks
	switch m.manner {
	case airtimetest.Prompt:
		r.state = "open"
		return good
	case airtimetest.Refuses:
		r.refused, r.reason = true, "DECLINED_BY_MNO"
		m.pay(r, r.price)
		return r.reason
	}
	r.state = "working"
	return unknown
}

func (m *model) pay(r *modelPurchase, amount int64) {
	if r.account == "a" {
		m.purse += amount
	}
}

// undo gives back what a purchase cost, and the voucher if there is one.
func (m *model) undo(r *modelPurchase, state, reason string) {
	r.state, r.reason = state, reason
	m.pay(r, r.price)
	if g := catalogue[r.product]; !g.topUp && g.toStock {
		m.shelves[r.product] = append(m.shelves[r.product], r.voucher)
		slices.Sort(m.shelves[r.product])
	}
}

// resolve asks the provider how a top-up ended. It may leave it as it is.
func (m *model) resolve(r *modelPurchase, gone bool) {
	if r.state == "working" {
		m.resolveWorking(r, gone)
	}
	if r.state == "reversing" {
		m.takeBack(r)
	}
}

func (m *model) resolveWorking(r *modelPurchase, gone bool) {
	age := m.now.Sub(r.placed)
	if m.can.Status && !m.mute {
		switch {
		case r.credited:
			r.state = "open"
			return
		case r.spoiled:
			m.undo(r, "declined", "DECLINED_BY_MNO")
			return
		case age > 2*timeout:
			m.undo(r, "declined", "UPSTREAM_UNAVAILABLE")
			return
		}
	}
	if m.can.Reverses && age >= timeout && (gone || !m.can.Status) {
		r.state = "reversing"
	}
}

func (m *model) takeBack(r *modelPurchase) {
	switch {
	case m.can.Reverses && m.mute: // it does, and does not say so
		r.spoiled, r.credited = r.spoiled || r.credited, false
	case m.can.Reverses && m.keeps && r.credited:
		r.state = "open"
	case m.can.Reverses:
		r.spoiled, r.credited = r.spoiled || r.credited, false
		m.undo(r, "reversed", "")
	case !m.can.Status || m.mute:
	case r.credited:
		r.state = "open"
	case r.spoiled || m.now.Sub(r.placed) > 2*timeout:
		m.undo(r, "reversed", "")
	}
}

func (r *modelPurchase) waits() bool { return r.state == "working" || r.state == "reversing" }

func (m *model) advice(account, of string, reversal bool) string {
	r := m.requests[of]
	switch {
	case r == nil && reversal:
		m.early[account+of] = true
		return "UNABLE_TO_LOCATE_RECORD"
	case r == nil, r.account != account && !reversal:
		return "UNABLE_TO_LOCATE_RECORD"
	case r.account != account:
		return "GENERAL_ERROR"
	}
	if r.waits() {
		m.resolve(r, reversal)
	}
	switch {
	case r.waits():
		return undecided
	case r.state == "declined" && !reversal:
		return "GENERAL_ERROR"
	case r.state == "declined", r.state == "confirmed" && !reversal, r.state == "reversed" && reversal:
		return good
	case r.state != "open":
		return "ACCOUNT_ALREADY_SETTLED"
	case !reversal:
		r.state = "confirmed"
		return good
	}
	return m.reverse(r, undecided)
}

// reverse undoes what is open. waiting is what is told while the provider has not agreed.
func (m *model) reverse(r *modelPurchase, waiting string) string {
	if !catalogue[r.product].topUp {
		m.undo(r, "reversed", "")
		return good
	}
	if !m.can.Reverses {
		return "TRANSACTION_NOT_SUPPORTED"
	}
	r.state = "reversing"
	m.takeBack(r)
	switch r.state {
	case "open":
		return "TRANSACTION_NOT_SUPPORTED"
	case "reversed":
		return good
	}
	return waiting
}

// settle is an operator's word.
func (m *model) settle(account, of string, reversal bool) string {
	r := m.requests[of]
	if r == nil || r.account != account {
		return "UNABLE_TO_LOCATE_RECORD"
	}
	m.resolve(r, reversal)
	final := r.waits() || catalogue[r.product].topUp && !m.can.Reverses
	switch {
	case r.state != "open" && !r.waits():
		return "TRANSACTION_NOT_SUPPORTED"
	case !reversal:
		r.state = "confirmed"
		return good
	case final:
		m.undo(r, "reversed", "")
		return good
	}
	return m.reverse(r, unknown)
}

func (m *model) status(account, of string) string {
	r := m.requests[of]
	switch {
	case r == nil || r.account != account:
		return "UNABLE_TO_LOCATE_RECORD"
	case r.waits():
		return unknown
	case r.state == "reversed":
		return "ACCOUNT_ALREADY_SETTLED"
	case r.state == "declined":
		return r.reason
	}
	return good
}

// sweep resolves everything that waits, and counts what is left.
func (m *model) sweep() (left int) {
	for _, id := range slices.Sorted(maps.Keys(m.requests)) {
		r := m.requests[id]
		if m.resolve(r, false); r.waits() {
			left++
		}
	}
	return left
}
