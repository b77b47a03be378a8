package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/scripworks/scrip/bench"
	"github.com/scripworks/scrip/bench/plain"
	"github.com/scripworks/scrip/bench/ratio"
)

// benchSuiteCmd is `scrip bench suite`.
type benchSuiteCmd struct {
	Runs     int           `default:"6" help:"Rounds; each figure is their median. benchstat wants six to give a range for it."`
	Duration time.Duration `default:"4s" help:"Length of each measurement."`
	Warmup   time.Duration `default:"500ms" help:"How long to drive without measuring before each."`
	Quick    bool          `help:"One round of a second each, on 1000 cards: shows that it works, and no more."`

	Cards   int      `default:"10000" help:"Cards in each store."`
	Clients []int    `default:"1,32,128,512" help:"Numbers of connections to measure with."`
	Loads   []string `default:"redeem-only,load,day,voucher-only,lookup" help:"What to measure: redeem-only, load, day, voucher-only, lookup."`

	Postgres   string `env:"SCRIP_BENCH_POSTGRES" placeholder:"URL" help:"PostgreSQL server to measure on, as a user who may make databases: scrip_bench and two more, which are dropped again. Without it one is started."`
	NoPostgres bool   `help:"Measure SQLite alone."`
	Scale      int    `default:"50" help:"Scale of pgbench's tables."`

	Dir   string `type:"existingdir" help:"Where to keep the stores while it lasts: the disk to measure (default: the working directory)."`
	Scrip string `type:"existingfile" help:"The program to measure (default: this one)."`
	benchResults
	JSON   string `name:"json" placeholder:"FILE" help:"Write the rows and all measurements behind them as JSON too; - writes them to standard output in place of the table."`
	Strict bool   `help:"Exit with 1 when a promise is missed."`
}

// Help shows an example.
func (benchSuiteCmd) Help() string {
	return `Example: everything (half an hour), and what one may look at while working on the hot path

  scrip bench suite --results bench/results
  scrip bench suite --loads redeem-only --clients 32,128 --runs 3 --no-postgres

The servers, the database, the echo and the generator share the machine, so leave it alone meanwhile. Only ratios
mean anything on another machine: docs/performance.md.`
}

// Run measures, writes the table and compares.
func (c *benchSuiteCmd) Run(ctx context.Context) (err error) {
	options, err := c.options()
	if err != nil {
		return err
	}
	if !c.NoPostgres {
		cluster, err := ratio.OpenCluster(ctx, c.Postgres, options.Dir, c.Scale)
		if err != nil {
			return fmt.Errorf("%w (--no-postgres measures without)", err)
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		options.Postgres = cluster
	}
	result, err := ratio.RunSuite(ctx, options)
	if err != nil {
		return err
	}
	return errors.Join(ended(c.JSON, c.Strict, result), c.keep(ctx, "suite", result))
}

func (c *benchSuiteCmd) options() (options ratio.SuiteOptions, err error) {
	if c.Quick {
		c.Runs, c.Duration, c.Warmup, c.Cards = 1, time.Second, 200*time.Millisecond, min(c.Cards, 1000)
	}
	options.Options = ratio.Options{
		Dir: c.Dir, Runs: c.Runs, Duration: c.Duration, Warmup: c.Warmup, Cards: c.Cards, Progress: os.Stderr,
	}
	if options.Dir == "" {
		options.Dir = "."
	}
	for _, load := range c.Loads {
		options.Loads = append(options.Loads, bench.Mode(load))
	}
	options.Clients = c.Clients
	options.Scrip, err = programOr(c.Scrip)
	return options, err
}

// benchResults say where results are kept.
type benchResults struct {
	Results string `type:"existingdir" help:"Directory with the committed results: the new ones are kept beside them, in files that begin with last-, and compared by benchstat."`
	Save    bool   `help:"Put the new results in the place of the committed ones."`
}

// Validate wants to know where to save.
func (r *benchResults) Validate() error {
	if r.Save && r.Results == "" {
		return errors.New("--save needs --results")
	}
	return nil
}

// keep keeps a result where that is wanted, and prints how it compares with the committed one.
func (r *benchResults) keep(ctx context.Context, name string, result ratio.Result) error {
	if r.Results == "" {
		return nil
	}
	return result.Keep(ctx, r.Results, name, r.Save, os.Stdout)
}

// benchPlainCmd is `scrip bench plain`.
type benchPlainCmd struct {
	Listen       string `default:"127.0.0.1:8091" help:"Address to listen on."`
	Database     string `env:"SCRIP_BENCH_DATABASE" required:"" help:"PostgreSQL database (postgres://USER@HOST/NAME) or file of SQLite; its tables are made where they are missing."`
	Connections  int    `default:"32" help:"Connections to PostgreSQL."`
	PANFrom      string `name:"pan-from" required:"" help:"The first card number of --count consecutive ones, each of which is given --funding."`
	Count        int    `default:"1000" help:"Number of cards from --pan-from on."`
	Funding      int64  `default:"100000000" help:"What each card has, in minor units."`
	ResponseSize int    `default:"1200" help:"Bytes that an answer shall come to."`
}

// Help shows an example.
func (benchPlainCmd) Help() string {
	return `Example: serve it and redeem against it

  scrip bench plain --database ./plain.db --pan-from 6001000000000000 --listen 127.0.0.1:8091 &
  scrip bench http://127.0.0.1:8091 --mode redeem-only --no-prepare --pan-from 6001000000000000`
}

// Run serves until it is told to stop.
func (c *benchPlainCmd) Run(ctx context.Context) (err error) {
	cards, err := bench.ConsecutiveCards(c.PANFrom, c.Count, "")
	if err != nil {
		return err
	}
	store, err := plain.Open(ctx, c.Database, c.Connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	pans := make([]string, len(cards))
	for i, card := range cards {
		pans[i] = card.PAN
	}
	if err := store.Seed(ctx, pans, c.Funding); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	return plain.Serve(ctx, listener, store, c.ResponseSize)
}

// benchHistoryCmd is `scrip bench history`.
type benchHistoryCmd struct {
	Transactions int64         `default:"10000000" help:"Requests that the store has taken, each with its confirmation."`
	Runs         int           `default:"6" help:"Rounds; each figure is their median."`
	Duration     time.Duration `default:"4s" help:"Length of each measurement."`
	Warmup       time.Duration `default:"500ms" help:"How long to drive without measuring before each."`
	Cards        int           `default:"10000" help:"Cards in each store."`
	Settle       time.Duration `default:"1m" help:"How long each store serves 32 clients, unmeasured, before: making a history leaves in memory what it has read last."`

	NoSQLite   bool   `name:"no-sqlite" xor:"left-out" help:"Leave SQLite out."`
	NoPostgres bool   `xor:"left-out" help:"Leave PostgreSQL out."`
	Postgres   string `env:"SCRIP_BENCH_POSTGRES" placeholder:"URL" help:"PostgreSQL server to measure on, as a user who may make databases: scrip_bench_empty and scrip_bench_long, which are dropped again. Without it one is started."`

	Dir   string `type:"existingdir" help:"Where to keep the stores while it lasts: the disk to measure (default: the working directory)."`
	Scrip string `type:"existingfile" help:"The program to measure (default: this one)."`
	benchResults
	JSON   string `name:"json" placeholder:"FILE" help:"Write the rows and all measurements behind them as JSON too; - writes them to standard output in place of the table."`
	Strict bool   `help:"Exit with 1 when a promise is missed."`
}

// Help shows an example.
func (benchHistoryCmd) Help() string {
	return `Example: what is promised, and a shorter history of the embedded store

  scrip bench history
  scrip bench history --transactions 500000 --no-postgres

Each transaction goes through the rules and the store as one over the wire does, without the wire, and the history is
verified once it is made, as scrip verify does. Ten million took 19 minutes for SQLite and 32 for PostgreSQL on two cores
that had other work, and 7 and up to 31 GB of disk, one after the other; nothing of it stays.`
}

// Run makes the histories, measures and writes the table.
func (c *benchHistoryCmd) Run(ctx context.Context) (err error) {
	options := ratio.HistoryOptions{SQLite: !c.NoSQLite, Settle: c.Settle}
	options.Options = ratio.Options{
		Dir: c.Dir, Runs: c.Runs, Duration: c.Duration, Warmup: c.Warmup, Cards: c.Cards, Transactions: c.Transactions, Progress: os.Stderr,
	}
	if options.Dir == "" {
		options.Dir = "."
	}
	if options.Scrip, err = programOr(c.Scrip); err != nil {
		return err
	}
	if !c.NoPostgres {
		cluster, err := ratio.OpenCluster(ctx, c.Postgres, options.Dir, ratio.DefaultScale)
		if err != nil {
			return fmt.Errorf("%w (--no-postgres measures without)", err)
		}
		defer func() { err = errors.Join(err, cluster.Close()) }()
		options.Postgres = cluster
	}
	result, err := ratio.RunHistory(ctx, options)
	if err != nil {
		return err
	}
	return errors.Join(ended(c.JSON, c.Strict, result), c.keep(ctx, c.name(), result))
}

// name is that of the results: each store may have its own.
func (c *benchHistoryCmd) name() string {
	switch {
	case c.NoPostgres:
		return "history-sqlite"
	case c.NoSQLite:
		return "history-postgres"
	}
	return "history"
}
