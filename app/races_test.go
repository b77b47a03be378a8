package app_test

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
	"github.com/scripworks/scrip/txn"
)

// Bounds of the races between servers.
const (
	raceLanes  = 4  // races that are run at the same time, so that servers decide several in one batch
	raceRounds = 30 // of each lane
	raceCrowd  = 2  // senders at each server
	lastStock  = 30 // vouchers that are left, of which there are fewer than buyers
	lastRounds = 3
)

// race is servers on one database whose senders are at a door of each at the same instant.
type race struct {
	*cluster
	doors []*till // the same till at each of the servers
	cards []card  // one for each door
}

// openRace starts servers on a database of their own, with cards that are loaded. The account pays later, so that nothing but what
// is fought for puts its messages in order.
func openRace(t *testing.T, nodes int) *race {
	t.Helper()
	r := &race{}
	r.cluster = startCluster(t, pgtest.Shared(t).Database(t), nodes, nil, func(c *cluster) {
		c.offer(t)
		c.product(t, "gold")
		c.tills = map[string]*till{"owing": c.account(t, "owing", members{})}
		for n := range nodes {
			r.cards = append(r.cards, c.card(t, strconv.Itoa(6001000000000000+n)))
			c.tills["owing"].activate(t, r.cards[n], crashOpening)
		}
	})
	for _, p := range r.nodes {
		r.doors = append(r.doors, p.at(r.tills["owing"]))
	}
	return r
}

// atOnce has several send at the same instant, as near as can be, and gives what each was answered.
func (r *race) atOnce(senders int, send func(n int, l *till) answer) []answer {
	answers, start := make([]answer, senders), make(chan struct{})
	var sending sync.WaitGroup
	for n := range senders {
		sending.Go(func() {
			<-start
			answers[n] = send(n, r.doors[n%len(r.doors)])
		})
	}
	close(start)
	sending.Wait()
	return answers
}

// inLanes runs many races, several at the same time. The number says which one it is.
func inLanes(run func(number int)) {
	var running sync.WaitGroup
	for lane := range raceLanes {
		running.Go(func() {
			for round := range raceRounds {
				run(lane*raceRounds + round)
			}
		})
	}
	running.Wait()
}

// Several servers on one database that are told the same, or contrary things, at the same instant decide as one would.
func TestRacesBetweenServers(t *testing.T) {
	besideOthers(t)
	for _, nodes := range []int{2, 3} {
		t.Run(fmt.Sprintf("%d servers", nodes), func(t *testing.T) {
			t.Parallel()
			r := openRace(t, nodes)
			r.oneIDAtAllServers(t)
			r.reversalsBesideTheirRequest(t)
			r.contraryAdvices(t)
			r.theLastVouchers(t)
			place{Data: r.data, Database: r.dsn}.verify(t)
		})
	}
}

// oneIDAtAllServers sends requests of one id to all servers, about the same card, different cards, and a purchase: one of them
// is approved, and the others are duplicates (V6).
func (r *race) oneIDAtAllServers(t *testing.T) {
	t.Helper()
	const races = raceLanes * raceRounds
	if _, err := r.deliver(unseen, races); err != nil {
		t.Fatal(err)
	}
	inLanes(func(int) {
		r.oneIsApproved(t, func(_ int, l *till, id string) answer { return l.ask("redemptions", id, r.cards[0], 1) })
		r.oneIsApproved(t, func(n int, l *till, id string) answer { return l.ask("redemptions", id, r.cards[n%len(r.cards)], 1) })
		r.oneIsApproved(t, func(_ int, l *till, id string) answer { return l.buy(id, sale{product: unseen, amount: faceValue}) })
	})
	r.have(t, crashOpening*int64(len(r.cards))-2*races)
	for _, b := range r.stock(t, unseen) {
		if b.Sold != races {
			t.Errorf("%d vouchers are sold, want %d", b.Sold, races)
		}
	}
}

// have expects that all servers tell the same of what the cards have together.
func (r *race) have(t *testing.T, want int64) {
	t.Helper()
	for n, l := range r.doors {
		if book, available := r.sum(t, l); book != want || available != want {
			t.Errorf("server %d tells of book %d and available %d, want %d", n, book, available, want)
		}
	}
}

// sum gives what the cards have together.
func (r *race) sum(t *testing.T, l *till) (book, available int64) {
	t.Helper()
	for _, c := range r.cards {
		b, a := l.balance(t, c)
		book, available = book+b, available+a
	}
	return book, available
}

func (r *race) oneIsApproved(t *testing.T, ask func(n int, l *till, id string) answer) {
	t.Helper()
	id, approved := newID(), 0
	for n, a := range r.atOnce(raceCrowd*len(r.doors), func(n int, l *till) answer { return ask(n, l, id) }) {
		switch {
		case a.status == http.StatusCreated:
			approved++
		case a.status != http.StatusBadRequest || a.refusal() != "DUPLICATE_RECORD":
			t.Errorf("request %s of sender %d was answered %v", id, n, a)
		}
	}
	if approved != 1 {
		t.Errorf("request %s was approved %d times", id, approved)
	}
}

// reversalsBesideTheirRequest sends a request to one server and its reversals to all others. Either it was approved, and all
// of them have reversed it (L2, L4), or one of them found nothing, and it is declined for that (L7, L8). It never counts.
func (r *race) reversalsBesideTheirRequest(t *testing.T) {
	t.Helper()
	before, _ := r.sum(t, r.doors[0])
	var ended endings
	inLanes(func(number int) {
		id, at := newID(), number%len(r.doors)
		answers := r.atOnce(len(r.doors), func(n int, l *till) answer {
			if n == at {
				return l.ask("redemptions", id, r.cards[0], 1)
			}
			return l.reverse("redemptions", id, newID())
		})
		ended.add(id, outcome(t, answers, at))
	})
	r.have(t, before)
	r.tellsOf(t, &ended, txn.Reversed, txn.Declined)
}

// outcome gives the state that a request has by what it and its reversals were answered.
func outcome(t *testing.T, answers []answer, request int) txn.State {
	t.Helper()
	found, missing := 0, 0
	for n, a := range answers {
		switch {
		case n == request:
		case a.status == http.StatusAccepted:
			found++
		case a.status == http.StatusNotFound && a.refusal() == "UNABLE_TO_LOCATE_RECORD":
			missing++
		default:
			t.Errorf("a reversal was answered %v", a)
		}
	}
	switch a := answers[request]; {
	case a.status == http.StatusCreated && missing == 0:
		return txn.Reversed
	case a.status == http.StatusBadRequest && a.refusal() == "GENERAL_ERROR" && missing > 0:
		return txn.Declined
	default:
		t.Errorf("%d reversals found the request, %d did not, and it was answered %v", found, missing, a)
		return txn.Absent
	}
}

// contraryAdvices confirms each request at some servers and reverses it at others. It ends in one way, those who say so are
// accepted, and the others are refused (L1 to L6).
func (r *race) contraryAdvices(t *testing.T) {
	t.Helper()
	before, _ := r.sum(t, r.doors[0])
	var ended endings
	inLanes(func(number int) {
		id := newID()
		if a := r.doors[0].ask("redemptions", id, r.cards[0], 1); a.status != http.StatusCreated {
			t.Errorf("a redemption was answered %v", a)
			return
		}
		answers := r.atOnce(len(r.doors), func(n int, l *till) answer {
			if (n+number)%2 == 0 {
				return l.confirm("redemptions", id, newID())
			}
			return l.reverse("redemptions", id, newID())
		})
		ended.add(id, oneWay(t, answers, number%2))
	})
	r.have(t, before-ended.count(txn.Confirmed))
	r.tellsOf(t, &ended, txn.Confirmed, txn.Reversed)
}

// oneWay gives the state of a request by what its advices were answered: confirmations and reversals by turns, and which of the
// answers is that of the first confirmation.
func oneWay(t *testing.T, answers []answer, confirmation int) txn.State {
	t.Helper()
	accepted, refused := map[txn.State]int{}, map[txn.State]int{}
	for n, a := range answers {
		end := txn.Reversed
		if n%2 == confirmation {
			end = txn.Confirmed
		}
		switch a.status {
		case http.StatusAccepted:
			accepted[end]++
		case http.StatusBadRequest:
			refused[end]++
		default:
			t.Errorf("an advice was answered %v", a)
		}
	}
	for end := range accepted {
		if len(accepted) == 1 && refused[end] == 0 {
			return end
		}
	}
	t.Errorf("of the advices of one request these were accepted: %v, and these refused: %v", accepted, refused)
	return txn.Absent
}

// endings are the states of requests by what their senders were answered.
type endings struct {
	mu sync.Mutex
	of map[ident.ID]txn.State
}

func (e *endings) add(id string, state txn.State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.of == nil {
		e.of = map[ident.ID]txn.State{}
	}
	e.of[ident.ID(id)] = state
}

// count gives how many have ended in a state.
func (e *endings) count(state txn.State) (n int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.of {
		if s == state {
			n++
		}
	}
	return n
}

// tellsOf expects that the store has each request in the state that its sender knows, and that some came out in each way.
func (r *race) tellsOf(t *testing.T, ended *endings, ways ...txn.State) {
	t.Helper()
	r.open(t, func(d *postgres.Driver) {
		kept := booksOf(messagesOf(t, d), 0)
		for id, state := range ended.of {
			if got := kept.requests[id].State; got != state {
				t.Errorf("request %s is %s, and by what was answered it must be %s", id, got, state)
			}
		}
	})
	for _, state := range ways {
		t.Logf("%d requests were %s", ended.count(state), state)
		if ended.count(state) == 0 {
			t.Errorf("no request was %s, so nothing was proved of that", state)
		}
	}
}

// theLastVouchers has more people buy than there are vouchers, at all servers. Each voucher is sold, and to one of them.
func (r *race) theLastVouchers(t *testing.T) {
	t.Helper()
	sold := map[string]bool{}
	for round := range lastRounds {
		if _, err := r.deliver(seen, lastStock); err != nil {
			t.Fatal(err)
		}
		for _, a := range r.atOnce(lastStock*len(r.doors), func(_ int, l *till) answer {
			return l.buy(newID(), sale{product: seen, amount: faceValue})
		}) {
			serial, _ := a.voucherSold()
			switch {
			case a.status == http.StatusCreated && serial != "" && !sold[serial]:
				sold[serial] = true
			case a.status != http.StatusBadRequest || a.refusal() != "OUT_OF_STOCK":
				t.Errorf("a purchase was answered %d %s; voucher %q was sold before: %t", a.status, a.refusal(), serial, sold[serial])
			}
		}
		if want := (round + 1) * lastStock; len(sold) != want {
			t.Fatalf("%d vouchers were sold, want %d", len(sold), want)
		}
	}
	for _, b := range r.stock(t, seen) {
		if b.Sold != lastStock || b.total() != lastStock {
			t.Errorf("a batch of %d has become %+v", lastStock, b)
		}
	}
}
