package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/storetest"
	"github.com/scripworks/scrip/txn"
)

// longAgo is when everything of this test was received.
var longAgo = time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)

// prunerChild redeems and confirms, and prunes beside that whatever is settled, until it is killed. It prints the id of each
// message once it is acknowledged.
func prunerChild(path string) error {
	bucketSize = 150
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	if err := stockCards(s, d); err != nil {
		return err
	}
	fmt.Println("ready")
	failed := make(chan error, crashCallers+1)
	var all sync.WaitGroup
	for range crashCallers {
		all.Go(func() {
			for {
				if err := spend(s); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Go(func() { failed <- pruneOn(s) })
	all.Wait()
	return <-failed
}

// pruneOn prunes everything, again and again.
func pruneOn(s *store.Store) error {
	for {
		if _, err := storetest.PruneAll(context.Background(), s, longAgo.Add(time.Hour)); err != nil {
			return err
		}
	}
}

// spend redeems from a card and, mostly, confirms it.
func spend(s *store.Store) error {
	card, ids := 1+rand.Int64N(crashCards), [2]ident.ID{newID(), newID()}
	for n, id := range ids {
		if n == 1 && rand.IntN(4) == 0 {
			return nil // it stays open
		}
		keys := store.Keys{World: ident.Production, IDs: ids[:], Cards: []giftcard.CardKey{{crashNumber(card)}}}
		if err := s.Do(context.Background(), keys, func(tx *store.Tx) error { return spendPart(tx, keys, n) }); err != nil {
			return err
		}
		fmt.Println(id)
	}
	return nil
}

// spendPart saves the request of a redemption, or its confirmation.
func spendPart(tx *store.Tx, keys store.Keys, n int) error {
	c, _ := tx.CardByNumber(keys.Cards[0])
	m := txn.Message{
		Seq: tx.NextSeq(), World: ident.Production, ID: keys.IDs[n], Account: 1, Family: txn.Redemption, Role: txn.Request, State: txn.Open, At: longAgo,
		Card: c.ID, Amount: 1, Requested: 1, Currency: 710, Links: []txn.Link{{Card: c.ID, Previous: c.LastMessage}}, Body: make([]byte, 200),
	}
	e := ledger.Entry{
		Message: m.Seq, Request: m.Seq, Debit: c.Account(), Credit: ledger.AccountOf(ledger.Redeemed, 1), Amount: 1, Currency: 710, Phase: ledger.Pending,
	}
	if n == 1 {
		request := tx.Messages(keys.IDs[0])[0]
		request.State, request.Ended, request.Final = txn.Confirmed, m.Seq, 1
		tx.Amend(request)
		m.Role, m.State, m.Request = txn.Confirmation, txn.Accepted, request.Seq
		e.Request, e.Phase = request.Seq, ledger.Posted
	}
	var err error
	if c.Balance, err = c.Balance.Debited(e); err != nil {
		return err
	}
	c.LastMessage = m.Seq
	tx.Insert(m)
	tx.Enter(e)
	tx.PutCard(c)
	return nil
}

// A process is killed at random instants while it prunes. Whatever it has acknowledged is known afterwards, what was pruned
// was pruned wholly, and the cards have what their entries and what was brought forward come to.
func TestKilledWhilePruning(t *testing.T) {
	if testing.Short() {
		t.Skip("it is another process that is judged, so a short run may leave it out")
	}
	path := filepath.Join(t.TempDir(), "scrip.db")
	var acknowledged []ident.ID
	pruned, began, rounds := 0, time.Now(), 0
	for ; rounds < leastRounds || (rounds < crashRounds && time.Since(began) < crashTime); rounds++ {
		acknowledged = append(acknowledged, crashAs(t, "pruner", path, rand.IntN(800)-50)...)
		if pruned = inspectPruned(t, path, acknowledged); t.Failed() {
			break
		}
	}
	if pruned == 0 || len(acknowledged) == 0 {
		t.Errorf("%d messages were acknowledged and %d pruned", len(acknowledged), pruned)
	}
	t.Logf("%d rounds, %d messages acknowledged, %d pruned", rounds, len(acknowledged), pruned)
}

func inspectPruned(t *testing.T, path string, acknowledged []ident.ID) (pruned int) {
	t.Helper()
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, id := range acknowledged {
		err := s.Read(t.Context(), store.Keys{World: ident.Production, IDs: []ident.ID{id}}, func(tx *store.Tx) error {
			found := tx.Messages(id)
			if len(found) != 1 {
				t.Fatalf("%s was acknowledged and is %d times there", id, len(found))
			}
			m := found[0]
			if ending, _ := tx.MessageAt(m.Ended); m.Ended != 0 && ending.Pruned {
				t.Errorf("request %d is there, what ended it was pruned", m.Seq)
			}
			if request, _ := tx.MessageAt(m.Request); m.Request != 0 && request.Pruned != m.Pruned {
				t.Errorf("of advice %d and its request one was pruned", m.Seq)
			}
			if m.Pruned {
				pruned++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	compareSpent(t, d)
	return pruned
}

// compareSpent checks that the cards have what their entries, and what was brought forward, come to.
func compareSpent(t *testing.T, d *Driver) {
	t.Helper()
	balances := map[ledger.Account]ledger.Balance{}
	debit := func(e ledger.Entry) {
		var err error
		if balances[e.Debit], err = balances[e.Debit].Debited(e); err != nil {
			t.Fatal(err)
		}
	}
	for after := int64(0); ; {
		page, err := d.Entries(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			debit(e)
			after = e.Message
		}
	}
	brought, err := d.Brought(t.Context(), ledger.BroughtKey{}, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range brought {
		debit(b.Entry())
	}
	cards, err := d.Cards(t.Context(), 0, crashCards+1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cards {
		want := balances[c.Account()]
		if c.Balance.Available != crashStock+want.Available || c.Balance.Book != crashStock+want.Book {
			t.Errorf("card %d has %+v of %d, its entries come to %+v", c.ID, c.Balance, crashStock, want)
		}
	}
}
