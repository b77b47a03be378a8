// Package bench puts a gift card or airtime server under load and reports what came of it. It speaks
// the published contracts (Giftcard v3, Airtime v5) and nothing else, so it can drive any server of them.
//
// It promises three things. The generator is not what is measured: messages are made by filling
// gaps in prepared bytes and answers are read by a small parser of its own, which together cost a
// few microseconds. No latency is left out: with an open loop (a given rate) a message's clock
// starts when it was due, so a server that stalls is charged for everything that had to wait. And
// it counts as acknowledged exactly what the server acknowledged, so that a store can be checked
// against the report afterwards. It is a load and not a till: an unknown outcome is counted and
// not seen through.
package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mode says what a cycle of the load consists of.
type Mode string

// The modes.
const (
	// ModeRedeem is a redemption and its confirmation.
	ModeRedeem Mode = "redeem"
	// ModeRedeemOnly is a redemption that stays open.
	ModeRedeemOnly Mode = "redeem-only"
	// ModeLoad is a load and its confirmation.
	ModeLoad Mode = "load"
	// ModeLookup is a look-up.
	ModeLookup Mode = "lookup"
	// ModeDay is a mixed day: of 100 cycles 60 redeem and confirm, 15 load and confirm, 20 look
	// up, 3 activate and confirm, 2 redeem and reverse.
	ModeDay Mode = "day"
	// ModeHot is ModeRedeemOnly with every redemption on the first card.
	ModeHot Mode = "hot"
	// ModeVoucher is the purchase of an airtime voucher and its confirmation.
	ModeVoucher Mode = "voucher"
	// ModeVoucherOnly is a purchase that stays open.
	ModeVoucherOnly Mode = "voucher-only"
)

// Modes lists the modes there are.
var Modes = []Mode{ModeRedeem, ModeRedeemOnly, ModeLoad, ModeLookup, ModeDay, ModeHot, ModeVoucher, ModeVoucherOnly}

// Airtime says whether the mode is of Airtime v5: it needs no cards, and Target.Product is what it buys.
func (m Mode) Airtime() bool { return m == ModeVoucher || m == ModeVoucherOnly }

// Bounds and defaults of a plan.
const (
	// MaxClients bounds the connections of one run.
	MaxClients = 10_000
	// DefaultTimeout is the contract's time-out of a message.
	DefaultTimeout = 60 * time.Second
	// DefaultAmount is the mean amount of a redemption or load, in minor units.
	DefaultAmount = 100
	// MaxRate bounds the cycles a second of an open loop.
	MaxRate = 10_000_000
	// MaxAmount bounds the mean amount, so that no sum of a run overflows.
	MaxAmount = 1_000_000_000
	// DefaultCurrency is the currency of the contract's examples.
	DefaultCurrency = "710"
	// maxDrain bounds how long an open loop goes on after its end with what was due before it.
	maxDrain = 5 * time.Second
	// redialPause is how long a worker waits after a message without an answer, so that a dead
	// server is not dialled in a tight loop.
	redialPause = 20 * time.Millisecond
)

// Target is the server to be driven and whom to be there.
type Target struct {
	// URL is the server's base URL, with or without the base path of gift cards.
	URL string
	// User and Password identify the account (HTTP Basic). The user name is also sent as the
	// id of the originating institution and of the client.
	User, Password string
	// Product is the gift card product to activate cards for, which requests name too, or the
	// airtime product to buy. It is needed only where cards are activated, and for airtime.
	Product string
	// Currency is the ISO 4217 number of all amounts; DefaultCurrency when empty.
	Currency string
	// TLS is used where the URL's scheme is https; nil means the system's roots.
	TLS *tls.Config
	// Dial, when given, makes the connections in place of TCP and TLS.
	Dial func(context.Context) (net.Conn, error)
}

// Plan is one run.
type Plan struct {
	Target Target
	Mode   Mode
	// Cards are active and have funds; Prepare brings them there. Each cycle takes one at random.
	Cards []Card
	// Fresh are cards that can be activated, which ModeDay does.
	Fresh []Card
	// Clients is the number of connections, each with one message at a time.
	Clients int
	// Rate makes the loop open: that many cycles are begun each second, evenly spaced, whatever
	// the server does; what finds no free connection waits while its clock runs. 0 is the closed
	// loop, in which every client begins its next cycle when the one before it has ended.
	Rate float64
	// Duration is how long cycles are begun and counted, after Warmup, in which they are not
	// counted (but what is acknowledged then is).
	Duration, Warmup time.Duration
	// Cycles, when above 0, ends the run after that many cycles if Duration, which may then be
	// 0, has not ended it before.
	Cycles int64
	// Amount is the mean amount of redemptions and loads in minor units; amounts are spread
	// evenly around it. Opening is what activations ask for; 0 is nothing.
	Amount, Opening int64
	// Timeout bounds the wait for each answer; DefaultTimeout when 0.
	Timeout time.Duration
	// Acknowledged, when given, receives one line for each message that was acknowledged or
	// whose outcome is unknown; see AcknowledgedHeader.
	Acknowledged io.Writer
}

// withDefaults fills in what may be left out.
func (p Plan) withDefaults() Plan {
	p.Target = p.Target.withDefaults()
	if p.Amount == 0 {
		p.Amount = DefaultAmount
	}
	if p.Timeout == 0 {
		p.Timeout = DefaultTimeout
	}
	if p.Mode == ModeHot && len(p.Cards) > 0 {
		p.Cards = p.Cards[:1]
	}
	return p
}

func (t Target) withDefaults() Target {
	if t.Currency == "" {
		t.Currency = DefaultCurrency
	}
	return t
}

// check says what is wrong with a plan.
func (p Plan) check() error { return asked(p.fault()) }

// fault finds what cannot be carried out.
func (p Plan) fault() error {
	switch {
	case !slices.Contains(Modes, p.Mode):
		return fmt.Errorf("no such mode: %q", p.Mode)
	case len(p.Cards) == 0 && !p.Mode.Airtime():
		return errors.New("no cards to use")
	case p.Target.Product == "" && p.Mode.Airtime():
		return errors.New("no product to buy")
	case p.Mode == ModeDay && len(p.Fresh) < p.Clients:
		return fmt.Errorf("a mixed day activates cards: it needs at least as many fresh cards as clients (%d), not %d",
			p.Clients, len(p.Fresh))
	case p.Clients < 1 || p.Clients > MaxClients:
		return fmt.Errorf("clients must be 1 to %d", MaxClients)
	case p.Duration <= 0 && p.Cycles <= 0:
		return errors.New("neither duration nor number of cycles given")
	case p.Duration < 0 || p.Warmup < 0 || p.Rate < 0 || p.Rate > MaxRate:
		return fmt.Errorf("duration, warm-up and rate must not be negative, and the rate not above %d", MaxRate)
	case p.Amount < 1 || p.Amount > MaxAmount || p.Opening < 0:
		return fmt.Errorf("the amount must be 1 to %d and the opening amount not negative", MaxAmount)
	}
	return nil
}

// OptionError says that something cannot be measured as it was asked for. Nothing was begun.
type OptionError struct{ Err error }

// Error implements error.
func (e *OptionError) Error() string { return e.Err.Error() }

// Unwrap gives what is wrong.
func (e *OptionError) Unwrap() error { return e.Err }

// asked says of an error, if there is one, that it is in what was asked for.
func asked(err error) error {
	if err == nil {
		return nil
	}
	return &OptionError{err}
}

// parse reads the target's URL and refuses what could not be sent.
func (t Target) parse() (*url.URL, error) {
	base, err := url.Parse(t.URL)
	switch {
	case err != nil:
		return nil, asked(fmt.Errorf("target: %w", err))
	case base.Scheme != "http" && base.Scheme != "https" || base.Hostname() == "":
		return nil, asked(fmt.Errorf("target %q: must be http://host or https://host", t.URL))
	case strings.ContainsAny(t.User+t.Product+t.Currency, "‹›"):
		return nil, asked(errors.New("target: user, product and currency must not contain ‹ or ›"))
	}
	return base, nil
}

// Run drives the target as planned. It returns an error only when the plan cannot be carried out
// at all (OptionError) or the log of what was acknowledged cannot be written; what the server does wrong is in
// the report. When the context ends, the run stops at once and reports what it has.
func Run(ctx context.Context, plan Plan) (Report, error) {
	plan = plan.withDefaults()
	if err := plan.check(); err != nil {
		return Report{}, err
	}
	run, err := newRun(plan)
	if err != nil {
		return Report{}, err
	}
	defer run.close()
	warm := new(tally)
	if plan.Warmup > 0 {
		warm, _ = run.phase(ctx, plan.Warmup, 0)
	}
	counted, elapsed := run.phase(ctx, plan.Duration, plan.Cycles)
	report := newReport(plan, counted, elapsed)
	report.acknowledge(warm, counted)
	return report, run.log.flush()
}

// run is a plan being carried out.
type run struct {
	plan    Plan
	workers []*worker
	fresh   chan Card
	log     *acknowledgedLog
}

func newRun(plan Plan) (*run, error) {
	base, err := plan.Target.parse()
	if err != nil {
		return nil, err
	}
	r := &run{plan: plan, log: newAcknowledgedLog(plan.Acknowledged), fresh: make(chan Card, len(plan.Fresh))}
	for _, card := range plan.Fresh {
		r.fresh <- card
	}
	messages := newMessages(plan.Target, base)
	for number := range plan.Clients {
		r.workers = append(r.workers, newWorker(r, messages, plan.Target.caller(base, plan.Timeout), number))
	}
	return r, nil
}

// caller makes a caller of the target.
func (t Target) caller(base *url.URL, timeout time.Duration) caller {
	dial := t.Dial
	if dial == nil {
		dial = dialer(base, t.TLS)
	}
	return caller{dial: dial, timeout: timeout}
}

func (r *run) close() {
	for _, w := range r.workers {
		w.caller.close()
	}
}

// phase lets all workers run cycles for a while, or until that many were begun (0 is no limit),
// and returns what they counted and how long it took until the last one was done.
func (r *run) phase(ctx context.Context, duration time.Duration, cycles int64) (*tally, time.Duration) {
	schedule := newSchedule(time.Now(), r.plan.Rate, duration, cycles)
	var wait sync.WaitGroup
	for _, w := range r.workers {
		w.tally = newTally()
		wait.Go(func() { w.work(ctx, schedule) })
	}
	wait.Wait()
	elapsed := time.Since(schedule.start)
	total := newTally()
	for _, w := range r.workers {
		total.merge(w.tally)
	}
	total.missed = schedule.missed(time.Now())
	return total, elapsed
}
