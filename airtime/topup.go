package airtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/txn"
)

var (
	errNoFloat    = errors.New("the account's float is missing")
	errUnresolved = errors.New("its provider has not said how it ended")
)

// topUp records the request as being worked on, asks the provider, and records what it says. From the record to the
// end of that it is in flight, so advices wait for it (rule L12), whether or not the sender still does.
func (v *Vendor) topUp(ctx context.Context, p *purchase, land func()) (*Response, error) {
	over, err := v.takeTurn(p.request.Sender.World, p.request.ID)
	if err != nil {
		land()
		return nil, err
	}
	if err := v.decide(ctx, p); err != nil {
		over()
		land()
		return nil, err
	}
	answer := make(chan error, 1)
	go func() {
		err := v.send(p)
		over()
		land()
		answer <- err
	}()
	select {
	case err := <-answer:
		if err != nil {
			return nil, err
		}
		return p.response()
	case <-ctx.Done():
		return nil, v.unknown(p.request.ID)
	}
}

// takeTurn takes a place among what is in hand, and the turn of the request with an id.
func (v *Vendor) takeTurn(w ident.World, id ident.ID) (over func(), err error) {
	end, err := v.begin()
	if err != nil {
		return nil, err
	}
	pass, ok := v.turns.TakeOffAlone(w, id)
	if !ok {
		end()
		return nil, txn.Duplicate(id, nil)
	}
	return func() {
		pass()
		end()
	}, nil
}

func (v *Vendor) unknown(request ident.ID) *decline.Unknown {
	return &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "the provider has not said how it ended", RequestID: request}
}

// order gives the top-up as its provider is told of it.
func (p *purchase) order() Order {
	r := p.request
	return Order{
		ID: r.ID, World: r.Sender.World, Placed: r.Received, Product: p.product,
		Recipient: r.Recipient, Buyer: r.Buyer, Amount: p.face,
	}
}

// send asks the provider for a top-up that has been recorded, and records the outcome. The error is a refusal, or
// *decline.Unknown. Nobody sends the order later than ProviderTimeout after it was placed: what is resolved by other
// means than its outcome relies on that.
func (v *Vendor) send(p *purchase) error {
	o := p.order()
	ctx, cancel := context.WithDeadline(v.life, o.Placed.Add(v.timeout))
	defer cancel()
	e := ending{of: txn.Working}
	if ctx.Err() != nil { // it took too long to get here, and so was never sent
		e.why = decline.New(decline.UpstreamUnavailable, "there was no time left to ask the provider")
		return v.record(p.message, e)
	}
	var err error
	e.reference, err = p.provider().TopUp(ctx, o)
	if err = byProvider(err); err != nil && !errors.As(err, &e.why) {
		return v.unknown(o.ID)
	}
	return v.record(p.message, e)
}

// ending is how a top-up or its reversal ended.
type ending struct {
	of        txn.State      // what it ends: Working or Reversing
	why       *decline.Error // why nothing is credited; nil when it is
	reference string         // the provider's own, of what is credited
}

// How often, and after what pause at first, a known outcome is put to a store that does not take it. Each further
// pause is twice as long.
const (
	recordTries = 6
	recordPause = 100 * time.Millisecond
)

// record saves how a top-up ended. The error is the refusal of the purchase, or *decline.Unknown when the store did not
// take it: it stays as it was then, and is asked for again.
func (v *Vendor) record(m txn.Message, e ending) error {
	pause := recordPause
	for try := range recordTries {
		if try > 0 {
			wait, cancel := context.WithTimeout(v.life, pause)
			<-wait.Done()
			cancel()
			pause *= 2
		}
		after, err := v.tryRecord(m, e)
		if err == nil {
			return v.told(after, e)
		}
	}
	v.alarm(OutcomeLost, m.Account)
	return v.unknown(m.ID)
}

func (v *Vendor) tryRecord(m txn.Message, e ending) (after txn.Message, err error) {
	keys := Keys{World: m.World, IDs: []ident.ID{m.ID}}
	if m.Prepaid {
		keys.Float = m.Account
	}
	err = v.store.Update(context.WithoutCancel(v.life), keys, func(tx Tx) error {
		found := false
		if after, found = tx.MessageAt(m.Seq); !found {
			return fmt.Errorf("message %d is missing", m.Seq)
		}
		if after.State != e.of {
			return nil
		}
		return v.conclude(tx, &after, e)
	})
	return after, err
}

// told gives the answer to a purchase whose outcome has been recorded, and raises an alarm when something else had
// been recorded before.
func (v *Vendor) told(after txn.Message, e ending) error {
	credited := after.State == txn.Open || after.State == txn.Confirmed
	if credited != (e.why == nil) {
		v.alarm(OutcomeLate, after.Account)
		return v.unknown(after.ID)
	}
	if e.why != nil {
		return e.why
	}
	return nil
}

// conclude ends a top-up, or its reversal, as its provider said.
func (v *Vendor) conclude(tx Tx, m *txn.Message, e ending) error {
	switch {
	case m.State == txn.Reversing:
		return v.concludeReversal(tx, m, e.why == nil)
	case e.why == nil:
		m.State, m.ProviderRef = txn.Open, bounded(e.reference)
		tx.Amend(*m)
		return nil
	}
	m.State, m.Reason = txn.Declined, e.why.Reason
	tx.Amend(*m)
	return v.undo(tx, *m, m.Seq, 1)
}

// concludeReversal ends the reversal that a request waits for.
func (v *Vendor) concludeReversal(tx Tx, m *txn.Message, credited bool) error {
	reversal, found := tx.MessageAt(m.Ended)
	if !found {
		return fmt.Errorf("message %d is missing", m.Ended)
	}
	if credited {
		reversal.State, reversal.Reason = txn.Declined, decline.TransactionNotSupported
		m.State, m.Ended = txn.Open, 0
		tx.Amend(reversal)
		tx.Amend(*m)
		return nil
	}
	reversal.State, m.State = txn.Accepted, txn.Reversed
	tx.Amend(reversal)
	tx.Amend(*m)
	return v.undo(tx, *m, reversal.Seq, 0)
}

// undo gives a purchase's price back, and takes it out of the velocity windows it was counted in.
func (v *Vendor) undo(tx Tx, m txn.Message, by int64, n int) error {
	price, err := v.priceOf(m)
	if err != nil {
		return err
	}
	if err := charge(tx, m, price, by, n, ledger.Released); err != nil {
		return err
	}
	txn.GiveBack(tx, paces(v.sender(m.World, m.Account), m.Family, m.At), m.Amount)
	return nil
}

// maxProviderRef bounds what is kept of a provider's own reference, in bytes.
const maxProviderRef = 64

func bounded(reference string) string { return reference[:min(len(reference), maxProviderRef)] }
