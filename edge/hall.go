package edge

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/decline"
)

// DefaultInHand is how many requests may be in hand at once, and as many advices beside them.
const DefaultInHand = 4096

// tryAgain is when a sender should come again after it was turned away for want of room.
const tryAgain = time.Second

// hall counts the messages in hand. Advices have a room of their own, as large as that of the requests: each
// request is followed by one, and it must get through above all when there are too many requests.
type hall struct {
	stopping          atomic.Bool
	left              chan struct{} // is told while stopping that somebody has left
	requests, advices room
}

// room is a bounded number of places.
type room struct {
	places int64
	taken  atomic.Int64
	leave  func() // gives one place back; made once, so that a message costs no closure
}

func newHall(places int) *hall {
	h := &hall{left: make(chan struct{}, 1)}
	for _, r := range []*room{&h.requests, &h.advices} {
		r.places = int64(places)
		r.leave = func() { h.leave(r) }
	}
	return h
}

func (h *hall) leave(r *room) {
	r.taken.Add(-1)
	if !h.stopping.Load() {
		return
	}
	select {
	case h.left <- struct{}{}:
	default: // it has been said
	}
}

// emptied waits until nothing is in hand any more, or the context ends.
func (h *hall) emptied(ctx context.Context) {
	for h.requests.taken.Load()+h.advices.taken.Load() > 0 {
		select {
		case <-h.left:
		case <-ctx.Done():
			return
		}
	}
}

// enter takes a place, or says why there is none. leave is to be called once.
func (h *hall) enter(advice bool) (leave func(), refusal *decline.NotTaken) {
	r := &h.requests
	if advice {
		r = &h.advices
	}
	// The place is taken before stopping is asked, so that whoever sets stopping and then waits for the hall to
	// be empty waits for everybody who got in.
	if r.taken.Add(1) > r.places {
		h.leave(r)
		return nil, &decline.NotTaken{Cause: decline.Overloaded, Text: "too many messages are in hand", After: tryAgain}
	}
	if h.stopping.Load() {
		h.leave(r)
		return nil, stopping()
	}
	return r.leave, nil
}

func stopping() *decline.NotTaken {
	return &decline.NotTaken{Cause: decline.Stopping, Text: "the server is stopping", After: tryAgain}
}
