package app

import (
	"context"
	"sync"
	"time"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/router"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the looks for who was not found in the register.
const (
	lookPause   = 50 * time.Millisecond // between two of them, so that guessers cannot load the store
	lookTimeout = 2 * time.Second
)

// newer has a process whose register is up to a second behind look at once, before it refuses somebody for good who may have
// been set a moment ago through another one. Many who ask at once share one question to the store, and there are at most twenty
// a second.
type newer struct {
	register *admin.Register
	mu       sync.Mutex
	coming   *look      // that may still be joined
	looking  sync.Mutex // held by who looks
	last     time.Time  // when the last look ended; guarded by looking
}

// look is one question to the store; done is closed when the register shows what it was answered.
type look struct{ done chan struct{} }

// Revision is that of what the register shows, to be given to Newer.
func (n *newer) Revision() int64 { return n.register.Revision() }

// Newer says whether the register shows another revision than the one that somebody is about to be refused by. Where it does not,
// the store is asked, after the call, and followed. Without an answer before ctx ends it is no.
func (n *newer) Newer(ctx context.Context, revision int64) bool {
	if n.register.Revision() != revision {
		return true
	}
	l, mine := n.join()
	if mine {
		n.look(context.WithoutCancel(ctx), l) // others may wait for it, too
	}
	select {
	case <-l.done:
	case <-ctx.Done():
	}
	return n.register.Revision() != revision
}

// join gives the look that comes next, and says whether it is the caller's to have.
func (n *newer) join() (coming *look, mine bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if mine = n.coming == nil; mine {
		n.coming = &look{make(chan struct{})}
	}
	return n.coming, mine
}

// look asks once, a while after the last one. Who comes from then on has to wait for the next.
func (n *newer) look(ctx context.Context, l *look) {
	n.looking.Lock()
	defer n.looking.Unlock()
	time.Sleep(time.Until(n.last.Add(lookPause)))
	n.mu.Lock()
	n.coming = nil
	n.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	_, _ = n.register.Refresh(ctx) // or the next one, or who follows
	n.last = time.Now()
	close(l.done)
}

// abreast has the issuer and the vendor know what operators have set through other processes by the time a request names it.
// Neither can look by itself: what it decides by is held while a batch is open.
func (a *App) abreast(s router.Services) router.Services {
	if a.newer == nil {
		return s
	}
	return router.Services{Giftcard: &abreastGiftcard{s.Giftcard, a.newer}, Airtime: &abreastAirtime{s.Airtime, a.newer}}
}

// abreastGiftcard is the issuer.
type abreastGiftcard struct {
	giftcard.Service
	*newer
}

// Request implements giftcard.Service. Only an activation names a product.
func (a *abreastGiftcard) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	sender := a.sender(ctx, r.Sender, r.Family, r.Product, func() bool {
		_, found := a.register.ProductByID(r.Sender.World, r.Product)
		return found || r.Family != txn.Activation
	})
	if sender != r.Sender {
		later := *r
		later.Sender = sender
		r = &later
	}
	return a.Service.Request(ctx, r)
}

// abreastAirtime is the vendor.
type abreastAirtime struct {
	airtime.Service
	*newer
}

// Request implements airtime.Service.
func (a *abreastAirtime) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return a.Service.Request(ctx, a.later(ctx, r))
}

// Trial implements airtime.Service.
func (a *abreastAirtime) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	return a.Service.Trial(ctx, a.later(ctx, r))
}

// later is a request as it comes from its sender as he is known now.
func (a *abreastAirtime) later(ctx context.Context, r *airtime.Request) *airtime.Request {
	sender := a.sender(ctx, r.Sender, r.Family, r.Product, func() bool {
		p, found := a.register.Catalogue().ProductByID(r.Sender.World, r.Product)
		return found && !p.Withdrawn
	})
	if sender == r.Sender {
		return r
	}
	later := *r
	later.Sender = sender
	return &later
}

// sender gives the sender of a request as he is known now. The store is asked when he, or the product, would be refused.
func (n *newer) sender(ctx context.Context, s *txn.Sender, asks txn.Family, product string, onSale func() bool) *txn.Sender {
	revision := n.Revision()
	if s.MayAsk(asks) && (product == "" || s.MaySell(product)) && onSale() {
		return s
	}
	if n.Newer(ctx, revision) {
		if now, found := n.register.Sender(s.World, s.Account); found {
			return now
		}
	}
	return s
}
