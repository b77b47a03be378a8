package ratio

import (
	"fmt"
	"slices"

	"github.com/scripworks/scrip/bench"
)

// The places where turns are taken.
const (
	atSQLite        = "SQLite"
	atPostgres      = "PostgreSQL"
	atTwoNodes      = "two nodes on PostgreSQL"
	atEcho          = "echo"
	atPlainSQLite   = "plain on SQLite"
	atPlainPostgres = "plain on PostgreSQL"
	atTPCB          = "pgbench TPC-B"
	atDisk          = "disk"
)

// modeTPCB and modeSync are the modes of what is driven without messages.
const (
	modeTPCB bench.Mode = "tpcb"
	modeSync bench.Mode = "fsync"
)

// The numbers of connections at which promises are about more than one load.
const (
	tpcbClients = 32  // pgbench, one card
	lateClients = 128 // p99
	idleClients = 1
)

// words say what a load is made of.
var words = map[bench.Mode]string{
	bench.ModeRedeemOnly: "redemptions", bench.ModeHot: "redemptions on one card", bench.ModeLoad: "loads with confirmation",
	bench.ModeVoucherOnly: "voucher purchases", bench.ModeLookup: "look-ups", bench.ModeDay: "mixed day",
	modeTPCB: "transactions", modeSync: "fsync",
}

// turn is a load that is driven at a place once in every round.
type turn struct {
	mode    bench.Mode
	place   string
	clients int
	again   bool // the echo has a second turn, beside what follows the redemptions
}

// String is the turn's name in the table.
func (t turn) String() string {
	what := words[t.mode]
	if t.again {
		what += " again"
	}
	return fmt.Sprintf("%s, %s, %s", what, t.place, connections(t.clients))
}

// connections is a number of clients in words.
func connections(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}

// turns lists what is measured in a round, in an order in which both sides of each promise lie close together.
func (s *suite) turns() (all []turn) {
	for _, clients := range s.clients {
		if slices.Contains(s.loads, bench.ModeRedeemOnly) {
			all = append(all, s.redemptionTurns(clients)...)
		}
		all = append(all, s.otherTurns(clients)...)
	}
	return slices.DeleteFunc(all, func(t turn) bool { return t.place != atDisk && s.places[t.place] == nil })
}

// redemptionTurns are those of the load that most is promised of. Both stores are neighbours of the echo, and
// PostgreSQL is one of pgbench.
func (s *suite) redemptionTurns(clients int) []turn {
	at := func(mode bench.Mode, place string) turn { return turn{mode: mode, place: place, clients: clients} }
	sync := turn{mode: modeSync, place: atDisk, clients: clients}
	sqlite, echo, postgres := at(bench.ModeRedeemOnly, atSQLite), at(bench.ModeRedeemOnly, atEcho), at(bench.ModeRedeemOnly, atPostgres)
	two := at(bench.ModeRedeemOnly, atTwoNodes)
	plain := []turn{at(bench.ModeRedeemOnly, atPlainSQLite), at(bench.ModeRedeemOnly, atPlainPostgres)}
	switch clients {
	case idleClients:
		return append([]turn{sync, sqlite, echo, sync, postgres}, plain...)
	case tpcbClients:
		return []turn{
			at(bench.ModeHot, atSQLite), plain[0], sqlite, echo, postgres, at(modeTPCB, atTPCB), two, at(bench.ModeHot, atPostgres), plain[1],
		}
	case lateClients:
		return append([]turn{sqlite, echo, postgres, two}, plain...)
	}
	return []turn{sqlite, echo, postgres}
}

// otherTurns are those of the other loads, with another turn of the echo in their middle.
func (s *suite) otherTurns(clients int) (turns []turn) {
	loads := s.others()
	for i, mode := range loads {
		turns = append(turns, turn{mode: mode, place: atSQLite, clients: clients}, turn{mode: mode, place: atPostgres, clients: clients})
		if i == (len(loads)-1)/2 {
			turns = append(turns, echoAgain(clients))
		}
	}
	return turns
}

// others are the loads that are measured beside redemptions.
func (s *suite) others() []bench.Mode {
	return slices.DeleteFunc(slices.Clone(s.loads), func(m bench.Mode) bool { return m == bench.ModeRedeemOnly })
}

func echoAgain(clients int) turn {
	return turn{mode: bench.ModeRedeemOnly, place: atEcho, clients: clients, again: true}
}

// comparison is a ratio of two turns and what it should at least be.
type comparison struct {
	name        string
	over, under turn
	goal, aim   float64
}

// goal is what is promised of a ratio, and what is hoped for.
type goal struct{ goal, aim float64 }

// What is promised of redemptions, as shares of the echo, of pgbench, of one node and of a load that is spread.
var (
	echoGoals = map[string]map[int]goal{
		atSQLite:   {32: {0.30, 0.35}, 128: {0.36, 0.42}},
		atPostgres: {32: {0.22, 0.28}, 128: {0.30, 0}},
	}
	tpcbGoal     = goal{1.8, 2.5}
	twoNodesGoal = goal{0.75, 0}
	hotGoal      = goal{0.9, 0}
)

// comparisons lists the ratios. Those of turns that were not taken are passed over later.
func (s *suite) comparisons() (all []comparison) {
	for _, clients := range s.clients {
		at := func(mode bench.Mode, place string) turn { return turn{mode: mode, place: place, clients: clients} }
		compare := func(over, under turn, g goal) {
			name := fmt.Sprintf("%s, %s: %s / %s", words[over.mode], connections(clients), over.place, under.place)
			if over.mode != under.mode && under.place == over.place {
				name = fmt.Sprintf("%s / on many, %s, %s", words[over.mode], over.place, connections(clients))
			}
			all = append(all, comparison{name, over, under, g.goal, g.aim})
		}
		redemptions := func(place string) turn { return at(bench.ModeRedeemOnly, place) }
		for _, store := range []struct{ place, plain string }{{atSQLite, atPlainSQLite}, {atPostgres, atPlainPostgres}} {
			compare(redemptions(store.place), redemptions(atEcho), echoGoals[store.place][clients])
			compare(redemptions(store.place), redemptions(store.plain), goal{})
			compare(at(bench.ModeHot, store.place), redemptions(store.place), hotGoal)
			for _, mode := range s.others() {
				compare(at(mode, store.place), echoAgain(clients), goal{})
			}
		}
		compare(redemptions(atPostgres), at(modeTPCB, atTPCB), tpcbGoal)
		compare(redemptions(atTwoNodes), redemptions(atPostgres), twoNodesGoal)
	}
	return all
}
