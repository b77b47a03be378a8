package airtime_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/scripworks/scrip/airtime"
	"github.com/scripworks/scrip/airtime/airtimetest"
	"github.com/scripworks/scrip/conform"
	"github.com/scripworks/scrip/invariant"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/store/fleet"
	"github.com/scripworks/scrip/store/storetest"
)

// shortLived is a vendor that prunes all that may go before each message but a status query, which asks for what was
// answered.
type shortLived struct {
	*airtimetest.Judged
	pruned atomic.Int64 // some messages come together
}

func (f *shortLived) Do(ctx context.Context, m conform.Message) (conform.Answer, error) {
	if m.Kind != conform.PurchaseStatus {
		gone, err := storetest.PruneAll(ctx, f.Store, f.Now().Add(time.Hour))
		if f.pruned.Add(int64(gone)); err != nil {
			return conform.Answer{}, err
		}
	}
	return f.Judged.Do(ctx, m)
}

// tellOfThePast are the cases that ask for words which are not kept of what was pruned: what a purchase was answered, and
// the id of a remembered reversal.
var tellOfThePast = []string{
	"airtime/advice/the late request names the reversal", "airtime/purchase/a product that is not sold any more", "airtime/topup/confirmed",
}

// silentOnThePast gives the other cases of airtime.
func silentOnThePast(t *testing.T) []conform.Script {
	scripts, err := conform.Scripts()
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for i := range scripts {
		if !ofAirtime.MatchString(scripts[i].Name + "/") {
			scripts[i].Cases = nil
		}
		scripts[i].Cases = slices.DeleteFunc(scripts[i].Cases, func(c conform.Case) bool {
			leaves := slices.Contains(tellOfThePast, scripts[i].Name+"/"+c.Name)
			if leaves {
				left++
			}
			return leaves
		})
	}
	if left != len(tellOfThePast) {
		t.Fatalf("%d cases are left out", left)
	}
	return scripts
}

// The rules are the same for what was pruned.
func TestRuleScriptsWithEverythingPruned(t *testing.T) {
	fleet.Each(t, func(t *testing.T, open fleet.Opener) {
		f := &shortLived{Judged: airtimetest.NewJudged(t, open)}
		conform.Test(t, f, conform.Options{Now: f.Now, Scripts: silentOnThePast(t)})
		report, err := invariant.Check(context.Background(), f.Store.Driver())
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range report.Faults {
			t.Error(fault)
		}
		if f.pruned.Load() == 0 {
			t.Error("nothing was pruned")
		}
		t.Log(f.pruned.Load(), "messages were pruned")
	})
}

// Whatever is sent, and whatever is pruned between: the answers are the model's, which knows of no pruning, but for the
// status of a purchase that stands, whose answer is not kept any more.
func TestPruningChangesNoAnswer(t *testing.T) {
	heard, pruned := map[string]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t, heard)
		p.forgets = true
		rt.Repeat(map[string]func(*rapid.T){
			"steps": p.several,
			"prune": func(rt *rapid.T) {
				gone, err := storetest.PruneAll(t.Context(), p.Store, p.Now().Add(rapid.SampledFrom([]time.Duration{-timeout, 0, time.Second}).Draw(rt, "before")))
				if pruned += gone; err != nil {
					rt.Fatal(err)
				}
				p.booksAreRight()
			},
			"": p.compare,
		})
		p.booksAreRight()
		p.Stop()
	})
	t.Log(pruned, "messages were pruned")
	if pruned == 0 || heard["status of what was pruned: unknown"] == 0 && !testing.Short() {
		t.Error("nothing was pruned, or asked for")
	}
}

// The status of a pruned purchase never says anything else than what became of it.
func TestStatusOfWhatWasPruned(t *testing.T) {
	s := newShop(t, airtimetest.Settings{ProviderTimeout: timeout})
	p := s.sell(airtime.Product{ID: "plain", Values: []money.Amount{rand(100)}})
	s.deliver(p, 2)
	for id, want := range map[string]string{"confirmed": "unknown", "reversed": "ACCOUNT_ALREADY_SETTLED"} {
		response := s.bought(s.purchase(id, p))
		if id == "reversed" {
			s.wants("reversal", s.reverse(id), good)
		} else {
			s.wants("confirmation", s.confirm(id), good)
		}
		gone, err := storetest.PruneAll(t.Context(), s.Store, s.Now().Add(time.Second))
		s.must(err)
		if gone != 2 {
			t.Errorf("%d messages were pruned", gone)
		}
		s.wants("status of what was "+id, s.status(id), want)
		q := &airtime.Query{Sender: s.Named("a"), Received: s.Now(), Reference: response.Reference, Provider: response.Provider}
		_, err = s.Status(context.Background(), q)
		s.wants("status by reference of what was "+id, word(err), want)
	}
	s.wants("a declined one", s.buy(s.purchase("declined", p)), "OUT_OF_STOCK")
	_, err := storetest.PruneAll(t.Context(), s.Store, s.Now().Add(time.Second))
	s.must(err)
	s.wants("status of what was declined", s.status("declined"), "OUT_OF_STOCK")
	s.booksAreRight()
}
