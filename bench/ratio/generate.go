package ratio

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtimehttp"
	"github.com/scripworks/scrip/app"
	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/exchange"
	"github.com/scripworks/scrip/giftcard"
	"github.com/scripworks/scrip/giftcardhttp"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/network"
	"github.com/scripworks/scrip/secret"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

const (
	// growWorkers is how many messages are at work at once: enough for a full batch to be waiting whenever one commits.
	growWorkers = 1024
	// topUpEvery is how many transactions there are to a top-up, which can be found by its number and its label.
	topUpEvery = 50
	// sampled is how many transactions are remembered, spread over the whole history, to be looked up later.
	sampled = 500
	// progressSteps is how often generating says how far it is.
	progressSteps = 20
	// toppedUp is the airtime product of top-ups, and the network that it is for.
	toppedUp = "toppedup"
	// numberPrefix begins the numbers that are topped up.
	numberPrefix = "2774"
)

// sample is a transaction by all that it can be found by. Top-ups have no card, redemptions no number and no label.
type sample struct {
	at            time.Time // received
	id, advice    ident.ID
	reference     ident.Reference
	pan           string
	msisdn, label string
}

// topUps are the commands that make the product of top-ups, and the network of those who are topped up.
func topUps() []act {
	return []act{
		{[]string{"network", "put", toppedUp, "--name", toppedUp, "--country", "ZA", "--prefix", numberPrefix, "--reason", "benchmark"}, ""},
		{[]string{
			"product", "airtime", "put", toppedUp, "--name", toppedUp, "--type", "AIRTIME_VARIABLE", "--top-up", "--network", toppedUp,
			"--provider", app.SimulatedNetwork, "--limit", "1:100000:" + currency, "--reason", "benchmark",
		}, ""},
	}
}

// generator makes a history: it is the till and the server in one, with the server's own rules and store between them and
// no wire. So it is as true as one that came over the wire.
type generator struct {
	app      *app.App
	issuer   *giftcard.Issuer
	sender   *txn.Sender
	currency money.Currency
	pans     []ident.PAN

	model     sample // of a redemption
	modelBody string

	total int64
	begun atomic.Int64
	done  atomic.Int64
	say   func(string, ...any)

	mu      sync.Mutex
	samples []sample
	failed  error
}

// generate opens the store of a server that does not run, and lets it take so many transactions.
func (h *history) generate(ctx context.Context, of *server) (_ []sample, err error) {
	settings := app.Settings{Data: of.dir, Database: of.database, Network: &network.Settings{}}
	opened, err := app.New(ctx, settings)
	if err != nil {
		return nil, err
	}
	g, err := newGenerator(opened, of.cards, h.Transactions, h.say)
	if err == nil {
		err = g.run(ctx)
	}
	if stopped := opened.Stop(context.WithoutCancel(ctx)); err == nil {
		err = stopped
	}
	if err != nil {
		return nil, err
	}
	return g.samples, nil
}

func newGenerator(opened *app.App, cards []bench.Card, transactions int64, say func(string, ...any)) (*generator, error) {
	account, found := opened.Register.AccountByName(ident.Production, user)
	if !found {
		return nil, fmt.Errorf("the store has no account %s", user)
	}
	g := &generator{
		app: opened, sender: account.Sender(), total: transactions, say: say,
		issuer: giftcard.NewIssuer(giftcard.Settings{Store: store.Giftcard(opened.Store), Keys: opened.Keys, Products: opened.Register}),
	}
	var err error
	if g.currency, err = money.ParseCurrency(currency); err != nil {
		return nil, err
	}
	for _, card := range cards {
		pan, err := ident.ParsePAN(card.PAN)
		if err != nil {
			return nil, err
		}
		g.pans = append(g.pans, pan)
	}
	return g, g.compose()
}

// run takes all transactions, or as many as go well.
func (g *generator) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wait sync.WaitGroup
	for range min(growWorkers, g.total) {
		wait.Go(func() {
			for {
				n := g.begun.Add(1) - 1
				if n >= g.total || ctx.Err() != nil {
					return
				}
				if err := g.take(ctx, n); err != nil {
					g.fail(err)
					cancel()
					return
				}
			}
		})
	}
	wait.Wait()
	if g.failed != nil {
		return g.failed
	}
	return ctx.Err()
}

func (g *generator) fail(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.failed == nil {
		g.failed = err
	}
}

// take takes the nth transaction: a request and its confirmation.
func (g *generator) take(ctx context.Context, n int64) (err error) {
	s := g.sample(n)
	if n%topUpEvery == 0 {
		err = g.topUp(ctx, n, &s)
	} else {
		err = g.redeem(ctx, &s)
	}
	if err != nil {
		return fmt.Errorf("transaction %d: %w", n, err)
	}
	g.keep(n, s)
	return nil
}

// sample makes what a transaction can be found by.
func (g *generator) sample(n int64) sample {
	return sample{id: secret.NewID(), advice: secret.NewID(), reference: ident.Reference{Institution: user, Identifier: fmt.Sprintf("T%012d", n)}}
}

// keep remembers a sample now and then, and says how far it is.
func (g *generator) keep(n int64, s sample) {
	if done := g.done.Add(1); done%max(g.total/progressSteps, 1) == 0 {
		g.say("%d of %d transactions", done, g.total)
	}
	if g.isSample(n) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.samples = append(g.samples, s)
	}
}

// isSample says whether the nth transaction is remembered: about so many of each kind as sampled says, or all of a short
// history.
func (g *generator) isSample(n int64) bool {
	spread := max(g.total/sampled, 1)
	if n%topUpEvery == 0 {
		return n/topUpEvery%max(spread/topUpEvery, 1) == 0
	}
	return n%spread == min(spread-1, 1) // the first of a spread may be a top-up every time
}

func (g *generator) redeem(ctx context.Context, s *sample) error {
	pan := g.pans[rand.IntN(len(g.pans))]
	s.pan = pan.Reveal()
	r := g.redemption(s, pan)
	r.Body = g.bodyOf(s)
	if _, err := g.issuer.Request(ctx, r); err != nil {
		return err
	}
	_, err := g.issuer.Advise(ctx, g.confirmation(txn.Redemption, s))
	return err
}

// redemption is a request without its body.
func (g *generator) redemption(s *sample, pan ident.PAN) *giftcard.Request {
	s.at = time.Now()
	return &giftcard.Request{
		Family: txn.Redemption, ID: s.id, Sender: g.sender, Received: s.at, Card: giftcard.Presented{PAN: pan, Expiry: expiry},
		Amount: g.amount(), References: []ident.Reference{s.reference}, Origin: origin,
	}
}

// amount draws one around that of the loads.
func (g *generator) amount() *money.Amount {
	return &money.Amount{Minor: money.Minor(1 + rand.Int64N(2*bench.DefaultAmount-1)), Currency: g.currency}
}

func (g *generator) topUp(ctx context.Context, n int64, s *sample) error {
	s.at, s.msisdn, s.label = time.Now(), numberPrefix+fmt.Sprintf("%07d", n/topUpEvery), "order "+strconv.FormatInt(n, 10)
	recipient, err := ident.ParseMSISDN(s.msisdn)
	if err != nil {
		return err
	}
	r := &airtime.Request{
		Family: txn.Purchase, ID: s.id, Sender: g.sender, Received: s.at, Product: toppedUp, Amount: g.amount(), Recipient: recipient,
		References: []ident.Reference{s.reference}, Labels: []string{s.label}, Origin: origin,
	}
	wire, err := airtimehttp.Compose(r)
	if err != nil {
		return err
	}
	r.Body = exchange.Keep(wire)
	if _, err = g.app.Vendor.Request(ctx, r); err != nil {
		return err
	}
	_, err = g.app.Vendor.Advise(ctx, &airtime.Advice{Advice: *g.confirmation(txn.Purchase, s)})
	return err
}

// confirmation is the advice that ends a sample's request.
func (g *generator) confirmation(family txn.Family, s *sample) *txn.Advice {
	a := &txn.Advice{
		Family: family, Role: txn.Confirmation, ID: s.advice, RequestID: s.id, Sender: g.sender, Received: time.Now(),
		References: []ident.Reference{s.reference},
	}
	a.Body = exchange.Keep(exchange.ComposeAdvice(a))
	return a
}

// origin is the till that all requests of a history come from.
var origin = &txn.Origin{
	Institution: txn.Party{ID: user, Name: "Corner Stores Group"}, Client: txn.Party{ID: user, Name: "Corner Stores Group"},
	Terminal: "00000117", Operator: "cashier-07",
	Merchant: txn.Merchant{
		Type: "5411", ID: "000000000012345", Name: "Corner Store Rosebank", City: "Johannesburg", Region: "GP", Country: "ZA",
	},
	Settlement: &txn.Party{ID: "30000001", Name: "Settlement House"}, Receiver: &txn.Party{ID: "40000001", Name: "Gift Card Issuer"},
}

// bodyOf is a redemption as it is kept. One is composed, and the others differ from it in two texts: composing is judged
// by the contract's document, which would take longer than all else.
func (g *generator) bodyOf(s *sample) []byte {
	return []byte(strings.NewReplacer(string(g.model.id), string(s.id), g.model.reference.Identifier, s.reference.Identifier).Replace(g.modelBody))
}

// compose makes the body that the others are made from.
func (g *generator) compose() error {
	g.model = g.sample(g.total)
	wire, err := giftcardhttp.Compose(g.redemption(&g.model, g.pans[0]))
	g.modelBody = string(exchange.Keep(wire))
	return err
}
