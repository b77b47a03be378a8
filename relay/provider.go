package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// TopUps lets the airtime vendor of this process have subscribers topped up by upstreams (docs/decisions/0015). Each
// top-up is a purchase of its own upstream, under an id derived from the vendor's, and is passed on like any other:
// recorded as sent, reversed when it is not answered, ended once. It is confirmed only when the vendor's purchase has
// been, and reversed when that has come to nothing.
type TopUps struct {
	relay    *Relay
	settings TopUpSettings
	from     int64 // the seq after which the next sweep begins
}

// TopUpSettings are what top-ups are made of.
type TopUpSettings struct {
	// Account is whose the purchases are: one of the vendor's own, under which nobody comes in, so that nobody else sees
	// or ends them. What is presented upstream for it is the upstream's Lane and credentials to say.
	Account ident.Account
	Opened  Opened // of the relay's own store; for Sweep
}

// Opened finds the requests that wait for their ending.
type Opened interface {
	// Open gives requests that are approved and neither confirmed nor reversed, with a seq above after, in ascending
	// order.
	Open(ctx context.Context, after int64, limit int) ([]txn.Message, error)
}

// TopUps makes top-ups. The vendor has to be closed before the relay.
func (r *Relay) TopUps(s TopUpSettings) *TopUps { return &TopUps{relay: r, settings: s} }

// Provider gives the provider that tops up at an upstream, where products have the ids that they have here. It says of
// its messages that they come from origin; the ID of its Client is the user name that is presented for the account (rule
// A4). It fails when there is no such upstream, or when that has no airtime.
func (t *TopUps) Provider(upstream string, origin txn.Origin) (airtime.Provider, error) {
	u := t.relay.upstreams[upstream]
	if u == nil || u.Airtime == nil {
		return nil, fmt.Errorf("relay: there is no upstream %q that speaks airtime", upstream)
	}
	return &provider{TopUps: t, upstream: u, service: t.relay.Airtime(upstream), origin: &origin}, nil
}

// provider tops up at one upstream. What became of an order is asked of the upstream that took it, though another may
// be the provider of its product by now.
type provider struct {
	*TopUps
	upstream *upstream
	service  airtime.Service
	origin   *txn.Origin
}

var (
	_ airtime.Provider  = (*provider)(nil)
	_ airtime.Confirmer = (*provider)(nil)
)

var (
	errUnanswered = errors.New("relay: the upstream has not said how the top-up ended")
	errMissing    = errors.New("relay: the vendor's own purchase is missing")
)

// Can implements airtime.Provider. How an order ended is always told, because the relay sees to it that it is known.
func (p *provider) Can() airtime.Capabilities {
	lacks := p.upstream.Profile
	return airtime.Capabilities{Reverses: !lacks.NoReversals, Status: true, Trials: !lacks.NoTrials, Subscribers: true}
}

// TopUp implements airtime.Provider. An order is passed on once: when it is known already, its outcome is asked for by
// its status. The relay goes on with it after ctx has ended.
func (p *provider) TopUp(ctx context.Context, o airtime.Order) (reference string, err error) {
	request, err := p.request(o)
	if err != nil {
		return "", err
	}
	type outcome struct {
		response *airtime.Response
		err      error
	}
	answered := make(chan outcome, 1)
	go func() {
		response, err := p.service.Request(ctx, request)
		answered <- outcome{response, err}
	}()
	select {
	case <-ctx.Done():
		return "", errUnanswered
	case a := <-answered:
		if a.err != nil {
			return "", p.outward(o, a.err)
		}
		p.compare(request, a.response)
		return a.response.Reference, nil
	}
}

// request makes the upstream's purchase of an order.
func (p *provider) request(o airtime.Order) (*airtime.Request, error) {
	id := p.purchase(o.World, o.ID)
	body, err := bodyFor(id, o)
	if err != nil {
		return nil, err
	}
	r := &airtime.Request{
		Family: txn.Purchase, ID: id, Sender: p.sender(o.World), Received: p.relay.settings.Now(), Product: o.Product.ID,
		Recipient: o.Recipient, Buyer: o.Buyer, Body: body, Origin: p.origin,
	}
	if o.Amount.Currency != 0 {
		r.Amount = &o.Amount
	}
	return r, nil
}

// compare tells people of an upstream that has credited something else than was ordered: the contract has none that does.
func (p *provider) compare(asked *airtime.Request, got *airtime.Response) {
	if asked.Amount != nil && got.Amount != nil && *asked.Amount != *got.Amount {
		p.relay.settings.Log.Error("an upstream has approved another amount than was ordered",
			"upstream", p.upstream.Name, "id", string(asked.ID), "ordered", asked.Amount.String(), "approved", got.Amount.String())
	}
}

// outward gives what the vendor is told of a top-up, or a trial, that was not approved. It is never in the upstream's own
// words, which are about another purchase.
func (p *provider) outward(o airtime.Order, err error) error {
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case errors.As(err, &refusal) && refusal.Reason == decline.DuplicateRecord:
		return errUnanswered // it has been asked for before, or somebody has doubled it
	case errors.As(err, &refusal):
		p.relay.settings.Log.Warn("an upstream has refused a top-up", "upstream", p.upstream.Name, "id", string(p.purchase(o.World, o.ID)),
			"reason", string(refusal.Reason), "field", refusal.Field)
		return refusedFor(refusal.Reason)
	case errors.As(err, &turned):
		return refusedFor(decline.UpstreamUnavailable)
	}
	return errUnanswered
}

// refusedFor is the refusal of a top-up that its upstream has refused for a reason. One that is about our own account
// there, or about the message, says nothing to who buys here: an empty float, for one, is not his.
func refusedFor(reason decline.Reason) *decline.Error {
	switch reason {
	case decline.InvalidProduct, decline.InvalidMSISDN, decline.InvalidAmount, decline.LimitExceeded, decline.OutOfStock,
		decline.DeclinedByMNO, decline.DoNotHonour:
		return decline.New(reason, "the provider has refused the top-up")
	}
	return decline.New(decline.UpstreamUnavailable, "the provider cannot be asked for the top-up")
}

// Status implements airtime.Provider: from the relay's record, for which the upstream is asked where it has no reversals,
// or has refused one. What was reversed for want of an answer has failed once the upstream has agreed to that.
func (p *provider) Status(ctx context.Context, o airtime.Order) (airtime.Progress, error) {
	s, err := p.learn(ctx, o)
	if err != nil {
		return airtime.Progress{}, err
	}
	return s.progress(), nil
}

// Reverse implements airtime.Provider. What the upstream has never heard of is kept from it for good.
func (p *provider) Reverse(ctx context.Context, o airtime.Order) error {
	answer, err := p.relay.advise(ctx, p.advice(o, txn.Reversal))
	var refusal *decline.Error
	switch {
	case errors.As(err, &refusal) && refusal.Reason == decline.UnableToLocateRecord:
		return nil
	case errors.As(err, &refusal):
		return keeps()
	case err != nil || answer != nil:
		return err
	}
	s, err := p.learn(ctx, o)
	if err != nil {
		return err
	}
	switch s.progress().Stage {
	case airtime.Failed:
		return nil
	case airtime.Done: // it was the relay that wanted it back, and has learned that it stands
		return keeps()
	}
	return errUnanswered
}

func keeps() *decline.Error {
	return decline.New(decline.TransactionNotSupported, "the provider does not take the top-up back")
}

// Trial implements airtime.Provider.
func (p *provider) Trial(ctx context.Context, o airtime.Order) error {
	request, err := p.request(o)
	if err != nil {
		return err
	}
	if _, err = p.service.Trial(ctx, request); err != nil {
		return p.outward(o, err)
	}
	return nil
}

// Subscriber implements airtime.Provider.
func (p *provider) Subscriber(ctx context.Context, w ident.World, m ident.MSISDN) (c airtime.Credit, ok bool) {
	found, err := p.service.LookUp(ctx, &airtime.LookUp{Sender: p.sender(w), Received: p.relay.settings.Now(), MSISDN: m})
	if err != nil || found.Balance == nil {
		return c, false
	}
	return airtime.Credit{Balance: *found.Balance, Currency: found.Currency}, true
}
