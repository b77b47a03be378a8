package invariant

import (
	"context"
	"fmt"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// touch is what a message did to a voucher.
type touch uint8

// The touches. No message has touched a voucher that was never sold.
const (
	untouched touch = iota
	sold
	takenBack // its sale was reversed
	placed    // by an operator
	forgottenTouch
)

// leaves are the statuses in which a touch can leave a voucher. A reversal puts it where its product says, an operator
// where he says. One that an import has taken over from another that broke off is withdrawn without a message.
var leaves = map[touch][]airtime.VoucherStatus{
	untouched:      {airtime.InStock, airtime.Withdrawn},
	sold:           {airtime.Sold},
	takenBack:      {airtime.InStock, airtime.Quarantined},
	placed:         {airtime.InStock, airtime.Withdrawn},
	forgottenTouch: everyStatus,
}

// voucherTrace is what the messages say of a voucher. One that no message names is not traced.
type voucherTrace struct {
	last  int64 // newest message in its chain
	sale  int64 // newest sale; 0 when there was none
	state txn.State
	touch touch // the newest
	seen  bool  // its row has been read
}

// batchTrace is a batch as its row says, and what its vouchers say of it.
type batchTrace struct {
	stated, inStock int64
	closed          bool
	seen            bool // its row has been read
}

// floatTrace is what the entries say of a float.
type floatTrace struct {
	balance  ledger.Balance
	last     int64 // newest act of an operator
	currency money.Currency
	seen     bool
}

// vendor is what is traced of airtime.
type vendor struct {
	vouchers map[int64]*voucherTrace
	floats   map[ident.Account]*floatTrace
	batches  map[int32]*batchTrace
	serials  serials
}

func newVendor() vendor {
	return vendor{
		vouchers: map[int64]*voucherTrace{}, floats: map[ident.Account]*floatTrace{}, batches: map[int32]*batchTrace{},
		serials: newSerials(),
	}
}

// traceOf gives what is traced under a key, and begins with nothing.
func traceOf[K comparable, T any](traces map[K]*T, key K) *T {
	t := traces[key]
	if t == nil {
		t = new(T)
		traces[key] = t
	}
	return t
}

// ofVoucher says whether a message's links lead to a voucher, and not to cards.
func ofVoucher(m txn.Message) bool { return m.Family.IsAirtime() || m.Voucher != 0 }

// voucherLinks follows the chain of each voucher, as links does for cards.
func (c *checker) voucherLinks(m txn.Message) {
	for _, l := range m.Links {
		t := traceOf(c.vouchers, l.Card)
		t.recall(l.Previous, c.past)
		c.expect(l.Previous == t.last, m, "names message %d as the one before it on voucher %d, which is %d", l.Previous, l.Card, t.last)
		t.last = m.Seq
		switch {
		case m.Family == txn.Adjustment:
			c.expect(m.Voucher == l.Card && t.touch != sold, m, "moved voucher %d, which message %d had sold", l.Card, t.sale)
			t.touch = placed
		case m.Role == txn.Request:
			c.expect(m.Voucher == l.Card, m, "is linked to voucher %d, and names %d", l.Card, m.Voucher)
			c.expect(t.touch != sold, m, "sold voucher %d, which message %d had sold", l.Card, t.sale)
			t.touch, t.sale, t.state = sold, m.Seq, m.State
		case m.Role == txn.Reversal:
			undone := t.touch == sold && t.sale == m.Request && t.state == txn.Reversed
			c.expect(undone, m, "took back voucher %d, whose sale %d is %s", l.Card, t.sale, t.state)
			t.touch = takenBack
		default:
			c.expect(false, m, "a confirmation touches no voucher, and not voucher %d", l.Card)
		}
	}
}

// floatEntry adds an entry to the float that it debits or credits.
func (c *checker) floatEntry(m txn.Message, e ledger.Entry) {
	if e.Debit.Class() == ledger.Float {
		c.applyFloat(m, e, e.Debit, ledger.Balance.Debited)
	}
	if e.Credit.Class() == ledger.Float {
		c.applyFloat(m, e, e.Credit, ledger.Balance.Credited)
	}
}

// applyFloat adds up. Whether the balance can be is asked of the end alone: no message names the one before it on a float, so
// that those of several processes do not stand in the order in which they were decided.
func (c *checker) applyFloat(m txn.Message, e ledger.Entry, on ledger.Account, side func(ledger.Balance, ledger.Entry) (ledger.Balance, error)) {
	t := traceOf(c.floats, ident.Account(on.Owner()))
	after, err := side(t.balance, e)
	c.expect(err == nil, m, "leaves %s with an impossible balance: %v", on, err)
	c.expect(t.currency == 0 || t.currency == e.Currency, m, "moves currency %s on %s, which is kept in %s", e.Currency, on, t.currency)
	t.balance, t.currency = after, e.Currency
	if e.Phase == ledger.Direct {
		t.last = m.Seq
	}
}

// charged gives a purchase's request with its price, which is what its pending entry says; 0 when it has none.
func (c *checker) charged(m txn.Message, made []ledger.Entry) request {
	r := request{seq: m.Seq, family: m.Family, state: m.State, ended: m.Ended}
	if len(made) == 0 {
		return r
	}
	first := made[0]
	r.amount, r.final, r.currency, r.debit, r.credit = first.Amount, first.Amount, first.Currency, first.Debit, first.Credit
	payer := ledger.AccountOf(ledger.Funding, int64(m.Account))
	if m.Prepaid {
		payer = ledger.AccountOf(ledger.Float, int64(m.Account))
	}
	credit := ledger.AccountOf(ledger.Airtime, int64(m.Account))
	c.expect(r.debit == payer && r.credit == credit, m, "moves its price from %s to %s instead of from %s to %s", r.debit, r.credit, payer, credit)
	c.expect(first.Phase == ledger.Pending && first.Request == m.Seq, m, "the entry of its price is not its own and pending")
	return r
}

// purchase takes in a purchase or voucher request: what of it is approved or worked on has one pending entry, and what
// its provider refused has given that back.
func (c *checker) purchase(m txn.Message, made []ledger.Entry) {
	r := c.charged(m, made)
	if m.State == txn.Declined {
		c.declined(m, made, r)
		return
	}
	c.expect(len(made) <= 1, m, "made %d entries", len(made))
	c.expect(m.Voucher == 0 || len(m.Links) == 1, m, "sold voucher %d without a link to it", m.Voucher)
	c.expect(m.Voucher != 0 || m.Family == txn.Purchase, m, "has no voucher")
	switch m.State {
	case txn.Open:
		c.Open++
		c.expect(m.Ended == 0, m, "is open, yet was ended by %d", m.Ended)
	case txn.Working:
		c.atWork(m)
		c.expect(m.Ended == 0, m, "a provider is at work on it, yet it was ended by %d", m.Ended)
	case txn.Reversing:
		c.atWork(m)
		c.await(m, r)
	case txn.Confirmed, txn.Reversed:
		c.await(m, r)
	default:
		c.expect(false, m, "a request cannot be %s", m.State)
	}
}

// declined asks that a refused purchase has nothing, and has given back what it was charged while its provider was at
// work.
func (c *checker) declined(m txn.Message, made []ledger.Entry, r request) {
	nothing := m.Reason != "" && m.Ended == 0 && m.Voucher == 0 && len(m.Links) == 0
	c.expect(nothing, m, "a declined request has a reason, and neither an ending nor a voucher")
	given := len(made) == 2 && made[1].Phase == ledger.Released && made[1].Request == m.Seq && r.endedBy(made[1]) && made[1].Amount == r.amount
	c.expect(len(made) == 0 || given, m, "was declined, and did not give back what it had charged")
}

// atWork counts a top-up that its provider has yet to end.
func (c *checker) atWork(m txn.Message) {
	c.Working++
	c.expect(m.Voucher == 0, m, "a provider is at work on it, yet it sold voucher %d", m.Voucher)
}

// readStock compares each voucher's row with what the messages say of it, and each batch with its vouchers.
func (c *checker) readStock(ctx context.Context, store admin.Reports) error {
	for after := int32(0); ; {
		page, err := store.VoucherBatches(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read batches above %d: %w", after, err)
		}
		for _, b := range page {
			c.batches[b.Number] = &batchTrace{stated: b.InStock, closed: b.Closed, seen: true}
			after = b.Number
		}
		if len(page) < pageSize {
			break
		}
	}
	for after := int64(0); ; {
		page, err := store.Vouchers(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read vouchers above %d: %w", after, err)
		}
		for _, v := range page {
			c.stock(v)
			after = v.ID
		}
		if len(page) < pageSize {
			c.compareBatches()
			return c.compareSerials(ctx, store)
		}
	}
}

// stock takes in a voucher's row.
func (c *checker) stock(v airtime.Voucher) {
	c.Vouchers++
	t := c.vouchers[v.ID]
	if t == nil {
		t = &voucherTrace{}
	}
	t.seen = true
	t.recall(v.LastMessage, c.past)
	if v.Status != airtime.Withdrawn {
		c.serials.add(v)
	}
	say := func(holds bool, format string, args ...any) {
		if !holds {
			c.fault("voucher %d: %s", v.ID, fmt.Sprintf(format, args...))
		}
	}
	say(v.LastMessage == t.last, "its newest message is %d, the chain ends at %d", v.LastMessage, t.last)
	stands := t.state == txn.Open || t.state == txn.Confirmed
	say(t.touch != sold || stands, "its sale %d is %s, and nothing took it back", t.sale, t.state)
	if v.Status < airtime.InStock || v.Status > airtime.Withdrawn {
		say(false, "status %d cannot be", v.Status)
		return
	}
	say(slices.Contains(leaves[t.touch], v.Status), "it is in %s, where its newest message %d did not put it", v.Status, t.last)
	if v.Batch == 0 {
		say(t.sale != 0 && v.Status != airtime.InStock, "it was made for its sale, yet is in %s after sale %d", v.Status, t.sale)
		return
	}
	b := traceOf(c.batches, v.Batch)
	if v.Status == airtime.InStock {
		b.inStock++
	}
	say(t.touch != untouched || v.Status == airtime.InStock || b.closed, "it is in %s, and no message put it there", v.Status)
}

func (c *checker) compareBatches() {
	for number, b := range c.batches {
		switch {
		case !b.seen:
			c.fault("batch %d: its row is missing", number)
		case b.stated != b.inStock:
			c.fault("batch %d: it says that %d vouchers are in stock, %d are", number, b.stated, b.inStock)
		}
	}
}

// readFloats compares each float's row with its entries.
func (c *checker) readFloats(ctx context.Context, store admin.Reports) error {
	for after := ident.Account(0); ; {
		page, err := store.Floats(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read floats above %d: %w", after, err)
		}
		for _, f := range page {
			c.paidIn(f)
			after = f.Account
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// paidIn takes in a float's row.
func (c *checker) paidIn(f airtime.Float) {
	t := traceOf(c.floats, f.Account)
	t.seen = true
	total := Total{ledger.Float, f.Currency}
	c.books[total] = c.books[total].Add(f.Balance.Book)
	say := func(holds bool, format string, args ...any) {
		if !holds {
			c.fault("float of account %d: %s", f.Account, fmt.Sprintf(format, args...))
		}
	}
	say(f.Balance == t.balance, "its balances are book %d available %d, its entries add up to book %d available %d",
		f.Balance.Book, f.Balance.Available, t.balance.Book, t.balance.Available)
	err := t.balance.Check()
	say(err == nil, "its entries leave an impossible balance: %v", err)
	say(t.currency == 0 || f.Currency == t.currency, "it is kept in currency %s, its entries in %s", f.Currency, t.currency)
	say(f.LastMessage == t.last, "its newest act is %d, its entries say %d", f.LastMessage, t.last)
}

// missing names the rows that messages and entries name and that are not there.
func (v *vendor) missing(fault func(format string, args ...any)) {
	for id, t := range v.vouchers {
		if !t.seen {
			fault("voucher %d: messages name it, its row is missing", id)
		}
	}
	for account, t := range v.floats {
		if !t.seen {
			fault("float of account %d: entries name it, its row is missing", account)
		}
	}
}
