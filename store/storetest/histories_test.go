package storetest

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Tests that run beside each other try as many histories as each of them wants, and others as many as they always do.
func TestHistoriesAreOfOneTestAlone(t *testing.T) {
	if checksGiven() {
		t.Skip("-rapid.checks says how many are tried")
	}
	checks := flag.Lookup("rapid.checks").Value
	usual := checks.String()
	for _, most := range []int{5, 10, 50} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			tried, h := 0, &harness{}
			Histories(most)(h)
			h.check(t, func(*rapid.T) {
				if tried++; checks.String() != usual {
					t.Errorf("others try %s histories meanwhile, and not %s", checks, usual)
				}
			})
			want := most
			if testing.Short() {
				want /= 5
			}
			if tried != want {
				t.Errorf("%d histories were tried, want %d", tried, want)
			}
		})
	}
}

// heard is a test that may fail.
type heard struct {
	rapid.TB
	failed  bool
	message string
}

func (h *heard) Logf(string, ...any) {}
func (h *heard) Log(...any)          {}
func (h *heard) Failed() bool        { return h.failed }
func (h *heard) FailNow()            { h.failed = true; runtime.Goexit() }
func (h *heard) Errorf(format string, args ...any) {
	h.failed = true
	h.message += fmt.Sprintf(format, args...)
}

// A history that fails is made as short as it can be, although that takes more of them than are tried.
func TestAHistoryThatFailsIsShortened(t *testing.T) {
	t.Chdir(t.TempDir()) // rapid writes there what has failed
	for name, fail := range map[string]func(t *rapid.T, length int){
		"at once": func(t *rapid.T, length int) { t.Fatalf("%d is too long", length) },
		"at last": func(t *rapid.T, length int) { t.Errorf("%d is too long", length) },
		"panic":   func(_ *rapid.T, length int) { panic(fmt.Sprintf("%d is too long", length)) },
	} {
		found, done := &heard{TB: t}, make(chan struct{})
		go func() {
			defer close(done)
			h := &harness{}
			Histories(10)(h)
			h.check(found, func(t *rapid.T) {
				longest := 0
				for range 20 { // rapid often draws 3 or less once, and never 20 times
					longest = max(longest, rapid.IntRange(0, 1<<20).Draw(t, "length"))
				}
				if longest > 3 {
					fail(t, longest)
				}
			})
		}()
		<-done
		if !found.failed || !strings.Contains(found.message, "4 is too long") {
			t.Errorf("%s: failed %t: %s", name, found.failed, found.message)
		}
	}
}
