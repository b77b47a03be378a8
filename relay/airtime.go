package relay

import (
	"cmp"
	"context"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// Airtime gives the airtime service that passes requests on to upstreams, in the order of preference: the next is asked
// only when one was surely never reached. It panics when an upstream is not configured, or has no airtime.
func (r *Relay) Airtime(upstreams ...string) airtime.Service {
	return &sales{r, r.route(upstreams, func(u *upstream) bool { return u.Airtime != nil })}
}

var _ airtime.Service = (*sales)(nil)

// sales are the airtime of the upstreams of a route.
type sales struct {
	relay *Relay
	route []*upstream
}

// Request implements airtime.Service.
func (s *sales) Request(ctx context.Context, q *airtime.Request) (response *airtime.Response, err error) {
	err = s.relay.pass(ctx, s.route, call{
		sender: q.Sender, family: q.Family, id: q.ID, received: q.Received, amount: q.Amount, references: q.References, body: q.Body,
		merchant: cmp.Or(q.Merchant, q.Origin.MerchantID()),
		unfit:    q.Permitted(), send: func(ctx context.Context, u *upstream, own ident.Reference) (approval, error) {
			if response, err = buy(ctx, u.Airtime.Request, q, own); err != nil {
				return approval{}, err
			}
			a := approval{}
			if q.Amount != nil {
				a.amount, a.currency = q.Amount.Minor, q.Amount.Currency
			}
			return approvedPurchase(a.amount, a.currency, response), nil
		},
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// Trial implements airtime.Service.
func (s *sales) Trial(ctx context.Context, q *airtime.Request) (response *airtime.Response, err error) {
	if refusal := q.Permitted(); refusal != nil {
		return nil, refusal
	}
	own := s.relay.passing(q.Sender.World, q.ID)
	err = s.relay.through(ctx, s.route, whatQuery, q.Family, q.Sender.Account, func(ctx context.Context, u *upstream) error {
		if u.Profile.NoTrials {
			return decline.New(decline.FunctionNotSupported, "the upstream has no trials")
		}
		response, err = buy(ctx, u.Airtime.Trial, q, own)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

// buy puts a purchase to an upstream, with our own identifier in it and in its answer.
func buy(
	ctx context.Context, ask func(context.Context, *airtime.Request) (*airtime.Response, error), q *airtime.Request, own ident.Reference,
) (*airtime.Response, error) {
	passed := *q
	var err error
	if passed.Wire, passed.References, err = identified(q.Wire, q.References, own); err != nil {
		return nil, err
	}
	response, err := ask(ctx, &passed)
	if err != nil {
		return nil, err
	}
	named := *response
	named.Answer, named.References = identifiedAnswer(response.Answer, response.References, own)
	return &named, nil
}

// Advise implements airtime.Service.
func (s *sales) Advise(ctx context.Context, a *airtime.Advice) (*txn.Answer, error) {
	return s.relay.advise(ctx, &a.Advice)
}

// LookUp implements airtime.Service.
func (s *sales) LookUp(ctx context.Context, l *airtime.LookUp) (found *airtime.Subscriber, err error) {
	err = s.relay.through(ctx, s.route, whatQuery, txn.Purchase, l.Sender.Account, func(ctx context.Context, u *upstream) error {
		found, err = u.Airtime.LookUp(ctx, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Products implements airtime.Service.
func (s *sales) Products(ctx context.Context, l *airtime.Listing) (found *airtime.Range, err error) {
	err = s.relay.through(ctx, s.route, whatQuery, txn.Purchase, l.Sender.Account, func(ctx context.Context, u *upstream) error {
		found, err = u.Airtime.Products(ctx, l)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
