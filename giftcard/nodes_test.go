package giftcard_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the races on two nodes.
const (
	nodeRaces    = 10_000
	nodeCallers  = 24 // races at once
	nodeCards    = 7  // so that nodes meet on one card, and do not wait for one another all the time
	nodeAmount   = 3  // of a redemption that is reversed
	standingEach = 10 // of so many races one has a redemption beside it that nobody reverses
	fewestEnds   = 20 // one race of so many, at least, ends each way: else they did not race
)

// race is a request and its reversal, one on each node, as they were answered.
type race struct {
	id       string
	request  string
	reversal string
}

// A redemption on one node and its reversal on another are decided by the rule book as if they had come one after the other, in
// either order. Both sides know the same afterwards, and the cards have what was left standing.
func TestReversalsRaceTheirRequestsOnTwoNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("a short run leaves the disk to the tests of the drivers")
	}
	open := fleet.PostgreSQL(t)
	c := newCounterOn(t, open, nodeCards)
	nodes := [2]conform.Target{c, c.secondNode(open)}
	races := make([]race, nodeRaces)
	var all sync.WaitGroup
	for caller := range nodeCallers {
		all.Go(func() {
			for n := caller; n < len(races); n += nodeCallers {
				races[n] = c.runOnNodes(nodes, n)
				if n%standingEach == 0 {
					c.leaveStanding(nodes, n)
				}
			}
		})
	}
	all.Wait()
	c.agree(races)
	c.hasWhatStands(len(races))
	booksAreRight(t, c.Issuer)
}

// secondNode is another process's issuer on the same records.
func (c *counter) secondNode(open fleet.Opener) conform.Target {
	s := store.New(open(c.t), store.Settings{Keys: c.Keys, Committers: 2})
	c.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			c.t.Errorf("close the store of the second node: %v", err)
		}
	})
	return c.Through(giftcard.NewIssuer(giftcard.Settings{Store: store.Giftcard(s), Keys: c.Keys, Products: c.Products()}))
}

// runOnNodes sends a request to one node and its reversal to the other at once, each of the nodes and of the two as often first.
func (c *counter) runOnNodes(nodes [2]conform.Target, n int) race {
	r := race{id: fmt.Sprintf("race-%d", n)}
	request := c.request(conform.Redeem, r.id, c.pans[n%nodeCards], nodeAmount)
	reversal := c.advice(conform.Redeem, conform.Reversal, r.id+"-w", r.id)
	send := [2]func(){
		func() { r.request = c.answerOf(nodes[n%2], request) },
		func() { r.reversal = c.answerOf(nodes[1-n%2], reversal) },
	}
	var other sync.WaitGroup
	other.Go(send[n/2%2])
	send[1-n/2%2]()
	other.Wait()
	return r
}

// leaveStanding redeems what nobody reverses, on the card of a race, and confirms every other such redemption on the other node.
func (c *counter) leaveStanding(nodes [2]conform.Target, n int) {
	id, at := fmt.Sprintf("stands-%d", n), n/standingEach%2
	if got := c.answerOf(nodes[at], c.request(conform.Redeem, id, c.pans[n%nodeCards], 1)); got != "201" {
		c.t.Errorf("%s: %s", id, got)
	}
	if at == 0 {
		return
	}
	if got := c.answerOf(nodes[0], c.advice(conform.Redeem, conform.Confirmation, id+"-c", id)); got != "202" {
		c.t.Errorf("the confirmation of %s: %s", id, got)
	}
}

// agree compares what the senders of both messages were told with what is recorded.
func (c *counter) agree(races []race) {
	c.t.Helper()
	kept := c.redemptions()
	undone, late := 0, 0
	for _, r := range races {
		var want txn.State
		switch {
		case r.request == "201" && r.reversal == "202":
			want, undone = txn.Reversed, undone+1
		case r.request == "GENERAL_ERROR" && r.reversal == "UNABLE_TO_LOCATE_RECORD": // remembered, and declined as late
			want, late = txn.Declined, late+1
		default:
			c.t.Errorf("%s: its request was answered %s, its reversal %s", r.id, r.request, r.reversal)
			continue
		}
		if got := kept[r.id]; len(got) != 1 || got[0] != want {
			c.t.Errorf("%s stands as %v, and should be %s", r.id, got, want)
		}
	}
	if few := len(races) / fewestEnds; undone < few || late < few {
		c.t.Errorf("of %d requests %d came before their reversals and %d after: this test proves little", len(races), undone, late)
	}
	c.t.Logf("of %d requests %d came before their reversals and %d after", len(races), undone, late)
}

// redemptions gives the states of all requests to redeem, by id.
func (c *counter) redemptions() map[string][]txn.State {
	c.t.Helper()
	kept := map[string][]txn.State{}
	for after := int64(0); ; {
		page, err := c.Store.Driver().Messages(c.t.Context(), after, 1000)
		if err != nil {
			c.t.Fatal(err)
		}
		if len(page) == 0 {
			return kept
		}
		for _, m := range page {
			if m.Family == txn.Redemption && m.Role == txn.Request {
				kept[string(m.ID)] = append(kept[string(m.ID)], m.State)
			}
			after = m.Seq
		}
	}
}

// hasWhatStands asks that each card lacks exactly what was redeemed beside its races, and nothing of these.
func (c *counter) hasWhatStands(races int) {
	c.t.Helper()
	var want [nodeCards]int64
	for n := 0; n < races; n += standingEach {
		want[n%nodeCards]++
	}
	for card := range nodeCards {
		book, available := c.balance(card)
		if left := opening - want[card]; book != left || available != left {
			c.t.Errorf("card %d: book %d, available %d; %d is what is left of %d", card, book, available, left, opening)
		}
	}
}
