package postgres_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/txn"
)

// counted counts what its views ask.
type counted struct {
	store.Driver
	loads int
}

type countedView struct {
	store.Batch
	of *counted
}

func (c *counted) View(ctx context.Context) (store.Batch, error) {
	b, err := c.Driver.View(ctx)
	return countedView{b, c}, err
}

func (v countedView) Load(ctx context.Context, w *store.Wanted, s *store.Set) error {
	v.of.loads++
	return v.Batch.Load(ctx, w, s)
}

// A page of a history takes one question with what has ended its messages, however long it is, where the server can follow; where it
// cannot, it takes another one from there.
func TestAChainIsOneQuestion(t *testing.T) {
	const card, length, strange = 5, 60, 30 // which of them is another one
	for name, c := range map[string]struct {
		about int64      // the message's own card
		links []txn.Link // before that of the card
		want  int
	}{
		"the card's own messages":        {card, nil, 1},
		"one that names no card":         {0, nil, 1},
		"one that names another card":    {77_000_000, []txn.Link{{Card: 77_000_000, Previous: 2}}, 1},
		"one of a card that is far off":  {1 << 40, []txn.Link{{Card: 1 << 40}}, 1},
		"one of the third card it names": {77, []txn.Link{{Card: 77, Previous: 2}, {Card: 78}}, 2},
		"one whose numbers are too long": {1 << 42, []txn.Link{{Card: 1 << 42}}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			driver := &counted{Driver: openNew(t)}
			s := openTill(t, driver)
			var places []int64 // oldest first
			for n := range length {
				m := txn.Message{World: ident.Production, ID: number(n), Account: 3, Card: card, Family: txn.Load, Role: txn.Request, State: txn.Confirmed}
				if n == strange {
					m.Card, m.Links = c.about, c.links
				}
				link := txn.Link{Card: card}
				if n > 0 {
					link.Previous = places[n-1]
				}
				m.Links = append(m.Links, link)
				m.References = []int64{int64(n), -1}
				places = append(places, s.keep(m))
			}
			if got := s.follow(card, places); got != fmt.Sprint(places) {
				t.Errorf("the chain is %s, want %v", got, places)
			}
			if driver.loads != c.want {
				t.Errorf("%d questions were asked, want %d", driver.loads, c.want)
			}
		})
	}
}

// keep saves a message with the confirmation that ended it, and gives its place.
func (s till) keep(m txn.Message) (place int64) {
	s.Helper()
	err := s.Do(ctx, store.Keys{World: m.World, IDs: []ident.ID{m.ID}}, func(tx *store.Tx) error {
		m.Seq = tx.NextSeq()
		m.Ended = tx.NextSeq()
		place = m.Seq
		tx.Insert(m)
		tx.Insert(txn.Message{Seq: m.Ended, World: m.World, ID: "c-" + m.ID, Account: m.Account, Family: m.Family, Role: txn.Confirmation, Request: m.Seq})
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return place
}

// follow reads a chain that has so many messages, from the newest on, and gives their places, oldest first.
func (s till) follow(card int64, places []int64) (found string) {
	s.Helper()
	err := s.Read(ctx, store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		got := make([]int64, len(places))
		next := places[len(places)-1]
		for n := len(places) - 1; n >= 0; n-- {
			tx.Ahead(admin.Ahead{Chains: []admin.Chain{{Of: card, From: next, Most: n + 1}}})
			m, _ := tx.MessageAt(next)
			if ending, found := tx.MessageAt(m.Ended); !found || ending.Request != m.Seq {
				s.Errorf("message %d was ended by %+v", m.Seq, ending)
			}
			got[n] = m.Seq
			for _, l := range m.Links {
				if l.Card == card {
					next = l.Previous
				}
			}
		}
		found = fmt.Sprint(got)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return found
}

// The server gives entries as they lie on its pages, which need not be how their messages made them.
func TestEntriesComeInTheirOrder(t *testing.T) {
	dsn := emptyDatabase(t)
	d := open(t, dsn, postgres.Options{})
	execute(t, dsn, `INSERT INTO entry (message, n, request, debit, credit, amount, currency, phase)
		SELECT m, n, m, 1, 2, 5, 710, 1 FROM generate_series(4, 1, -1) m, generate_series(2, 0, -1) n`)
	entries, err := d.EntriesOf(ctx, []int64{4, 2, 9, 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%d/%d", e.Message, e.N))
	}
	if want := "[1/0 1/1 1/2 2/0 2/1 2/2 4/0 4/1 4/2]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
