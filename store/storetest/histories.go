package storetest

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// Histories has each property of a driver tried with no more than so many random sequences. The flag -rapid.checks overrides
// it, and short runs try a fifth. The usual number of rapid holds for all tests of a program, so it is left as it is.
func Histories(most int) Option { return func(h *harness) { h.histories = most } }

// check tries a property.
func (h *harness) check(t rapid.TB, property func(*rapid.T)) {
	t.Helper()
	if h.histories == 0 || checksGiven() {
		rapid.Check(t, property)
		return
	}
	most := h.histories
	if testing.Short() {
		most = max(most/5, 1)
	}
	rapid.Check(t, firstOf(most, property))
}

// checksGiven says whether whoever runs the tests has said how many sequences are tried.
func checksGiven() (given bool) {
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	return given
}

// firstOf is a property tried with the first sequences, which lets the others pass. Once it has broken off it is tried with
// all that come, among which rapid looks for the shortest that fails.
func firstOf(most int, property func(*rapid.T)) func(*rapid.T) {
	tried, broken := 0, false
	return func(t *rapid.T) {
		if tried++; tried > most && !broken {
			return
		}
		whole := false
		defer func() { broken = broken || !whole || t.Failed() }()
		property(t)
		whole = true
	}
}
