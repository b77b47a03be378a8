// Package network is a mobile network that exists only here: the airtime.Provider of an installation that is connected
// to no other, and of every sandbox. It has subscribers with balances, serves the numbers of those networks of the
// catalogue that it is set up for, and gives a bonus of its own while their promotions last.
//
// It promises what a good provider does. An order is credited once, however often and from however many sides it comes;
// what is credited and what is remembered of the order is one commit, so status and reversal tell the truth also after
// a crash; an order that was taken back before it came is refused when it comes; and a definite no stays no. It never
// keeps a subscriber's number, only keyed hashes of it.
//
// So that clients can be tried, it can be set to answer slowly, to be late with a share of its orders, to lack what
// some providers lack, and to have numbers that behave badly (Settings.Badly):
//
//	ends in  an order for it
//	0001     is declined: DECLINED_BY_MNO
//	0002     is credited, but answered only after LateBy; until then its status is pending
//	0003     is credited, but never answered
//	0004     is never answered and never arrives: its status is never received
//	0005     is declined: LIMIT_EXCEEDED
//	0006     is credited and spent in the same instant, so it cannot be taken back: TRANSACTION_NOT_SUPPORTED
//
// Any number of processes that share a store may have it (Settings.Shared), each of them once. Within a process its records
// are guarded by locks; between processes what was read is compared again in the commit.
package network

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
)

var _ airtime.Provider = (*Network)(nil)

// What goes wrong besides refusals. All of them leave the outcome unknown, as far as this call goes.
var (
	// ErrSilent says that the order will not be answered.
	ErrSilent = errors.New("network: no answer")
	// ErrUnable says that the settings took this capability away.
	ErrUnable = errors.New("network: it cannot do this")
	// ErrOtherOrder says that the id belongs to an order for something else, which is left as it is.
	ErrOtherOrder = errors.New("network: another order has this id")
)

// Network is a simulated mobile network. It may be used by any number of goroutines. Make one with New; it has nothing to
// be closed.
type Network struct {
	store       admin.Store
	reports     admin.Reports
	keys        *secret.Keys
	catalogue   airtime.Catalogue
	settings    Settings
	orders      locks
	subscribers locks
}

// New makes the network over a store and the reports of the same store. What it finds records by is hashed with keys,
// and the catalogue says which numbers there are. An error says which setting is out of its bounds.
func New(s admin.Store, reports admin.Reports, keys *secret.Keys, catalogue airtime.Catalogue, settings Settings) (*Network, error) {
	if err := settings.check(); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	return &Network{
		store: s, reports: reports, keys: keys, catalogue: catalogue, settings: settings.complete(),
		orders: newLocks(), subscribers: newLocks(),
	}, nil
}

// Can implements airtime.Provider: everything that the settings have not taken away.
func (n *Network) Can() airtime.Capabilities {
	w := n.settings.Without
	return airtime.Capabilities{Reverses: !w.Reverses, Status: !w.Status, Trials: !w.Trials, Subscribers: !w.Subscribers}
}

// TopUp implements airtime.Provider. Its refusals are InvalidMSISDN for a number it does not serve, InvalidAmount,
// LimitExceeded and DeclinedByMNO; the last also for an order that has been taken back. ErrOtherOrder: the id was
// used for something else.
func (n *Network) TopUp(ctx context.Context, o airtime.Order) (reference string, err error) {
	m := n.mannerOf(o)
	if m == deaf {
		return "", n.silence(ctx)
	}
	kept, err := n.place(ctx, o, m)
	if err != nil {
		return "", err
	}
	if m == silent {
		return "", n.silence(ctx)
	}
	if err := n.wait(ctx, max(n.settings.Delay, kept.due().Sub(n.settings.Now()))); err != nil {
		return "", err
	}
	if kept.Due != 0 { // meanwhile it may have been taken back
		if kept, _, err = n.order(ctx, o); err != nil {
			return "", err
		}
	}
	return kept.answer()
}

// Status implements airtime.Provider.
func (n *Network) Status(ctx context.Context, o airtime.Order) (airtime.Progress, error) {
	if n.settings.Without.Status {
		return airtime.Progress{}, ErrUnable
	}
	progress, err := n.progress(ctx, o)
	if err != nil {
		return airtime.Progress{}, err
	}
	return progress, n.wait(ctx, n.settings.Delay)
}

// Reverse implements airtime.Provider. Its refusal is TransactionNotSupported, once what was credited is spent.
func (n *Network) Reverse(ctx context.Context, o airtime.Order) error {
	if n.settings.Without.Reverses {
		return ErrUnable
	}
	refusal, err := n.takeBack(ctx, o)
	if err != nil {
		return err
	}
	return n.reply(ctx, refusal)
}

// Trial implements airtime.Provider. Its refusals are TopUp's, but nothing is kept, and the order's id is not asked.
func (n *Network) Trial(ctx context.Context, o airtime.Order) error {
	if n.settings.Without.Trials {
		return ErrUnable
	}
	s, err := n.subscriber(ctx, o.World, n.nameOf(o.World, o.Recipient))
	if err != nil {
		return err
	}
	_, _, refusal := n.credit(o, &s, n.mannerOf(o))
	return n.reply(ctx, refusal)
}

// Subscriber implements airtime.Provider. It knows the numbers it has ever credited, and gives the balance in the
// currency of the first credit. What cannot be read is not known.
func (n *Network) Subscriber(ctx context.Context, w ident.World, m ident.MSISDN) (_ airtime.Credit, ok bool) {
	if n.settings.Without.Subscribers {
		return airtime.Credit{}, false
	}
	s, err := n.subscriber(ctx, w, n.nameOf(w, m))
	if err != nil || n.wait(ctx, n.settings.Delay) != nil || len(s.Purses) == 0 {
		return airtime.Credit{}, false
	}
	first := s.Purses[0]
	return airtime.Credit{Balance: ledger.Balance{Book: first.Minor, Available: first.Minor}, Currency: first.Currency}, true
}

// Spend is the subscriber using up an amount, which a network sees and a vendor does not. Its refusal is
// InsufficientFunds.
func (n *Network) Spend(ctx context.Context, w ident.World, m ident.MSISDN, amount money.Amount) error {
	key := n.nameOf(w, m)
	release, err := n.subscribers.take(ctx, key.hash)
	if err != nil {
		return err
	}
	defer release()
	return again(func() error {
		s, err := n.subscriber(ctx, w, key)
		if err != nil {
			return err
		}
		if s.in(amount.Currency) < amount.Minor || amount.Minor <= 0 {
			return decline.New(decline.InsufficientFunds, "the subscriber has not that much")
		}
		s.add(money.Amount{Minor: -amount.Minor, Currency: amount.Currency})
		return n.save(ctx, w, &s)
	})
}

// reply is an answer without words, after the delay.
func (n *Network) reply(ctx context.Context, refusal *decline.Error) error {
	if err := n.wait(ctx, n.settings.Delay); err != nil {
		return err
	}
	if refusal != nil {
		return refusal
	}
	return nil
}

// wait lets a time pass, unless the asker leaves before.
func (n *Network) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// silence gives no answer for as long as anybody waits, and not for ever.
func (n *Network) silence(ctx context.Context) error {
	if err := n.wait(ctx, maxWait); err != nil {
		return err
	}
	return ErrSilent
}
