package postgres_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcard/giftcardtest"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// tour is what a batch cost from its BEGIN to its COMMIT.
type tour struct {
	trips    int  // how often the server was asked to answer
	prepares bool // statements were prepared for it, as they are once for each connection
}

// talk reads what a driver sends on one connection (PostgreSQL's protocol 3), and finds the tours in it.
type talk struct {
	rest        []byte
	greeted     bool // the first message has no type
	begun, ends bool
	now         tour
}

// read takes in a piece and gives the tours that it ends.
func (k *talk) read(piece []byte) (done []tour) {
	k.rest = append(k.rest, piece...)
	for {
		head := 0
		if k.greeted {
			head = 1
		}
		if len(k.rest) < head+4 {
			return done
		}
		end := head + int(binary.BigEndian.Uint32(k.rest[head:]))
		if len(k.rest) < end {
			return done
		}
		if k.greeted && k.hear(k.rest[0], k.rest[head+4:end]) {
			done = append(done, k.now)
			k.now = tour{}
		}
		k.greeted, k.rest = true, k.rest[end:]
	}
}

// hear takes in one message, and says whether a tour ends with it. Nobody waits for the server but after a Sync, a Flush or a
// Query, so these are at least as many as the round trips.
func (k *talk) hear(kind byte, body []byte) (ended bool) {
	switch kind {
	case 'P': // Parse
		k.now.prepares = true
	case 'B': // Bind, of a portal to a statement
		if names := bytes.SplitN(body, []byte{0}, 3); len(names) == 3 {
			switch string(names[1]) {
			case "begin": // one before it was given up
				k.begun, k.now.trips = true, 0
			case "commit":
				k.ends = true
			}
		}
	case 'S', 'H', 'Q':
		if k.begun {
			k.now.trips++
		}
		ended = k.ends
		k.begun, k.ends = k.begun && !ended, false
	}
	return ended
}

// weighing keeps how many messages each batch has saved.
type weighing struct {
	store.Driver
	saved []int
}

func (w *weighing) Begin(ctx context.Context) (store.Batch, error) {
	b, err := w.Driver.Begin(ctx)
	return weighed{b, w}, err
}

type weighed struct {
	store.Batch
	by *weighing
}

func (w weighed) Save(ctx context.Context, set *store.Set) error {
	w.by.saved = append(w.by.saved, len(set.Changes().Inserted))
	return w.Batch.Save(ctx, set)
}

// A batch is two round trips, one to load and one to save and commit, whatever its messages are and however many.
func TestABatchIsTwoRoundTrips(t *testing.T) {
	const tills, rounds = 24, 12
	dsn, p := through(t, pgtest.Shared(t).Database(t))
	w := &weighing{Driver: must(t, dsn)}
	i := giftcardtest.New(t, giftcardtest.Settings{Open: func(testing.TB) store.Driver { return w }})
	s := &shop{Issuer: i, t: t}
	s.open(tills)
	var all sync.WaitGroup
	s.mix("alone", s.pans[0])
	for till, pan := range s.pans {
		all.Go(func() {
			for round := range rounds {
				s.mix(fmt.Sprintf("%d-%d", till, round), pan)
			}
		})
	}
	all.Wait()
	s.mix("last", s.pans[0])
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tours) != len(w.saved) {
		t.Fatalf("%d commits went out for %d batches", len(p.tours), len(w.saved))
	}
	bySize := map[bool]int{}
	for n, c := range p.tours {
		if c.prepares {
			continue
		}
		if bySize[w.saved[n] >= tills/3]++; c.trips != 2 {
			t.Errorf("a batch of %d took %d round trips", w.saved[n], c.trips)
		}
	}
	if bySize[true] < 10 || bySize[false] < 10 {
		t.Errorf("this test proves little: %d large batches, %d small ones", bySize[true], bySize[false])
	}
}

// shop is an issuer with cards, and what is done with them.
type shop struct {
	*giftcardtest.Issuer
	t    *testing.T
	pans []string
}

// open activates cards.
func (s *shop) open(cards int) {
	s.t.Helper()
	if err := s.Sell(giftcard.Product{ID: "plain", Currency: 710, Opening: giftcard.OpeningSum, StartBalance: 1_000_000}); err != nil {
		s.t.Fatal(err)
	}
	for n := range cards {
		c, err := s.Card(s.t.Context(), conform.CardSpec{Currency: "710", Expiry: "4010"})
		if err != nil {
			s.t.Fatal(err)
		}
		s.pans = append(s.pans, c.PAN)
		id := fmt.Sprintf("activation-%d", n)
		s.send(201, conform.Message{Kind: conform.Activate, ID: id, Card: &conform.Card{PAN: c.PAN, Expiry: "4010"}, Product: "plain"})
		s.send(202, conform.Message{Kind: conform.Activate, Act: conform.Confirmation, ID: id + "-c", RequestID: id})
	}
}

// mix sends a redemption that is confirmed, a load that is reversed, a redemption that is refused, a request a second time, and
// the reversal of a request that nobody has seen. That request itself is left out: should it come, it looks for the reversal that
// was remembered, which nobody could have named before, and so pays one trip more.
func (s *shop) mix(name, pan string) {
	ask := func(want int, kind conform.Kind, id string, amount int64) {
		s.send(want, conform.Message{
			Kind: kind, ID: name + id, Card: &conform.Card{PAN: pan, Expiry: "4010"}, Amount: &conform.Amount{Minor: amount, Currency: "710"},
		})
	}
	end := func(want int, kind conform.Kind, act conform.Act, of string) {
		s.send(want, conform.Message{Kind: kind, Act: act, ID: name + of + "-end", RequestID: name + of})
	}
	ask(201, conform.Redeem, "redemption", 1)
	end(202, conform.Redeem, conform.Confirmation, "redemption")
	ask(201, conform.Load, "load", 1)
	end(202, conform.Load, conform.Reversal, "load")
	ask(400, conform.Redeem, "excess", 1_000_000_000)
	ask(400, conform.Redeem, "redemption", 1)
	end(404, conform.Redeem, conform.Reversal, "unseen")
}

func (s *shop) send(want int, m conform.Message) {
	m.Account = "a"
	if m.Act == "" {
		m.Act = conform.Request
	}
	if got, err := s.Do(s.t.Context(), m); err != nil || got.Status != want {
		s.t.Errorf("%s %s: answered %d %s, want %d: %v", m.Kind, m.ID, got.Status, got.ErrorType, want, err)
	}
}
