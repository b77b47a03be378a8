package ratio

import (
	"context"
	"errors"
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
	"github.com/scripworks/scrip/invariant"
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
	// voucherEvery is how many transactions there are to a voucher from stock, which can be found by its serial and its PIN.
	voucherEvery = 200
	// sampled is how many transactions are remembered, spread over the whole history, to be looked up later.
	sampled = 500
	// progressSteps is how often generating says how far it is.
	progressSteps = 20
	// toppedUp is the airtime product of top-ups, and the network that it is for.
	toppedUp = "toppedup"
	// numberPrefix begins the numbers that are topped up.
	numberPrefix = "2774"
)

// kind is what is done in a transaction.
type kind int

const (
	redemption kind = iota
	topUp
	voucher
)

// kindOf is the kind of the nth transaction.
func kindOf(n int64) kind {
	switch {
	case n%topUpEvery == 0:
		return topUp
	case n%voucherEvery == 1:
		return voucher
	}
	return redemption
}

// vouchersIn is how many of the first so many transactions are vouchers.
func vouchersIn(total int64) int64 { return (total + voucherEvery - 2) / voucherEvery }

// leastHistory is how many transactions have one of each kind among them.
const leastHistory = 3

// sample is a transaction by all that it can be found by. Redemptions alone have a card, top-ups a number and a label,
// vouchers a serial and a PIN.
type sample struct {
	at            time.Time // received
	id, advice    ident.ID
	reference     ident.Reference
	slip          string // our own reference
	pan           string
	msisdn, label string
	serial, pin   string
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
	if err == nil {
		err = g.verify(ctx)
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

// verify computes once everything that must be true of the store, as scrip verify does. What it has to remember grows with
// the cards and the vouchers, not with the transactions.
func (g *generator) verify(ctx context.Context) error {
	begun := time.Now()
	report, err := invariant.Check(ctx, g.app.Store.Driver())
	switch {
	case err != nil:
		return fmt.Errorf("verify the history: %w", err)
	case len(report.Faults) > 0:
		return fmt.Errorf("the history is not sound: %s, and %d more", report.Faults[0], int64(len(report.Faults))-1+report.More)
	case report.Messages < 2*g.total:
		return fmt.Errorf("the history has %d messages, fewer than two for each of %d transactions", report.Messages, g.total)
	}
	g.say("verified %d messages, %d entries and %d vouchers in %s, 0 faults",
		report.Messages, report.Entries, report.Vouchers, time.Since(begun).Round(time.Second/10))
	return nil
}

// take takes the nth transaction: a request and its confirmation.
func (g *generator) take(ctx context.Context, n int64) (err error) {
	s := g.sample(n)
	switch kindOf(n) {
	case topUp:
		err = g.topUp(ctx, n, &s)
	case voucher:
		err = g.sell(ctx, &s)
	default:
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
	switch kindOf(n) {
	case topUp:
		return n/topUpEvery%max(spread/topUpEvery, 1) == 0
	case voucher:
		return n/voucherEvery%max(spread/voucherEvery, 1) == 0
	}
	return n%spread == min(spread-1, 2) // the first of a spread may be a top-up every time, and the second a voucher
}

func (g *generator) redeem(ctx context.Context, s *sample) error {
	pan := g.pans[rand.IntN(len(g.pans))]
	s.pan = pan.Reveal()
	r := g.redemption(s, pan)
	r.Body = g.bodyOf(s)
	response, err := g.issuer.Request(ctx, r)
	if err != nil {
		return err
	}
	s.slip = response.Reference
	_, err = g.issuer.Advise(ctx, g.confirmation(txn.Redemption, s))
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
	_, err = g.purchase(ctx, s, &airtime.Request{Product: toppedUp, Amount: g.amount(), Recipient: recipient, Labels: []string{s.label}})
	return err
}

// sell sells a voucher from stock.
func (g *generator) sell(ctx context.Context, s *sample) error {
	s.at = time.Now()
	sold, err := g.purchase(ctx, s, &airtime.Request{Product: stockedProduct})
	if err != nil {
		return err
	}
	if sold.Voucher == nil {
		return errors.New("the purchase brought no voucher")
	}
	s.serial, s.pin = sold.Voucher.Serial, sold.Voucher.PIN.Reveal()
	return nil
}

// purchase completes a request with what all have, and makes it and its confirmation.
func (g *generator) purchase(ctx context.Context, s *sample, r *airtime.Request) (*airtime.Response, error) {
	r.Family, r.ID, r.Sender, r.Received = txn.Purchase, s.id, g.sender, s.at
	r.References, r.Origin = []ident.Reference{s.reference}, origin
	wire, err := airtimehttp.Compose(r)
	if err != nil {
		return nil, err
	}
	r.Body = exchange.Keep(wire)
	response, err := g.app.Vendor.Request(ctx, r)
	if err != nil {
		return nil, err
	}
	s.slip = response.Reference
	_, err = g.app.Vendor.Advise(ctx, &airtime.Advice{Advice: *g.confirmation(txn.Purchase, s)})
	return response, err
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
