package router

import (
	"cmp"
	"context"
	"slices"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/txn"
)

// cards are gift cards, served by whom the routes name.
type cards struct{ *Router }

var _ giftcard.Service = cards{}

// Request implements giftcard.Service. What no route takes is declined with TransactionNotSupported or RoutingError and
// leaves no record.
func (c cards) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	chosen, refusal := c.routeOf(r)
	if refusal != nil {
		return nil, refusal
	}
	return chosen.services.Giftcard.Request(ctx, r)
}

// Advise implements giftcard.Service. The advice goes where the record of its request says.
func (c cards) Advise(ctx context.Context, a *txn.Advice) (*txn.Answer, error) {
	place, err := c.owner(ctx, Giftcard, a.Sender, a.Family, a.RequestID)
	if err != nil {
		return nil, err
	}
	return place.Giftcard.Advise(ctx, a)
}

// routeOf gives the route of a request. The second card of a replace or a transfer must be of the same place, since no
// place can move value to another.
func (c cards) routeOf(r *giftcard.Request) (*rule, *decline.Error) {
	w := &words{operation: of(r.Family), account: r.Sender.Name, product: r.Product, channel: channel(r.Channel, r.Origin)}
	w.card = numberOf(r.Card.PAN.Reveal())
	chosen := c.choose(w)
	if chosen == nil {
		return nil, c.noRoute(w.operation)
	}
	if r.Target.PAN.IsZero() {
		return chosen, nil
	}
	w.card = numberOf(r.Target.PAN.Reveal())
	if other := c.choose(w); other == nil || !slices.Equal(other.route.To, chosen.route.To) {
		return nil, decline.New(decline.RoutingError, "the two cards are not of one place")
	}
	return chosen, nil
}

// channel gives the channel of a request that was read from a message, or of one that is still to be composed.
func channel(read string, o *txn.Origin) string {
	if o == nil {
		return read
	}
	return cmp.Or(read, o.Channel)
}
