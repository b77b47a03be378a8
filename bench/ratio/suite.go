package ratio

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/scripworks/scrip/bench"
)

// SuiteOptions say how everything that is promised of both stores is measured.
type SuiteOptions struct {
	Options
	// Clients are the numbers of connections to measure with, Loads what to measure; nil is SuiteClients and SuiteLoads.
	Clients []int
	Loads   []bench.Mode
	// Postgres is where databases are made; nil leaves PostgreSQL out.
	Postgres Cluster
}

// Cluster is a PostgreSQL server on which measurements make databases.
type Cluster interface {
	// Create makes a database, anew if there is one of that name, and returns its URL.
	Create(ctx context.Context, name string) (url string, err error)
	// Drop removes a database that Create has made. Whoever is connected is cut off.
	Drop(ctx context.Context, name string) error
	// Bytes is what the database at a URL takes of the disk.
	Bytes(ctx context.Context, url string) (int64, error)
	// Settings lists in words with what settings the server runs. It is an error when one of them makes a commit
	// less than durable.
	Settings(ctx context.Context) ([]string, error)
	// FillTPCB makes the tables of pgbench in a database. TPCB drives its TPC-B-like load at them for a while and
	// returns the transactions a second and their mean latency.
	FillTPCB(ctx context.Context, url string) error
	TPCB(ctx context.Context, url string, clients int, length time.Duration) (perSecond float64, mean time.Duration, err error)
}

// SuiteClients are the numbers of connections that the suite measures with, unless told otherwise.
var SuiteClients = []int{1, 32, 128, 512}

// SuiteLoads are the loads that the suite measures, unless told otherwise.
var SuiteLoads = []bench.Mode{bench.ModeRedeemOnly, bench.ModeLoad, bench.ModeDay, bench.ModeVoucherOnly, bench.ModeLookup}

// RunSuite measures everything that is promised of both stores: each load on each of them, in turns with the echo, with
// pgbench and with a plain implementation of redemption, over and over. It fails as Run does.
func RunSuite(ctx context.Context, options SuiteOptions) (Result, error) {
	options.setDefaults()
	if err := options.check(); err != nil {
		return Result{}, &bench.OptionError{Err: err}
	}
	started, remove, err := newSession(options.Options)
	if err != nil {
		return Result{}, err
	}
	defer remove()
	s := &suite{
		session: started, clients: options.Clients, loads: options.Loads, postgres: options.Postgres,
		places: map[string]*place{}, taken: map[turn][]bench.Report{}, resident: map[string][]float64{}, mallocs: map[string][]float64{},
	}
	return s.run(ctx)
}

func (o *SuiteOptions) setDefaults() {
	if o.Clients == nil {
		o.Clients = SuiteClients
	}
	if o.Loads == nil {
		o.Loads = SuiteLoads
	}
}

func (o *SuiteOptions) check() error {
	for i, clients := range o.Clients {
		switch {
		case clients < 1 || clients > bench.MaxClients:
			return fmt.Errorf("clients must be 1 to %d", bench.MaxClients)
		case slices.Contains(o.Clients[:i], clients):
			return fmt.Errorf("%s is there twice", connections(clients))
		}
	}
	for i, load := range o.Loads {
		switch {
		case !slices.Contains(SuiteLoads, load):
			return fmt.Errorf("the suite does not measure %q, but %q", load, SuiteLoads)
		case slices.Contains(o.Loads[:i], load):
			return fmt.Errorf("the load %q is there twice", load)
		}
	}
	if len(o.Clients) == 0 || len(o.Loads) == 0 {
		return errors.New("nothing to measure")
	}
	return o.Options.check()
}

// suite is one run of everything.
type suite struct {
	*session
	clients  []int
	loads    []bench.Mode
	postgres Cluster

	places map[string]*place
	made   []string // databases
	taken  map[turn][]bench.Report
	syncs  []time.Duration // of the disk around the turns with one client, by round

	resident map[string][]float64 // memory of a node after each round, in MB, by place
	mallocs  map[string][]float64 // for a redemption, by place and round
}

// run measures, and takes down what it has put up whatever comes of that.
func (s *suite) run(ctx context.Context) (_ Result, err error) {
	defer func() { err = errors.Join(err, s.takeDown(context.WithoutCancel(ctx))) }()
	err = s.measure(ctx)
	return s.result, err
}

func (s *suite) takeDown(ctx context.Context) (err error) {
	for _, p := range s.places {
		p.kill()
	}
	for _, name := range s.made {
		err = errors.Join(err, s.postgres.Drop(ctx, name))
	}
	return err
}

func (s *suite) measure(ctx context.Context) error {
	if err := s.putUp(ctx); err != nil {
		return err
	}
	turns := s.turns()
	for round := range s.Runs {
		for _, t := range turns {
			if err := s.take(ctx, round, t); err != nil {
				return fmt.Errorf("%s: %w", t, err)
			}
		}
		s.watch()
	}
	s.addRows(turns)
	return s.stop()
}

// stop stops the servers. One that does not stop well has failed.
func (s *suite) stop() (err error) {
	for _, p := range s.places {
		err = errors.Join(err, p.stop())
	}
	return err
}

// take takes one turn.
func (s *suite) take(ctx context.Context, round int, t turn) (err error) {
	var report bench.Report
	switch t.place {
	case atDisk:
		return s.sync(round)
	case atTPCB:
		report, err = s.takeTPCB(ctx, t)
	default:
		report, err = s.takeLoad(ctx, s.places[t.place], t)
	}
	if err != nil {
		return err
	}
	report.Target = t.place // the address says nothing
	s.taken[t] = append(s.taken[t], report)
	s.result.Measurements = append(s.result.Measurements, Measure{round + 1, t.String(), report})
	s.say("round %d: %s: %.0f/s", round+1, t, report.CyclesPerSecond)
	return nil
}

// sync measures the disk before and after the turns with one client; the mean of the two counts.
func (s *suite) sync(round int) error {
	took, err := measureFsync(s.dir)
	if len(s.syncs) <= round {
		s.syncs = append(s.syncs, took)
		return err
	}
	s.syncs[round] = (s.syncs[round] + took) / 2
	return err
}

// takeTPCB lets pgbench take a turn. Its cycles are transactions.
func (s *suite) takeTPCB(ctx context.Context, t turn) (bench.Report, error) {
	perSecond, mean, err := s.postgres.TPCB(ctx, s.places[atTPCB].database, t.clients, s.Duration)
	return bench.Report{
		Mode: t.mode, Clients: t.clients, ElapsedSeconds: s.Duration.Seconds(), CyclesPerSecond: perSecond,
		Latencies: []bench.Latency{{Kind: atTPCB, MeanMicros: float64(mean) / float64(time.Microsecond)}},
		Errors:    []bench.ErrorCount{}, Acknowledged: []bench.Acknowledged{},
	}, err
}

// takeLoad drives a load at a place, and counts what a node allocates meanwhile.
func (s *suite) takeLoad(ctx context.Context, p *place, t turn) (bench.Report, error) {
	counts := t.mode == bench.ModeRedeemOnly && t.clients == tpcbClients && len(p.nodes) == 1
	before, known := p.allocations(ctx)
	report, err := p.drive(ctx, t, s.Duration, s.Warmup)
	if err != nil {
		return report, err
	}
	if after, still := p.allocations(ctx); counts && known && still {
		redemptions := float64(report.Acknowledged[0].Count) // warm-up included
		s.mallocs[t.place] = append(s.mallocs[t.place], (after-before)/redemptions)
	}
	return report, nil
}

// watch notes what the nodes hold in memory after a round.
func (s *suite) watch() {
	for name, p := range s.places {
		if len(p.nodes) == 1 {
			if resident, _, err := memoryMB(p.nodes[0].pid()); err == nil {
				s.resident[name] = append(s.resident[name], resident)
			}
		}
	}
}
