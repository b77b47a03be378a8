package txn

import (
	"context"
	"sync"

	"github.com/scripworks/scrip/ident"
)

// Flights knows which messages are being worked on at this moment, so that a reversal that overtakes its
// request waits for it (rule L12) and an id is used once although it is saved behind (rule V7). The zero value
// is ready.
type Flights struct {
	mu       sync.Mutex
	inFlight map[flight]*landing
}

type flight struct {
	world ident.World
	id    ident.ID
}

// landing is all that fly with one id.
type landing struct {
	count  int
	alone  bool
	landed chan struct{} // closed when the last has landed; nil while nobody waits
}

// TakeOff says that a message is being worked on until land is called. Several with one id may fly at once: the
// store will tell which was first. It is not ok, and there is nothing to land, while one flies alone.
func (f *Flights) TakeOff(w ident.World, id ident.ID) (land func(), ok bool) {
	return f.takeOff(flight{w, id}, false)
}

// TakeOffAlone says so of a message that must be the only one with its id, because the store will hear of it
// later. It is not ok while another one flies.
func (f *Flights) TakeOffAlone(w ident.World, id ident.ID) (land func(), ok bool) {
	return f.takeOff(flight{w, id}, true)
}

func (f *Flights) takeOff(key flight, alone bool) (land func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inFlight == nil {
		f.inFlight = map[flight]*landing{}
	}
	l := f.inFlight[key]
	switch {
	case l == nil:
		l = &landing{alone: alone}
		f.inFlight[key] = l
	case l.alone || alone:
		return nil, false
	}
	l.count++
	return func() { f.land(key, l) }, true
}

func (f *Flights) land(key flight, l *landing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l.count--; l.count > 0 {
		return
	}
	delete(f.inFlight, key)
	if l.landed != nil {
		close(l.landed)
	}
}

// Wait returns when no message with this id is being worked on any more, or with the context's error.
func (f *Flights) Wait(ctx context.Context, w ident.World, id ident.ID) error {
	landed := f.landed(flight{w, id})
	if landed == nil {
		return nil
	}
	select {
	case <-landed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Flights) landed(key flight) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.inFlight[key]
	if l == nil {
		return nil
	}
	if l.landed == nil {
		l.landed = make(chan struct{})
	}
	return l.landed
}
