package ratio

import (
	"context"
	"fmt"
	"time"

	"github.com/scripworks/scrip/bench"
)

// point is a load whose rate of cycles is measured in every round.
type point struct {
	name    string
	echo    bool
	mode    bench.Mode
	clients int
}

// points are measured one after the other, so that both sides of each promise lie close together.
var points = []point{
	{"echo, 1 client", true, bench.ModeRedeemOnly, 1},
	{"redemptions, 1 client", false, bench.ModeRedeemOnly, 1},
	{"echo, 128 clients", true, bench.ModeRedeemOnly, 128},
	{"redemptions, 128 clients", false, bench.ModeRedeemOnly, 128},
	{"echo, 32 clients", true, bench.ModeRedeemOnly, 32},
	{"redemptions, 32 clients", false, bench.ModeRedeemOnly, 32},
	{"redemptions with confirmation, 32 clients", false, bench.ModeRedeem, 32},
	{"redemptions on one card, 32 clients", false, bench.ModeHot, 32},
	{"look-ups, 32 clients", false, bench.ModeLookup, 32},
}

// promise is a ratio of two points and what it should at least be.
type promise struct {
	over, under string
	goal, aim   float64
}

var promises = []promise{
	{"redemptions, 1 client", "echo, 1 client", 0, 0},
	{"redemptions, 32 clients", "echo, 32 clients", 0.25, 0.30},
	{"redemptions, 128 clients", "echo, 128 clients", 0.30, 0.35},
	{"redemptions with confirmation, 32 clients", "redemptions, 32 clients", 0.45, 0},
	{"redemptions on one card, 32 clients", "redemptions, 32 clients", 0.8, 0},
	{"look-ups, 32 clients", "echo, 32 clients", 0.6, 0},
}

// measureRates takes all points in every round and makes the rows of the promises.
func (s *session) measureRates(ctx context.Context) error {
	for round := range s.Runs {
		for _, p := range points {
			report, err := s.drive(ctx, round+1, p.name, s.planOf(p))
			if err != nil {
				return err
			}
			s.rates[p.name] = append(s.rates[p.name], report.CyclesPerSecond)
		}
	}
	s.add(Row{Name: "answer of the echo / of the server, in bytes", Unit: "×", Goal: sizeGoal, AtMost: true, Runs: s.sizes()})
	s.addRates(points, promises)
	return nil
}

// addRates adds the rows of what was measured at some points, and of what was promised of them.
func (s *session) addRates(points []point, promises []promise) {
	for _, p := range points {
		s.add(Row{Name: p.name, Unit: "cycles/s", Runs: s.rates[p.name]})
	}
	for _, p := range promises {
		s.add(Row{
			Name: p.over + " / " + p.under, Unit: "×", Goal: p.goal, Aim: p.aim,
			Runs: quotients(s.rates[p.over], s.rates[p.under]),
		})
	}
}

// sizeGoal is how much longer than the server's the echo's answers may be for the comparison to
// be fair. (If they are shorter, it is to the server's disadvantage.)
const sizeGoal = 1.02

// sizes compares the mean answers of the two, round by round.
func (s *session) sizes() []float64 {
	bytes := map[string][]float64{}
	for _, m := range s.result.Measurements {
		bytes[m.Name] = append(bytes[m.Name], m.Report.Latency(bench.RedemptionRequest).ResponseBytes)
	}
	return quotients(bytes["echo, 32 clients"], bytes["redemptions, 32 clients"])
}

func (s *session) planOf(p point) bench.Plan {
	plan := bench.Plan{Target: s.scrip.target(), Mode: p.mode, Cards: s.scrip.cards, Clients: p.clients}
	if p.echo {
		plan.Target = s.at
	}
	if p.mode == bench.ModeHot {
		plan.Cards = []bench.Card{s.scrip.hot}
	}
	return plan
}

const (
	// latenessClients is the number of connections of the open loop: enough that one is free
	// whenever a message is due.
	latenessClients = 128
	// fsyncFactor and fsyncAllowance make the bound on p99: so many times the disk's own sync,
	// and so much for everything else.
	fsyncFactor    = 10
	fsyncAllowance = 5 * time.Millisecond
)

// measureLateness drives redemptions at half of the greatest rate, whatever the server does, and
// compares the latency of the slowest in a hundred with what the disk needs for a sync, measured
// before and after.
func (s *session) measureLateness(ctx context.Context) error {
	half := max(median(s.rates["redemptions, 32 clients"]), median(s.rates["redemptions, 128 clients"])) / 2
	var p99s, syncs, shares, missed []float64
	for round := range s.Runs {
		before, err := measureFsync(s.scrip.dir)
		if err != nil {
			return err
		}
		report, err := s.drive(ctx, round+1, fmt.Sprintf("redemptions, open loop at %.0f/s", half), bench.Plan{
			Target: s.scrip.target(), Mode: bench.ModeRedeemOnly, Cards: s.scrip.cards, Clients: latenessClients, Rate: half,
		})
		if err != nil {
			return err
		}
		after, err := measureFsync(s.scrip.dir)
		if err != nil {
			return err
		}
		sync := (before + after) / 2
		p99 := report.Latency(bench.RedemptionRequest).P99Micros / 1000
		syncs, p99s = append(syncs, millis(sync)), append(p99s, p99)
		shares = append(shares, p99/millis(fsyncFactor*sync+fsyncAllowance))
		missed = append(missed, float64(report.Missed))
	}
	s.add(Row{Name: "fsync of 1 KB, median", Unit: "ms", Runs: syncs})
	s.add(Row{Name: fmt.Sprintf("redemptions at half rate (%.0f/s), p99", half), Unit: "ms", Runs: p99s})
	s.add(Row{Name: "the same / (10 × fsync + 5 ms)", Unit: "×", Goal: 1, AtMost: true, Runs: shares})
	s.add(Row{Name: "redemptions at half rate, due and never begun", Unit: "", AtMost: true, Bound: true, Runs: missed})
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// costGoal is how much more a redemption may cost with many cards than with few.
const costGoal = 1.25

// measureCardCount compares the cost of a redemption in a store of CompareCards with the main one.
func (s *session) measureCardCount(ctx context.Context) error {
	if s.CompareCards == 0 {
		return nil
	}
	other, err := s.open(ctx, "compare", s.CompareCards)
	if err != nil {
		return err
	}
	defer other.kill()
	var rates [2][]float64
	for round := range s.Runs {
		for i, server := range []*server{s.scrip, other} {
			report, err := s.drive(ctx, round+1, fmt.Sprintf("redemptions, 32 clients, %d cards", len(server.cards)), bench.Plan{
				Target: server.target(), Mode: bench.ModeRedeemOnly, Cards: server.cards, Clients: 32,
			})
			if err != nil {
				return err
			}
			rates[i] = append(rates[i], report.CyclesPerSecond)
		}
	}
	name := fmt.Sprintf("cost of a redemption with %d cards / with %d", s.CompareCards, s.Cards)
	s.add(Row{Name: name, Unit: "×", Goal: costGoal, AtMost: true, Runs: quotients(rates[0], rates[1])})
	s.addMemory(fmt.Sprintf("memory with %d cards", s.CompareCards), other)
	return other.stop()
}
