package airtime_test

import (
	"context"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/store/memstore"
	"github.com/scripworks/scrip/store/sqlite"
)

// ofAirtime are the scripts of this contract.
var ofAirtime = regexp.MustCompile(`^airtime/`)

// The rule scripts judge the vendor by itself, without a wire, on both stores. Whatever they did to it, the books and
// the stock are right afterwards.
func TestRuleScripts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scrip.db")
	onDisk := func(t testing.TB) store.Driver {
		d, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	memory := memstore.New()
	inMemory := func(testing.TB) store.Driver { return memory }
	for name, open := range map[string]func(testing.TB) store.Driver{"memory": inMemory, "sqlite": onDisk} {
		t.Run(name, func(t *testing.T) {
			j := airtimetest.NewJudged(t, open)
			conform.Test(t, j, conform.Options{Now: j.Now, Match: ofAirtime})
			report, err := invariant.Check(context.Background(), j.Store.Driver())
			if err != nil {
				t.Fatal(err)
			}
			for _, fault := range report.Faults {
				t.Error(fault)
			}
		})
	}
}
