package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/bench/echo"
	"github.com/scripworks/scrip/bench/ratio"
	"github.com/scripworks/scrip/bench/stub"
)

// benchCmd is `scrip bench`: a load on any server, and the measurements of this one.
type benchCmd struct {
	Load    benchLoadCmd    `cmd:"" default:"withargs" help:"Put any Giftcard v3 or Airtime v5 server under load and report what came of it; 'load' may be left out."`
	Suite   benchSuiteCmd   `cmd:"" help:"Measure everything that is promised of both stores, against a bare echo, pgbench and a plain implementation."`
	Ratios  benchRatiosCmd  `cmd:"" help:"Measure the embedded store further: lateness, disk, vouchers, many cards, growth and start."`
	History benchHistoryCmd `cmd:"" help:"Measure stores with a long history: what a redemption costs, and how long look-ups take."`
	Echo    benchEchoCmd    `cmd:"" help:"Serve the bare echo that the ratios compare with."`
	Plain   benchPlainCmd   `cmd:"" help:"Serve the plain implementation of redemption that the suite compares with."`
	Relay   benchRelayCmd   `cmd:"" help:"Measure the relay in front of an issuer, and its queue behind a dead upstream and after."`
	Stub    benchStubCmd    `cmd:"" help:"Serve the bare upstream that the queue is measured against."`
}

// Help shows an example.
func (benchCmd) Help() string {
	return "Example: redeem on a thousand cards for ten seconds\n" +
		"  SCRIP_BENCH_PASSWORD=secret scrip bench http://127.0.0.1:8080 --user till1 --pan-from 6001000000000000 --product gold"
}

// benchLoadCmd is `scrip bench URL`.
type benchLoadCmd struct {
	URL      string `arg:"" help:"Base URL of the server; /giftcard/v3 at its end may stay."`
	Mode     string `enum:"redeem,redeem-only,load,lookup,day,hot,voucher,voucher-only" default:"redeem" help:"What a cycle is: redeem or load (with confirmation), redeem-only, lookup, day (a mixed day), hot (redemptions, all on the first card), voucher (the purchase of --product, with confirmation), voucher-only."`
	User     string `env:"SCRIP_BENCH_USER" help:"User name of the account; also sent as the client's id."`
	Password string `env:"SCRIP_BENCH_PASSWORD" help:"Password of the account; better given by the environment."`

	Cards    string `type:"existingfile" xor:"cards" help:"One of two: a file with a card on each line: PAN,expiry,PIN; the last two may be left out."`
	PANFrom  string `name:"pan-from" xor:"cards" help:"One of two: the first card number of --count consecutive ones."`
	Count    int    `default:"1000" help:"Number of cards from --pan-from on."`
	Expiry   string `help:"Expiry (YYMM) of the cards from --pan-from on."`
	Product  string `help:"Product to activate cards for, and to name in requests; the airtime product to buy."`
	Currency string `default:"710" help:"ISO 4217 number of all amounts."`

	Clients  int           `default:"32" help:"Connections, each with one message at a time."`
	Rate     float64       `help:"Begin that many cycles a second, whatever the server does, and measure from when each was due (open loop). 0 is the closed loop."`
	Duration time.Duration `default:"10s" help:"How long to measure."`
	Warmup   time.Duration `default:"2s" help:"How long to drive without measuring before that."`
	Cycles   int64         `help:"End after that many cycles, if the duration has not ended it before."`
	Timeout  time.Duration `default:"60s" help:"How long to wait for each answer."`
	Amount   int64         `default:"100" help:"Mean amount of a redemption or load, in minor units."`

	Prepare bool   `default:"true" negatable:"" help:"Activate and fund the cards before; an active card is loaded only with what it lacks."`
	Funding int64  `help:"What each card shall have available before the run, in minor units (default 10000000; 100000000000 for hot)."`
	Opening *int64 `help:"Amount to ask for at activation; 0 for products with a fixed one (default: --funding)."`
	Fresh   int    `help:"Cards from the end of the list to leave for the activations of a mixed day (default: a tenth, at least two for each client)."`

	JSON         string `name:"json" placeholder:"FILE" help:"Write the report as JSON too; - writes it to standard output in place of the text."`
	Acknowledged string `placeholder:"FILE" help:"Write a line for each message that was acknowledged, or may have been applied: outcome, kind, id, request, amount."`

	tlsFlags
}

// Help shows an example.
func (benchLoadCmd) Help() string {
	return `Example: a minute of a mixed day on 10,000 cards of a local server, 2,000 cycles a second

  SCRIP_BENCH_PASSWORD=secret scrip bench http://127.0.0.1:8080 --user till1 --mode day \
      --pan-from 6001000000000000 --count 10000 --expiry 4912 --product product001 \
      --rate 2000 --duration 1m --json report.json

Name the cards by one of --cards and --pan-from. Each run is real traffic: it moves money on the cards. Latencies are of successful messages only.
The exit code is 1 when nothing at all was acknowledged.`
}

// Validate wants to know the cards. That they are named in one way only, the tags see to.
func (c *benchLoadCmd) Validate() error {
	if bench.Mode(c.Mode).Airtime() {
		return nil
	}
	if c.Cards == "" && c.PANFrom == "" {
		return errors.New("one of --cards and --pan-from must be given")
	}
	return nil
}

// What cards are funded with unless told otherwise, in minor units.
const (
	benchFunding    = 10_000_000
	benchFundingHot = 100_000_000_000
)

// Run prepares the cards, drives the load and writes the report.
func (c *benchLoadCmd) Run(ctx context.Context) error {
	plan, err := c.plan()
	if err != nil {
		return usageError{err}
	}
	if err := c.prepare(ctx, &plan); err != nil {
		return err
	}
	report, err := c.drive(ctx, plan)
	if err != nil {
		return err
	}
	if err := writeBoth(c.JSON, report); err != nil {
		return err
	}
	if len(report.Acknowledged) == 0 {
		return errors.New("nothing was acknowledged")
	}
	return nil
}

// drive carries out the plan, with a log of what was acknowledged where one is wanted.
func (c *benchLoadCmd) drive(ctx context.Context, plan bench.Plan) (bench.Report, error) {
	if c.Acknowledged == "" {
		return bench.Run(ctx, plan)
	}
	file, err := os.OpenFile(c.Acknowledged, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return bench.Report{}, err
	}
	plan.Acknowledged = file
	report, err := bench.Run(ctx, plan)
	return report, errors.Join(err, file.Close())
}

// plan reads the cards and the certificates.
func (c *benchLoadCmd) plan() (plan bench.Plan, err error) {
	plan = bench.Plan{
		Mode: bench.Mode(c.Mode), Clients: c.Clients, Rate: c.Rate, Duration: c.Duration, Warmup: c.Warmup,
		Cycles: c.Cycles, Timeout: c.Timeout, Amount: c.Amount, Opening: min(c.opening(), c.Amount),
		Target: bench.Target{URL: c.URL, User: c.User, Password: c.Password, Product: c.Product, Currency: c.Currency},
	}
	if plan.Target.TLS, err = c.tlsFlags.config(); err != nil {
		return plan, err
	}
	if plan.Mode.Airtime() {
		return plan, nil
	}
	plan.Cards, err = c.cards()
	if plan.Mode == bench.ModeHot && len(plan.Cards) > 0 {
		plan.Cards = plan.Cards[:1]
	}
	return plan, err
}

func (c *benchLoadCmd) cards() ([]bench.Card, error) {
	if c.Cards == "" {
		return bench.ConsecutiveCards(c.PANFrom, c.Count, c.Expiry)
	}
	file, err := os.Open(c.Cards)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return bench.ReadCards(file)
}

// prepare splits the cards into those to use and those to activate, and readies them if asked to.
func (c *benchLoadCmd) prepare(ctx context.Context, plan *bench.Plan) error {
	if plan.Mode.Airtime() {
		return nil
	}
	fresh := 0
	if plan.Mode == bench.ModeDay {
		if fresh = c.Fresh; fresh == 0 {
			fresh = max(len(plan.Cards)/10, 2*c.Clients)
		}
		if fresh >= len(plan.Cards) {
			return usageError{fmt.Errorf("%d fresh cards of %d leave none to use", fresh, len(plan.Cards))}
		}
	}
	if !c.Prepare {
		split := len(plan.Cards) - fresh
		plan.Cards, plan.Fresh = plan.Cards[:split], plan.Cards[split:]
		return nil
	}
	done, err := bench.Prepare(ctx, bench.Preparation{
		Target: plan.Target, Cards: plan.Cards, Opening: c.opening(), Funding: c.funding(), Fresh: fresh,
		Clients: c.Clients, Timeout: c.Timeout, Progress: os.Stderr,
	})
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, done.Summary())
	plan.Cards, plan.Fresh = done.Active, done.Fresh
	return nil
}

func (c *benchLoadCmd) funding() int64 {
	switch {
	case c.Funding > 0:
		return c.Funding
	case c.Mode == string(bench.ModeHot):
		return benchFundingHot
	}
	return benchFunding
}

func (c *benchLoadCmd) opening() int64 {
	if c.Opening != nil {
		return *c.Opening
	}
	return c.funding()
}

// benchRatiosCmd is `scrip bench ratios`.
type benchRatiosCmd struct {
	Runs     int           `default:"3" help:"Rounds; each figure is their median."`
	Duration time.Duration `default:"10s" help:"Length of each measurement."`
	Warmup   time.Duration `default:"1s" help:"How long to drive without measuring before each."`
	Quick    bool          `help:"One round of a second each, on 1000 cards: shows that it works, and no more."`

	Cards        int   `default:"10000" help:"Cards in the store."`
	CompareCards int   `help:"Compare the cost of a redemption with a second store of that many cards."`
	Vouchers     int   `help:"Make a store with that many airtime vouchers in stock, by one import, and sell from it; three rounds of 10 s sell about 2000000."`
	Transactions int64 `help:"Grow the store by that many transactions before memory and start are measured."`

	Dir    string `type:"existingdir" help:"Where to keep the stores while it lasts: the disk to measure (default: the working directory)."`
	Scrip  string `type:"existingfile" help:"The program to measure (default: this one)."`
	JSON   string `name:"json" placeholder:"FILE" help:"Write the rows and all measurements behind them as JSON too; - writes them to standard output in place of the table."`
	Strict bool   `help:"Exit with 1 when a promise is missed."`
}

// Help shows an example.
func (benchRatiosCmd) Help() string {
	return `Example: everything that is promised, with a million cards, five million vouchers and a million transactions (an hour)

  scrip bench ratios --compare-cards 1000000 --vouchers 5000000 --transactions 1000000 --json ratios.json

The server, the echo and the generator share the machine, so leave it alone meanwhile. Only ratios
mean anything on another machine.`
}

// Run measures and writes the table.
func (c *benchRatiosCmd) Run(ctx context.Context) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	result, err := ratio.Run(ctx, options)
	if err != nil {
		return err
	}
	return ended(c.JSON, c.Strict, result)
}

func (c *benchRatiosCmd) options() (options ratio.Options, err error) {
	if c.Scrip, err = programOr(c.Scrip); err != nil {
		return options, err
	}
	if c.Dir == "" {
		c.Dir = "."
	}
	if c.Quick {
		c.Runs, c.Duration, c.Warmup, c.Cards = 1, time.Second, 200*time.Millisecond, min(c.Cards, 1000)
	}
	return ratio.Options{
		Scrip: c.Scrip, Dir: c.Dir, Runs: c.Runs, Duration: c.Duration, Warmup: c.Warmup,
		Cards: c.Cards, CompareCards: c.CompareCards, Vouchers: c.Vouchers, Transactions: c.Transactions, Progress: os.Stderr,
	}, nil
}

// programOr is the program to measure: the given one, or this.
func programOr(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	return os.Executable()
}

// benchEchoCmd is `scrip bench echo`.
type benchEchoCmd struct {
	Listen       string `default:"127.0.0.1:8090" help:"Address to listen on."`
	ResponseSize int    `default:"1200" help:"Bytes that an answer shall come to."`
}

// Help shows an example.
func (benchEchoCmd) Help() string {
	return `Example: serve it and redeem against it

  scrip bench echo --listen 127.0.0.1:8090 &
  scrip bench http://127.0.0.1:8090 --mode redeem-only --no-prepare --pan-from 6001000000000000`
}

// Run serves until it is told to stop.
func (c *benchEchoCmd) Run(ctx context.Context) error {
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	return echo.Serve(ctx, listener, c.ResponseSize)
}

// benchRelayCmd is `scrip bench relay`.
type benchRelayCmd struct {
	Runs     int           `default:"3" help:"Rounds; each figure is their median."`
	Duration time.Duration `default:"6s" help:"Length of each measurement."`
	Warmup   time.Duration `default:"1s" help:"How long to drive without measuring before each."`
	Cards    int           `default:"1000" help:"Cards in the issuer's store."`
	Advices  int           `default:"1000000" help:"Advices to queue; at least what the rounds drain."`
	Parallel []int         `default:"1,16,64" help:"Parallel sends to drain with."`

	Dir    string `type:"existingdir" help:"Where to keep the stores while it lasts: the disk to measure (default: the working directory)."`
	Scrip  string `type:"existingfile" help:"The program to measure (default: this one)."`
	JSON   string `name:"json" placeholder:"FILE" help:"Write the rows and all measurements behind them as JSON too; - writes them to standard output in place of the table."`
	Strict bool   `help:"Exit with 1 when a promise is missed."`
}

// Help shows an example.
func (benchRelayCmd) Help() string {
	return `Example: everything that is promised of the relay (a quarter of an hour), and a short look

  scrip bench relay --json relay.json
  scrip bench relay --runs 1 --duration 1s --advices 100000

The relay, its upstream and the generator share the machine, so leave it alone meanwhile. Only ratios
mean anything on another machine.`
}

// Run measures and writes the table.
func (c *benchRelayCmd) Run(ctx context.Context) error {
	program, err := programOr(c.Scrip)
	if err != nil {
		return err
	}
	if c.Dir == "" {
		c.Dir = "."
	}
	result, err := ratio.RunRelay(ctx, ratio.RelayOptions{
		Options: ratio.Options{
			Scrip: program, Dir: c.Dir, Runs: c.Runs, Duration: c.Duration, Warmup: c.Warmup, Cards: c.Cards, Progress: os.Stderr,
		},
		Advices: c.Advices, Parallel: c.Parallel,
	})
	if err != nil {
		return err
	}
	return ended(c.JSON, c.Strict, result)
}

// ended writes the result of a measurement, and fails when promises were missed and that is asked for.
func ended(file string, strict bool, result ratio.Result) error {
	if err := writeBoth(file, result); err != nil {
		return err
	}
	if missed := result.Missed(); strict && missed > 0 {
		return fmt.Errorf("%d promises were missed", missed)
	}
	return nil
}

// benchStubCmd is `scrip bench stub`.
type benchStubCmd struct {
	Listen string `default:"127.0.0.1:8092" help:"Address to listen on."`
}

// Help shows an example.
func (benchStubCmd) Help() string {
	return `Example: a switch in front of it, for measuring the switch

  scrip bench stub --listen 127.0.0.1:8092 &
  scrip relay --upstream http://127.0.0.1:8092 --account till1:secret --data ./relay`
}

// Run serves until it is told to stop.
func (c *benchStubCmd) Run(ctx context.Context) error { return stub.Serve(ctx, c.Listen) }

// benchReport is what both kinds of measurement end with.
type benchReport interface {
	WriteJSON(io.Writer) error
	WriteText(io.Writer) error
}

// writeBoth writes a report as text to standard output and as JSON to a file; with "-" the JSON
// takes the text's place.
func writeBoth(path string, report benchReport) error {
	if path == "-" {
		return report.WriteJSON(os.Stdout)
	}
	return errors.Join(report.WriteText(os.Stdout), writeJSON(path, report))
}

// writeJSON writes a report into a file, if one is named.
func writeJSON(path string, report benchReport) error {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(report.WriteJSON(file), file.Close())
}
