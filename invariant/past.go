package invariant

import (
	"context"
	"fmt"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/txn"
)

// past is what a run knows of messages that were pruned (docs/decisions/0021). Single ones are asked for when what is kept
// names them.
type past struct {
	find      func(seq int64) (husk txn.Message, found bool)
	failed    error // of find
	forgotten int64
	folded    map[folded]money.Sum // what was brought forward,
	confirmed map[folded]money.Sum // and what husks say was confirmed
}

// folded names what was brought forward and can be computed again from husks: what accounts activated and loaded, and what
// was redeemed with them.
type folded struct {
	class    ledger.Class // Funding or Redeemed
	account  int64
	currency money.Currency
}

func newPast(ctx context.Context, store admin.Reports) *past {
	p := &past{folded: map[folded]money.Sum{}, confirmed: map[folded]money.Sum{}}
	p.find = func(seq int64) (txn.Message, bool) {
		if seq <= 0 || p.failed != nil {
			return txn.Message{}, false
		}
		page, err := store.Pruned(ctx, seq-1, 1)
		if err != nil {
			p.failed = fmt.Errorf("read pruned message %d: %w", seq, err)
		}
		if len(page) == 0 || page[0].Seq != seq {
			return txn.Message{}, false
		}
		return page[0].Message, true
	}
	return p
}

// isForgotten says whether nothing is known of a message, because even its husk was dropped.
func (p *past) isForgotten(seq int64) bool { return seq > 0 && seq <= p.forgotten }

// gone says whether a message that is not there was pruned.
func (p *past) gone(seq int64) bool {
	_, found := p.find(seq)
	return found || p.isForgotten(seq)
}

// readBrought takes in what was brought forward, each as the direct entry that it stands for.
func (c *checker) readBrought(ctx context.Context, store admin.Reports) (err error) {
	if c.forgotten, err = store.Forgotten(ctx); err != nil {
		return fmt.Errorf("read what is forgotten: %w", err)
	}
	for after := (ledger.BroughtKey{}); ; {
		page, err := store.Brought(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read what was brought forward: %w", err)
		}
		for _, b := range page {
			c.brought(b)
			after = b.BroughtKey
		}
		if len(page) < pageSize {
			return nil
		}
	}
}

func (c *checker) brought(b ledger.Brought) {
	c.Brought++
	e := b.Entry()
	if err := e.Check(); err != nil {
		c.fault("brought forward in %s: %v", b.Period, err)
		return
	}
	c.foldedSide(b, b.Debit, ledger.Balance.Debited)
	c.foldedSide(b, b.Credit, ledger.Balance.Credited)
	c.total(e)
	switch {
	case b.Debit.Class() == ledger.Funding && b.Credit.Class() == ledger.Card:
		key := folded{ledger.Funding, b.Debit.Owner(), b.Currency}
		c.folded[key] = c.folded[key].Add(b.Amount)
	case b.Debit.Class() == ledger.Card && b.Credit.Class() == ledger.Redeemed:
		key := folded{ledger.Redeemed, b.Credit.Owner(), b.Currency}
		c.folded[key] = c.folded[key].Add(b.Amount)
	}
}

// foldedSide adds what was brought forward to the card or the float on one side.
func (c *checker) foldedSide(b ledger.Brought, on ledger.Account, side func(ledger.Balance, ledger.Entry) (ledger.Balance, error)) {
	var balance *ledger.Balance
	switch on.Class() {
	case ledger.Card:
		t := c.trace(on.Owner())
		balance, t.currency, t.upto = &t.balance, b.Currency, max(t.upto, b.Upto)
	case ledger.Float:
		t := traceOf(c.floats, ident.Account(on.Owner()))
		balance, t.currency = &t.balance, b.Currency
	default:
		return
	}
	after, err := side(*balance, b.Entry())
	if err != nil {
		c.fault("brought forward in %s: %s: %v", b.Period, on, err)
	}
	*balance = after
}

// huskReader goes through what is left of pruned messages, beside the messages.
type huskReader struct {
	store admin.Reports
	page  []txn.Husk
	after int64
	end   bool
}

// upto takes in the husks up to a message.
func (r *huskReader) upto(ctx context.Context, message int64, c *checker) error {
	for {
		if len(r.page) == 0 && !r.end {
			var err error
			if r.page, err = r.store.Pruned(ctx, r.after, pageSize); err != nil {
				return fmt.Errorf("read pruned messages above %d: %w", r.after, err)
			}
			r.end = len(r.page) == 0
		}
		if r.end || r.page[0].Seq > message {
			return nil
		}
		c.husk(r.page[0].Message, r.page[0].Seq == message)
		r.after, r.page = r.page[0].Seq, r.page[1:]
	}
}

// husk takes in what is left of a message, which must be one that was settled and is not there any more.
func (c *checker) husk(m txn.Message, isThere bool) {
	c.Pruned++
	say := func(holds bool, format string, args ...any) {
		if !holds {
			c.fault("pruned message %d (%s %s): %s", m.Seq, m.Family, m.Role, fmt.Sprintf(format, args...))
		}
	}
	say(!isThere || m.Seq == lastSeq, "is there as well")
	advice := m.Role != txn.Request && (m.State == txn.Accepted || m.State == txn.Declined)
	say(m.IsSettled() || m.IsEnded() || advice, "it was %s, and should have stayed", m.State)
	if m.State != txn.Confirmed || m.Upstream != "" {
		return
	}
	key := folded{account: int64(m.Account), currency: m.Currency}
	switch m.Family {
	case txn.Activation, txn.Load:
		key.class = ledger.Funding
	case txn.Redemption:
		key.class = ledger.Redeemed
	default:
		return
	}
	c.confirmed[key] = c.confirmed[key].Add(m.Final)
}

// comparePast asks that what was brought forward is what the husks say was confirmed, as far as all of them are there.
func (c *checker) comparePast() {
	if c.forgotten != 0 {
		return
	}
	for key, sum := range c.confirmed {
		if c.folded[key] != sum {
			c.fault("%s/%d in currency %s: %s was brought forward of %s that was confirmed", key.class, key.account, key.currency, c.folded[key], sum)
		}
	}
	for key, sum := range c.folded {
		if _, known := c.confirmed[key]; !known {
			c.fault("%s/%d in currency %s: %s was brought forward, and nothing was confirmed", key.class, key.account, key.currency, sum)
		}
	}
}

// recall takes from what is left of them what a card's row names and is not there. It says whether even that is forgotten,
// so that the card's status cannot be computed.
func (c *checker) recall(t *cardTrace, card giftcard.Card) (forgotten bool) {
	if card.Activation != t.activation {
		if husk, found := c.find(card.Activation); found && (husk.Family == txn.Activation || husk.Family == txn.Replace) {
			t.activation, t.activated = card.Activation, husk.State
		} else if c.isForgotten(card.Activation) {
			return true
		}
	}
	if void, _ := t.retirement(); card.Void != void {
		if husk, found := c.find(card.Void); found && (husk.Family == txn.Void || husk.Family == txn.Replace) {
			t.void, t.voided, t.successor = card.Void, husk.State, 0
			if husk.Family == txn.Replace {
				t.successor = card.Successor
			}
		} else if c.isForgotten(card.Void) {
			return true
		}
	}
	return false
}

// recall takes from what is left of it what the message that touched a voucher last did to it, if that message is not there.
func (t *voucherTrace) recall(seq int64, p *past) {
	if seq == t.last {
		return
	}
	husk, found := p.find(seq)
	switch {
	case found && husk.Role == txn.Reversal:
		t.last, t.touch, t.sale, t.state = seq, takenBack, husk.Request, txn.Reversed
	case found:
		t.last, t.touch, t.sale, t.state = seq, sold, seq, husk.State
	case p.isForgotten(seq):
		t.last, t.touch, t.sale, t.state = seq, forgottenTouch, seq, txn.Confirmed
	}
}

// everyStatus is where a voucher may be of which nothing is known any more.
var everyStatus = []airtime.VoucherStatus{airtime.InStock, airtime.Sold, airtime.Quarantined, airtime.Withdrawn}
