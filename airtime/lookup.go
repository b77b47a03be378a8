package airtime

import (
	"context"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/txn"
)

// subscriberTimeout is how long a look-up waits for a provider to tell a balance. It is answered without one then.
const subscriberTimeout = 2 * time.Second

// LookUp implements Service. A number that no network has is answered with its country alone.
func (v *Vendor) LookUp(ctx context.Context, l *LookUp) (*Subscriber, error) {
	w, catalogue := l.Sender.World, v.settings.Catalogue
	found := &Subscriber{MSISDN: l.MSISDN, Asked: l.Operator}
	n, known := catalogue.NetworkOf(w, l.MSISDN)
	if !known {
		found.Country = Country(l.MSISDN)
		return found, nil
	}
	found.Network, found.Country = n, n.Country
	if found.Country == "" {
		found.Country = Country(l.MSISDN)
	}
	var suiting []*Product
	for _, p := range catalogue.Products(w) {
		if p.suits(n) {
			suiting = append(suiting, p)
		}
	}
	found.Products = v.offers(w, l.Filter.of(suiting, l.Sender))
	if n.Promotion.Lasts(l.Received) {
		found.Promotion = n.Promotion
	}
	v.tellBalance(ctx, w, found, suiting)
	return found, nil
}

// tellBalance asks who tops up the number's network for the subscriber's balance.
func (v *Vendor) tellBalance(ctx context.Context, w ident.World, found *Subscriber, products []*Product) {
	ctx, cancel := context.WithTimeout(ctx, subscriberTimeout)
	defer cancel()
	asked := map[string]bool{}
	for _, p := range products {
		provider := v.settings.Providers[p.Provider]
		if !p.TopUp || provider == nil || asked[p.Provider] || !provider.Can().Subscribers {
			continue
		}
		asked[p.Provider] = true
		if credit, ok := provider.Subscriber(ctx, w, found.MSISDN); ok {
			found.Balance, found.Currency = &credit.Balance, credit.Currency
			return
		}
	}
}

// Products implements Service. It declines with FunctionNotSupported when no catalogue is kept.
func (v *Vendor) Products(_ context.Context, l *Listing) (*Range, error) {
	all := v.settings.Catalogue.Products(l.Sender.World)
	if len(all) == 0 {
		return nil, decline.New(decline.FunctionNotSupported, "no catalogue is kept")
	}
	return &Range{Offers: v.offers(l.Sender.World, l.Filter.of(all, l.Sender))}, nil
}

// offers gives each product with its network.
func (v *Vendor) offers(w ident.World, products []*Product) []Offer {
	var offers []Offer
	for _, p := range products {
		o := Offer{Product: p}
		if p.Network != "" {
			o.Network, _ = v.settings.Catalogue.Network(w, p.Network)
		}
		offers = append(offers, o)
	}
	return offers
}

// of keeps the products on sale that fit and that an account may sell, in their order.
func (f Filter) of(all []*Product, s *txn.Sender) []*Product {
	var kept []*Product
	for _, p := range all {
		if !p.Withdrawn && s.MaySell(p.ID) && f.keeps(p) {
			kept = append(kept, p)
		}
	}
	return kept
}

func (f Filter) keeps(p *Product) bool {
	switch {
	case f.Type != "" && p.Type != f.Type:
		return false
	case f.Category != "" && f.Category == p.Promotion:
		return f.Channel == "" || p.listed(f.Channel, "")
	case f.Channel != "" || f.Category != "":
		return p.listed(f.Channel, f.Category)
	}
	return true
}

// listed says whether a channel sells the product under a category. An empty name is any.
func (p *Product) listed(channel, category string) bool {
	for _, c := range p.Channels {
		if (channel == "" || c.Name == channel) && (category == "" || c.DisplayCategory == category) {
			return true
		}
	}
	return false
}

// suits says whether the subscribers of a network can use the product.
func (p *Product) suits(n *Network) bool { return p.Network == "" || p.Network == n.ID }

// Lasts says whether there is a promotion, and whether an instant falls into it: from Start on, and before End.
func (p *Promotion) Lasts(at time.Time) bool {
	return p != nil && (p.Start.IsZero() || !at.Before(p.Start)) && (p.End.IsZero() || at.Before(p.End))
}
