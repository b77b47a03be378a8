package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/ledger"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

const (
	crashCards   = 20
	crashCallers = 8
	crashStock   = money.Minor(1 << 40)
	crashTime    = 6 * time.Second // for all rounds
	crashRounds  = 200             // at most
	leastRounds  = 8

	crashReferences = 150
	crashRuns       = 4
)

// crashNumber gives the digest of a card's number.
func crashNumber(card int64) secret.Digest {
	return secret.Digest{Key: 1, Sum: [16]byte{byte(card), byte(card >> 8), 1}}
}

// tillChild redeems, sells and confirms until it is killed, and prints the id of each message once it is acknowledged.
func tillChild(path string) error {
	bucketSize = 150                                       // so that ids are on their way into the index when it is killed
	runReferences, mergedRuns = crashReferences, crashRuns // and references into a run, and runs into another
	d, err := Open(path, Options{})
	if err != nil {
		return err
	}
	s := store.New(d, store.Settings{Keys: testKeys()})
	if err := stockCards(s, d); err != nil {
		return err
	}
	fmt.Println("ready")
	var all sync.WaitGroup
	failed := make(chan error, crashCallers)
	for range crashCallers {
		all.Go(func() {
			var last ident.ID // confirmation, whose item has not been served
			for {
				var err error
				if last, err = redeemAndConfirm(s, last); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	return <-failed
}

func stockCards(s *store.Store, d *Driver) error {
	if cards, err := d.Cards(context.Background(), 0, 1); err != nil || len(cards) > 0 {
		return err
	}
	return s.Do(context.Background(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for range crashCards {
			c := giftcard.Card{ID: tx.NextSeq(), World: ident.Production, Balance: ledger.Balance{Book: crashStock, Available: crashStock}}
			tx.AddCard(giftcard.NewCard{Card: c, Detail: giftcard.Detail{Card: c.ID}, Number: crashNumber(c.ID)})
		}
		return nil
	})
}

// redeemAndConfirm serves the item of the last confirmation with the request, and gives its own confirmation's id.
func redeemAndConfirm(s *store.Store, last ident.ID) (ident.ID, error) {
	card := 1 + rand.Int64N(crashCards)
	request, confirmation := newID(), newID()
	if err := change(s, card, request, txn.Message{Role: txn.Request, State: txn.Open, Upstream: crashUpstream}, last); err != nil {
		return "", err
	}
	return confirmation, change(s, card, confirmation, txn.Message{Role: txn.Confirmation, State: txn.Accepted}, request)
}

func newID() ident.ID {
	return ident.ID(fmt.Sprintf("%08x-0000-4000-8000-%012x", rand.Uint32(), rand.Uint64()>>16))
}

// change saves one message with its entry, its card and its item, and prints its id when that is acknowledged. A
// confirmation ends another message, and a request serves the item of another.
func change(s *store.Store, card int64, id ident.ID, m txn.Message, other ident.ID) error {
	keys := store.Keys{World: ident.Production, IDs: []ident.ID{id}, Cards: []giftcard.CardKey{{crashNumber(card)}}}
	var err error
	if other != "" {
		keys.IDs = append(keys.IDs, other)
	}
	err = s.Do(context.Background(), keys, func(tx *store.Tx) error {
		c, found := tx.CardByNumber(keys.Cards[0])
		if !found || len(tx.Messages(id)) > 0 {
			return fmt.Errorf("card %d found: %t", card, found)
		}
		m.Seq, m.World, m.ID, m.Card, m.Amount, m.Body = tx.NextSeq(), ident.Production, id, card, 1, make([]byte, 200)
		m.Links, m.References = []txn.Link{{Card: card, Previous: c.LastMessage}}, []int64{crashReference(id)}
		e := ledger.Entry{Message: m.Seq, Request: m.Seq, Debit: c.Account(), Credit: ledger.AccountOf(ledger.Redeemed, 1), Amount: 1, Phase: ledger.Pending}
		if m.Role == txn.Confirmation {
			request := tx.Messages(other)[0]
			request.State, request.Ended, request.Final, request.Requested = txn.Confirmed, m.Seq, 1, 1
			tx.Amend(request)
			m.Request, e.Request, e.Phase = request.Seq, request.Seq, ledger.Posted
			enqueue(tx, m)
		} else {
			m.Voucher = sellVoucher(tx, m.Seq)
			if other != "" {
				m.Names = lastAdvice(tx, other)
				serve(tx, m.Names)
			}
		}
		c.LastMessage = m.Seq
		var err error
		if c.Balance, err = c.Balance.Debited(e); err != nil {
			return err
		}
		tx.Insert(m)
		tx.Enter(e)
		tx.PutCard(c)
		return nil
	})
	if err == nil {
		fmt.Println(id)
	}
	return err
}

func crashReference(id ident.ID) int64 {
	u, _ := id.UUID()
	n, _ := strconv.ParseInt(fmt.Sprintf("%x", u[:7]), 16, 64)
	return n
}

// A process is killed at random instants, also while it opens the store. Whatever it has acknowledged is there
// afterwards, and nothing is there by half.
func TestKilledAtAnyInstant(t *testing.T) {
	if testing.Short() {
		t.Skip("it is another process that is judged, so a short run may leave it out")
	}
	smallRuns(t, crashReferences, crashRuns)
	path := filepath.Join(t.TempDir(), "scrip.db")
	var acknowledged []ident.ID
	began, rounds := time.Now(), 0
	for ; rounds < leastRounds || (rounds < crashRounds && time.Since(began) < crashTime); rounds++ {
		acknowledged = append(acknowledged, crash(t, path, rand.IntN(800)-100)...)
		inspect(t, path, acknowledged)
		if t.Failed() {
			break
		}
	}
	if len(acknowledged) == 0 {
		t.Error("nothing was acknowledged")
	}
	t.Logf("%d rounds, %d messages acknowledged", rounds, len(acknowledged))
	hasMerged(t, path)
	torn(t, path)
}

// hasMerged wants some runs of references to have been merged.
func hasMerged(t *testing.T, path string) {
	t.Helper()
	d, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if d.references.merged() < 2 {
		t.Errorf("%d of %d runs were merged", d.references.merged(), len(d.references.shelf.runs))
	}
}

// crash lets a child acknowledge so many messages and kills it: before it is ready when that is below zero.
func crash(t *testing.T, path string, after int) (acknowledged []ident.ID) {
	t.Helper()
	return crashAs(t, "till", path, after)
}

func crashAs(t *testing.T, role, path string, after int) (acknowledged []ident.ID) {
	t.Helper()
	c := child(t, role, path)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if after < 0 {
		_ = c.Process.Kill()
	}
	for lines.Scan() {
		line := lines.Text()
		if _, isID := ident.ID(line).UUID(); isID {
			acknowledged = append(acknowledged, ident.ID(line))
		} else if line != "ready" {
			t.Errorf("the child says %q", line)
		}
		if len(acknowledged) == after || line == "ready" && after == 0 {
			_ = c.Process.Kill()
		}
	}
	_ = c.Wait() // it was killed
	return acknowledged
}

// inspect opens the store and recomputes it from its entries.
func inspect(t *testing.T, path string, acknowledged []ident.ID) {
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
	messages, cards := everything(t, d)
	inspectStock(t, s, d, messages)
	inspectQueue(t, d, messages)
	for _, id := range acknowledged {
		err := s.Read(t.Context(), store.Keys{World: ident.Production, IDs: []ident.ID{id}}, func(tx *store.Tx) error {
			if found := tx.Messages(id); len(found) != 1 || messages[found[0].Seq].ID != id {
				t.Errorf("%s was acknowledged and is %d times there", id, len(found))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for seq, m := range messages {
		if m.Role == txn.Request && m.State == txn.Confirmed && messages[m.Ended].Request != seq {
			t.Errorf("request %d was ended by %d, which is not there", seq, m.Ended)
		}
		if m.Role == txn.Confirmation && messages[m.Request].Ended != seq {
			t.Errorf("confirmation %d is there, and its request %d was not ended by it", seq, m.Request)
		}
		if rand.IntN(50) == 0 {
			found, err := d.MessagesByReference(t.Context(), ident.Production, m.References[0], 0, 2)
			if err != nil || len(found) != 1 || found[0].Seq != seq {
				t.Errorf("message %d is found %d times by its reference, %v", seq, len(found), err)
			}
		}
	}
	chained := 0
	for _, c := range cards {
		for at := c.LastMessage; at != 0; at = messages[at].Links[0].Previous {
			if messages[at].Card != c.ID {
				t.Fatalf("the chain of card %d leads to message %d of card %d", c.ID, at, messages[at].Card)
			}
			chained++
		}
	}
	if chained != len(messages) {
		t.Errorf("%d messages are in the cards' chains, and %d there", chained, len(messages))
	}
}

// everything reads all messages and cards, and checks that the cards' balances are what the entries add up to.
func everything(t *testing.T, d *Driver) (map[int64]txn.Message, []giftcard.Card) {
	t.Helper()
	messages := map[int64]txn.Message{}
	for after := int64(0); ; {
		page, err := d.Messages(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, m := range page {
			messages[m.Seq] = m
			after = m.Seq
		}
	}
	spent, entries := map[ledger.Account]ledger.Balance{}, 0
	for after := int64(0); ; {
		page, err := d.Entries(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if messages[e.Message].ID == "" {
				t.Errorf("entry of message %d, which is not there", e.Message)
			}
			if spent[e.Debit], err = spent[e.Debit].Debited(e); err != nil {
				t.Fatal(err)
			}
			after, entries = e.Message, entries+1
		}
	}
	if entries != len(messages) {
		t.Errorf("%d entries of %d messages", entries, len(messages))
	}
	cards, err := d.Cards(t.Context(), 0, crashCards+1)
	if err != nil || (len(cards) != 0 && len(cards) != crashCards) {
		t.Errorf("%d cards, %v", len(cards), err)
	}
	for _, c := range cards {
		if want := spent[c.Account()].Available + crashStock; c.Balance.Available != want {
			t.Errorf("card %d has %d, its entries add up to %d", c.ID, c.Balance.Available, want)
		}
	}
	return messages, cards
}

// torn tears the log off at random places, as a disk may that had not written all of it: what is left is whole.
func torn(t *testing.T, path string) {
	crash(t, path, 50)
	names := []string{path, path + "-wal"}
	var contents [2][]byte
	for i, name := range names {
		var err error
		if contents[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(contents[1]) == 0 {
		t.Fatal("there is no log to tear")
	}
	for range 12 {
		copied := filepath.Join(t.TempDir(), "scrip.db")
		log := contents[1][:rand.IntN(len(contents[1]))]
		if rand.IntN(2) == 0 {
			log = append(log[:len(log):len(log)], strings.Repeat("\xa5", rand.IntN(9000))...)
		}
		if err := os.WriteFile(copied, contents[0], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+"-wal", log, 0o600); err != nil {
			t.Fatal(err)
		}
		inspect(t, copied, nil)
	}
}
