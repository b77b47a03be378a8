package invariant_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// shop is a store with a little of everything in it: cards by the names of the messages that made them what they are.
type shop struct {
	t      *testing.T
	issuer *giftcardtest.Issuer
	pans   map[string]string
}

func (s *shop) send(m conform.Message, want int) {
	s.t.Helper()
	m.Account = "a"
	answer, err := s.issuer.Do(s.t.Context(), m)
	if err != nil || answer.Status != want {
		s.t.Fatalf("%s: %s, %v", m, answer, err)
	}
}

func (s *shop) ask(kind conform.Kind, id, card, target string, amount int64) {
	s.t.Helper()
	m := conform.Message{Kind: kind, Act: conform.Request, ID: id, Card: &conform.Card{PAN: s.pans[card], Expiry: "4010"}, Product: "plain"}
	if target != "" {
		m.Target = &conform.Card{PAN: s.pans[target], Expiry: "4010"}
	}
	if amount != 0 {
		m.Amount = &conform.Amount{Minor: amount, Currency: "710"}
	}
	want := 201
	if strings.HasPrefix(id, "declined") {
		want = 400
	}
	s.send(m, want)
}

func (s *shop) end(kind conform.Kind, act conform.Act, of string, approved int64) {
	s.t.Helper()
	m := conform.Message{Kind: kind, Act: act, ID: "end of " + of, RequestID: of}
	if approved != 0 {
		m.Approved = &conform.Amount{Minor: approved, Currency: "710"}
	}
	s.send(m, 202)
}

// newShop sells, loads, spends, transfers, voids, replaces and corrects.
func newShop(t *testing.T) *shop {
	kept := memstore.New()
	s := &shop{t: t, pans: map[string]string{}, issuer: giftcardtest.New(t, giftcardtest.Settings{
		Open: func(testing.TB) store.Driver { return kept },
	})}
	if err := s.issuer.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1000}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"new", "used", "second", "voided", "old", "heir"} {
		card, err := s.issuer.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		if err != nil {
			t.Fatal(err)
		}
		s.pans[name] = card.PAN
	}
	for _, name := range []string{"used", "second", "voided", "old"} {
		s.ask(conform.Activate, "activation of "+name, name, "", 0)
		s.end(conform.Activate, conform.Confirmation, "activation of "+name, 0)
	}
	s.ask(conform.Load, "load", "used", "", 500)
	s.end(conform.Load, conform.Confirmation, "load", 300)
	s.ask(conform.Redeem, "redemption", "used", "", 200)
	s.end(conform.Redeem, conform.Confirmation, "redemption", 0)
	s.ask(conform.Redeem, "reversed redemption", "used", "", 100)
	s.end(conform.Redeem, conform.Reversal, "reversed redemption", 0)
	s.ask(conform.Redeem, "open redemption", "used", "", 50)
	s.ask(conform.Redeem, "declined redemption", "used", "", 50_000)
	s.ask(conform.Transfer, "transfer", "used", "second", 100)
	s.end(conform.Transfer, conform.Confirmation, "transfer", 0)
	s.ask(conform.Void, "void", "voided", "", 0)
	s.end(conform.Void, conform.Confirmation, "void", 0)
	s.ask(conform.Load, "load of old", "old", "", 70)
	s.ask(conform.Replace, "replacement", "old", "heir", 0)
	s.end(conform.Replace, conform.Confirmation, "replacement", 0)
	s.end(conform.Load, conform.Confirmation, "load of old", 0) // and the amount follows to the heir
	s.correct("adjustment")
	s.ask(conform.Lookup, "look-up", "used", "", 0)
	if err := s.issuer.Restart(t.Context()); err != nil { // which saves the look-up
		t.Fatal(err)
	}
	return s
}

func (s *shop) correct(id string) {
	s.t.Helper()
	err := s.issuer.Correct(s.t.Context(), giftcard.Correction{
		Card: s.card("used"), World: 1, ID: "adjustment", At: time.Now(), Amount: 30,
		Note: func(giftcard.Tx, int64, giftcard.Card, giftcard.Card) error { return nil },
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// card is the number of a card: they were made in the order of their PANs.
func (s *shop) card(name string) int64 {
	cards, err := s.issuer.Store.Driver().Cards(s.t.Context(), 0, 100)
	if err != nil {
		s.t.Fatal(err)
	}
	pans := []string{}
	for _, pan := range s.pans {
		pans = append(pans, pan)
	}
	slices.Sort(pans)
	return cards[slices.Index(pans, s.pans[name])].ID
}

func (s *shop) records() records { return records{s.t, s.issuer.Store.Driver()} }

// message is the one with an id.
func (s *shop) message(id string) txn.Message { return s.records().find(id) }

// records are what a store holds, for somebody to change.
type records struct {
	t       *testing.T
	reports admin.Reports
}

// find gives the message with an id.
func (r records) find(id string) txn.Message {
	r.t.Helper()
	all, err := r.reports.Messages(r.t.Context(), 0, 1000)
	if err != nil {
		r.t.Fatal(err)
	}
	at := slices.IndexFunc(all, func(m txn.Message) bool { return string(m.ID) == id })
	if at < 0 {
		r.t.Fatalf("there is no message %q", id)
	}
	return all[at]
}

// message changes the message with an id.
func (r records) message(id string, change func(m *txn.Message)) tampered {
	seq := r.find(id).Seq
	return tampered{Reports: r.reports, message: func(m *txn.Message) bool {
		if m.Seq == seq {
			change(m)
		}
		return true
	}}
}

// without takes the message with an id away.
func (r records) without(id string) tampered {
	seq := r.find(id).Seq
	return tampered{Reports: r.reports, message: func(m *txn.Message) bool { return m.Seq != seq }}
}

// entry changes the entry at a place among those of the message with an id.
func (r records) entry(of string, n int, change func(e *ledger.Entry)) tampered {
	seq := r.find(of).Seq
	return tampered{Reports: r.reports, entry: func(e *ledger.Entry) bool {
		if e.Message == seq && e.N == n {
			change(e)
		}
		return true
	}}
}

// withoutEntry takes that entry away.
func (r records) withoutEntry(of string, n int) tampered {
	seq := r.find(of).Seq
	return tampered{Reports: r.reports, entry: func(e *ledger.Entry) bool { return e.Message != seq || e.N != n }}
}

// tampered shows a store with records that somebody has changed. A change that returns false takes the record away.
type tampered struct {
	admin.Reports
	message func(*txn.Message) bool
	entry   func(*ledger.Entry) bool
	card    func(*giftcard.Card) bool
	detail  func(*giftcard.Detail) bool
	voucher func(*airtime.Voucher) bool
	batch   func(*airtime.Batch) bool
	float   func(*airtime.Float) bool
	item    func(*saf.Item) bool
}

func change[R any](records []R, err error, change func(*R) bool) ([]R, error) {
	if change == nil {
		return records, err
	}
	var kept []R
	for _, r := range records {
		if change(&r) {
			kept = append(kept, r)
		}
	}
	return kept, err
}

func (r tampered) Messages(ctx context.Context, after int64, limit int) ([]txn.Message, error) {
	page, err := r.Reports.Messages(ctx, after, limit)
	return change(page, err, r.message)
}

func (r tampered) Entries(ctx context.Context, after int64, limit int) ([]ledger.Entry, error) {
	page, err := r.Reports.Entries(ctx, after, limit)
	return change(page, err, r.entry)
}

func (r tampered) Cards(ctx context.Context, after int64, limit int) ([]giftcard.Card, error) {
	page, err := r.Reports.Cards(ctx, after, limit)
	return change(page, err, r.card)
}

func (r tampered) Details(ctx context.Context, after int64, limit int) ([]giftcard.Detail, error) {
	page, err := r.Reports.Details(ctx, after, limit)
	return change(page, err, r.detail)
}

func (r tampered) Vouchers(ctx context.Context, after int64, limit int) ([]airtime.Voucher, error) {
	page, err := r.Reports.Vouchers(ctx, after, limit)
	return change(page, err, r.voucher)
}

func (r tampered) VoucherBatches(ctx context.Context, after int32, limit int) ([]airtime.Batch, error) {
	page, err := r.Reports.VoucherBatches(ctx, after, limit)
	return change(page, err, r.batch)
}

func (r tampered) Items(ctx context.Context, upstream string, states []saf.State, after int64, limit int) ([]saf.Item, error) {
	page, err := r.Reports.Items(ctx, upstream, states, after, limit)
	if page, err = change(page, err, r.item); r.item != nil {
		slices.SortFunc(page, func(a, b saf.Item) int { return cmp.Compare(a.Seq, b.Seq) }) // as a driver brings them
	}
	return page, err
}

func (r tampered) Floats(ctx context.Context, after ident.Account, limit int) ([]airtime.Float, error) {
	page, err := r.Reports.Floats(ctx, after, limit)
	return change(page, err, r.float)
}

// names checks that of what was tampered with the report names what is wrong.
func names(t *testing.T, store tampered, want string) {
	t.Helper()
	faults := check(t, store).Faults
	if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) {
		t.Errorf("no fault with %q in %q", want, faults)
	}
}

func check(t *testing.T, reports admin.Reports) *invariant.Report {
	t.Helper()
	report, err := invariant.Check(t.Context(), reports)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestAStoreThatNobodyTouchedHasNoFaults(t *testing.T) {
	report := check(t, newShop(t).issuer.Store.Driver())
	if len(report.Faults) > 0 || report.More > 0 {
		t.Errorf("%q and %d more", report.Faults, report.More)
	}
	if report.Cards != 6 || report.Open != 1 || report.Entries != 24 {
		t.Errorf("%d cards, %d open requests, %d entries", report.Cards, report.Open, report.Entries)
	}
	const funding, redeemed, adjusted = 4*1000 + 300 + 70, 200 + 50, 30
	want := map[invariant.Total]money.Sum{
		{Class: ledger.Funding, Currency: 710}: money.SumOf(-funding), {Class: ledger.Redeemed, Currency: 710}: money.SumOf(redeemed),
		{Class: ledger.Adjustment, Currency: 710}: money.SumOf(-adjusted), {Class: ledger.Card, Currency: 710}: money.SumOf(funding - redeemed + adjusted),
	}
	if !maps.Equal(report.Totals, want) {
		t.Errorf("the totals are %v, want %v", report.Totals, want)
	}
}

func TestAnEmptyStoreHasNoFaults(t *testing.T) {
	if report := check(t, memstore.New()); len(report.Faults) > 0 || report.Cards+report.Messages+report.Entries > 0 {
		t.Errorf("%+v", report)
	}
}

// Each of these changes one record, and the report must name what is wrong with it.
func TestEachKindOfFaultIsFound(t *testing.T) {
	s := newShop(t)
	reports := s.issuer.Store.Driver()
	message, without, entry := s.records().message, s.records().without, s.records().entry
	card := func(name string, change func(c *giftcard.Card)) tampered {
		id := s.card(name)
		return tampered{Reports: reports, card: func(c *giftcard.Card) bool {
			if c.ID == id {
				change(c)
			}
			return true
		}}
	}
	second := ledger.AccountOf(ledger.Card, s.card("second"))
	for _, c := range []struct {
		name  string
		store tampered
		want  string
	}{
		{"an entry of nothing", entry("load", 0, func(e *ledger.Entry) { e.Amount = 0 }), "amount 0 is not above zero"},
		{"an entry to itself", entry("load", 0, func(e *ledger.Entry) { e.Debit = e.Credit }), "debit and credit are both"},
		{"an entry of no phase", entry("load", 0, func(e *ledger.Entry) { e.Phase = 9 }), "unknown phase 9"},
		{"an entry out of place", entry("load", 0, func(e *ledger.Entry) { e.N = 3 }), "entry 3 stands at place 0"},
		{"an entry in another currency", entry("load", 0, func(e *ledger.Entry) { e.Currency = 840 }), "made an entry in currency 840"},
		{"an entry of another amount", entry("load", 0, func(e *ledger.Entry) { e.Amount++ }), "needs one pending entry of its amount 500"},
		{"an entry on another card", entry("load", 0, func(e *ledger.Entry) { e.Credit = second }), "without a link"},
		{"an entry on another account", entry("load", 0, func(e *ledger.Entry) { e.Debit = ledger.AccountOf(ledger.Funding, 9) }), "instead of from funding/1"},
		{"an entry that overdraws", entry("redemption", 0, func(e *ledger.Entry) { e.Amount = 5000 }), "with an impossible balance"},
		{"an entry gone", s.records().withoutEntry("load", 0), "needs one pending entry"},
		{"an ending's entry gone", tampered{Reports: reports, entry: func(e *ledger.Entry) bool { return e.Message != s.message("end of load").Seq }}, "posted 0 and released 0 of 500"},
		{"an ending's entry for another request", entry("end of load", 0, func(e *ledger.Entry) { e.Request = 1 }), "made an entry for request 1"},
		{"an ending's entry pending", entry("end of load", 0, func(e *ledger.Entry) { e.Phase = ledger.Pending }), "an advice made a pending entry"},
		{"an ending's entry on other accounts", entry("end of load", 0, func(e *ledger.Entry) { e.Debit = ledger.AccountOf(ledger.Funding, 9) }), "ends the entry of other accounts"},
		{"an ending's entry too large", entry("end of load", 0, func(e *ledger.Entry) { e.Amount++ }), "posted 301 and released 200 of 500"},
		{"a reversal that posts", entry("end of reversed redemption", 0, func(e *ledger.Entry) { e.Phase = ledger.Posted }), "a reversal posted 100"},
		{"value that follows to nobody", entry("end of load of old", 1, func(e *ledger.Entry) { e.Credit = ledger.AccountOf(ledger.Breakage, 0) }), "moves money between"},
		{"an adjustment of another amount", message("adjustment", func(m *txn.Message) { m.Amount++ }), "an adjustment needs a direct entry"},
		{"an adjustment on another card", message("adjustment", func(m *txn.Message) { m.Card++ }), "moves money between adjustment/0"},

		{"a message gone", without("load"), "its message is missing"},
		{"the last message gone", without("adjustment"), "its message is missing"},
		{"an ending gone", without("end of void"), "that did it is missing"},
		{"a link to another message", message("redemption", func(m *txn.Message) { m.Links = []txn.Link{{Card: m.Card, Previous: 1}} }), "names message 1 as the one before it"},
		{"a link gone", message("load", func(m *txn.Message) { m.Links = nil }), "without a link to it"},
		{"a request in no state", message("redemption", func(m *txn.Message) { m.State = txn.Accepted }), "a request cannot be accepted"},
		{"a request open again", message("redemption", func(m *txn.Message) { m.State = txn.Open }), "is open, yet was ended by"},
		{"a request ended by nothing", message("void", func(m *txn.Message) { m.Ended = 0 }), "names no later message that did it"},
		{"a request ended the other way", message("redemption", func(m *txn.Message) { m.State = txn.Reversed }), "which is reversed"},
		{"a request confirmed for more", message("load", func(m *txn.Message) { m.Final = 500 }), "posted 300 of the 500 confirmed"},
		{"a void with money", message("load", func(m *txn.Message) { m.Family = txn.Void }), "moves no money, yet made entries"},
		{"a decline without a reason", message("declined redemption", func(m *txn.Message) { m.Reason = "" }), "a declined request has a reason and nothing else"},
		{"a decline with money", message("open redemption", func(m *txn.Message) { m.State, m.Reason = txn.Declined, "x" }), "a declined request has a reason and nothing else"},
		{"a look-up in no state", message("look-up", func(m *txn.Message) { m.State = txn.Open }), "a look-up is open"},
		{"a look-up with money", message("adjustment", func(m *txn.Message) { m.Family = txn.LookUp }), "a look-up made entries"},
		{"an advice in no state", message("end of void", func(m *txn.Message) { m.State = txn.Confirmed }), "yet is confirmed for request"},
		{"an advice of the other kind", message("end of void", func(m *txn.Message) { m.Role = txn.Reversal }), "which is confirmed"},
		{"an advice for another request", message("end of void", func(m *txn.Message) { m.Request = 1 }), "for request 1"},
		{"two endings of one request", message("load", func(m *txn.Message) { m.Ended = s.message("end of void").Seq }), "ended nothing, yet made entries"},

		{"a card with more on it", card("used", func(c *giftcard.Card) { c.Balance.Book++ }), "its entries add up to"},
		{"a card with more to spend", card("used", func(c *giftcard.Card) { c.Balance.Available = c.Balance.Book + 1 }), "cannot be"},
		{"a card of another chain", card("used", func(c *giftcard.Card) { c.LastMessage = 1 }), "its newest message is 1"},
		{"a card in use again", card("voided", func(c *giftcard.Card) { c.Status = giftcard.ActivatedConfirmed }), "its messages make it VOIDED_CONFIRMED"},
		{"a card in use too early", card("new", func(c *giftcard.Card) { c.Status = giftcard.Activated }), "its messages make it NEW"},
		{"a card without its product", card("used", func(c *giftcard.Card) { c.Product = 0 }), "with product 0"},
		{"a card in another currency", card("used", func(c *giftcard.Card) { c.Currency = 840 }), "it is kept in currency 840"},
		{"a card of another activation", card("used", func(c *giftcard.Card) { c.Activation = 1 }), "it names activation 1"},
		{"a card of no void", card("voided", func(c *giftcard.Card) { c.Void = 0 }), "it names void 0"},
		{"a card of another heir", card("old", func(c *giftcard.Card) { c.Successor = 1 }), "and successor 1"},
		{"a card without its PIN", card("used", func(c *giftcard.Card) { c.HasPIN = true }), "whether it has a PIN is true"},
		{"a card gone", tampered{Reports: reports, card: func(c *giftcard.Card) bool { return c.ID != s.card("used") }}, "its row is missing"},
		{"a detail gone", tampered{Reports: reports, detail: func(d *giftcard.Detail) bool { return d.Card != s.card("used") }}, "its detail is missing"},
	} {
		t.Run(c.name, func(t *testing.T) { names(t, c.store, c.want) })
	}
}

// A load whose messages and entries were all moved to another currency leaves each of them right, and the card in
// agreement with its newest entry. Only all cards together show it.
func TestEntriesInAnotherCurrencyThanTheirCardsAreFound(t *testing.T) {
	s := newShop(t)
	load, end := s.message("load").Seq, s.message("end of load").Seq
	moved := tampered{
		Reports: s.issuer.Store.Driver(),
		message: func(m *txn.Message) bool {
			if m.Seq == load || m.Seq == end {
				m.Currency = 840
			}
			return true
		},
		entry: func(e *ledger.Entry) bool {
			if e.Message == load || e.Message == end {
				e.Currency = 840
			}
			return true
		},
	}
	want := []string{
		"currency 710: the book balances of all cards add up to 4150, their entries to 3850",
		"currency 840: the book balances of all cards add up to 0, their entries to 300",
	}
	if faults := check(t, moved).Faults; !slices.Equal(faults, want) {
		t.Errorf("the faults are %q, want %q", faults, want)
	}
}

// Cards that are full by themselves are together more than 64 bits hold.
func TestTotalsOfManyFullCards(t *testing.T) {
	s := newShop(t)
	const cards = 11
	for i := range cards {
		name := fmt.Sprint("full ", i)
		card, err := s.issuer.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		if err != nil {
			t.Fatal(err)
		}
		s.pans[name] = card.PAN
		s.ask(conform.Activate, "activation of "+name, name, "", 0)
		s.end(conform.Activate, conform.Confirmation, "activation of "+name, 0)
		s.ask(conform.Load, "load of "+name, name, "", int64(money.MaxMinor)-1000)
	}
	report := check(t, s.issuer.Store.Driver())
	if len(report.Faults) > 0 {
		t.Errorf("the faults are %q", report.Faults)
	}
	if got := report.Totals[invariant.Total{Class: ledger.Card, Currency: 710}].String(); got != "11000000000000004139" {
		t.Errorf("the cards hold %s", got)
	}
}

// What is not named is counted.
func TestFaultsAreBounded(t *testing.T) {
	kept := memstore.New()
	i := giftcardtest.New(t, giftcardtest.Settings{Open: func(testing.TB) store.Driver { return kept }})
	const cards = invariant.MaxFaults + 5 // which is more than one page
	for range cards {
		if _, err := i.Card(t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"}); err != nil {
			t.Fatal(err)
		}
	}
	report := check(t, tampered{Reports: kept, card: func(c *giftcard.Card) bool {
		c.Balance.Available = 1 // which is not what the entries say, and more than the book
		return true
	}})
	if len(report.Faults) != invariant.MaxFaults || report.More != 2*cards-invariant.MaxFaults {
		t.Errorf("%d named and %d more", len(report.Faults), report.More)
	}
}

func TestAStoreThatCannotBeReadIsAnError(t *testing.T) {
	s := newShop(t)
	broken := tampered{Reports: unreadable{s.issuer.Store.Driver()}}
	if report, err := invariant.Check(t.Context(), broken); err == nil {
		t.Errorf("read all the same: %+v", report)
	}
}

// unreadable fails in the middle of a run.
type unreadable struct{ admin.Reports }

func (unreadable) Details(context.Context, int64, int) ([]giftcard.Detail, error) {
	return nil, context.DeadlineExceeded
}
