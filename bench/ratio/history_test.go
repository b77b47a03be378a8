package ratio

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A whole measurement, with a real store, is a script of the program's tests: cmd/scrip/testdata/script/program/bench.txtar.

func TestHistoryRefusesOptionsThatMeasureNothing(t *testing.T) {
	for name, spoil := range map[string]func(*HistoryOptions){
		"no transactions": func(o *HistoryOptions) { o.Transactions = 0 },
		"too few":         func(o *HistoryOptions) { o.Transactions = leastHistory - 1 },
		"too many":        func(o *HistoryOptions) { o.Transactions = MaxHistory + 1 },
		"settling back":   func(o *HistoryOptions) { o.Settle = -1 },
		"no store":        func(o *HistoryOptions) { o.SQLite = false },
		"no program":      func(o *HistoryOptions) { o.Scrip = "" },
	} {
		options := HistoryOptions{Options: quick(t), SQLite: true}
		spoil(&options)
		if _, err := RunHistory(t.Context(), options); err == nil {
			t.Errorf("%s: the options were accepted", name)
		}
	}
}

func TestSamplesAreOfAllKindsAndSpreadOverTheWholeHistory(t *testing.T) {
	for _, total := range []int64{leastHistory, 60, 300, 20_000, 100_000, 1_000_000} {
		g := &generator{total: total}
		all, kept, last := map[kind]int64{}, map[kind]int64{}, int64(0)
		for n := range total {
			all[kindOf(n)]++
			if g.isSample(n) {
				kept[kindOf(n)]++
				last = n
			}
		}
		for of, count := range all {
			if kept[of] < min(count, sampled/2) || kept[of] > 3*sampled {
				t.Errorf("of %d: %d of kind %d: %d are kept", total, count, of, kept[of])
			}
		}
		if len(all) != 3 || last < total-total/10-1 {
			t.Errorf("of %d: %v, the last is %d", total, all, last)
		}
		if want := vouchersIn(total); all[voucher] != want {
			t.Errorf("of %d: %d vouchers are sold of %d in stock", total, all[voucher], want)
		}
	}
}

// No history is measured in which something was not found, or not asked for.
func TestEveryQuestionIsAskedOfSomeSample(t *testing.T) {
	samples := []sample{{pan: "6"}, {msisdn: "27"}, {serial: "S"}}
	for _, q := range questions {
		if !slices.ContainsFunc(samples, q.of) {
			t.Errorf("nothing is looked up by %s", q.name)
		}
	}
}

func TestALookUpThatFindsNothingHasFailed(t *testing.T) {
	for _, c := range []struct {
		path, answer string
		status       int
		fails        string
	}{
		{"/transactions?id=a", `{"transactions":[{"id":"a"}]}`, 200, ""},
		{"/transactions?id=a", `{"transactions":[]}`, 200, "nothing was found"},
		{"/transactions?id=a", `{}`, 500, "500"},
		{"/transactions?id=a", `no JSON`, 200, "invalid"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RequestURI() != c.path || r.Header.Get("Authorization") != "Bearer token" {
				t.Errorf("asked for %s as %s", r.URL, r.Header.Get("Authorization"))
			}
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.answer))
		}))
		err := (&office{base: server.URL, token: "token"}).find(t.Context(), url.Values{"id": {"a"}})
		server.Close()
		if (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%d %s: %v", c.status, c.answer, err)
		}
	}
}
