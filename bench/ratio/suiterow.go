package ratio

import (
	"fmt"

	"github.com/scripworks/scrip/bench"
)

// What is promised of both stores beside rates.
const (
	lateGoal       = 5 // times the p99 of the echo
	idleGoal       = 1 // of a sync of the disk and idleEchoes answers of the echo
	idleEchoes     = 2
	nodeMemoryGoal = 200 // MB
	mallocGoal     = 200 // for a redemption
)

// addRows makes the table: first what was promised, then what was measured.
func (s *suite) addRows(turns []turn) {
	for _, c := range s.comparisons() {
		if over, under := s.rates(c.over), s.rates(c.under); len(over) > 0 && len(under) > 0 {
			s.add(Row{Name: c.name, Unit: "×", Goal: c.goal, Aim: c.aim, Runs: quotients(over, under)})
		}
	}
	s.addLateness()
	s.addIdleness()
	s.addNodes()
	for _, t := range turns {
		if t.place != atDisk {
			s.add(Row{Name: t.String(), Unit: "cycles/s", Runs: s.rates(t)})
		}
	}
}

func (s *suite) rates(t turn) []float64 {
	return s.figures(t, func(r bench.Report) float64 { return r.CyclesPerSecond })
}

// figures takes a figure out of each of a turn's reports.
func (s *suite) figures(t turn, of func(bench.Report) float64) (figures []float64) {
	for _, report := range s.taken[t] {
		figures = append(figures, of(report))
	}
	return figures
}

func redemptionP50(r bench.Report) float64 {
	return r.Latency(bench.RedemptionRequest).P50Micros / 1000
}
func redemptionP99(r bench.Report) float64 {
	return r.Latency(bench.RedemptionRequest).P99Micros / 1000
}

// addLateness compares the slowest in a hundred redemptions at full load with the echo's.
func (s *suite) addLateness() {
	echo := s.figures(turn{mode: bench.ModeRedeemOnly, place: atEcho, clients: lateClients}, redemptionP99)
	for _, place := range []string{atSQLite, atPostgres} {
		late := s.figures(turn{mode: bench.ModeRedeemOnly, place: place, clients: lateClients}, redemptionP99)
		if len(late) == 0 || len(echo) == 0 {
			continue
		}
		name := fmt.Sprintf("p99 of redemptions, %s", connections(lateClients))
		s.add(Row{Name: fmt.Sprintf("%s: %s / echo", name, place), Unit: "×", Goal: lateGoal, AtMost: true, Runs: quotients(late, echo)})
		s.add(Row{Name: fmt.Sprintf("%s: %s", name, place), Unit: "ms", Runs: late})
	}
}

// addIdleness compares what a lone redemption takes with a sync of the disk and two answers of the echo.
func (s *suite) addIdleness() {
	lone := s.figures(turn{mode: bench.ModeRedeemOnly, place: atSQLite, clients: idleClients}, redemptionP50)
	echo := s.figures(turn{mode: bench.ModeRedeemOnly, place: atEcho, clients: idleClients}, redemptionP50)
	if len(lone) == 0 || len(echo) == 0 {
		return
	}
	var shares, syncs []float64
	for i := range lone {
		sync := millis(s.syncs[i])
		syncs, shares = append(syncs, sync), append(shares, lone[i]/(sync+idleEchoes*echo[i]))
	}
	s.add(Row{Name: "p50 of redemptions, 1 client: SQLite / (fsync + 2 × echo)", Unit: "×", Goal: idleGoal, AtMost: true, Runs: shares})
	s.add(Row{Name: "p50 of redemptions, 1 client: SQLite", Unit: "ms", Runs: lone})
	s.add(Row{Name: "p50 of redemptions, 1 client: echo", Unit: "ms", Runs: echo})
	s.add(Row{Name: "fsync of 1 KB, median", Unit: "ms", Runs: syncs})
}

// addNodes adds what the nodes held in memory and what they allocated.
func (s *suite) addNodes() {
	for _, place := range []string{atSQLite, atPostgres} {
		p := s.places[place]
		if p == nil {
			continue
		}
		if _, peak, err := memoryMB(p.nodes[0].pid()); err == nil {
			s.add(Row{Name: "memory of a node, " + place + ", peak", Unit: "MB", Goal: nodeMemoryGoal, AtMost: true, Runs: []float64{peak}})
		}
		if held := s.resident[place]; len(held) > 1 {
			grown := []float64{held[len(held)-1] / held[0]}
			s.add(Row{Name: "memory of a node, " + place + ", after the last round / after the first", Unit: "×", Goal: growthGoal, AtMost: true, Runs: grown})
		}
		if counts := s.mallocs[place]; len(counts) > 0 {
			name := fmt.Sprintf("allocations for a redemption, HTTP and all, %s, %s", place, connections(tpcbClients))
			s.add(Row{Name: name, Unit: "allocations", Goal: mallocGoal, AtMost: true, Runs: counts})
		}
	}
}
