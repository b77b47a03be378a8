// Package floorplan is the drawing of the house: which packages there are, on which floor each
// of them stands, and what each may therefore know.
//
// It promises that the drawing is true. The package's test reads every Go file of the module and
// fails when an import does not go down, when a package stands nowhere, or when a room of the
// lower floors reaches for HTTP, SQL, JSON, a logger, the clock or a random source. A new package
// is therefore drawn in House first and built afterwards.
package floorplan

import (
	"fmt"
	"slices"
	"strings"
)

// Plan is the drawing of one Go module. Rooms and annexes are named by their import path below
// Module, so that "store/sqlite" is the package in that directory.
type Plan struct {
	// Module is the module's own path, as in go.mod.
	Module string

	// Floors are the floors from the ground up; Floors[0] is floor 1. A room imports only rooms
	// of lower floors.
	Floors []Floor

	// Beside are the annexes, packages that stand on no floor. The first annex that covers a
	// package is the one that counts, so the particular stand before the general.
	Beside []Annex

	// PureUpTo is the highest floor that knows nothing of the world outside: no package of
	// Outside, no look at the clock. Time and randomness enter as values.
	PureUpTo int

	// Outside are the import paths, each standing for everything below it too, that a pure room
	// may not import.
	Outside []string

	// Excused lets a pure room import single paths of Outside all the same.
	Excused map[string][]string
}

// Floor is what stands at one height of the house. Its rooms do not know each other.
type Floor struct {
	Rooms []string
	Holds string // what the floor is for, in a few words
}

// Annex is a package beside the floors, or with a path that ends in "/..." that package and all
// those below it.
type Annex struct {
	Path string

	// Sees is the highest floor whose rooms the annex may import; 0 means none. Other annexes it
	// may import where they name it in SeenBy.
	Sees int

	// SeenBy are the rooms and annexes that may import this one; a path that ends in "/..." covers
	// all those below it. Where it is empty, only tests may.
	SeenBy []string
}

// House is the plan of Scrip.
var House = Plan{
	Module: "github.com/scripworks/scrip",
	Floors: []Floor{
		{[]string{"money", "ident"}, "values that know nothing"},
		{[]string{"decline", "secret"}, "refusals, and what hides: made of the values below"},
		{[]string{"ledger", "txn"}, "entries; the life of a transaction"},
		{[]string{"giftcard", "airtime", "saf"}, "the rules; the queue"},
		{[]string{"admin"}, "accounts, permissions and operators' acts"},
		{[]string{"exchange"}, "one message and its answer over HTTP, whatever the contract"},
		{
			[]string{"giftcardhttp", "airtimehttp", "adminhttp", "queuehttp", "relay", "router", "store", "edge", "invariant"},
			"wire to words and back; the switch; the batch and its driver seam; the way in; what must always be true",
		},
		{
			[]string{"store/sqlstore", "store/memstore", "network", "keyset", "move"},
			"the one body of SQL; the same promises in memory; a mobile network, simulated; the file of a store's keys; a store into another",
		},
		{[]string{"config", "store/sqlite", "store/postgres"}, "open, migrate, dialect; what the operator may set"},
		{[]string{"app"}, "wiring and life: New, Start, Stop"},
		{[]string{"sandbox", "bench", "sdk"}, "whole programs made of the rooms below"},
		{[]string{"cmd/scrip"}, "flags and subcommands"},
	},
	Beside: []Annex{
		// Generated contract types stop at the room that turns them into words, and at the two
		// programs that judge or load a server over the wire.
		{Path: "api/giftcard", SeenBy: []string{"giftcardhttp", "conform", "bench"}},
		{Path: "api/airtime", SeenBy: []string{"airtimehttp", "conform", "bench"}},
		{Path: "api/wire", SeenBy: []string{"api/...", "exchange", "giftcardhttp", "airtimehttp", "adminhttp", "conform", "bench"}},
		// Another reader of the documents than ours, for tests of what is sent and answered.
		{Path: "api/apitest"},
		// The documents themselves are served, shown and asked for by whole programs as well, and
		// the commands speak to the operators' interface through its generated client.
		{Path: "api/...", SeenBy: []string{
			"api/...", "giftcardhttp", "airtimehttp", "adminhttp",
			"app", "sandbox", "bench", "sdk", "cmd/scrip", "conform",
		}},
		// The suite judges any server, not only ours: it knows identifiers and money, no rule.
		{Path: "conform", Sees: 2, SeenBy: []string{
			"app", "sandbox", "bench", "sdk", "cmd/scrip", "giftcard/giftcardtest", "airtime/airtimetest",
		}},
		// A whole issuer for tests, which the suite can judge without a wire.
		{Path: "giftcard/giftcardtest", Sees: 7, SeenBy: []string{"airtime/airtimetest"}},
		// A whole vendor for tests, with a provider that can be told to behave badly.
		{Path: "airtime/airtimetest", Sees: 7},
		// An upstream that loses, doubles and delays what is sent to it, and programs that die; for tests of whatever sends.
		{Path: "relay/relaytest", Sees: 7},
		// What a store promises, written against the seam; each driver's test runs it.
		{Path: "store/storetest", Sees: 7},
		// A store of each kind, for tests of what stands on them.
		{Path: "store/fleet", Sees: 9},
		// PostgreSQL servers of one's own, for tests and for what measures.
		{Path: "store/postgres/pgtest", SeenBy: []string{"bench/ratio", "store/fleet"}},
		// What speed is measured against knows nothing of us; what measures it runs whole programs.
		{Path: "bench/echo", SeenBy: []string{"bench", "bench/plain", "bench/ratio", "cmd/scrip"}},
		{Path: "bench/plain", SeenBy: []string{"cmd/scrip"}},
		{Path: "bench/stub", SeenBy: []string{"bench/ratio", "cmd/scrip"}},
		{Path: "bench/ratio", Sees: 11, SeenBy: []string{"cmd/scrip"}},
		{Path: "floorplan"},
	},
	PureUpTo: 5,
	Outside: []string{
		"net/http",
		"database/sql", "modernc.org/sqlite", "zombiezen.com/go/sqlite", "github.com/jackc",
		"github.com/lib/pq", "github.com/mattn/go-sqlite3", "github.com/pressly/goose",
		"encoding/json", "github.com/go-json-experiment/json",
		"log",
		"math/rand", "crypto/rand", "github.com/google/uuid",
	},
	// Encryption needs fresh nonces and keys, and a caller that handed them in could hand in the
	// same one twice. So secret alone draws randomness: from crypto/rand, and inside Tink.
	// Its keyset file is JSON as Tink writes it.
	Excused: map[string][]string{"secret": {"crypto/rand", "encoding/json"}},
}

// String draws the plan with the top floor first, a line for each floor and one for what stands
// beside.
func (p Plan) String() string {
	var b strings.Builder
	for i, f := range slices.Backward(p.Floors) {
		fmt.Fprintf(&b, "%d  %s: %s\n", i+1, strings.Join(f.Rooms, ", "), f.Holds)
	}
	var beside []string
	for _, a := range p.Beside {
		beside = append(beside, a.Path)
	}
	fmt.Fprintf(&b, "beside: %s\n", strings.Join(beside, ", "))
	return b.String()
}

// floor is the height at which a room stands, 0 for whatever stands on no floor.
func (p Plan) floor(room string) int {
	for i, f := range p.Floors {
		if slices.Contains(f.Rooms, room) {
			return i + 1
		}
	}
	return 0
}

// annex finds what stands beside the floors under this path.
func (p Plan) annex(room string) (Annex, bool) {
	for _, a := range p.Beside {
		if covers(a.Path, room) {
			return a, true
		}
	}
	return Annex{}, false
}

// has says whether the plan knows the package at all.
func (p Plan) has(room string) bool {
	_, beside := p.annex(room)
	return beside || p.floor(room) > 0
}

// pure says whether the room stands on one of the floors that know nothing outside.
func (p Plan) pure(room string) bool {
	f := p.floor(room)
	return f > 0 && f <= p.PureUpTo
}

// outside says whether a pure room may not import this path.
func (p Plan) outside(room, path string) bool {
	if slices.Contains(p.Excused[room], path) {
		return false
	}
	return slices.ContainsFunc(p.Outside, func(o string) bool {
		return path == o || strings.HasPrefix(path, o+"/")
	})
}

// sees says why one of our packages may not import another, or nothing when it may.
func (p Plan) sees(from, to string) string {
	if a, beside := p.annex(to); beside {
		return p.seesAnnex(from, to, a)
	}
	target, height := p.floor(to), p.floor(from)
	switch a, beside := p.annex(from); {
	case target == 0:
		return to + " has no floor"
	case beside && target > a.Sees:
		return fmt.Sprintf("%s stands beside and sees up to floor %d; %s is on floor %d", from, a.Sees, to, target)
	case beside:
		return ""
	case target == height:
		return fmt.Sprintf("%s and %s are both on floor %d and do not know each other", from, to, target)
	case target > height:
		return fmt.Sprintf("%s on floor %d may not look up to %s on floor %d", from, height, to, target)
	}
	return ""
}

func (p Plan) seesAnnex(from, to string, a Annex) string {
	if slices.ContainsFunc(a.SeenBy, func(room string) bool { return covers(room, from) }) {
		return ""
	}
	if len(a.SeenBy) == 0 {
		return to + " is imported by tests only"
	}
	return fmt.Sprintf("%s is imported by %s only", to, strings.Join(a.SeenBy, ", "))
}

// covers says whether a path of the plan stands for this package.
func covers(path, room string) bool {
	below, wide := strings.CutSuffix(path, "/...")
	return room == below || wide && strings.HasPrefix(room, below+"/")
}
