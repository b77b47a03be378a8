package invariant_test

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/txn"
)

// stall is a vendor with a little of everything in it. Messages and vouchers go by the names of what was done to them:
// account a pays in 710 from its float, account c in 978, and account b owes what it buys.
type stall struct {
	*airtimetest.Vendor
	t      *testing.T
	number ident.MSISDN
}

// Outcomes of a request or an advice.
const (
	good    = ""
	unknown = "unknown"
)

func rand(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 710} }
func euro(minor int64) money.Amount { return money.Amount{Minor: money.Minor(minor), Currency: 978} }

func (s *stall) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// ended asks that something ended as it was meant to: well, with a reason, or unknown.
func (s *stall) ended(what string, err error, want string) {
	s.t.Helper()
	got, refusal := unknown, (*decline.Error)(nil)
	switch {
	case err == nil:
		got = good
	case errors.As(err, &refusal):
		got = string(refusal.Reason)
	}
	if got != want {
		s.t.Fatalf("%s: %v, want %q", what, err, want)
	}
}

func (s *stall) buy(id, account, product string, amount money.Amount, want string) {
	s.t.Helper()
	r := &airtime.Request{
		Family: txn.Purchase, ID: ident.ID(id), Sender: s.Named(account), Received: s.Now(), Product: product, Amount: &amount,
	}
	if product == "topup" {
		r.Recipient = s.number
	}
	_, err := s.Request(s.t.Context(), r)
	s.ended(id, err, want)
}

func (s *stall) end(role txn.Role, of, account, want string) {
	s.t.Helper()
	_, err := s.Advise(s.t.Context(), &airtime.Advice{Advice: txn.Advice{
		Family: txn.Purchase, Role: role, ID: ident.ID("end of " + of), RequestID: ident.ID(of), Sender: s.Named(account), Received: s.Now(),
	}})
	s.ended("end of "+of, err, want)
}

func (s *stall) pay(id, account string, amount money.Amount, withdraw bool) {
	s.t.Helper()
	s.must(s.Pay(s.t.Context(), airtime.Payment{
		World: ident.Production, Account: s.Named(account).Account, ID: ident.ID(id), At: s.Now(), Amount: amount, Withdraw: withdraw,
		Note: func(airtime.Tx, int64, airtime.Float, airtime.Float) error { return nil },
	}))
}

func (s *stall) place(id string, voucher int64, to airtime.VoucherStatus) {
	s.t.Helper()
	s.must(s.Place(s.t.Context(), airtime.Placement{
		World: ident.Production, Voucher: voucher, ID: ident.ID(id), At: s.Now(), To: to,
		Note: func(airtime.Tx, int64, airtime.Voucher, airtime.Voucher) error { return nil },
	}))
}

func (s *stall) records() records { return records{s.t, s.Store.Driver()} }

// voucher is the one that a message was about.
func (s *stall) voucher(of string) int64 { return s.records().find(of).Voucher }

// unsold is a voucher that nothing has happened to.
func (s *stall) unsold() int64 {
	all, err := s.Vouchers(s.t.Context())
	s.must(err)
	for _, v := range all {
		if v.LastMessage == 0 {
			return v.ID
		}
	}
	s.t.Fatal("everything is sold")
	return 0
}

func (s *stall) batch(product string) int32 {
	sold, err := s.Vouchers(s.t.Context())
	s.must(err)
	for _, v := range sold {
		if v.ID == s.voucher(product) {
			return v.Batch
		}
	}
	return 0
}

func newStall(t *testing.T) *stall {
	kept := memstore.New()
	s := &stall{t: t, Vendor: airtimetest.New(t, airtimetest.Settings{Open: func(testing.TB) store.Driver { return kept }})}
	var err error
	s.number, err = ident.ParseMSISDN("27831234567")
	s.must(err)
	s.must(s.Catalogue.Connect(airtime.Network{ID: "one", Name: "One", Country: "ZA", Prefixes: []string{"2783"}}))
	wholesale := rand(900)
	for _, p := range []airtime.Product{
		{ID: "voucher", Values: []money.Amount{rand(1000), euro(60)}, Wholesale: &wholesale},
		{ID: "euro", Values: []money.Amount{euro(60)}, Returned: airtime.ToStock},
		{ID: "made", Values: []money.Amount{rand(200)}, Source: airtime.Made},
		{ID: "topup", TopUp: true, Provider: airtimetest.ProviderName, Network: "one", Discount: 1000, Limits: []airtime.Limit{{Currency: 710, Min: 100, Max: 5000}}},
	} {
		sold, err := s.Catalogue.Sell(p)
		s.must(err)
		if sold.Source == airtime.FromStock {
			_, err = s.Deliver(t.Context(), sold, 10, time.Time{})
			s.must(err)
		}
	}
	s.Account("a", txn.Sender{Prepaid: true})
	s.Account("c", txn.Sender{Prepaid: true})
	s.sellVouchers()
	s.topUp()
	return s
}

func (s *stall) sellVouchers() {
	s.pay("deposit", "a", rand(20_000), false)
	s.pay("withdrawal", "a", rand(500), true)
	s.pay("euro deposit", "c", euro(100), false)

	s.buy("sold", "a", "voucher", rand(1000), good)
	s.buy("confirmed", "a", "voucher", rand(1000), good)
	s.end(txn.Confirmation, "confirmed", "a", good)
	s.buy("face in euro", "a", "voucher", euro(60), good) // whose price is in 710
	s.buy("reversed", "a", "voucher", rand(1000), good)
	s.end(txn.Reversal, "reversed", "a", good)
	s.buy("released", "a", "voucher", rand(1000), good)
	s.end(txn.Reversal, "released", "a", good)
	s.place("release", s.voucher("released"), airtime.InStock)
	s.buy("sold again", "b", "voucher", rand(1000), good) // which is the released one: it is the oldest
	s.place("withdrawn", s.unsold(), airtime.Withdrawn)

	s.buy("euro back", "b", "euro", euro(60), good)
	s.end(txn.Reversal, "euro back", "b", good)
	s.buy("euro again", "c", "euro", euro(60), good)
	s.buy("euro declined", "c", "euro", euro(60), "INSUFFICIENT_FUNDS")

	s.buy("made", "b", "made", rand(200), good)
	s.end(txn.Confirmation, "made", "b", good)
	s.buy("made reversed", "b", "made", rand(200), good)
	s.end(txn.Reversal, "made reversed", "b", good)
}

func (s *stall) topUp() {
	s.buy("open", "a", "topup", rand(1000), good)
	s.buy("credited", "a", "topup", rand(1000), good)
	s.end(txn.Confirmation, "credited", "a", good)
	s.buy("taken back", "b", "topup", rand(1000), good)
	s.end(txn.Reversal, "taken back", "b", good)
	s.buy("kept", "a", "topup", rand(1000), good)
	s.Provider.Keep(true)
	s.end(txn.Reversal, "kept", "a", "TRANSACTION_NOT_SUPPORTED")
	s.Provider.Keep(false)
	s.Provider.Behave(airtimetest.Refuses, 0)
	s.buy("refused", "a", "topup", rand(1000), "DECLINED_BY_MNO")
	s.Provider.Behave(airtimetest.Prompt, 0)
	s.buy("reversing", "a", "topup", rand(1000), good)
	s.Provider.Mute(true)
	s.end(txn.Reversal, "reversing", "a", unknown)
	s.Provider.Behave(airtimetest.Breaks, 0)
	s.buy("working", "a", "topup", rand(1000), unknown)
}

func TestAStallThatNobodyTouchedHasNoFaults(t *testing.T) {
	s := newStall(t)
	if s.voucher("released") != s.voucher("sold again") || s.voucher("euro back") != s.voucher("euro again") {
		t.Error("nothing was sold twice, one sale after the other")
	}
	report := check(t, s.Store.Driver())
	if len(report.Faults) > 0 || report.More > 0 {
		t.Errorf("%q and %d more", report.Faults, report.More)
	}
	if report.Vouchers != 22 || report.Open != 6 || report.Working != 2 {
		t.Errorf("%d vouchers, %d open requests, %d at work", report.Vouchers, report.Open, report.Working)
	}
	const vouchers, topUps, made, paid = 3 * 900, 5 * 900, 200, 19_500
	want := map[invariant.Total]money.Sum{
		{Class: ledger.Adjustment, Currency: 710}: money.SumOf(-paid), {Class: ledger.Adjustment, Currency: 978}: money.SumOf(-100),
		{Class: ledger.Float, Currency: 710}: money.SumOf(paid - vouchers - topUps), {Class: ledger.Float, Currency: 978}: money.SumOf(40),
		{Class: ledger.Funding, Currency: 710}: money.SumOf(-900 - made), {Class: ledger.Funding, Currency: 978}: money.Sum{},
		{Class: ledger.Airtime, Currency: 710}: money.SumOf(vouchers + topUps + 900 + made), {Class: ledger.Airtime, Currency: 978}: money.SumOf(60),
	}
	if !maps.Equal(report.Totals, want) {
		t.Errorf("the totals are %v, want %v", report.Totals, want)
	}
}

// Whatever a provider has not ended is sound at every step until it has, and no longer counted then.
func TestATopUpThatIsResolvedIsNotAtWorkAnyMore(t *testing.T) {
	s := newStall(t)
	s.Provider.Mute(false)
	left, err := s.Resolve(t.Context(), s.Now())
	if err != nil || left != 0 {
		t.Fatalf("%d are left: %v", left, err)
	}
	if report := check(t, s.Store.Driver()); len(report.Faults) > 0 || report.Working != 0 || report.Open != 7 {
		t.Errorf("%d at work, %d open, %q", report.Working, report.Open, report.Faults)
	}
}

// An import takes vouchers over from one that broke off, whose batch stays closed: they are withdrawn without a message.
func TestVouchersThatAnotherImportTookOverAreSound(t *testing.T) {
	s := newStall(t)
	left, reports := s.unsold(), s.Store.Driver()
	batch := s.batch("euro again")
	takenOver := func(closed bool) tampered {
		return tampered{
			Reports: reports,
			voucher: func(v *airtime.Voucher) bool {
				if v.ID == left {
					v.Status = airtime.Withdrawn
				}
				return true
			},
			batch: func(b *airtime.Batch) bool {
				if b.Number != batch {
					b.InStock, b.Closed = b.InStock-1, closed
				}
				return true
			},
		}
	}
	if faults := check(t, takenOver(true)).Faults; len(faults) > 0 {
		t.Errorf("%q", faults)
	}
	names(t, takenOver(false), "it is in withdrawn, and no message put it there")
}

// Of two vouchers with one serial one is withdrawn, or they are in two worlds. The withdrawn one is not sold, and its batch
// is closed.
func TestVouchersWithOneSerialAreFound(t *testing.T) {
	s := newStall(t)
	reports := s.Store.Driver()
	all, err := s.Vouchers(t.Context())
	s.must(err)
	unsold := all[:0]
	for _, v := range all {
		if v.LastMessage == 0 {
			unsold = append(unsold, v)
		}
	}
	first, second, batch := unsold[0], unsold[1], unsold[1].Batch
	double := func(change func(v *airtime.Voucher)) tampered {
		return tampered{Reports: reports, voucher: func(v *airtime.Voucher) bool {
			if v.ID == second.ID {
				v.Serial = first.Serial
				change(v)
			}
			return true
		}}
	}
	names(t, double(func(*airtime.Voucher) {}), fmt.Sprintf("voucher %d: it has the serial of voucher %d", second.ID, first.ID))
	elsewhere := double(func(v *airtime.Voucher) { v.World++ })
	withdrawn := double(func(v *airtime.Voucher) { v.Status = airtime.Withdrawn })
	withdrawn.batch = func(b *airtime.Batch) bool {
		if b.Number == batch {
			b.InStock, b.Closed = b.InStock-1, true
		}
		return true
	}
	for _, sound := range []tampered{elsewhere, withdrawn} {
		if faults := check(t, sound).Faults; len(faults) > 0 {
			t.Errorf("%q", faults)
		}
	}
}

// Each of these changes one record, and the report must name what is wrong with it.
func TestEachKindOfFaultOfAirtimeIsFound(t *testing.T) {
	s := newStall(t)
	reports := s.Store.Driver()
	message, without, entry, withoutEntry := s.records().message, s.records().without, s.records().entry, s.records().withoutEntry
	voucher := func(id int64, change func(v *airtime.Voucher)) tampered {
		return tampered{Reports: reports, voucher: func(v *airtime.Voucher) bool {
			if v.ID == id {
				change(v)
			}
			return true
		}}
	}
	status := func(id int64, to airtime.VoucherStatus) tampered {
		return voucher(id, func(v *airtime.Voucher) { v.Status = to })
	}
	batch := func(change func(b *airtime.Batch)) tampered {
		return tampered{Reports: reports, batch: func(b *airtime.Batch) bool { change(b); return true }}
	}
	float := func(change func(f *airtime.Float)) tampered {
		return tampered{Reports: reports, float: func(f *airtime.Float) bool { change(f); return true }}
	}
	state := func(id string, to txn.State) tampered {
		return message(id, func(m *txn.Message) { m.State = to })
	}
	seq := func(id string) int64 { return s.records().find(id).Seq }
	other := ledger.AccountOf(ledger.Funding, 9)
	sold := s.voucher("sold")
	for _, c := range []struct {
		name  string
		store tampered
		want  string
	}{
		{"a sold voucher in stock", status(sold, airtime.InStock), "it is in stock, where its newest message"},
		{"a sold voucher in quarantine", status(sold, airtime.Quarantined), "it is in quarantine, where its newest message"},
		{"a sold voucher withdrawn", status(sold, airtime.Withdrawn), "it is in withdrawn, where its newest message"},
		{"a reversed voucher sold", status(s.voucher("reversed"), airtime.Sold), "it is in sold, where its newest message"},
		{"a reversed voucher withdrawn by nobody", status(s.voucher("reversed"), airtime.Withdrawn), "it is in withdrawn, where its newest message"},
		{"a withdrawn voucher in quarantine", status(s.voucher("withdrawn"), airtime.Quarantined), "it is in quarantine, where its newest message"},
		{"a voucher sold by nobody", status(s.unsold(), airtime.Sold), "it is in sold, where its newest message 0"},
		{"a voucher withdrawn by nobody", status(s.unsold(), airtime.Withdrawn), "it is in withdrawn, and no message put it there"},
		{"a made voucher in stock", status(s.voucher("made reversed"), airtime.InStock), "it was made for its sale, yet is in stock"},
		{"a made voucher that nobody bought", voucher(s.unsold(), func(v *airtime.Voucher) { v.Batch = 0 }), "it was made for its sale, yet is in stock after sale 0"},
		{"a voucher in no status", status(sold, 9), "status 9 cannot be"},
		{"a voucher of another chain", voucher(sold, func(v *airtime.Voucher) { v.LastMessage = 1 }), "its newest message is 1"},
		{"an unsold voucher of a chain", voucher(s.unsold(), func(v *airtime.Voucher) { v.LastMessage = 1 }), "its newest message is 1, the chain ends at 0"},
		{"a sold voucher gone", tampered{Reports: reports, voucher: func(v *airtime.Voucher) bool { return v.ID != sold }}, "messages name it, its row is missing"},
		{"an unsold voucher gone", tampered{Reports: reports, voucher: func(v *airtime.Voucher) bool { return v.LastMessage != 0 }}, "it says that 4 vouchers are in stock, 0 are"},
		{"a batch with more in stock", batch(func(b *airtime.Batch) { b.InStock++ }), "it says that"},
		{"a batch gone", tampered{Reports: reports, batch: func(*airtime.Batch) bool { return false }}, "its row is missing"},

		{"a sale gone", without("sold"), "the chain ends at 0"},
		{"one voucher sold twice", message("sold", func(m *txn.Message) {
			m.Voucher, m.Links = s.voucher("confirmed"), []txn.Link{{Card: s.voucher("confirmed")}}
		}), "which message"},
		{"a sale of another voucher than its link's", message("sold", func(m *txn.Message) { m.Voucher++ }), "is linked to voucher"},
		{"a sale without a link", message("sold", func(m *txn.Message) { m.Links = nil }), "without a link to it"},
		{"a sale without its voucher", message("sold", func(m *txn.Message) { m.Voucher = 0 }), "and names 0"},
		{"a voucher request without a voucher", message("open", func(m *txn.Message) { m.Family = txn.Voucher }), "has no voucher"},
		{"a sale of another chain", message("sold again", func(m *txn.Message) { m.Links = []txn.Link{{Card: m.Voucher, Previous: 1}} }), "names message 1 as the one before it on voucher"},
		{"a sold voucher whose sale is reversed", state("sold", txn.Reversed), "is reversed, and nothing took it back"},
		{"a sold voucher whose sale is declined", state("sold", txn.Declined), "a declined request has a reason, and neither an ending nor a voucher"},
		{"a sold voucher whose sale is at work", state("sold", txn.Working), "a provider is at work on it, yet it sold voucher"},
		{"a voucher taken back from a sale that stands", state("reversed", txn.Confirmed), "is confirmed"},
		{"a voucher taken back for another sale", message("end of reversed", func(m *txn.Message) { m.Request = seq("sold") }), "took back voucher"},
		{"a voucher that nobody took back", message("end of reversed", func(m *txn.Message) { m.Links = nil }), "is reversed, and nothing took it back"},
		{"a confirmation that touches a voucher", message("end of confirmed", func(m *txn.Message) {
			m.Links = []txn.Link{{Card: s.voucher("confirmed"), Previous: seq("confirmed")}}
		}), "a confirmation touches no voucher"},
		{"an operator who moved a sold voucher", message("withdrawn", func(m *txn.Message) {
			m.Voucher, m.Links = sold, []txn.Link{{Card: sold, Previous: seq("sold")}}
		}), "moved voucher"},
		{"an operator who moved nothing", message("release", func(m *txn.Message) { m.Links = nil }), "an act on a voucher needs a link to it"},

		{"no price", withoutEntry("confirmed", 0), "posted 900 and released 0 of 0"},
		{"a price that was never posted", withoutEntry("end of confirmed", 0), "posted 0 and released 0 of 900"},
		{"a price that was never released", withoutEntry("end of taken back", 0), "posted 0 and released 0 of 900"},
		{"a price released for another request", entry("end of taken back", 0, func(e *ledger.Entry) { e.Request = 1 }), "made an entry for request 1"},
		{"a price released twice", entry("end of taken back", 0, func(e *ledger.Entry) { e.Amount *= 2 }), "released 1800 of 900"},
		{"a price released in another currency", entry("end of taken back", 0, func(e *ledger.Entry) { e.Currency = 978 }), "ends the entry of other accounts"},
		{"a reversal that posts", entry("end of taken back", 0, func(e *ledger.Entry) { e.Phase = ledger.Posted }), "a reversal posted 900"},
		{"a price paid by somebody else", entry("sold again", 0, func(e *ledger.Entry) { e.Debit = other }), "instead of from funding/2"},
		{"a price paid to somebody else", entry("sold", 0, func(e *ledger.Entry) { e.Credit = other }), "to funding/9 instead of from float/1"},
		{"a price that is not pending", entry("sold", 0, func(e *ledger.Entry) { e.Phase = ledger.Direct }), "is not its own and pending"},
		{"a price for another request", entry("sold", 0, func(e *ledger.Entry) { e.Request = 1 }), "is not its own and pending"},
		{"a prepaid sale that is owed for", message("sold", func(m *txn.Message) { m.Prepaid = false }), "instead of from funding/1"},
		{"a sale that is owed for as prepaid", message("sold again", func(m *txn.Message) { m.Prepaid = true }), "instead of from float/2"},

		{"a top-up open again", state("credited", txn.Open), "is open, yet was ended by"},
		{"a top-up at work again", state("credited", txn.Working), "at work on it, yet it was ended by"},
		{"a top-up at work with a voucher", message("working", func(m *txn.Message) { m.Voucher = s.unsold() }), "yet it sold voucher"},
		{"a top-up in no state", state("open", txn.Accepted), "a request cannot be accepted"},
		{"a top-up declined that keeps its price", withoutEntry("refused", 1), "did not give back what it had charged"},
		{"a top-up declined that gives back more", entry("refused", 1, func(e *ledger.Entry) { e.Amount++ }), "did not give back what it had charged"},
		{"a top-up declined that gives back to another", entry("refused", 1, func(e *ledger.Entry) { e.Debit = other }), "did not give back what it had charged"},
		{"a top-up declined that posts", entry("refused", 1, func(e *ledger.Entry) { e.Phase = ledger.Posted }), "did not give back what it had charged"},
		{"a top-up open that gave back", message("refused", func(m *txn.Message) { m.State, m.Reason = txn.Open, "" }), "made 2 entries"},
		{"a decline without a reason", message("euro declined", func(m *txn.Message) { m.Reason = "" }), "a declined request has a reason"},
		{"a decline with a voucher", message("euro declined", func(m *txn.Message) { m.Voucher = sold }), "neither an ending nor a voucher"},
		{"a top-up that is reversing by nothing", without("end of reversing"), "that did it is missing"},
		{"a top-up whose reversal is not named", message("reversing", func(m *txn.Message) { m.Ended = 0 }), "names no later message that did it"},
		{"a top-up reversing whose reversal ended", state("end of reversing", txn.Accepted), "takes back request"},
		{"a top-up reversed whose reversal is at work", state("end of taken back", txn.Working), "yet is working for request"},
		{"a reversal at work for nothing", state("end of kept", txn.Working), "an advice cannot be working"},
		{"a reversal that ended nothing, with money", message("taken back", func(m *txn.Message) { m.State, m.Ended = txn.Open, 0 }), "ended nothing, yet made entries"},

		{"a float with more in it", float(func(f *airtime.Float) { f.Balance.Book++ }), "its entries add up to book"},
		{"a float with more to spend", float(func(f *airtime.Float) { f.Balance.Available++ }), "its entries add up to book"},
		{"a float in another currency", float(func(f *airtime.Float) { f.Currency = 840 }), "it is kept in currency 840, its entries in"},
		{"a float of another act", float(func(f *airtime.Float) { f.LastMessage = 1 }), "its newest act is 1"},
		{"a float gone", tampered{Reports: reports, float: func(*airtime.Float) bool { return false }}, "entries name it, its row is missing"},
		{"a float that nobody has paid into", float(func(f *airtime.Float) { f.Account = 7 }), "add up to book 0 available 0"},
		{"a float overdrawn", entry("deposit", 0, func(e *ledger.Entry) { e.Amount = 600 }), "its entries leave an impossible balance"},
		{"a float charged in another currency", entry("sold", 0, func(e *ledger.Entry) { e.Currency = 978 }), "moves currency 978 on float/1"},
		{"a deposit of another amount", message("deposit", func(m *txn.Message) { m.Amount++ }), "an adjustment needs a direct entry"},
		{"a deposit from elsewhere", entry("deposit", 0, func(e *ledger.Entry) { e.Debit = other }), "moves money between funding/9 and float/1"},
	} {
		t.Run(c.name, func(t *testing.T) { names(t, c.store, c.want) })
	}
}
