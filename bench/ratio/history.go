package ratio

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/scripworks/scrip/bench"
)

// HistoryOptions say how a store with a long history is measured. Options.Transactions is how many requests it has
// taken, each of which was confirmed.
type HistoryOptions struct {
	Options
	// SQLite and Postgres say on which stores; no Postgres leaves that out.
	SQLite   bool
	Postgres Cluster
	// Settle is how long each store serves settleClients, unmeasured, before anything is measured of it. What has just made and
	// verified a history leaves in memory what it has read last, and not what serving asks for again and again.
	Settle time.Duration
}

// settleClients is the number of connections while a store settles.
const settleClients = 32

// MaxHistory bounds the transactions of a history.
const MaxHistory = 1_000_000_000

// What is promised of a store with a long history.
const (
	historyGoal = 1.25 // times what a redemption costs in an empty store
	lookUpGoal  = 10   // ms
)

// historyClients are the numbers of connections with which redemptions are compared.
var historyClients = []int{1, 32}

// RunHistory gives a store a long history and compares what a redemption costs in it with what it costs in an empty one,
// in turns; and measures how long operators wait for what they look up. Nothing is left of the stores afterwards. It
// fails as Run does.
func RunHistory(ctx context.Context, options HistoryOptions) (Result, error) {
	if err := options.check(); err != nil {
		return Result{}, &bench.OptionError{Err: err}
	}
	s, remove, err := newSession(options.Options)
	if err != nil {
		return Result{}, err
	}
	defer remove()
	h := &history{session: s, postgres: options.Postgres, settle: options.Settle}
	if options.SQLite {
		err = h.measure(ctx, atSQLite)
	}
	if err == nil && options.Postgres != nil {
		if h.result.Postgres, err = options.Postgres.Settings(ctx); err == nil {
			err = h.measure(ctx, atPostgres)
		}
	}
	return h.result, err
}

func (o *HistoryOptions) check() error {
	switch {
	case o.Transactions < leastHistory || o.Transactions > MaxHistory:
		return fmt.Errorf("transactions must be %d to %d", leastHistory, MaxHistory)
	case o.Settle < 0:
		return errors.New("the time to settle must not be below 0")
	case !o.SQLite && o.Postgres == nil:
		return errors.New("no store to measure")
	}
	return o.Options.check()
}

// history is one run of the measurement.
type history struct {
	*session
	postgres Cluster
	settle   time.Duration
}

// measure makes both stores of one kind, measures them and removes them.
func (h *history) measure(ctx context.Context, place string) (err error) {
	var stores [2]*server // empty, and with the history
	for i, name := range []string{"empty", "long"} {
		made, remove, err := h.make(ctx, place, name)
		defer remove()
		if err != nil {
			return err
		}
		stores[i] = made
	}
	empty, long := stores[0], stores[1]
	samples, err := h.grow(ctx, place, long)
	if err != nil {
		return fmt.Errorf("make a history on %s: %w", place, err)
	}
	if err := h.settleDown(ctx, place, stores[:]); err != nil {
		return err
	}
	if err := h.compareCosts(ctx, place, empty, long); err != nil {
		return err
	}
	if err := h.lookUp(ctx, place, long, samples); err != nil {
		return err
	}
	if _, peak, err := memoryMB(long.pid()); err == nil {
		name := fmt.Sprintf("memory with %d transactions, %s, peak", h.Transactions, place)
		h.add(Row{Name: name, Unit: "MB", Goal: nodeMemoryGoal, AtMost: true, Runs: []float64{peak}})
	}
	return errors.Join(empty.stop(), long.stop())
}

// make makes a store and starts its server. What it returns removes both, whatever has become of them.
func (h *history) make(ctx context.Context, place, name string) (_ *server, remove func(), err error) {
	made := newServer(h.session, filepath.Join(h.dir, name+"-"+place), h.Cards)
	database := "scrip_bench_" + name
	remove = func() {
		made.kill()
		_ = os.RemoveAll(made.dir) // the directory above goes in any case
		if made.database != "" {
			_ = h.postgres.Drop(context.WithoutCancel(ctx), database) // and with it a server of our own
		}
	}
	if place == atPostgres {
		if made.database, err = h.postgres.Create(ctx, database); err != nil {
			return nil, remove, err
		}
	}
	if err := h.openServer(ctx, made); err != nil {
		return nil, remove, err
	}
	for _, command := range topUps() {
		if err := made.administer(ctx, command); err != nil {
			return nil, remove, err
		}
	}
	return made, remove, nil
}

// grow brings the server the vouchers of the history, stops it, gives its store the history and starts it again.
func (h *history) grow(ctx context.Context, place string, long *server) ([]sample, error) {
	if err := long.administer(ctx, airtimeProduct(stockedProduct)); err != nil {
		return nil, err
	}
	if _, err := long.bringVouchers(ctx, stockedProduct, 'S', int(vouchersIn(h.Transactions))); err != nil {
		return nil, err
	}
	if err := long.stop(); err != nil {
		return nil, err
	}
	before, err := h.bytes(ctx, long)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	samples, err := h.generate(ctx, long)
	if err != nil {
		return nil, err
	}
	h.say("%s: %d transactions made and verified in %s", place, h.Transactions, time.Since(begun).Round(time.Second))
	after, err := h.bytes(ctx, long)
	if err != nil {
		return nil, err
	}
	h.add(Row{Name: "disk for each transaction, " + place, Unit: "bytes", Runs: []float64{float64(after-before) / float64(h.Transactions)}})
	ready, err := long.start(ctx)
	h.add(Row{
		Name: fmt.Sprintf("ready after start, with %d transactions, %s", h.Transactions, place), Unit: "ms",
		Goal: startGoalMillis, AtMost: true, Runs: []float64{millis(ready)},
	})
	return samples, err
}

// bytes is how much of the disk a store takes.
func (h *history) bytes(ctx context.Context, of *server) (int64, error) {
	if of.database != "" {
		return h.postgres.Bytes(ctx, of.database)
	}
	return sizeOf(of.dir)
}

// settleDown has stores serve for a while.
func (h *history) settleDown(ctx context.Context, place string, stores []*server) error {
	if h.settle == 0 {
		return nil
	}
	for _, server := range stores {
		report, err := bench.Run(ctx, bench.Plan{
			Target: server.target(), Mode: bench.ModeRedeemOnly, Cards: server.cards, Clients: settleClients, Duration: h.settle,
		})
		if err = failed(ctx, report, err); err != nil {
			return fmt.Errorf("let %s settle: %w", place, err)
		}
		h.say("%s: settled with %d redemptions", place, report.Cycles)
	}
	return nil
}

// compareCosts drives redemptions at both stores, in turns.
func (h *history) compareCosts(ctx context.Context, place string, empty, long *server) error {
	for _, clients := range historyClients {
		var rates [2][]float64
		for round := range h.Runs {
			for i, server := range []*server{empty, long} {
				name := fmt.Sprintf("redemptions, %s, %s, %s", place, [...]string{"empty", "long history"}[i], connections(clients))
				plan := bench.Plan{Target: server.target(), Mode: bench.ModeRedeemOnly, Cards: server.cards, Clients: clients}
				report, err := h.drive(ctx, round+1, name, plan)
				if err != nil {
					return err
				}
				h.result.Measurements[len(h.result.Measurements)-1].Report.Target = place // the address says nothing
				rates[i] = append(rates[i], report.CyclesPerSecond)
			}
		}
		h.add(Row{
			Name: fmt.Sprintf("cost of a redemption after %d transactions / in an empty store, %s, %s", h.Transactions, place, connections(clients)),
			Unit: "×", Goal: historyGoal, AtMost: true, Runs: quotients(rates[0], rates[1]),
		})
	}
	return nil
}
