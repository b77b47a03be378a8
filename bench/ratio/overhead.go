package ratio

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/scripworks/scrip/bench"
)

// overheadClients are the numbers of connections with which a relay's overhead is measured.
var overheadClients = []int{1, 32}

// measureOverhead compares an issuer with a relay in front of it, which commits twice for each request that the issuer
// commits once.
func (q *relaySession) measureOverhead(ctx context.Context) (err error) {
	if q.scrip, err = q.open(ctx, "issuer", q.Cards); err != nil {
		return err
	}
	defer func() { q.scrip.kill() }()
	front := &relayProcess{
		reaper: q.reaper, program: q.Scrip, dir: filepath.Join(q.dir, "front"), upstream: q.scrip.address, password: q.scrip.password,
	}
	if err := front.start(ctx, 16); err != nil {
		return err
	}
	defer func() { front.process.kill() }()
	for _, clients := range overheadClients {
		if err := q.compare(ctx, front, clients); err != nil {
			return err
		}
	}
	if err := front.process.stop(); err != nil {
		return err
	}
	return q.scrip.stop()
}

// compare drives redemptions at both, in turn.
func (q *relaySession) compare(ctx context.Context, front *relayProcess, clients int) error {
	var rates, p50 [2][]float64
	for round := range q.Runs {
		for i, at := range []bench.Target{q.scrip.target(), front.target()} {
			name := fmt.Sprintf("redemptions %s, %d clients", [...]string{"at the issuer", "through a relay"}[i], clients)
			report, err := q.drive(ctx, round+1, name, bench.Plan{Target: at, Mode: bench.ModeRedeemOnly, Cards: q.scrip.cards, Clients: clients})
			if err != nil {
				return err
			}
			rates[i], p50[i] = append(rates[i], report.CyclesPerSecond), append(p50[i], report.Latencies[0].P50Micros/1000)
		}
	}
	added := make([]float64, len(p50[0]))
	for i := range added {
		added[i] = p50[1][i] - p50[0][i]
	}
	q.add(Row{Name: fmt.Sprintf("redemptions through a relay / at the issuer, %d clients", clients), Unit: "×", Runs: quotients(rates[1], rates[0])})
	q.add(Row{Name: fmt.Sprintf("p50 that a relay adds, %d clients", clients), Unit: "ms", Runs: added})
	return nil
}
