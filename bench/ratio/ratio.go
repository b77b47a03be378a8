// Package ratio measures what Scrip promises about its speed and size. The promises are ratios,
// because absolute figures say more about the machine than about the program: of durable
// redemptions to a bare echo server, of pairs to single messages, of one hot card to many. Both
// sides of a ratio are separate processes on the same machine, measured in turn in every round, by
// the same generator on the same cores; a row of the result is the median of the rounds, beside
// its spread and the figure that was promised.
package ratio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/scripworks/scrip/bench"
)

// Options say how thorough the measurement is and where it takes place.
type Options struct {
	// Scrip is the program to be measured.
	Scrip string
	// Dir is where the stores are kept while it lasts, in a directory of their own: the disk
	// that is measured. The working directory when empty.
	Dir string
	// Runs is the number of rounds, Duration the length of each measurement in a round, and
	// Warmup what is driven and not counted before each.
	Runs             int
	Duration, Warmup time.Duration
	// Cards is the number of cards in the store. CompareCards, when above 0, makes a second
	// store with that many, and compares what a redemption costs in the two.
	Cards, CompareCards int
	// Vouchers, when above 0, makes a store with that many airtime vouchers in stock, and sells from it.
	Vouchers int
	// Transactions, when above 0, grows the store to that many before memory and start are
	// measured.
	Transactions int64
	// Progress receives a line for each step.
	Progress io.Writer
}

// MaxCards bounds the cards of one store.
const MaxCards = 100_000_000

func (o Options) check() error {
	switch {
	case o.Scrip == "":
		return errors.New("no program to measure")
	case o.Runs < 1 || o.Duration <= 0 || o.Warmup < 0:
		return errors.New("there must be at least one run of some duration")
	case o.Cards < 1 || o.Cards > MaxCards || o.CompareCards < 0 || o.CompareCards > MaxCards:
		return fmt.Errorf("cards must be 1 to %d", MaxCards)
	case o.Vouchers < 0 || o.Vouchers > MaxCards:
		return fmt.Errorf("vouchers must be 0 to %d", MaxCards)
	case o.Transactions < 0:
		return errors.New("transactions must not be negative")
	}
	return nil
}

// Result is everything that was measured. Its JSON names are stable.
type Result struct {
	Started      time.Time `json:"started"`
	System       string    `json:"system"` // operating system, architecture, cores, toolchain
	Runs         int       `json:"runs"`
	Seconds      float64   `json:"secondsPerRun"`
	Cards        int       `json:"cards"`
	Postgres     []string  `json:"postgres,omitzero"` // the settings of the PostgreSQL server
	Rows         []Row     `json:"rows"`
	Measurements []Measure `json:"measurements"`
}

// Measure is one measurement as it was taken.
type Measure struct {
	Round  int          `json:"round"`
	Name   string       `json:"name"`
	Report bench.Report `json:"report"`
}

// Run measures everything. It fails when a program cannot be started, prepared or stopped, when a
// measurement has errors in it, or when the context ends; a promise that is missed is no error, but
// stands in the result.
func Run(ctx context.Context, options Options) (Result, error) {
	if err := options.check(); err != nil {
		return Result{}, &bench.OptionError{Err: err}
	}
	s, remove, err := newSession(options)
	if err != nil {
		return Result{}, err
	}
	defer remove()
	err = s.measure(ctx)
	return s.result, err
}

func system() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// session is one run of the benchmark.
type session struct {
	Options
	dir    string
	reaper *reaper // of dir and of every program that is started
	result Result

	scrip *server
	echo  *process
	at    bench.Target // the echo
	size  int          // of an answer, in bytes
	rates map[string][]float64
}

// newSession makes a run, a directory for it, and what removes that once no program runs any more.
func newSession(options Options) (s *session, remove func(), err error) {
	dir, err := os.MkdirTemp(options.Dir, ".scrip-bench-")
	if err != nil {
		return nil, nil, err
	}
	reaper, err := newReaper(dir)
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	s = &session{Options: options, dir: dir, reaper: reaper, rates: map[string][]float64{}, result: Result{
		Started: time.Now().UTC(), System: system(), Runs: options.Runs, Seconds: options.Duration.Seconds(), Cards: options.Cards,
	}}
	return s, func() { _, _ = os.RemoveAll(dir), reaper.dismiss() }, nil
}

// measure goes through all that is measured, in the order in which one leaves a store behind that
// the next can use.
func (s *session) measure(ctx context.Context) (err error) {
	if s.scrip, err = s.open(ctx, "main", s.Cards); err != nil {
		return err
	}
	defer func() { s.scrip.kill() }()
	if err := s.startEcho(ctx); err != nil {
		return err
	}
	defer s.echo.kill()
	for _, step := range []func(context.Context) error{
		s.measureRates, s.measureLateness, s.measureDisk, s.measureCardCount, s.measureVouchers, s.measureGrowth, s.measureStart,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return s.scrip.stop()
}

// open makes a store with cards in it, and the server of it.
func (s *session) open(ctx context.Context, name string, cards int) (*server, error) {
	made := newServer(s, filepath.Join(s.dir, name), cards)
	return made, s.openServer(ctx, made)
}

// openServer starts a server on a store that is new, and prepares it. It is not left running when that fails.
func (s *session) openServer(ctx context.Context, made *server) error {
	s.say("%s: %d cards", filepath.Base(made.dir), made.count)
	if err := os.Mkdir(made.dir, 0o700); err != nil {
		return err
	}
	if _, err := made.start(ctx); err != nil {
		return err
	}
	if err := made.prepare(ctx, s.Progress); err != nil {
		made.kill()
		return err
	}
	return nil
}

// startEcho starts the echo with answers as long as the server's own, which a few redemptions show.
func (s *session) startEcho(ctx context.Context) error {
	probe, err := bench.Run(ctx, bench.Plan{
		Target: s.scrip.target(), Mode: bench.ModeRedeemOnly, Cards: s.scrip.cards, Clients: 1, Cycles: 20,
	})
	if err != nil {
		return err
	}
	s.size = int(probe.Latency(bench.RedemptionRequest).ResponseBytes + 0.5)
	if s.size == 0 {
		return fmt.Errorf("the server approves no redemption: %v", probe.Errors)
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.say("echo: answers of %d bytes", s.size)
	s.at = s.scrip.target()
	s.at.URL = "http://" + address
	s.echo, err = s.reaper.start(ctx, filepath.Join(s.dir, "echo.log"), nil, "http://"+address+"/readyz",
		s.Scrip, "bench", "echo", "--listen", address, "--response-size", fmt.Sprint(s.size))
	return err
}

// drive takes one measurement. One with errors in it would compare different things, so it is an
// error itself.
func (s *session) drive(ctx context.Context, round int, name string, plan bench.Plan) (bench.Report, error) {
	plan.Duration, plan.Warmup = s.Duration, s.Warmup
	report, err := bench.Run(ctx, plan)
	if err = failed(ctx, report, err); err != nil {
		return report, fmt.Errorf("%s: %w", name, err)
	}
	s.result.Measurements = append(s.result.Measurements, Measure{round, name, report})
	s.say("round %d: %s: %.0f cycles/s, p99 %.2f ms", round, name, report.CyclesPerSecond, report.Latencies[0].P99Micros/1000)
	return report, nil
}

// failed says why a report is of no use.
func failed(ctx context.Context, report bench.Report, err error) error {
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case len(report.Errors) > 0 || report.Cycles == 0:
		return fmt.Errorf("%d cycles, and errors: %v", report.Cycles, report.Errors)
	}
	return nil
}

func (s *session) say(format string, values ...any) {
	if s.Progress != nil {
		fmt.Fprintf(s.Progress, format+"\n", values...)
	}
}
