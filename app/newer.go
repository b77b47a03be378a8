package app

import (
	"context"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the looks for who was not found in the register.
const (
	lookPause   = 50 * time.Millisecond // at least, between two of them, so that guessers cannot load the store
	lookTimeout = 2 * time.Second       // of one, and of a pause
	lookWait    = time.Second           // for which anybody waits to be told
)

// newer has a process whose register is up to a second behind look at once, before it refuses somebody for good who may have
// been set a moment ago through another one. Many who ask at once share one question to the store, and there are at most twenty
// a second. Make one with newNewer; somebody has to call look.
type newer struct {
	register *admin.Register
	wanted   chan struct{} // has room for one: coming is waited for
	mu       sync.Mutex
	coming   chan struct{} // closed when the next look is over; nil when nobody waits for it
}

var _ admin.Others = (*newer)(nil)

func newNewer(register *admin.Register) *newer {
	return &newer{register: register, wanted: make(chan struct{}, 1)}
}

// Revision implements admin.Others.
func (n *newer) Revision() int64 { return n.register.Revision() }

// Newer implements admin.Others. Where the register shows the revision that somebody is about to be refused by, the store is
// asked, after the call, and followed. Without an answer before ctx ends, or within lookWait, it is no.
func (n *newer) Newer(ctx context.Context, revision int64) bool {
	if n.register.Revision() != revision {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, lookWait)
	defer cancel()
	select {
	case <-n.next():
	case <-ctx.Done():
	}
	now := n.register.Revision()
	return now != revision || now < 0 // when nobody knows it, anything may be new
}

// next is closed when a look is over that began after the call.
func (n *newer) next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.coming == nil {
		n.coming = make(chan struct{})
		n.wanted <- struct{}{}
	}
	return n.coming
}

// look asks the store whenever somebody waits for it, until ctx ends. Between two looks it rests as long as the last one took, since
// one that finds something new reads the whole register.
func (n *newer) look(ctx context.Context) {
	for pause := time.Duration(0); ; {
		if !received(ctx, time.After(pause)) || !received(ctx, n.wanted) {
			return
		}
		began := time.Now()
		n.lookOnce(ctx)
		pause = min(max(lookPause, time.Since(began)), lookTimeout)
	}
}

// received says whether something came before ctx ended.
func received[T any](ctx context.Context, from <-chan T) bool {
	select {
	case <-from:
		return true
	case <-ctx.Done():
		return false
	}
}

// lookOnce follows the store once. Who comes from now on has to wait for the next look.
func (n *newer) lookOnce(ctx context.Context) {
	n.mu.Lock()
	over := n.coming
	n.coming = nil
	n.mu.Unlock()
	defer close(over)
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, _ = n.register.Refresh(ctx) // or the next one, or who follows
}

// know takes what is known of a sender now, as long as what he asks is refused: at last after a look at the store. Of who is not
// in the register nothing else is known.
func (n *newer) know(ctx context.Context, sender **txn.Sender, refused func() bool) {
	revision := n.Revision()
	n.renew(sender)
	if !refused() {
		return
	}
	n.Newer(ctx, revision)
	n.renew(sender)
}

func (n *newer) renew(sender **txn.Sender) {
	if now, found := n.register.Sender((*sender).World, (*sender).Account); found {
		*sender = now
	}
}

// around has services know what operators have set through other processes by the time a request would be refused for it, as
// far as that is told here without records. None of them can look by itself: what it decides by is held while a batch is open.
func (n *newer) around(
	s router.Services, giftcards func(*giftcard.Request) *decline.Error, airtimes func(*airtime.Request) *decline.Error,
) router.Services {
	return router.Services{Giftcard: &abreastGiftcard{s.Giftcard, n, giftcards}, Airtime: &abreastAirtime{s.Airtime, n, airtimes}}
}

// permitted has any services know what senders may do.
func (a *App) permitted(s router.Services) router.Services {
	if a.newer == nil {
		return s
	}
	return a.newer.around(s, (*giftcard.Request).PermittedUnseen, (*airtime.Request).Permitted)
}

// local gives the services of this process, which know what is on sale here. Who is not permitted has been looked for by then.
func (a *App) local(issuer *giftcard.Issuer, vendor *airtime.Vendor) router.Services {
	s := router.Services{Giftcard: issuer, Airtime: vendor}
	if a.newer == nil {
		return s
	}
	return a.newer.around(s, func(r *giftcard.Request) *decline.Error {
		if r.PermittedUnseen() != nil {
			return nil
		}
		return issuer.Foresee(r)
	}, func(r *airtime.Request) *decline.Error {
		if r.Permitted() != nil {
			return nil
		}
		return vendor.Foresee(r)
	})
}

// abreastGiftcard are gift cards behind a look.
type abreastGiftcard struct {
	giftcard.Service
	*newer
	unfit func(*giftcard.Request) *decline.Error // nil of a request that may pass
}

// Request implements giftcard.Service.
func (a *abreastGiftcard) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	if a.unfit(r) != nil {
		later := *r
		a.know(ctx, &later.Sender, func() bool { return a.unfit(&later) != nil })
		r = &later
	}
	return a.Service.Request(ctx, r)
}

// abreastAirtime is airtime behind a look.
type abreastAirtime struct {
	airtime.Service
	*newer
	unfit func(*airtime.Request) *decline.Error // nil of a request that may pass
}

// Request implements airtime.Service.
func (a *abreastAirtime) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return a.Service.Request(ctx, a.known(ctx, r))
}

// Trial implements airtime.Service.
func (a *abreastAirtime) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return a.Service.Trial(ctx, a.known(ctx, r))
}

// known is a request as it comes from its sender as he is known once it would be refused.
func (a *abreastAirtime) known(ctx context.Context, r *airtime.Request) *airtime.Request {
	if a.unfit(r) == nil {
		return r
	}
	later := *r
	a.know(ctx, &later.Sender, func() bool { return a.unfit(&later) != nil })
	return &later
}
