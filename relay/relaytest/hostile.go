// Package relaytest is an upstream for tests that keeps the contract and breaks the network: whatever is in front of a
// server of ours, it loses messages and answers, doubles, delays and reorders them, and stands in for gateways that
// answer in words of their own.
//
// It promises that what reaches the server was sent, byte for byte, and that the same seed chooses the same mischief for
// the same messages in the same order.
package relaytest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

// Mischief is what is done to one message.
type Mischief uint8

// The kinds of mischief.
const (
	None       Mischief = iota
	Lost                // the message never arrives, and the connection breaks
	AnswerLost          // it arrives, is answered, and the connection breaks
	Doubled             // it arrives twice; the second answer comes back
	DoubledOld          // it arrives twice; the first answer comes back
	Late                // the answer comes after Delay
	HeldBack            // the message arrives after Delay, its sender having heard 504 before
	Overtaken           // it waits for the next message to arrive first, or for Delay
	Gateway             // it arrives, and a gateway answers 502 in HTML
	Refused             // it never arrives, and a gateway answers 503 in HTML
	TimedOut            // it arrives, and a gateway answers 504
	Halved              // it arrives, and the answer ends in the middle
	last
)

// All are all kinds but None.
var All = kinds()

func kinds() (all []Mischief) {
	for m := None + 1; m < last; m++ {
		all = append(all, m)
	}
	return all
}

// Hostile stands in front of a server. The zero value of Odds leaves everything as it is.
type Hostile struct {
	Server http.Handler
	// Odds is the share of messages that something is done to, from 0 to 1, and Kinds what; empty is All.
	Odds  float64
	Kinds []Mischief
	Seed  uint64
	Delay time.Duration
	// Choose, when it is there, decides in place of chance.
	Choose func(r *http.Request) Mischief

	mu      sync.Mutex
	chance  *rand.Rand
	calm    bool
	waiting chan struct{} // closed when the next message arrives
	done    map[Mischief]int
	after   sync.WaitGroup
}

// ServeHTTP does to a message what was chosen for it.
func (h *Hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	m, overtaken := h.choose(r)
	switch m {
	case Lost:
		panic(http.ErrAbortHandler)
	case AnswerLost:
		h.deliver(r, body)
		panic(http.ErrAbortHandler)
	case Doubled:
		h.deliver(r, body)
		send(w, h.deliver(r, body))
	case DoubledOld:
		answer := h.deliver(r, body)
		h.deliver(r, body)
		send(w, answer)
	case Late:
		answer := h.deliver(r, body)
		h.pause(r, nil)
		send(w, answer)
	case HeldBack:
		late := r.Clone(noCancel(r))
		h.after.Go(func() {
			time.Sleep(h.Delay)
			h.deliver(late, body)
		})
		words(w, http.StatusGatewayTimeout)
	case Overtaken:
		h.pause(r, overtaken)
		send(w, h.deliver(r, body))
	case Gateway:
		h.deliver(r, body)
		words(w, http.StatusBadGateway)
	case Refused:
		words(w, http.StatusServiceUnavailable)
	case TimedOut:
		h.deliver(r, body)
		words(w, http.StatusGatewayTimeout)
	case Halved:
		halve(w, h.deliver(r, body))
	default:
		send(w, h.deliver(r, body))
	}
}

// Calm ends all mischief: from now on everything arrives once and is answered.
func (h *Hostile) Calm() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calm = true
}

// Wait returns once messages that were held back have arrived.
func (h *Hostile) Wait() { h.after.Wait() }

// Done tells how often each kind of mischief was done.
func (h *Hostile) Done() map[Mischief]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	done := map[Mischief]int{}
	for m, n := range h.done {
		done[m] = n
	}
	return done
}

// choose decides on a message. overtaken ends when the next one arrives.
func (h *Hostile) choose(r *http.Request) (m Mischief, overtaken <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.chance == nil {
		h.chance, h.done = rand.New(rand.NewPCG(h.Seed, 1)), map[Mischief]int{}
	}
	if h.waiting != nil {
		close(h.waiting)
		h.waiting = nil
	}
	m = h.pick(r)
	h.done[m]++
	if m == Overtaken {
		h.waiting = make(chan struct{})
	}
	return m, h.waiting
}

func (h *Hostile) pick(r *http.Request) Mischief {
	switch {
	case h.calm:
		return None
	case h.Choose != nil:
		return h.Choose(r)
	case h.chance.Float64() >= h.Odds:
		return None
	case len(h.Kinds) == 0:
		return All[h.chance.IntN(len(All))]
	}
	return h.Kinds[h.chance.IntN(len(h.Kinds))]
}

func (h *Hostile) pause(r *http.Request, until <-chan struct{}) {
	t := time.NewTimer(h.Delay)
	defer t.Stop()
	select {
	case <-t.C:
	case <-until:
	case <-r.Context().Done():
	}
}

// deliver hands the message to the server, whose work its sender cannot interrupt, and gives the answer.
func (h *Hostile) deliver(r *http.Request, body []byte) *httptest.ResponseRecorder {
	r = r.Clone(noCancel(r))
	r.Body = io.NopCloser(bytes.NewReader(body))
	answer := httptest.NewRecorder()
	h.Server.ServeHTTP(answer, r)
	return answer
}

func send(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = slices.Clone(values)
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // who is gone has lost the answer, which is what this is about
}

// halve promises the whole answer and breaks off in its middle.
func halve(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	half := answer.Body.Bytes()[:answer.Body.Len()/2]
	answer.Body = bytes.NewBuffer(half)
	send(w, answer)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// words answers as a gateway does.
func words(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><body>"+http.StatusText(status)+"</body></html>")
}

func noCancel(r *http.Request) context.Context { return context.WithoutCancel(r.Context()) }
