// Package queuehttp tells each account what of its own still waits for an upstream: how much, how old, and what it is
// worth. It stands beside the contracts on their listener, and is no part of them.
//
// It promises that who asks is held to what senders of messages are held to, that nobody hears of another account, that no
// id and no payload is told, and that however often it is asked the queue is counted only now and then.
package queuehttp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/saf"
)

// Path is where the queue is asked for.
const Path = "/queue"

// countedFor is how long a count is good. Each looks at every item that is queued.
const countedFor = 5 * time.Second

// Settings are what a handler is made of. Gate and Levels must be set.
type Settings struct {
	Gate exchange.Gate
	// Levels counts the queue, as saf.Reports does.
	Levels func(context.Context) ([]saf.Level, error)
	// Now is the clock; nil is the computer's.
	Now func() time.Time
	// Log hears of faults of ours; nil is the default logger.
	Log *slog.Logger
}

// Queue is the answer: one for each upstream that something of the account's is queued for.
type Queue struct {
	Upstreams []Upstream `json:"upstreams"`
}

// Upstream is what is queued for one upstream.
type Upstream struct {
	Name       string    `json:"upstream"`
	Waiting    int       `json:"waiting"`
	Parked     int       `json:"parked"`
	Attention  int       `json:"attention"`
	Oldest     time.Time `json:"oldest"`     // since when the oldest of all these is queued
	AgeSeconds int64     `json:"ageSeconds"` // for how long that is
	InDoubt    []Value   `json:"inDoubt,omitempty"`
}

// Value is what is queued in one currency, in minor units as decimal digits: it may be beyond 64 bits.
type Value struct {
	Currency string `json:"currency"`
	Value    string `json:"value"`
}

type server struct {
	settings Settings
	counting chan struct{} // held by who counts or looks at the last count
	levels   []saf.Level   // of all accounts
	counted  time.Time     // when; zero before the first time
}

// New gives the handler of Path. It takes GET and nothing else.
func New(s Settings) http.Handler {
	s.Log = cmp.Or(s.Log, slog.Default())
	if s.Now == nil {
		s.Now = time.Now
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+Path, &server{settings: s, counting: make(chan struct{}, 1)})
	return mux
}

// ServeHTTP answers with the queue of whoever asks.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sender, release, err := s.settings.Gate.Admit(r, false)
	if err != nil {
		refuse(w, err)
		return
	}
	defer release()
	levels, err := s.count(r.Context())
	if err != nil {
		s.settings.Log.ErrorContext(r.Context(), "the queue cannot be counted", "err", err)
		refuse(w, &decline.NotTaken{Cause: decline.StoreDown, Text: "it cannot be counted now"})
		return
	}
	write(w, http.StatusOK, Queue{Upstreams: summary(levels, sender.Account, s.settings.Now())})
}

// count counts the queue, unless that was done lately. One counts and the others wait.
func (s *server) count(ctx context.Context) ([]saf.Level, error) {
	select {
	case s.counting <- struct{}{}:
		defer func() { <-s.counting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := s.settings.Now()
	if age := now.Sub(s.counted); age >= 0 && age < countedFor {
		return s.levels, nil
	}
	levels, err := s.settings.Levels(ctx)
	if err != nil {
		return nil, err
	}
	s.levels, s.counted = levels, now
	return levels, nil
}

// summary adds up an account's levels by upstream, in which order they come.
func summary(levels []saf.Level, account ident.Account, now time.Time) []Upstream {
	found := []Upstream{}
	sums := map[string]map[money.Currency]money.Sum{}
	for _, l := range levels {
		if l.Account != account {
			continue
		}
		if len(found) == 0 || found[len(found)-1].Name != l.Upstream {
			found = append(found, Upstream{Name: l.Upstream, Oldest: l.Oldest.UTC()})
			sums[l.Upstream] = map[money.Currency]money.Sum{}
		}
		u := &found[len(found)-1]
		u.add(l)
		if l.Currency != 0 {
			sums[l.Upstream][l.Currency] = sums[l.Upstream][l.Currency].Add(l.Value)
		}
	}
	for i := range found {
		found[i].AgeSeconds = max(0, int64(now.Sub(found[i].Oldest)/time.Second))
		found[i].InDoubt = values(sums[found[i].Name])
	}
	return found
}

func (u *Upstream) add(l saf.Level) {
	switch l.State {
	case saf.Waiting:
		u.Waiting += l.Count
	case saf.Parked:
		u.Parked += l.Count
	case saf.Attention:
		u.Attention += l.Count
	}
	if l.Oldest.Before(u.Oldest) {
		u.Oldest = l.Oldest.UTC()
	}
}

// values gives sums by currency.
func values(sums map[money.Currency]money.Sum) []Value {
	var found []Value
	for _, currency := range slices.Sorted(maps.Keys(sums)) {
		found = append(found, Value{Currency: currency.String(), Value: sums[currency].String()})
	}
	return found
}

// refuse says why there is no answer.
func refuse(w http.ResponseWriter, err error) {
	status, text := http.StatusServiceUnavailable, "it cannot be answered now"
	var turned *decline.NotTaken
	if errors.As(err, &turned) {
		text = turned.Text
		switch turned.Cause {
		case decline.Unauthenticated:
			status = http.StatusUnauthorized
			w.Header().Set("WWW-Authenticate", `Basic realm="scrip", charset="UTF-8"`)
		case decline.Forbidden:
			status = http.StatusForbidden
		case decline.RateLimited:
			status = http.StatusTooManyRequests
		}
		if turned.After > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((turned.After+time.Second-1)/time.Second)))
		}
	}
	write(w, status, map[string]string{"message": text})
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever does not read it has left
}
