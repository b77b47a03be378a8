package sdk

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/scripworks/scrip/relay/relaytest"
	"github.com/scripworks/scrip/txn"
)

// child is a till's program in a process of its own, which can die. It is this test program, started again. It tells on
// its standard output what it was told for sure.
type child struct {
	Data, URL string
	Seed      uint64
	Clerks    int           // who sell at the same time; 0 is one
	Sales     int           // of each
	Deal      string        // what each sale is; empty is any, by chance
	Drain     time.Duration // that it waits for its queue in the end
	DieAt     int64         // boundary
	Hard      bool
}

// childEnv tells the test program that it is such a program, and which.
const childEnv = "SCRIP_TEST_TILL"

func TestMain(m *testing.M) {
	settings, isChild := os.LookupEnv(childEnv)
	if !isChild {
		os.Exit(m.Run())
	}
	if err := beChild(settings); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// diedAtBoundary is the exit code of one that died at a boundary as it was told to, and not by a signal.
const diedAtBoundary = 17

func beChild(text string) error {
	var c child
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	settings := testSettings(c.Data, c.URL)
	at := &relaytest.Boundaries{DieAt: c.DieAt}
	if !c.Hard {
		at.Die = func() { os.Exit(diedAtBoundary) }
	}
	settings.driver, settings.services = at.Driver, at.Services
	till, unsettled, err := Open(context.Background(), settings)
	if err != nil {
		return err
	}
	clerks := make([]error, max(1, c.Clerks))
	var working sync.WaitGroup
	for n := range clerks {
		p := &program{till: till, deal: c.Deal, chance: rand.New(rand.NewPCG(c.Seed, uint64(n)))}
		mine := unsettled
		if n > 0 {
			mine = nil
		}
		working.Go(func() { clerks[n] = p.work(mine, c.Sales) })
	}
	working.Wait()
	if err := errors.Join(clerks...); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.Drain)
	defer cancel()
	_ = till.Drain(ctx) // over a bad line it may take longer
	fmt.Println("done")
	return till.Close()
}

// program is what a till's program does, by chance.
type program struct {
	till   *Till
	deal   string
	chance *rand.Rand
}

// work decides what an earlier life has left, and then sells.
func (p *program) work(left []*Unsettled, sales int) error {
	for _, u := range left {
		if err := p.decide(&u.Transaction); err != nil {
			return err
		}
	}
	for range sales {
		if err := p.sell(); err != nil {
			return err
		}
	}
	return nil
}

// What a sale can be.
const (
	redeems   = "redeems"
	loads     = "loads"
	transfers = "transfers"
	purchases = "purchases"
)

var deals = []string{redeems, loads, transfers, purchases}

// Cards that the test has activated.
var (
	firstCard  = Card{PAN: "8561725642498548895", Expiry: "4010"}
	secondCard = Card{PAN: "6001000000000000011", Expiry: "4912"}
)

// sell asks for something, and mostly ends it. Only what this package never gives is an error here.
func (p *program) sell() error {
	t, err := p.ask(context.Background())
	if err != nil {
		_, declined := errors.AsType[*Declined](err)
		_, notTaken := errors.AsType[*NotTaken](err)
		unknown, isUnknown := errors.AsType[*Unknown](err)
		if declined || notTaken || isUnknown && unknown.Reversing {
			return nil
		}
		return err
	}
	fmt.Println("approved", t.ID)
	if p.chance.IntN(5) == 0 { // and forgets about it
		return nil
	}
	return p.decide(t)
}

func (p *program) ask(ctx context.Context) (*Transaction, error) {
	amount, deal := 1+p.chance.Int64N(500), p.deal
	if deal == "" {
		deal = deals[p.chance.IntN(len(deals))]
	}
	switch deal {
	case loads:
		return transactionOf(p.till.Load(ctx, Load{Card: firstCard, Amount: amount}))
	case transfers:
		return transactionOf(p.till.Transfer(ctx, Transfer{From: firstCard, To: secondCard, Amount: amount}))
	case purchases:
		bought, err := p.till.Purchase(ctx, Order{Product: "productId123"})
		if err != nil {
			return nil, err
		}
		return &bought.Transaction, nil
	}
	return transactionOf(p.till.Redeem(ctx, Redemption{Card: firstCard, Amount: amount}))
}

func transactionOf(a *Approval, err error) (*Transaction, error) {
	if err != nil {
		return nil, err
	}
	return &a.Transaction, nil
}

// decide ends a transaction, and tells that it was told so.
func (p *program) decide(t *Transaction) error {
	ctx, role := context.Background(), txn.Confirmation
	var err error
	switch {
	case p.chance.IntN(3) == 0:
		role, err = txn.Reversal, t.Reverse(ctx)
	case t.Operation != OpPurchase && t.Amount.Minor > 1 && p.chance.IntN(3) == 0:
		err = t.ConfirmPart(ctx, t.Amount.Minor/2)
	default:
		err = t.Confirm(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s of %s: %w", role, t.ID, err)
	}
	fmt.Println(role.Ending(), t.ID)
	return nil
}

// life is what became of a child: what it told, and whether it came to its end.
type life struct {
	done bool
	told map[string]txn.State // by request
}

// run starts a child and waits until it has ended. killAfter kills it some time later; 0 does not.
func (c child) run(t *testing.T, killAfter time.Duration) life {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	settings, err := json.Marshal(c)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), childWithin)
	defer cancel()
	command := exec.CommandContext(ctx, self)
	command.Env = append(os.Environ(), childEnv+"="+string(settings))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	if killAfter > 0 {
		timer := time.AfterFunc(killAfter, func() { _ = command.Process.Kill() }) // it may have ended
		defer timer.Stop()
	}
	l := life{told: map[string]txn.State{}}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		l.hear(t, lines.Text())
	}
	err = command.Wait()
	if died := command.ProcessState.ExitCode(); err != nil && died != diedAtBoundary && died != -1 || ctx.Err() != nil {
		t.Fatalf("the till's program ended with %v; %+v", err, c)
	}
	return l
}

// childWithin bounds the life of a child that does not die.
const childWithin = time.Minute

func (l *life) hear(t *testing.T, line string) {
	t.Helper()
	said, id, _ := strings.Cut(line, " ")
	if said == "done" {
		l.done = true
		return
	}
	state := txn.Open
	if said != "approved" {
		var known bool
		if state, known = txn.ParseState(said); !known {
			t.Fatalf("the till's program said %q", line)
		}
	}
	l.told[id] = state
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
