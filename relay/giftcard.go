package relay

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

// Giftcard gives the gift card service that passes requests on to upstreams, in the order of preference: the next is
// asked only when one was surely never reached. It panics when an upstream is not configured, or has no gift cards.
func (r *Relay) Giftcard(upstreams ...string) giftcard.Service {
	return &giftcards{r, r.route(upstreams, func(u *upstream) bool { return u.Giftcard != nil })}
}

var _ giftcard.Service = (*giftcards)(nil)

// giftcards are the gift cards of the upstreams of a route.
type giftcards struct {
	relay *Relay
	route []*upstream
}

// Request implements giftcard.Service.
func (g *giftcards) Request(ctx context.Context, q *giftcard.Request) (response *giftcard.Response, err error) {
	if q.Family == txn.LookUp {
		return g.lookUp(ctx, q)
	}
	err = g.relay.pass(ctx, g.route, call{
		sender: q.Sender, family: q.Family, id: q.ID, received: q.Received, amount: q.Amount, references: q.References, body: q.Body,
		merchant: cmp.Or(q.Merchant, q.Origin.MerchantID()),
		unfit:    q.PermittedUnseen(), send: func(ctx context.Context, u *upstream, own ident.Reference) (approval, error) {
			if response, err = ask(ctx, u, q, own); err != nil {
				return approval{}, err
			}
			return approvedCard(q, response), nil
		},
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// Advise implements giftcard.Service.
func (g *giftcards) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	return g.relay.advise(ctx, a)
}

// ask puts a request to an upstream, with our own identifier in it and in its answer.
func ask(ctx context.Context, u *upstream, q *giftcard.Request, own ident.Reference) (*giftcard.Response, error) {
	passed := *q
	var err error
	if passed.Wire, passed.References, err = identified(q.Wire, q.References, own); err != nil {
		return nil, err
	}
	response, err := u.Giftcard.Request(ctx, &passed)
	if err != nil {
		return nil, err
	}
	named := *response
	named.Answer, named.References = identifiedAnswer(response.Answer, response.References, own)
	return &named, nil
}

// approvedCard is what a response says of a request: what was asked for where it says nothing. What opens a card, or
// moves to it, is told by its balance alone where nothing was asked for.
func approvedCard(q *giftcard.Request, response *giftcard.Response) approval {
	a := approval{currency: response.Currency, reference: response.Reference}
	if q.Amount != nil {
		a.amount, a.requested, a.currency = q.Amount.Minor, q.Amount.Minor, q.Amount.Currency
	}
	if response.Approved != nil {
		a.amount, a.requested, a.currency = *response.Approved, *response.Approved, response.Currency
	}
	switch q.Family {
	case txn.Activation, txn.Replace:
		a.amount = max(a.amount, response.Balance.Book)
	case txn.Void:
		a.amount = response.Balance.Available
	}
	return a
}

// identified adds our own identifier to a message: to its bytes, if there are any, and to its words.
func identified(w txn.Wire, words []ident.Reference, own ident.Reference) (txn.Wire, []ident.Reference, error) {
	words = append(slices.Clone(words), own)
	if w == nil {
		return nil, words, nil
	}
	w, err := exchange.SpliceReference(w, own)
	if err != nil {
		return nil, nil, decline.New(decline.FormatError, "the message cannot be passed on").At("thirdPartyIdentifiers")
	}
	return w, words, nil
}

// identifiedAnswer adds our own identifier to an answer that lacks it. One that cannot be read stays as it came.
func identifiedAnswer(a *txn.Answer, words []ident.Reference, own ident.Reference) (*txn.Answer, []ident.Reference) {
	if !slices.Contains(words, own) {
		words = append(slices.Clone(words), own)
	}
	if a == nil || exchange.HasReference(a.Body, own) {
		return a, words
	}
	if body, err := exchange.SpliceReference(a.Body, own); err == nil {
		a = &txn.Answer{Status: a.Status, Body: body}
	}
	return a, words
}

// lookUp passes a look-up on. Its id is checked and taken, but saved behind (rule V7); nothing has to be reversed.
func (g *giftcards) lookUp(ctx context.Context, q *giftcard.Request) (response *giftcard.Response, err error) {
	r, w := g.relay, q.Sender.World
	land, alone := r.intake.Flights.TakeOffAlone(w, q.ID)
	if !alone {
		return nil, txn.Duplicate(q.ID, nil)
	}
	taken := false
	defer func() {
		if !taken {
			land()
		}
	}()
	if err := r.unused(ctx, q); err != nil {
		return nil, err
	}
	own, asked := r.passing(w, q.ID), ""
	if refusal := q.Permitted(); refusal != nil {
		err = refusal
	} else {
		err = r.through(ctx, g.route, whatQuery, q.Family, q.Sender.Account, func(ctx context.Context, u *upstream) error {
			asked = u.Name
			response, err = ask(ctx, u, q, own)
			return err
		})
	}
	var turned *decline.NotTaken
	if outcome := err; !errors.As(err, &turned) {
		taken = true
		r.settings.Store.Later(saf.Keys{World: w, IDs: []ident.ID{q.ID}}, func(tx saf.Tx) error {
			return takeID(tx, q, asked, outcome)
		}, land)
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// unused refuses the id of a look-up that is in use.
func (r *Relay) unused(ctx context.Context, q *giftcard.Request) error {
	var refusal *decline.Error
	err := r.settings.Store.View(ctx, saf.Keys{World: q.Sender.World, IDs: []ident.ID{q.ID}}, func(tx saf.Tx) error {
		refusal = nil
		if used := txn.Used(tx.Messages(q.ID), q.Family, txn.Request); len(used) > 0 {
			refusal = txn.Duplicate(q.ID, txn.Own(used, q.Sender.Account))
		}
		return nil
	})
	if err == nil && refusal != nil {
		return refusal
	}
	return err
}

// takeID takes the id of a look-up, unless another message was faster.
func takeID(tx saf.Tx, q *giftcard.Request, upstream string, outcome error) error {
	if len(txn.Used(tx.Messages(q.ID), q.Family, txn.Request)) > 0 {
		return nil
	}
	m := txn.Message{
		Seq: tx.NextSeq(), World: q.Sender.World, ID: q.ID, Account: q.Sender.Account, Family: q.Family, Role: txn.Request,
		State: txn.Answered, At: q.Received, Upstream: upstream,
	}
	var refusal *decline.Error
	switch {
	case errors.As(outcome, &refusal):
		m.State, m.Reason = txn.Declined, refusal.Reason
	case outcome != nil:
		m.State, m.Reason = txn.Declined, decline.UpstreamUnavailable
	}
	tx.Insert(m)
	return nil
}
