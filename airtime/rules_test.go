package airtime_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/store/fleet"
)

// ofAirtime are the scripts of this contract.
var ofAirtime = regexp.MustCompile(`^airtime/`)

// The rule scripts judge the vendor by itself, without a wire, on every store. Whatever they did to it, the books and
// the stock are right afterwards.
func TestRuleScripts(t *testing.T) {
	fleet.Each(t, func(t *testing.T, open fleet.Opener) {
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
