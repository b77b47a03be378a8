package ratio

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/scripworks/scrip/bench"
)

// What the suite's stores are given for each second that is driven. A turn that sells vouchers faster ends earlier, and
// a mixed day that activates cards faster takes some of the activations back.
const (
	soldPerSecond  = 16_000
	freshPerSecond = 250
)

// place is where turns are taken: a program, or several on one store.
type place struct {
	nodes    []*server // of ours
	process  *process  // another program
	database string    // that has no program of its own
	targets  []bench.Target
	stock    *server      // whose cards are used
	fresh    []bench.Card // that are left to activate
}

// newPlace is a place of our own servers, on the store of the first.
func newPlace(nodes ...*server) *place {
	p := &place{nodes: nodes, stock: nodes[0], fresh: nodes[0].fresh}
	for _, node := range nodes {
		p.targets = append(p.targets, node.target())
	}
	return p
}

func (p *place) kill() {
	for _, node := range p.nodes {
		node.kill()
	}
	p.process.kill()
}

func (p *place) stop() (err error) {
	for _, node := range p.nodes {
		err = errors.Join(err, node.stop())
	}
	if p.process != nil {
		err = errors.Join(err, p.process.stop())
	}
	return err
}

// allocations asks the place's node how many it has made so far, where there is one node that says so.
func (p *place) allocations(ctx context.Context) (count float64, known bool) {
	if len(p.nodes) != 1 {
		return 0, false
	}
	count, err := metric(ctx, p.nodes[0].admin, "go_memstats_mallocs_total")
	return count, err == nil
}

// drive spreads a load over the place's programs.
func (p *place) drive(ctx context.Context, t turn, duration, warmup time.Duration) (bench.Report, error) {
	reports, errs := make([]bench.Report, len(p.targets)), make([]error, len(p.targets))
	var wait sync.WaitGroup
	for i, plan := range p.plans(t, duration, warmup) {
		wait.Go(func() {
			reports[i], errs[i] = bench.Run(ctx, plan)
			errs[i] = failed(ctx, reports[i], errs[i])
		})
	}
	wait.Wait()
	return joined(reports), errors.Join(errs...)
}

// plans divide a turn's clients among the programs.
func (p *place) plans(t turn, duration, warmup time.Duration) []bench.Plan {
	plans := make([]bench.Plan, len(p.targets))
	for i := range plans {
		clients := (t.clients + i) / len(plans) // the later ones take what does not divide
		plan := bench.Plan{Target: p.targets[i], Mode: t.mode, Cards: p.stock.cards, Clients: clients, Duration: duration, Warmup: warmup}
		switch t.mode {
		case bench.ModeHot:
			plan.Cards = []bench.Card{p.stock.hot}
		case bench.ModeVoucherOnly:
			plan.Target.Product = stockedProduct
			plan.Cycles = vouchersFor(clients, duration+warmup) * 3 / 4 // what is left is for the warm-up
		case bench.ModeDay:
			n := freshFor(clients, duration+warmup)
			plan.Fresh, p.fresh, plan.Opening = p.fresh[:n], p.fresh[n:], bench.DefaultAmount
		}
		plans[i] = plan
	}
	return plans
}

// freshFor is how many cards to activate a mixed day is given.
func freshFor(clients int, length time.Duration) int {
	return 2*clients + int(freshPerSecond*length.Seconds())
}

// vouchersFor is how many vouchers a turn may sell.
func vouchersFor(clients int, length time.Duration) int64 {
	return 4*int64(clients) + int64(soldPerSecond*length.Seconds())
}

// joined adds up what was driven at the same time. The latencies of each stay rows of their own.
func joined(reports []bench.Report) bench.Report {
	all := reports[0]
	for _, r := range reports[1:] {
		all.Clients += r.Clients
		all.Messages, all.MessagesPerSecond = all.Messages+r.Messages, all.MessagesPerSecond+r.MessagesPerSecond
		all.Cycles, all.CyclesPerSecond = all.Cycles+r.Cycles, all.CyclesPerSecond+r.CyclesPerSecond
		all.Latencies = append(all.Latencies, r.Latencies...)
		all.Acknowledged = append(all.Acknowledged, r.Acknowledged...)
	}
	return all
}

// putUp starts every place and fills its store.
func (s *suite) putUp(ctx context.Context) (err error) {
	if s.scrip, err = s.node(ctx, "sqlite", ""); err != nil {
		return err
	}
	s.places[atSQLite] = newPlace(s.scrip)
	if err := s.startEcho(ctx); err != nil {
		return err
	}
	s.places[atEcho] = &place{process: s.echo, targets: []bench.Target{s.at}, stock: s.scrip}
	if err := s.putUpPlain(ctx, atPlainSQLite, filepath.Join(s.dir, "plain.db")); err != nil {
		return err
	}
	if s.postgres == nil {
		return nil
	}
	return s.putUpPostgres(ctx)
}

// node makes a store and starts its first node. The database is none for a store in a file.
func (s *suite) node(ctx context.Context, name, database string) (*server, error) {
	made := newServer(s.session, filepath.Join(s.dir, name), s.Cards)
	made.database = database
	vouchers := int64(0)
	for _, mode := range s.loads {
		for _, clients := range s.clients {
			switch length := s.Duration + s.Warmup; mode {
			case bench.ModeDay:
				made.spare += s.Runs * freshFor(clients, length)
			case bench.ModeVoucherOnly:
				vouchers += int64(s.Runs) * vouchersFor(clients, length)
			}
		}
	}
	if err := s.openServer(ctx, made); err != nil {
		return nil, err
	}
	if err := s.stockUp(ctx, made, int(vouchers)); err != nil {
		made.kill()
		return nil, err
	}
	return made, nil
}

// stockUp brings the vouchers that the rounds will sell.
func (s *suite) stockUp(ctx context.Context, vendor *server, vouchers int) error {
	if vouchers == 0 {
		return nil
	}
	if err := vendor.administer(ctx, airtimeProduct(stockedProduct)); err != nil {
		return err
	}
	s.say("import %d vouchers", vouchers)
	_, err := vendor.bringVouchers(ctx, stockedProduct, 'S', vouchers)
	return err
}

// putUpPlain starts a plain implementation on a store of its own.
func (s *suite) putUpPlain(ctx context.Context, name, database string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.say("%s", name)
	p := &place{targets: []bench.Target{s.at}, stock: s.scrip}
	p.targets[0].URL = "http://" + address
	env := []string{"SCRIP_BENCH_DATABASE=" + database}
	p.process, err = s.reaper.start(ctx, filepath.Join(s.dir, "plain.log"), env, p.targets[0].URL+"/readyz", s.Scrip,
		"bench", "plain", "--listen", address, "--pan-from", s.scrip.cards[0].PAN, "--count", fmt.Sprint(s.Cards),
		"--response-size", fmt.Sprint(s.size))
	if err == nil {
		s.places[name] = p
	}
	return err
}

// putUpPostgres makes the databases, and starts what works on them.
func (s *suite) putUpPostgres(ctx context.Context) (err error) {
	if s.result.Postgres, err = s.postgres.Settings(ctx); err != nil {
		return err
	}
	urls := map[string]string{}
	for _, name := range []string{"scrip_bench", "scrip_bench_plain", "scrip_bench_tpcb"} {
		s.made = append(s.made, name)
		if urls[name], err = s.postgres.Create(ctx, name); err != nil {
			return err
		}
	}
	one, err := s.node(ctx, "postgres", urls["scrip_bench"])
	if err != nil {
		return err
	}
	s.places[atPostgres] = newPlace(one)
	two, err := s.second(ctx, one)
	if err != nil {
		return err
	}
	s.places[atTwoNodes] = newPlace(one, two)
	if err := s.putUpPlain(ctx, atPlainPostgres, urls["scrip_bench_plain"]); err != nil {
		return err
	}
	s.say("%s", atTPCB)
	s.places[atTPCB] = &place{database: urls["scrip_bench_tpcb"]}
	return s.postgres.FillTPCB(ctx, urls["scrip_bench_tpcb"])
}

// second starts another node on the store of a first.
func (s *suite) second(ctx context.Context, first *server) (*server, error) {
	made := newServer(s.session, filepath.Join(s.dir, "second"), s.Cards)
	made.database, made.keyset = first.database, filepath.Join(first.dir, "keys.json")
	made.password, made.token = first.password, first.token
	_, err := made.start(ctx)
	return made, err
}
