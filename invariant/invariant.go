// Package invariant recomputes from a store's messages and entries everything that must always be true, and names
// what is not: balances, sums, endings, chains and states, of cards, vouchers and floats; and, of what was passed on, that the
// queue has what its requests wait for, and nothing else (`scrip verify`).
//
// It promises to read each record once, in order, but for vouchers whose serials look the same, which it reads again. It
// holds in memory only cards, vouchers that messages name, batches, floats, requests between their record and their
// ending's, totals, and 16 bytes for each voucher that is not withdrawn. Of what was pruned it asks again where what is
// kept names it. It trusts nothing that can be computed.
package invariant

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Bounds of one run.
const (
	pageSize   = 1000 // records read at once
	MaxFaults  = 1000 // faults that are named; more are only counted
	maxEntries = 16   // entries one message can make: more is a fault
	lastSeq    = math.MaxInt64
)

// Report is what a run found.
type Report struct {
	Cards, Messages, Entries int64
	Vouchers                 int64
	Open                     int64 // requests neither confirmed nor reversed
	Working                  int64 // requests that a provider or an upstream is still at work on
	Queued                   int64 // items of the queue
	Pruned                   int64 // messages of which a husk is left
	Brought                  int64 // amounts that were brought forward for them
	// Totals are the sums of all entries by class of account and currency: credits less debits, of what is not
	// released. That of the cards is what the book balances of their rows add up to.
	Totals map[Total]money.Sum
	Faults []string // what is wrong, named; at most MaxFaults
	More   int64    // faults beyond those
}

// Total names one line of the totals.
type Total struct {
	Class    ledger.Class
	Currency money.Currency
}

// Check reads a whole store. An error means that it could not be read; what is wrong with what was read stands
// in the report.
func Check(ctx context.Context, store admin.Reports) (*Report, error) {
	c := &checker{
		Report:  Report{Totals: map[Total]money.Sum{}},
		cards:   map[int64]*cardTrace{},
		books:   map[Total]money.Sum{},
		waiting: map[int64]request{},
		ended:   map[int64]int64{},
		vendor:  newVendor(), passages: newPassages(), past: newPast(ctx, store),
	}
	if err := c.readBrought(ctx, store); err != nil {
		return nil, err
	}
	if err := c.readMessages(ctx, store); err != nil {
		return nil, err
	}
	if err := c.readCards(ctx, store); err != nil {
		return nil, err
	}
	if err := c.readStock(ctx, store); err != nil {
		return nil, err
	}
	if err := c.readFloats(ctx, store); err != nil {
		return nil, err
	}
	c.finish()
	if c.failed != nil {
		return nil, c.failed
	}
	return &c.Report, nil
}

// checker is one run.
type checker struct {
	Report
	vendor
	passages
	*past
	cards   map[int64]*cardTrace
	books   map[Total]money.Sum // what the book balances of the rows of cards and of floats add up to
	waiting map[int64]request   // ended requests whose ending has not been read yet, by their seq
	ended   map[int64]int64     // those requests by the seq of their ending
}

// cardTrace is what the messages say of a card.
type cardTrace struct {
	balance           ledger.Balance
	last              int64 // newest message in its chain
	activation, void  int64
	activated, voided txn.State      // state of those requests
	successor         int64          // the new card when void is a replacement
	currency          money.Currency // of its entries; 0 when it has none
	seen              bool           // its row has been read
	upto              int64          // newest message whose entries were brought forward; what its balance was before is not known
}

// request is what has to be known of a request until its ending is read.
type request struct {
	seq           int64
	family        txn.Family
	state         txn.State
	ended         int64
	amount, final money.Minor
	currency      money.Currency // of what is pending
	debit, credit ledger.Account
}

// endedBy says whether an entry is on the accounts and in the currency of what is pending.
func (r request) endedBy(e ledger.Entry) bool {
	return e.Debit == r.debit && e.Credit == r.credit && e.Currency == r.currency
}

func (c *checker) fault(format string, args ...any) {
	if len(c.Faults) == MaxFaults {
		c.More++
		return
	}
	c.Faults = append(c.Faults, fmt.Sprintf(format, args...))
}

func (c *checker) trace(card int64) *cardTrace { return traceOf(c.cards, card) }

// readMessages goes through messages, entries and the queue side by side: all are in the order of the messages.
func (c *checker) readMessages(ctx context.Context, store admin.Reports) error {
	entries, items, husks := &entryReader{store: store}, &itemReader{store: store}, &huskReader{store: store}
	for after := int64(0); ; {
		page, err := store.Messages(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read messages above %d: %w", after, err)
		}
		for _, m := range page {
			if err := husks.upto(ctx, m.Seq, c); err != nil {
				return err
			}
			made, err := entries.of(ctx, m.Seq, c)
			if err != nil {
				return err
			}
			item, err := items.of(ctx, m.Seq, c)
			if err != nil {
				return err
			}
			c.message(m, made, item)
			after = m.Seq
		}
		if len(page) < pageSize {
			if _, err := items.of(ctx, lastSeq, c); err != nil {
				return err
			}
			if err := husks.upto(ctx, lastSeq, c); err != nil {
				return err
			}
			return entries.rest(ctx, c)
		}
	}
}

// entryReader hands out entries message by message.
type entryReader struct {
	store admin.Reports
	page  []ledger.Entry
	after int64
	end   bool
}

func (r *entryReader) fill(ctx context.Context) error {
	if len(r.page) > 0 || r.end {
		return nil
	}
	page, err := r.store.Entries(ctx, r.after, pageSize)
	if err != nil {
		return fmt.Errorf("read entries above %d: %w", r.after, err)
	}
	if r.end = len(page) == 0; !r.end {
		r.page, r.after = page, page[len(page)-1].Message
	}
	return nil
}

// of gives the entries of a message, and reports those of messages that are not there.
func (r *entryReader) of(ctx context.Context, message int64, c *checker) ([]ledger.Entry, error) {
	var made []ledger.Entry
	for {
		if err := r.fill(ctx); err != nil {
			return nil, err
		}
		if r.end || r.page[0].Message > message {
			return made, nil
		}
		if e := r.page[0]; e.Message < message {
			c.fault("entry %d/%d: its message is missing", e.Message, e.N)
		} else {
			made = append(made, e)
		}
		r.page = r.page[1:]
	}
}

func (r *entryReader) rest(ctx context.Context, c *checker) error {
	_, err := r.of(ctx, lastSeq, c)
	return err
}

// message takes in one message with the entries that it made and its item of the queue, if there is one.
func (c *checker) message(m txn.Message, made []ledger.Entry, item *saf.Item) {
	c.Messages++
	for n, e := range made {
		c.entry(m, n, e)
	}
	if _, ending := c.passed[m.Seq]; ending || m.Upstream != "" {
		c.passedOn(m, made, item)
		return
	}
	c.expect(item == nil, m, "is in the queue, yet was passed on to nobody")
	if ofVoucher(m) {
		c.voucherLinks(m)
	} else {
		c.links(m)
	}
	switch {
	case m.Role != txn.Request:
		c.advice(m, made)
	case m.Family == txn.LookUp:
		c.expect(m.State == txn.Answered || m.State == txn.Declined, m, "a look-up is %s", m.State)
		c.expect(len(made) == 0, m, "a look-up made entries")
	case m.Family == txn.Adjustment:
		c.adjustment(m, made)
	case m.Family.IsAirtime():
		c.purchase(m, made)
	default:
		c.request(m, made)
	}
}

func (c *checker) expect(holds bool, m txn.Message, format string, args ...any) {
	if !holds {
		c.fault("message %d (%s %s %s): %s", m.Seq, m.Family, m.Role, m.ID, fmt.Sprintf(format, args...))
	}
}

// entry adds an entry to the totals and to the cards it touches.
func (c *checker) entry(m txn.Message, n int, e ledger.Entry) {
	c.Entries++
	if err := e.Check(); err != nil {
		c.fault("%v", err)
		return
	}
	c.expect(e.N == n && n < maxEntries, m, "entry %d stands at place %d", e.N, n)
	c.expect(e.Currency == m.Currency || m.Family.IsAirtime(), m, "made an entry in currency %s", e.Currency)
	c.floatEntry(m, e)
	if e.Debit.Class() == ledger.Card {
		c.apply(m, e, e.Debit.Owner(), ledger.Balance.Debited)
	}
	if e.Credit.Class() == ledger.Card {
		c.apply(m, e, e.Credit.Owner(), ledger.Balance.Credited)
	}
	c.total(e)
}

// total adds an entry to the totals.
func (c *checker) total(e ledger.Entry) {
	amount := e.Amount
	switch e.Phase {
	case ledger.Posted:
		return // counted when it was pending
	case ledger.Released:
		amount = -amount
	}
	debit, credit := Total{e.Debit.Class(), e.Currency}, Total{e.Credit.Class(), e.Currency}
	c.Totals[debit] = c.Totals[debit].Sub(amount)
	c.Totals[credit] = c.Totals[credit].Add(amount)
}

func (c *checker) apply(m txn.Message, e ledger.Entry, card int64, side func(ledger.Balance, ledger.Entry) (ledger.Balance, error)) {
	t := c.trace(card)
	after, err := side(t.balance, e)
	c.expect(err == nil, m, "card %d: %v", card, err)
	t.balance, t.currency = after, e.Currency
	c.expect(e.Phase == ledger.Posted || linked(m, card), m, "changes card %d without a link to it", card)
}

func linked(m txn.Message, card int64) bool {
	for _, l := range m.Links {
		if l.Card == card {
			return true
		}
	}
	return false
}

// links follows the chain of each card: a message names the one before it. The card's balance must be possible
// once all of a message's entries are in.
func (c *checker) links(m txn.Message) {
	for _, l := range m.Links {
		t := c.trace(l.Card)
		c.expect(l.Previous == t.last || c.gone(l.Previous), m, "names message %d as the one before it on card %d, which is %d", l.Previous, l.Card, t.last)
		t.last = m.Seq
		err := t.balance.Check()
		c.expect(err == nil || m.Seq <= t.upto, m, "leaves card %d with an impossible balance: %v", l.Card, err)
	}
}

// adjustment takes in an operator's act: a card or a float is credited or debited, or a voucher changes its place.
func (c *checker) adjustment(m txn.Message, made []ledger.Entry) {
	if m.Voucher != 0 {
		c.expect(m.State == txn.Confirmed && len(m.Links) == 1 && len(made) == 0, m, "an act on a voucher needs a link to it, and moves no money")
		return
	}
	good := len(made) > 0 && made[0].Phase == ledger.Direct && made[0].Amount == m.Amount && made[0].Request == m.Seq
	c.expect(m.State == txn.Confirmed && good, m, "an adjustment needs a direct entry of its amount")
	if !good {
		return
	}
	theirs, other := made[0].Debit, made[0].Credit
	if theirs.Class() != ledger.Card && theirs.Class() != ledger.Float {
		theirs, other = other, theirs
	}
	card := theirs == ledger.AccountOf(ledger.Card, m.Card) && (other.Class() == ledger.Adjustment || other.Class() == ledger.Breakage)
	float := theirs.Class() == ledger.Float && other.Class() == ledger.Adjustment && len(made) == 1
	c.expect(card || float, m, "moves money between %s and %s", made[0].Debit, made[0].Credit)
}

// request takes in a request, and waits for its ending if it has one.
func (c *checker) request(m txn.Message, made []ledger.Entry) {
	if m.State == txn.Declined {
		c.expect(len(made) == 0 && m.Ended == 0 && m.Reason != "", m, "a declined request has a reason and nothing else")
		return
	}
	r := request{seq: m.Seq, family: m.Family, state: m.State, ended: m.Ended, amount: m.Amount, final: m.Final}
	c.pending(m, made, &r)
	c.states(m)
	switch m.State {
	case txn.Open:
		c.Open++
		c.expect(m.Ended == 0, m, "is open, yet was ended by %d", m.Ended)
	case txn.Confirmed, txn.Reversed:
		c.await(m, r)
	default:
		c.expect(false, m, "a request cannot be %s", m.State)
	}
}

// await waits for the message that a request says has ended it.
func (c *checker) await(m txn.Message, r request) {
	c.expect(m.Ended > m.Seq, m, "is %s, yet names no later message that did it", m.State)
	c.waiting[m.Seq], c.ended[m.Ended] = r, m.Seq
}

// pending asks that an approved request made exactly one pending entry of its amount; a void moves nothing.
func (c *checker) pending(m txn.Message, made []ledger.Entry, r *request) {
	if m.Family == txn.Void || m.Amount == 0 {
		c.expect(len(made) == 0, m, "moves no money, yet made entries")
		return
	}
	good := len(made) == 1 && made[0].Phase == ledger.Pending && made[0].Amount == m.Amount && made[0].Request == m.Seq
	c.expect(good, m, "an approved request needs one pending entry of its amount %d", m.Amount)
	if !good {
		return
	}
	r.currency, r.debit, r.credit = made[0].Currency, made[0].Debit, made[0].Credit
	debit, credit := accounts(m)
	c.expect(r.debit == debit && r.credit == credit, m, "moves money from %s to %s instead of from %s to %s", r.debit, r.credit, debit, credit)
}

// accounts are the two sides of a request's money.
func accounts(m txn.Message) (debit, credit ledger.Account) {
	card, target := ledger.AccountOf(ledger.Card, m.Card), ledger.AccountOf(ledger.Card, m.Target)
	switch m.Family {
	case txn.Activation, txn.Load:
		return ledger.AccountOf(ledger.Funding, int64(m.Account)), card
	case txn.Redemption:
		return card, ledger.AccountOf(ledger.Redeemed, int64(m.Account))
	}
	return card, target
}

// states notes which requests put cards into their states.
func (c *checker) states(m txn.Message) {
	switch m.Family {
	case txn.Activation:
		t := c.trace(m.Card)
		t.activation, t.activated = m.Seq, m.State
	case txn.Void:
		t := c.trace(m.Card)
		t.void, t.voided, t.successor = m.Seq, m.State, 0
	case txn.Replace:
		old, fresh := c.trace(m.Card), c.trace(m.Target)
		old.void, old.voided, old.successor = m.Seq, m.State, m.Target
		fresh.activation, fresh.activated = m.Seq, m.State
	}
}

// advice takes in a confirmation, a reversal or an operator's settlement.
func (c *checker) advice(m txn.Message, made []ledger.Entry) {
	seq, ending := c.ended[m.Seq]
	if !ending {
		c.expect(len(made) == 0, m, "ended nothing, yet made entries")
		c.expect(m.State == txn.Accepted || m.State == txn.Declined, m, "an advice cannot be %s", m.State)
		return
	}
	r := c.waiting[seq]
	delete(c.waiting, seq)
	delete(c.ended, m.Seq)
	if r.state == txn.Reversing {
		c.expect(m.State == txn.Working && m.Role == txn.Reversal && m.Request == seq && len(made) == 0, m,
			"takes back request %d, yet is a %s %s for request %d with %d entries", seq, m.State, m.Role, m.Request, len(made))
		return
	}
	c.expect(m.State == txn.Accepted && m.Request == seq, m, "ended request %d, yet is %s for request %d", seq, m.State, m.Request)
	c.expect(m.Role.Ending() == r.state, m, "ended request %d, which is %s", seq, r.state)
	c.ending(m, made, r)
}

// ending asks that posted and released take up what was pending, on the same accounts; what follows a replaced
// card is direct.
func (c *checker) ending(m txn.Message, made []ledger.Entry, r request) {
	var posted, released money.Sum
	for _, e := range made {
		c.expect(e.Request == r.seq, m, "made an entry for request %d", e.Request)
		switch e.Phase {
		case ledger.Posted:
			posted = posted.Add(e.Amount)
		case ledger.Released:
			released = released.Add(e.Amount)
		case ledger.Pending:
			c.expect(false, m, "an advice made a pending entry")
		case ledger.Direct: // what follows a replaced card
			c.expect(e.Debit.Class() == ledger.Card && e.Credit.Class() == ledger.Card, m, "moves money between %s and %s", e.Debit, e.Credit)
			continue
		}
		c.expect(r.endedBy(e), m, "ends the entry of other accounts")
	}
	want := r.amount
	if r.family == txn.Void {
		want = 0
	}
	c.expect(posted.Plus(released) == money.SumOf(want), m, "posted %s and released %s of %d", posted, released, want)
	if r.state == txn.Confirmed && r.family != txn.Void {
		c.expect(posted == money.SumOf(r.final), m, "posted %s of the %d confirmed", posted, r.final)
	}
	if r.state == txn.Reversed {
		c.expect(posted == money.Sum{}, m, "a reversal posted %s", posted)
	}
}

// readCards compares each card's row with what the messages say of it.
func (c *checker) readCards(ctx context.Context, store admin.Reports) error {
	details := &detailReader{store: store}
	for after := int64(0); ; {
		page, err := store.Cards(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read cards above %d: %w", after, err)
		}
		for _, card := range page {
			c.card(card)
			detail, found, err := details.of(ctx, card.ID)
			if err != nil {
				return err
			}
			if !found {
				c.fault("card %d: its detail is missing", card.ID)
			} else if card.HasPIN == detail.PINs.IsZero() {
				c.fault("card %d: whether it has a PIN is %t, and not so in its detail", card.ID, card.HasPIN)
			}
			after = card.ID
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

// detailReader hands out details card by card.
type detailReader struct {
	store admin.Reports
	page  []giftcard.Detail
	after int64
	end   bool
}

// of gives the detail of a card. Cards are asked for in ascending order.
func (r *detailReader) of(ctx context.Context, card int64) (d giftcard.Detail, found bool, err error) {
	for {
		if err := r.fill(ctx); err != nil {
			return d, false, err
		}
		if r.end || r.page[0].Card > card {
			return d, false, nil
		}
		d, r.page = r.page[0], r.page[1:]
		if d.Card == card {
			return d, true, nil
		}
	}
}

func (r *detailReader) fill(ctx context.Context) error {
	if len(r.page) > 0 || r.end {
		return nil
	}
	page, err := r.store.Details(ctx, r.after, pageSize)
	if err != nil {
		return fmt.Errorf("read card details above %d: %w", r.after, err)
	}
	if r.end = len(page) == 0; !r.end {
		r.page, r.after = page, page[len(page)-1].Card
	}
	return nil
}

func (c *checker) card(card giftcard.Card) {
	c.Cards++
	t := c.trace(card.ID)
	t.seen = true
	total := Total{ledger.Card, card.Currency}
	c.books[total] = c.books[total].Add(card.Balance.Book)
	say := func(holds bool, format string, args ...any) {
		if !holds {
			c.fault("card %d: %s", card.ID, fmt.Sprintf(format, args...))
		}
	}
	say(card.Balance == t.balance, "its balances are book %d available %d, its entries add up to book %d available %d",
		card.Balance.Book, card.Balance.Available, t.balance.Book, t.balance.Available)
	say(card.Balance.Check() == nil, "available %d and book %d cannot be", card.Balance.Available, card.Balance.Book)
	say(card.LastMessage == t.last || c.gone(card.LastMessage), "its newest message is %d, the chain ends at %d", card.LastMessage, t.last)
	say(t.currency == 0 || t.currency == card.Currency, "it is kept in currency %s, its entries in %s", card.Currency, t.currency)
	if c.recall(t, card) {
		return
	}
	want := t.status()
	say(card.Status == want, "it is %s, its messages make it %s", card.Status, want)
	say(card.Activation == t.activation, "it names activation %d, the newest is %d", card.Activation, t.activation)
	void, successor := t.retirement()
	say(card.Void == void && card.Successor == successor, "it names void %d and successor %d instead of %d and %d",
		card.Void, card.Successor, void, successor)
	say((card.Product != 0) == (want != giftcard.New), "it is %s with product %d", card.Status, card.Product)
}

// status is where the newest activation and void put a card.
func (t *cardTrace) status() giftcard.Status {
	switch {
	case t.activation == 0 || t.activated == txn.Reversed:
		return giftcard.New
	case t.void > t.activation && t.voided != txn.Reversed:
		return t.retired()
	case t.activated == txn.Confirmed:
		return giftcard.ActivatedConfirmed
	}
	return giftcard.Activated
}

// retirement is the request that took the card out of use, and the card that took over; zeros when none did.
func (t *cardTrace) retirement() (void, successor int64) {
	if t.voided == txn.Reversed {
		return 0, 0
	}
	return t.void, t.successor
}

func (t *cardTrace) retired() giftcard.Status {
	status := giftcard.Voided
	if t.successor != 0 {
		status = giftcard.Replaced
	}
	if t.voided == txn.Confirmed {
		status++ // the confirmed form follows each
	}
	return status
}

// finish names what was waited for and never came.
func (c *checker) finish() {
	for seq, r := range c.waiting {
		c.fault("message %d: it is %s, the message %d that did it is missing", seq, r.state, r.ended)
	}
	c.unfinished(c.fault)
	c.missing(c.fault)
	for id, t := range c.cards {
		if !t.seen {
			c.fault("card %d: messages name it, its row is missing", id)
		}
	}
	c.compareTotals()
	c.comparePast()
}

// compareTotals asks, for each currency, that the rows of all cards, and of all floats, hold what their entries add up
// to. It finds what no card shows by itself, such as an entry that counts in another currency than its card's.
func (c *checker) compareTotals() {
	totals := slices.Collect(maps.Keys(c.books))
	for total := range c.Totals {
		if total.Class == ledger.Card || total.Class == ledger.Float {
			totals = append(totals, total)
		}
	}
	slices.SortFunc(totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Class, b.Class), cmp.Compare(a.Currency, b.Currency))
	})
	for _, t := range slices.Compact(totals) {
		if rows, entries := c.books[t], c.Totals[t]; rows != entries {
			c.fault("currency %s: the book balances of all %ss add up to %s, their entries to %s", t.Currency, t.Class, rows, entries)
		}
	}
}
