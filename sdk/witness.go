package sdk

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/giftcard"
)

// The relay does not tell those below it what is wrong with its own way to an upstream. Here that way is the
// program's, so what the client has found out is taken down beside it: a witness travels with the context.
type witness struct {
	turned atomic.Pointer[decline.NotTaken]
}

type witnessKey struct{}

// witnessed gives a context that takes down why a message was turned away.
func witnessed(ctx context.Context) (context.Context, *witness) {
	w := &witness{}
	return context.WithValue(ctx, witnessKey{}, w), w
}

// testify takes an outcome of the client's down.
func testify(ctx context.Context, err error) {
	var turned *decline.NotTaken
	if w, there := ctx.Value(witnessKey{}).(*witness); there && errors.As(err, &turned) {
		w.turned.Store(turned)
	}
}

// truth is the outcome of a message as the client saw it, where the relay has only told that it was turned away.
func (w *witness) truth(err error) error {
	var told *decline.NotTaken
	if seen := w.turned.Load(); seen != nil && errors.As(err, &told) {
		return seen
	}
	return err
}

// frankIssuer is the way to an issuer, with a witness.
type frankIssuer struct{ giftcard.Service }

func (f frankIssuer) Request(ctx context.Context, r *giftcard.Request) (*giftcard.Response, error) {
	response, err := f.Service.Request(ctx, r)
	testify(ctx, err)
	return response, err
}

// frankVendor is the way to a vendor, with a witness.
type frankVendor struct{ airtime.Service }

func (f frankVendor) Request(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	response, err := f.Service.Request(ctx, r)
	testify(ctx, err)
	return response, err
}

func (f frankVendor) Trial(ctx context.Context, r *airtime.Request) (*airtime.Response, error) {
	response, err := f.Service.Trial(ctx, r)
	testify(ctx, err)
	return response, err
}

func (f frankVendor) Status(ctx context.Context, q *airtime.Query) (*airtime.Response, error) {
	response, err := f.Service.Status(ctx, q)
	testify(ctx, err)
	return response, err
}

func (f frankVendor) LookUp(ctx context.Context, l *airtime.LookUp) (*airtime.Subscriber, error) {
	known, err := f.Service.LookUp(ctx, l)
	testify(ctx, err)
	return known, err
}

func (f frankVendor) Products(ctx context.Context, l *airtime.Listing) (*airtime.Range, error) {
	found, err := f.Service.Products(ctx, l)
	testify(ctx, err)
	return found, err
}
