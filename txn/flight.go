package txn

import (
	"context"
	"sync"

	"github.com/scripworks/scrip/ident"
)

// Flights knows which requests are being worked on at this moment, so that a reversal that overtakes its
// request waits for it (rule L12). The zero value is ready.
type Flights struct {
	mu       sync.Mutex
	inFlight map[flight]*landing
}

type flight struct {
	world ident.World
	id    ident.ID
}

type landing struct {
	landed chan struct{}
	count  int
}

// TakeOff says that a request is being worked on until the returned function is called. Several with one id
// may fly at once: one of them will be a duplicate.
func (f *Flights) TakeOff(w ident.World, id ident.ID) (land func()) {
	key := flight{w, id}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inFlight == nil {
		f.inFlight = map[flight]*landing{}
	}
	l := f.inFlight[key]
	if l == nil {
		l = &landing{landed: make(chan struct{})}
		f.inFlight[key] = l
	}
	l.count++
	return func() { f.land(key, l) }
}

func (f *Flights) land(key flight, l *landing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.count--; l.count == 0 {
		delete(f.inFlight, key)
		close(l.landed)
	}
}

// Aloft says whether a request with this id is being worked on.
func (f *Flights) Aloft(w ident.World, id ident.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inFlight[flight{w, id}] != nil
}

// Wait returns when no request with this id is being worked on any more, or with the context's error.
func (f *Flights) Wait(ctx context.Context, w ident.World, id ident.ID) error {
	f.mu.Lock()
	l := f.inFlight[flight{w, id}]
	f.mu.Unlock()
	if l == nil {
		return nil
	}
	select {
	case <-l.landed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
