package relay

import (
	"context"
	"errors"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// referenceLetter begins our references of what was passed on.
const referenceLetter = 'R'

// Reference gives the printable reference of the passed on request with this seq: our transaction identifier in its
// third-party identifiers.
func Reference(seq int64) string { return txn.Reference(referenceLetter, seq) }

// ParseReference reads a reference made by Reference.
func ParseReference(s string) (seq int64, ok bool) { return txn.ParseReference(referenceLetter, s) }

// own gives our third-party identifier of a request.
func (r *Relay) own(seq int64) ident.Reference {
	return ident.Reference{Institution: r.settings.Institution.Institution, Identifier: Reference(seq)}
}

// call is what the relay has to know of a request of either contract.
type call struct {
	sender     *txn.Sender
	family     txn.Family
	id         ident.ID
	received   time.Time
	amount     *money.Amount // that was asked for; nil when none was named
	merchant   string        // id of the merchant it comes from; may be empty
	references []ident.Reference
	body       []byte
	unfit      *decline.Error // why its sender may not send it; nil when it may
	// send puts it to an upstream, with our own identifier added. An error is the outcome of the request.
	send func(ctx context.Context, u *upstream, own ident.Reference) (approval, error)
}

// approval is what an upstream has approved.
type approval struct {
	amount, requested money.Minor
	currency          money.Currency
	reference         string // what the upstream calls it
}

// passage is one request on its way to an upstream and back.
type passage struct {
	call
	relay  *Relay
	route  []*upstream // those that are still to be asked
	leave  pass        // to ask the first of them
	sealed []byte      // the body for keeping
	hashes []int64     // of what it is found by

	message  txn.Message // the record
	refusal  *decline.Error
	approval approval
}

// pass takes a request through: it is recorded as sent before it goes out, and how it ended before that is answered. nil
// means approved. The error is a *decline.Error, a *decline.NotTaken or a *decline.Unknown.
func (r *Relay) pass(ctx context.Context, route []*upstream, c call) error {
	end, err := r.begin()
	if err != nil {
		return err
	}
	defer end()
	land, err := r.intake.TakeOff(c.sender.World, c.id)
	if err != nil {
		return err
	}
	defer land()
	p := &passage{call: c, relay: r, route: route}
	p.hashes = r.intake.RequestHashes(c.sender.World, c.references, c.merchant, c.received)
	if p.sealed, err = r.intake.Seal(c.body); err != nil {
		return err
	}
	if err := p.admit(); err != nil {
		return err
	}
	if err := p.record(ctx); err != nil {
		p.leave.told(context.Canceled)
		return err
	}
	return p.forward(ctx)
}

// admit finds the first upstream of the route that can be asked now. When there is none nothing is recorded: the request
// is not taken (rule C13).
func (p *passage) admit() (err error) {
	for i, u := range p.route {
		if p.leave, err = u.queue.admit(); err == nil {
			p.route = p.route[i:]
			return nil
		}
	}
	return downward(err, p.family)
}

// record commits that the request is sent, or why it is not.
func (p *passage) record(ctx context.Context) error {
	keys := saf.Keys{World: p.sender.World, IDs: []ident.ID{p.id}}
	err := p.relay.settings.Store.Update(ctx, keys, p.begin)
	var turned *decline.NotTaken
	switch {
	case err == nil && p.refusal != nil:
		return p.refusal
	case err == nil || errors.As(err, &turned):
		return err
	}
	return p.strand(err) // it may stand as sent, although it never was
}

// begin makes the checks that need records, in their order (docs/rules.md 1.4), and records the request. It may run
// again.
func (p *passage) begin(tx saf.Tx) error {
	p.refusal = nil
	if used := txn.Used(tx.Messages(p.id), p.family, txn.Request); len(used) > 0 {
		p.refusal = txn.Duplicate(p.id, txn.Own(used, p.sender.Account))
		return nil
	}
	p.message = txn.Message{
		Seq: tx.NextSeq(), World: p.sender.World, ID: p.id, Account: p.sender.Account, Family: p.family, Role: txn.Request,
		State: txn.Working, At: p.received, References: p.hashes, Body: p.sealed, Upstream: p.route[0].Name,
	}
	if a := p.amount; a != nil {
		p.message.Amount, p.message.Requested, p.message.Currency = a.Minor, a.Minor, a.Currency
	}
	if p.refusal = txn.Late(tx, p.sender, p.family, p.id, rulesOf(p.family).late); p.refusal == nil {
		p.refusal = p.unfit
	}
	if p.refusal != nil {
		p.message.State, p.message.Reason = txn.Declined, p.refusal.Reason
	}
	tx.Insert(p.message)
	return nil
}

// forward asks the upstreams of the route in their order, until one may have been reached.
func (p *passage) forward(ctx context.Context) error {
	u := p.route[0]
	err := p.ask(ctx, p.leave, u)
	for _, next := range p.route[1:] {
		if !unsent(err) || ctx.Err() != nil {
			break
		}
		leave, shut := next.queue.admit()
		if shut != nil {
			continue
		}
		if failed := p.turn(ctx, next); failed != nil {
			leave.told(context.Canceled)
			return failed
		}
		u, err = next, p.ask(ctx, leave, next)
	}
	return p.conclude(ctx, u, err)
}

// unsent says whether a request surely never went out, which is what lets another upstream be asked.
func unsent(err error) bool {
	var turned *decline.NotTaken
	if !errors.As(err, &turned) {
		return false
	}
	return turned.Cause == decline.Unreached || turned.Cause == decline.Unavailable || turned.Cause == decline.NoCredential
}

// turn commits that another upstream is asked, before it is. Nobody is asked when another process has undone the request.
func (p *passage) turn(ctx context.Context, u *upstream) error {
	takenOver := false
	err := p.relay.keep(ctx, p.message, func(tx saf.Tx, m txn.Message) error {
		if takenOver = m.State != txn.Working || m.Ended != 0; takenOver {
			return nil
		}
		m.Upstream = u.Name
		tx.Amend(m)
		return nil
	})
	switch {
	case err != nil:
		return p.strand(err)
	case takenOver:
		return p.lost()
	}
	p.message.Upstream = u.Name
	return nil
}

// ask puts the request to one upstream.
func (p *passage) ask(ctx context.Context, leave pass, u *upstream) error {
	return p.relay.putWith(ctx, leave, u, whatRequest, p.sender.Account, func(ctx context.Context) (err error) {
		p.approval, err = p.send(ctx, u, p.relay.own(p.message.Seq))
		return err
	})
}
