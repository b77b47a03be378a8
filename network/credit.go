package network

import (
	"context"
	"slices"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
)

// recipient is the field at fault when a number is (contract: PurchaseRequest).
const recipient = "recipientMsisdn"

// place takes an order in, or finds it again.
func (n *Network) place(ctx context.Context, o airtime.Order, m manner) (placed order, err error) {
	release, err := n.orders.take(ctx, n.keys.ID(o.World, o.ID))
	if err != nil {
		return order{}, err
	}
	defer release()
	err = again(func() error {
		placed, err = n.placeOnce(ctx, o, m)
		return err
	})
	return placed, err
}

func (n *Network) placeOnce(ctx context.Context, o airtime.Order, m manner) (order, error) {
	found, known, err := n.order(ctx, o)
	switch {
	case err != nil:
		return order{}, err
	case !known:
		return n.placeNew(ctx, o, m)
	case !found.matches(o, n.nameOf(o.World, o.Recipient)):
		return order{}, ErrOtherOrder
	}
	return found, nil
}

// placeNew decides an order and saves it together with what it credits.
func (n *Network) placeNew(ctx context.Context, o airtime.Order, m manner) (order, error) {
	key := n.nameOf(o.World, o.Recipient)
	release, err := n.subscribers.take(ctx, key.hash)
	if err != nil {
		return order{}, err
	}
	defer release()
	s, err := n.subscriber(ctx, o.World, key)
	if err != nil {
		return order{}, err
	}
	made, changed := n.decide(o, &s, m)
	records := []record{&made}
	if changed {
		records = append(records, &s)
	}
	return made, n.save(ctx, o.World, records...)
}

// decide makes an order's record and credits the subscriber.
func (n *Network) decide(o airtime.Order, s *subscriber, m manner) (made order, changed bool) {
	made = order{
		id: o.ID, State: credited, Subscriber: s.name, Edition: o.Product.Edition, Asked: o.Amount.Minor, In: o.Amount.Currency,
	}
	given, bonus, no := n.credit(o, s, m)
	if no != nil {
		made.State, made.Refusal = declined, &refusal{Reason: no.Reason, Text: no.Text, Field: no.Field}
		return made, false
	}
	made.Credited, made.Currency, made.Bonus = given.Minor, given.Currency, bonus
	total := money.Amount{Minor: given.Minor + bonus, Currency: given.Currency}
	switch m {
	case late:
		made.Due = n.settings.Now().Add(n.settings.LateBy).UnixMilli()
	case spent:
		made.State, total.Minor = kept, 0
	}
	if given.Minor > 0 {
		s.add(total)
	}
	return made, given.Minor > 0
}

// credit says what an order would give the subscriber at this instant, or why nothing.
func (n *Network) credit(o airtime.Order, s *subscriber, m manner) (given money.Amount, bonus money.Minor, no *decline.Error) {
	net, served := n.catalogue.NetworkOf(o.World, o.Recipient)
	given = worth(o)
	switch {
	case !served || !n.serves(net):
		no = decline.New(decline.InvalidMSISDN, "the number belongs to no network that is served").At(recipient)
	case o.Product.Network != "" && o.Product.Network != net.ID:
		no = decline.New(decline.InvalidMSISDN, "the number does not belong to the product's network").At(recipient)
	case m == refused:
		no = decline.New(decline.DeclinedByMNO, "the network declines orders for this number")
	case m == limited:
		no = decline.New(decline.LimitExceeded, "the subscriber's limit is reached")
	case !amountFits(given.Minor, given.Currency):
		no = decline.New(decline.InvalidAmount, "the amount cannot be credited")
	}
	if no != nil {
		return given, 0, no
	}
	bonus = n.bonus(net, given.Minor)
	total := money.Amount{Minor: given.Minor + bonus, Currency: given.Currency}
	if total.Minor > 0 && !s.takes(total, n.settings.MaxBalance) {
		return given, 0, decline.New(decline.LimitExceeded, "the subscriber cannot have that much")
	}
	return given, bonus, nil
}

// worth is what the recipient gets: what the product says of that, and otherwise the amount.
func worth(o airtime.Order) money.Amount {
	if o.Product.RecipientAmount != nil {
		return *o.Product.RecipientAmount
	}
	return o.Amount
}

func (n *Network) serves(net *airtime.Network) bool {
	return len(n.settings.Networks) == 0 || slices.Contains(n.settings.Networks, net.ID)
}

// bonus is what the network adds of its own. It cannot overflow: see maxBonus.
func (n *Network) bonus(net *airtime.Network, m money.Minor) money.Minor {
	const whole = 100 // per cent
	if !net.Promotion.Lasts(n.settings.Now()) {
		return 0
	}
	percent := money.Minor(n.settings.Bonus)
	return m/whole*percent + m%whole*percent/whole
}
