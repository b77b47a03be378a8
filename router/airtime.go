package router

import (
	"context"
	"errors"
	"slices"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// airtimes is airtime, served by whom the routes name.
type airtimes struct{ *Router }

var _ airtime.Service = airtimes{}

// Request implements airtime.Service. What no route takes is declined with TransactionNotSupported or RoutingError and
// leaves no record.
func (a airtimes) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	place, refusal := a.place(a.words(r))
	if refusal != nil {
		return nil, refusal
	}
	return place.Request(ctx, r)
}

// Trial implements airtime.Service. It goes where the purchase would.
func (a airtimes) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	place, refusal := a.place(a.words(r))
	if refusal != nil {
		return nil, refusal
	}
	return place.Trial(ctx, r)
}

// Advise implements airtime.Service. The advice goes where the record of its request says.
func (a airtimes) Advise(ctx context.Context, advice *airtime.Advice) (*txn.Answer, error) {
	place, err := a.owner(ctx, Airtime, advice.Sender, advice.Family, advice.RequestID)
	if err != nil {
		return nil, err
	}
	return place.Airtime.Advise(ctx, advice)
}

// Status implements airtime.Service. By its id a purchase is asked about where the record says. A reference is its
// place's own, so the place is guessed: it is asked where a purchase would go of which account and provider alone are
// known.
func (a airtimes) Status(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	if q.ID == "" {
		return a.byReference(ctx, q)
	}
	place, err := a.owner(ctx, Airtime, q.Sender, txn.Purchase, q.ID)
	if err != nil {
		return nil, err
	}
	return place.Airtime.Status(ctx, q)
}

// byReference asks about a purchase whose id is not given. That it is not there is said only by who must have had it:
// its sender would take it for the purchase's end.
func (a airtimes) byReference(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	place := a.unknown[Airtime]
	w := &words{operation: Purchase, account: q.Sender.Name, provider: q.Provider}
	chosen := a.choose(w)
	if chosen != nil {
		place = chosen.services
	}
	if place.Airtime == nil {
		return nil, a.noRoute(Purchase)
	}
	found, err := place.Airtime.Status(ctx, q)
	var refusal *decline.Error
	if errors.As(err, &refusal) && refusal.Reason == decline.UnableToLocateRecord && a.sellsElsewhere(w, chosen) {
		return nil, &decline.Unknown{Reason: decline.OutcomeUnknown, Text: "the purchase may be of another place; ask by its id"}
	}
	return found, err
}

// sellsElsewhere says whether a purchase of the account may have gone to another place than that of a route; nil is
// the one without routes.
func (a airtimes) sellsElsewhere(w *words, chosen *rule) bool {
	return slices.ContainsFunc(a.rules, func(r *rule) bool {
		_, fits := r.accounts.fit(w.account)
		return fits && r.kinds.meets(kind(w.operation)) && (chosen == nil || !slices.Equal(r.route.To, chosen.route.To))
	})
}

// LookUp implements airtime.Service. What no route takes is answered from the local catalogue.
func (a airtimes) LookUp(ctx context.Context, l *airtime.LookUp) (*airtime.Subscriber, error) {
	w := &words{operation: MSISDN, account: l.Sender.Name, msisdn: numberOf(l.MSISDN.Reveal()), channel: l.Filter.Channel}
	place, refusal := a.placeOrCatalogue(w)
	if refusal != nil {
		return nil, refusal
	}
	return place.LookUp(ctx, l)
}

// Products implements airtime.Service. What no route takes is answered from the local catalogue.
func (a airtimes) Products(ctx context.Context, l *airtime.Listing) (*airtime.Range, error) {
	place, refusal := a.placeOrCatalogue(&words{operation: Products, account: l.Sender.Name, channel: l.Filter.Channel})
	if refusal != nil {
		return nil, refusal
	}
	return place.Products(ctx, l)
}

// words tells what routes look at in a request.
func (a airtimes) words(r *airtime.Request) *words {
	return &words{
		operation: of(r.Family), account: r.Sender.Name, product: r.Product, provider: a.provider(r.Sender.World, r.Product),
		msisdn: numberOf(r.Recipient.Reveal()), channel: channel(r.Channel, r.Origin),
	}
}

// provider asks the catalogue for a product's provider, if any route wants to know.
func (a airtimes) provider(w ident.World, product string) string {
	if !a.provided || product == "" {
		return ""
	}
	name, _ := a.settings.Provider(w, product)
	return name
}

// place gives the service for a message.
func (a airtimes) place(w *words) (airtime.Service, *decline.Error) {
	chosen := a.choose(w)
	if chosen == nil {
		return nil, a.noRoute(w.operation)
	}
	return chosen.services.Airtime, nil
}

func (a airtimes) placeOrCatalogue(w *words) (airtime.Service, *decline.Error) {
	place, refusal := a.place(w)
	if refusal != nil && a.settings.Local.Airtime != nil {
		return a.settings.Local.Airtime, nil
	}
	return place, refusal
}
