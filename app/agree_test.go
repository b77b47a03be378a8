package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/txn"
)

// books are what one server has recorded of the deals of a market: the requests, and the advices that it took of each.
type books struct {
	requests map[ident.ID]txn.Message
	taken    map[int64][]txn.Message // by request
}

func booksOf(all []txn.Message, after int64) books {
	b := books{map[ident.ID]txn.Message{}, map[int64][]txn.Message{}}
	for _, m := range all {
		switch {
		case m.Seq <= after || m.Family == txn.LookUp || m.Family == txn.Adjustment:
		case m.Role == txn.Request:
			b.requests[m.ID] = m
		case m.State == txn.Accepted && m.Request != 0:
			b.taken[m.Request] = append(b.taken[m.Request], m)
		}
	}
	return b
}

// read reads the books of all relays, in the order in which messages pass them, and those of the issuer and vendor. What
// they are kept in has to be in order, too, and nothing is queued.
func (m *market) read(t *testing.T) (all []books) {
	t.Helper()
	for _, s := range m.stations {
		all = append(all, s.read(t))
	}
	return append(all, booksOf(messagesOf(t, m.Store.Driver()), m.opened))
}

// read reads the books of a relay that is dead.
func (s *station) read(t *testing.T) books {
	t.Helper()
	d := s.open(t)
	defer func() { must(t, d.Close()) }()
	report, err := invariant.Check(t.Context(), d)
	must(t, err)
	for _, fault := range report.Faults {
		t.Errorf("relay %s: %s", s.Institution, fault)
	}
	if report.Queued != 0 || report.Working != 0 {
		t.Errorf("%d items are queued, and %d requests have no outcome", report.Queued, report.Working)
	}
	return booksOf(messagesOf(t, d), 0)
}

// agree asks that everybody tells the same of every deal, that each one that the issuer or vendor has approved has its one
// ending or is known to be open, and that cards, vouchers, floats and subscribers have what follows from that. It gives how
// many deals the issuer and vendor have in each state.
func (m *market) agree(t *testing.T) (states map[txn.State]int) {
	t.Helper()
	states = m.compare(t, m.read(t))
	m.countCards(t)
	m.countAirtime(t)
	m.booksAreRight(t)
	for n, l := range m.lines {
		t.Logf("mischief on line %d: %v", n, l.Done())
	}
	return states
}

// compare asks that all books tell what the sellers know of their deals, and nothing besides. It gives how many deals
// there are in each state in the last of them.
func (m *market) compare(t *testing.T, all []books) (states map[txn.State]int) {
	t.Helper()
	states = map[txn.State]int{}
	known := map[ident.ID]bool{}
	for _, s := range m.sellers {
		for _, d := range s.made {
			d.agrees(t, all)
			known[ident.ID(d.id)] = true
			states[all[len(all)-1].requests[ident.ID(d.id)].State]++
		}
	}
	for _, b := range all {
		for id, request := range b.requests {
			if !known[id] {
				t.Errorf("nobody knows of %s %s", request.Family, id)
			}
		}
	}
	t.Logf("deals as the issuer and vendor have them: %v", states)
	return states
}

// agreeOn asks that everybody tells the same of one deal.
func (m *market) agreeOn(t *testing.T, d *deal) {
	t.Helper()
	d.agrees(t, m.read(t))
}

// agrees asks that all books say of a deal what its seller knows of it.
func (d *deal) agrees(t *testing.T, all []books) {
	t.Helper()
	first := all[0].requests[ident.ID(d.id)]
	if known := d.known(); !slices.Contains(known, first.State) {
		t.Errorf("%s: the first relay has it %s %s", d, first.State, first.Reason)
	}
	for n := 1; n < len(all); n++ {
		ours, theirs := all[n-1].requests[ident.ID(d.id)], all[n].requests[ident.ID(d.id)]
		if err := agreement(ours, theirs); err != nil {
			t.Errorf("%s: relay %d and what is behind it: %v", d, n-1, err)
		}
	}
	last := all[len(all)-1]
	if err := last.oneEnding(ident.ID(d.id)); err != nil {
		t.Errorf("%s: %v", d, err)
	}
}

// known gives the states that a deal can have by what its seller knows.
func (d *deal) known() []txn.State {
	switch {
	case d.advice == "confirmations":
		return []txn.State{txn.Confirmed}
	case d.approved() && d.advice == "reversals":
		return []txn.State{txn.Reversed}
	case d.approved():
		return []txn.State{txn.Open}
	case d.answer.refusal() == "DUPLICATE_RECORD":
		return []txn.State{txn.Reversed}
	case d.refused():
		return []txn.State{txn.Declined}
	case d.away(), d.gone:
		return []txn.State{txn.Absent, txn.Withdrawn}
	}
	return []txn.State{txn.Reversed, txn.Declined} // it had no answer, and was reversed
}

// agreement says what is wrong between a relay's record of a request and that of whoever is behind it; the zero value is
// none.
func agreement(ours, theirs txn.Message) error {
	ok := false
	switch ours.State {
	case txn.Open, txn.Confirmed:
		ok = theirs.State == ours.State && theirs.Amount == ours.Amount && theirs.Final == ours.Final && theirs.Currency == ours.Currency
	case txn.Reversed:
		ok = theirs.State == txn.Reversed || theirs.State == txn.Declined || theirs.State == txn.Absent || theirs.State == txn.Withdrawn
	case txn.Declined: // there, or here because its reversal had come first
		late := ours.Reason == decline.GeneralError || ours.Reason == decline.AccountAlreadySettled
		ok = theirs.State == txn.Declined && theirs.Reason == ours.Reason || theirs.State == txn.Absent && late
	case txn.Absent, txn.Withdrawn:
		ok = theirs.State == txn.Absent || theirs.State == txn.Withdrawn
	}
	if !ok {
		return fmt.Errorf("one has it %s with %d of %d, the other %s with %d of %d",
			ours.State, ours.Final, ours.Amount, theirs.State, theirs.Final, theirs.Amount)
	}
	return nil
}

// oneEnding asks that a request that was approved has been ended by one advice, and that no other one came for it; and
// that one which is open has none.
func (b books) oneEnding(id ident.ID) error {
	request := b.requests[id]
	taken := b.taken[request.Seq]
	switch request.State {
	case txn.Open:
		if len(taken) != 0 {
			return fmt.Errorf("it is open, and %d advices were taken of it", len(taken))
		}
	case txn.Confirmed, txn.Reversed:
		if len(taken) != 1 || taken[0].Seq != request.Ended || taken[0].Role.Ending() != request.State {
			return fmt.Errorf("it is %s, ended by message %d, and these advices were taken of it: %v", request.State, request.Ended, taken)
		}
	}
	return nil
}

// countCards asks that each card has what the sellers know.
func (m *market) countCards(t *testing.T) {
	t.Helper()
	book, available := make([]int64, marketCards), make([]int64, marketCards)
	for n := range marketCards {
		book[n], available[n] = crashOpening, crashOpening
	}
	for _, s := range m.sellers {
		for _, d := range s.made {
			switch {
			case !d.stands() || d.product != "":
			case d.resource == "activations":
				m.countActivated(t, d)
			case d.resource == "redemptions":
				book[d.number], available[d.number] = book[d.number]-d.amount, available[d.number]-d.amount
			default:
				book[d.number] += d.amount
				if d.advice == "confirmations" {
					available[d.number] += d.amount
				}
			}
		}
	}
	for n, c := range m.cards {
		if b, a := m.tills["rich"].balance(t, c); b != book[n] || a != available[n] {
			t.Errorf("card %d has book %d available %d; by what its sellers know it must have %d and %d", n, b, a, book[n], available[n])
		}
	}
}

// countActivated asks that an activated card has what it was activated with; unconfirmed, none of it can be spent.
func (m *market) countActivated(t *testing.T, d *deal) {
	t.Helper()
	a := m.tills["rich"].ask("lookupGiftcard", newID(), d.card, -1)
	if a.status != http.StatusCreated {
		if d.advice == "confirmations" {
			t.Errorf("%s: the card's balance: %v", d, a)
		}
		return
	}
	if got := a.minor("balanceAmount"); got != d.amount {
		t.Errorf("%s: the card has %d and must have %d", d, got, d.amount)
	}
}

// countAirtime asks that vouchers, floats and subscribers are as what stands says.
func (m *market) countAirtime(t *testing.T) {
	t.Helper()
	sold, credited, spent := map[string]int64{}, map[string]int64{}, int64(0)
	for _, s := range m.sellers {
		for _, d := range s.made {
			if !d.stands() || d.product == "" {
				continue
			}
			if d.account == "rich" {
				spent += d.price()
			}
			if d.product == topUp {
				credited[d.sale.number] += d.sale.amount
			} else {
				sold[d.product]++
			}
		}
	}
	for _, product := range []string{seen, unseen} {
		for _, b := range m.stock(t, product) {
			if b.Sold != sold[product] {
				t.Errorf("%d vouchers %s are sold; by what the sellers know it must be %d", b.Sold, product, sold[product])
			}
		}
	}
	if book, available := m.float(t, "rich"); book != crashDeposit-spent || available != crashDeposit-spent {
		t.Errorf("the float has book %d available %d; by what the sellers know it must have %d", book, available, crashDeposit-spent)
	}
	for _, number := range crashNumbers {
		if got := m.tills["rich"].credit(t, number); got != credited[number] {
			t.Errorf("%s has %d; by what the sellers know it must have %d", number, got, credited[number])
		}
	}
}
