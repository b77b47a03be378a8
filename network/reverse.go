package network

import (
	"context"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
)

// progress says how an order stands. It waits for one that is being taken in.
func (n *Network) progress(ctx context.Context, o airtime.Order) (airtime.Progress, error) {
	release, err := n.orders.take(ctx, n.keys.ID(o.World, o.ID))
	if err != nil {
		return airtime.Progress{}, err
	}
	defer release()
	found, known, err := n.order(ctx, o)
	switch {
	case err != nil:
		return airtime.Progress{}, err
	case !known:
		return airtime.Progress{Stage: airtime.NeverReceived}, nil
	}
	return found.progress(n.settings.Now()), nil
}

// takeBack ends an order: no is why what it credited stays.
func (n *Network) takeBack(ctx context.Context, o airtime.Order) (no *decline.Error, err error) {
	release, err := n.orders.take(ctx, n.keys.ID(o.World, o.ID))
	if err != nil {
		return nil, err
	}
	defer release()
	err = again(func() error {
		no, err = n.takeBackOnce(ctx, o)
		return err
	})
	return no, err
}

func (n *Network) takeBackOnce(ctx context.Context, o airtime.Order) (no *decline.Error, err error) {
	found, known, err := n.order(ctx, o)
	switch {
	case err != nil:
		return nil, err
	case !known: // it may still come, and must then be refused
		return nil, n.save(ctx, o.World, &order{id: o.ID, State: reversed})
	case found.State == kept:
		return stays(), nil
	case found.State != credited:
		return nil, nil
	}
	return n.takeFrom(ctx, o, found)
}

// takeFrom takes what an order credited from its subscriber. The order's lock is held.
func (n *Network) takeFrom(ctx context.Context, o airtime.Order, k order) (no *decline.Error, err error) {
	key, err := parseKey(k.Subscriber)
	if err != nil {
		return nil, err
	}
	release, err := n.subscribers.take(ctx, key.hash)
	if err != nil {
		return nil, err
	}
	defer release()
	s, err := n.subscriber(ctx, o.World, key)
	if err != nil {
		return nil, err
	}
	if s.in(k.Currency) < k.Credited {
		k.State = kept // for good: what comes later is of other orders
		return stays(), n.save(ctx, o.World, &k)
	}
	k.State = reversed
	back := min(s.in(k.Currency), k.Credited+k.Bonus) // of the bonus, what is still there
	if back == 0 {
		return nil, n.save(ctx, o.World, &k)
	}
	s.add(money.Amount{Minor: -back, Currency: k.Currency})
	return nil, n.save(ctx, o.World, &k, &s)
}

func stays() *decline.Error {
	return decline.New(decline.TransactionNotSupported, "the subscriber has spent it")
}
