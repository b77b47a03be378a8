package app

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
)

// Whoever waits with the old keys until no card needs them reads in the log when that is: once, and not where nothing was to do.
func TestARotationIsToldInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, gate := rotated(t)
		close(gate.begin)
		var log bytes.Buffer
		a.log = slog.New(slog.NewTextHandler(&log, nil))
		for range 2 {
			if err := a.renumber(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range []string{
			fmt.Sprintf("level=INFO msg=\"rewriting card numbers under the primary key\" key=%d\n", a.Keys.Primary()),
			fmt.Sprintf("level=INFO msg=\"card numbers are rewritten\" cards=%d took=", renumberedCards),
		} {
			if strings.Count(log.String(), line) != 1 {
				t.Errorf("want once %s\ngot %s", line, log.String())
			}
		}
	})
}
