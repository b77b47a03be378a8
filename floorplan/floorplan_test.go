package floorplan_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/scripworks/scrip/floorplan"
)

// Were the walk to miss the module's files, it would be content with anything. So take what stands
// beside off the plan and expect it to be missed.
func TestHouseIsReallyWalked(t *testing.T) {
	short := floorplan.House
	short.Beside = nil
	breaches, err := short.Check(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	want := floorplan.Breach{Where: "floorplan", What: "has no floor; draw it in floorplan.House first"}
	for _, b := range breaches {
		if b == want {
			return
		}
	}
	t.Errorf("floorplan itself was not found by the walk; got %v", breaches)
}

func TestEveryRoomStandsOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range floorplan.House.Floors {
		for _, room := range f.Rooms {
			if seen[room] {
				t.Errorf("%s is drawn twice", room)
			}
			seen[room] = true
		}
	}
	for _, a := range floorplan.House.Beside {
		if seen[a.Path] {
			t.Errorf("%s is drawn twice", a.Path)
		}
		seen[a.Path] = true
	}
}

// The guide for contributors shows the plan; it must be this one.
func TestContributingShowsThePlan(t *testing.T) {
	guide, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(floorplan.House.String()) {
		if !strings.Contains(string(guide), strings.TrimSpace(line)) {
			t.Errorf("CONTRIBUTING.md does not show the line\n%s", line)
		}
	}
}

// Each case is a file somewhere in the house and what the checker must say of it; nothing means
// that the file is in order.
func TestCheck(t *testing.T) {
	const ours = "github.com/scripworks/scrip/"
	for _, c := range []struct {
		name string
		file string
		text string
		want string
	}{
		{"down one floor", "ledger/x.go", imports(ours + "money"), ""},
		{"down many floors", "cmd/scrip/x.go", imports(ours+"money", ours+"app"), ""},
		{"a room below another by path only", "store/sqlite/x.go", imports(ours+"store", ours+"store/sqlstore"), ""},
		{"up", "money/x.go", imports(ours + "ledger"),
			"money/x.go:2: money on floor 1 may not look up to ledger on floor 3"},
		{"up by many floors", "giftcard/x.go", imports(ours + "app"),
			"giftcard/x.go:2: giftcard on floor 4 may not look up to app on floor 10"},
		{"a neighbour", "giftcardhttp/x.go", imports(ours + "edge"),
			"giftcardhttp/x.go:2: giftcardhttp and edge are both on floor 7 and do not know each other"},
		{"a neighbour in the same directory", "store/sqlite/x.go", imports(ours + "store/postgres"),
			"store/sqlite/x.go:2: store/sqlite and store/postgres are both on floor 9 and do not know each other"},

		{"a package that is not drawn", "util/x.go", imports(),
			"util: has no floor; draw it in floorplan.House first"},
		{"a package below a room is not that room", "ledger/inner/x.go", imports(),
			"ledger/inner: has no floor; draw it in floorplan.House first"},
		{"a package at the root", "x.go", imports(),
			".: has no floor; draw it in floorplan.House first"},
		{"importing what is not drawn", "app/x.go", imports(ours + "util"),
			"app/x.go:2: util has no floor"},
		{"a test importing what is not drawn", "app/x_test.go", imports(ours + "util"),
			"app/x_test.go:2: util has no floor"},

		{"contract types in their own room", "giftcardhttp/x.go", imports(ours + "api/giftcard"), ""},
		{"contract types in the suite", "conform/x.go", imports(ours+"api/giftcard", ours+"money"), ""},
		{"contract types in the rules", "giftcard/x.go", imports(ours + "api/giftcard"),
			"giftcard/x.go:2: api/giftcard is imported by giftcardhttp, conform, bench only"},
		{"contract types in the app", "app/x.go", imports(ours + "api/giftcard"),
			"app/x.go:2: api/giftcard is imported by giftcardhttp, conform, bench only"},
		{"wire types under the contract types", "api/giftcard/x.go", imports(ours + "api/wire"), ""},
		{"wire types in the app", "app/x.go", imports(ours + "api/wire"),
			"app/x.go:2: api/wire is imported by api/..., exchange, giftcardhttp, airtimehttp, adminhttp, conform, bench only"},
		{"the documents in the app", "app/x.go", imports(ours + "api/doc"), ""},
		{"the documents in the rules", "giftcard/x.go", imports(ours + "api/doc"),
			"giftcard/x.go:2: api/doc is imported by api/..., giftcardhttp, airtimehttp, adminhttp, app, sandbox, bench, sdk, cmd/scrip, conform only"},
		{"a contract knows no room", "api/giftcard/x.go", imports(ours + "money"),
			"api/giftcard/x.go:2: api/giftcard stands beside and sees up to floor 0; money is on floor 1"},
		{"the suite knows no rules", "conform/x.go", imports(ours + "giftcard"),
			"conform/x.go:2: conform stands beside and sees up to floor 2; giftcard is on floor 4"},
		{"the suite under the rules", "giftcard/x.go", imports(ours + "conform"),
			"giftcard/x.go:2: conform is imported by app, sandbox, bench, sdk, cmd/scrip, giftcard/giftcardtest, airtime/airtimetest only"},
		{"the stores' promises in a test", "store/sqlite/x_test.go", imports(ours + "store/storetest"), ""},
		{"the stores' promises outside tests", "store/sqlite/x.go", imports(ours + "store/storetest"),
			"store/sqlite/x.go:2: store/storetest is imported by tests only"},
		{"the stores' promises seen from the seam", "store/storetest/x.go", imports(ours+"store", ours+"giftcard"), ""},

		{"a test may look up", "giftcard/x_test.go", imports(ours+"store/memstore", "net/http", "log/slog"), ""},
		{"another module's packages", "ledger/x.go", imports("fmt", "github.com/scripworks/scripture"), ""},

		{"HTTP in the rules", "giftcard/x.go", imports("net/http"), "giftcard/x.go:2: giftcard on floor 4 may not know net/http"},
		{"HTTP's parts in the rules", "giftcard/x.go", imports("net/http/httptest"), "giftcard/x.go:2: giftcard on floor 4 may not know net/http/httptest"},
		{"SQL in the ledger", "ledger/x.go", imports("database/sql"), "ledger/x.go:2: ledger on floor 3 may not know database/sql"},
		{"a driver in the ledger", "ledger/x.go", imports("modernc.org/sqlite/lib"), "ledger/x.go:2: ledger on floor 3 may not know modernc.org/sqlite/lib"},
		{"another driver in the queue", "saf/x.go", imports("github.com/jackc/pgx/v5"), "saf/x.go:2: saf on floor 4 may not know github.com/jackc/pgx/v5"},
		{"JSON in money", "money/x.go", imports("encoding/json"), "money/x.go:2: money on floor 1 may not know encoding/json"},
		{"other JSON in money", "money/x.go", imports("github.com/go-json-experiment/json/jsontext"), "money/x.go:2: money on floor 1 may not know github.com/go-json-experiment/json/jsontext"},
		{"a logger in admin", "admin/x.go", imports("log/slog"), "admin/x.go:2: admin on floor 5 may not know log/slog"},
		{"randomness in ident", "ident/x.go", imports("math/rand/v2"), "ident/x.go:2: ident on floor 1 may not know math/rand/v2"},
		{"secure randomness in ident", "ident/x.go", imports("crypto/rand"), "ident/x.go:2: ident on floor 1 may not know crypto/rand"},
		{"secure randomness in secret", "secret/x.go", imports("crypto/rand"), ""},
		{"other randomness in secret", "secret/x.go", imports("math/rand"), "secret/x.go:2: secret on floor 2 may not know math/rand"},
		{"all of them on floor 4", "edge/x.go", imports("net/http", "encoding/json", "log/slog", "crypto/rand"), ""},

		{"time as a value", "txn/x.go", `package txn; import "time"; var x = time.Second; func f(t time.Time) time.Time { return t.Add(x) }`, ""},
		{"the clock on floor 4", "edge/x.go", `package edge; import "time"; var x = time.Now()`, ""},
		{"the clock in a test", "txn/x_test.go", `package txn; import "time"; var x = time.Now()`, ""},
		{"the clock under another name", "txn/x.go", "package txn\nimport t \"time\"\nvar x = t.Now()",
			"txn/x.go:3: time.Now asks the clock; on the lower floors time enters as a value"},
		{"the clock passed on", "txn/x.go", "package txn\nimport \"time\"\nvar x = time.Now",
			"txn/x.go:3: time.Now asks the clock; on the lower floors time enters as a value"},
		{"the clock with a dot", "txn/x.go", "package txn\nimport . \"time\"\nvar x = Now()",
			"txn/x.go:2: time may not be imported with a dot: the clock must be recognisable"},
		{"something else of that name", "txn/x.go", `package txn; import time "example.org/calendar"; var x = time.Now()`, ""},

		{"a breach behind a build tag", "money/x.go", "//go:build windows\n\npackage x\nimport \"log\"\n", "money/x.go:4: money on floor 1 may not know log"},
		{"what Go passes over", "util/testdata/x.go", imports(), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := check(t, map[string]string{c.file: c.text}); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestCheckFindsEveryUseOfTheClock(t *testing.T) {
	for _, use := range []string{
		"Now()", "Since(x)", "Until(x)", "Sleep(1)", "After(1)", "AfterFunc(1, f)", "Tick(1)", "NewTimer(1)", "NewTicker(1)",
	} {
		name, _, _ := strings.Cut(use, "(")
		want := "saf/x.go:3: time." + name + " asks the clock; on the lower floors time enters as a value"
		got := check(t, map[string]string{"saf/x.go": "package saf\nimport \"time\"\nfunc f() { time." + use + " }"})
		if got != want {
			t.Errorf("time.%s: got %q, want %q", use, got, want)
		}
	}
}

func TestCheckPassesOverNestedModules(t *testing.T) {
	got := check(t, map[string]string{"example/go.mod": "module example.org/till", "example/x.go": imports("net/http")})
	if got != "" {
		t.Errorf("got %q", got)
	}
}

func TestCheckOrdersBreaches(t *testing.T) {
	got := check(t, map[string]string{"money/b.go": imports("log"), "money/a.go": imports("log", "net/http"), "zoo/x.go": imports()})
	want := strings.Join([]string{
		"money/a.go:2: money on floor 1 may not know log",
		"money/a.go:3: money on floor 1 may not know net/http",
		"money/b.go:2: money on floor 1 may not know log",
		"zoo: has no floor; draw it in floorplan.House first",
	}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCheckRefusesWhatIsNotGo(t *testing.T) {
	_, err := floorplan.House.Check(fstest.MapFS{"money/x.go": {Data: []byte("pakcage money")}})
	if err == nil {
		t.Error("a file that does not parse was passed over in silence")
	}
}

func ExamplePlan_Check() {
	house := floorplan.Plan{
		Module: "example.org/house",
		Floors: []floorplan.Floor{{Rooms: []string{"cellar"}}, {Rooms: []string{"kitchen"}}},
	}
	breaches, err := house.Check(fstest.MapFS{
		"cellar/cellar.go": {Data: []byte("package cellar\n\nimport \"example.org/house/kitchen\"\n\nvar Wine = kitchen.Wine\n")},
	})
	fmt.Println(breaches, err)
	// Output: [cellar/cellar.go:3: cellar on floor 1 may not look up to kitchen on floor 2] <nil>
}

// check runs House's rules over a few files and returns the breaches, one a line.
func check(t *testing.T, files map[string]string) string {
	t.Helper()
	module := fstest.MapFS{}
	for name, text := range files {
		module[name] = &fstest.MapFile{Data: []byte(text)}
	}
	breaches, err := floorplan.House.Check(module)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, b := range breaches {
		lines = append(lines, b.String())
	}
	return strings.Join(lines, "\n")
}

// imports is a file whose second and following lines each import one path.
func imports(paths ...string) string {
	text := "package x\n"
	for _, p := range paths {
		text += fmt.Sprintf("import _ %q\n", p)
	}
	return text
}
