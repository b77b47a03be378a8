package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/store/postgres"
	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// soon is a time-out that a test can wait for, and patience what nothing may take longer than under it.
const (
	soon     = 2 * time.Second
	patience = 30 * time.Second
)

func (s till) within(what string, do func() error) error {
	s.Helper()
	began := time.Now()
	err := do()
	if took := time.Since(began); took > patience {
		s.Errorf("%s: it took %s", what, took)
	}
	return err
}

// begin has one commit behind it, whatever the time-out is: a server that has just been started may be slower.
func (s till) begin() {
	s.Helper()
	const first, attempts = 1000, 20
	for n := first; ; n++ {
		err := s.insert(n, func() {})
		if err == nil {
			return
		}
		if n == first+attempts {
			s.Fatal(err)
		}
	}
}

// A commit that waits for a standby in vain is here, and perhaps not there: its outcome is unknown.
func TestAStandbyThatIsGone(t *testing.T) {
	p := pgtest.StartPair(t, nil)
	dsn := p.Database(t)
	s := openTill(t, open(t, dsn, postgres.Options{Timeout: soon}))
	s.begin()
	p.Standby.Kill()
	err := s.within("a commit", func() error { return s.insert(2, func() {}) })
	if got := s.outcome(err); got != "unknown" {
		t.Errorf("got %s: %v", got, err)
	}
	if !s.has(2) {
		t.Error("it is not on the primary")
	}
}

// A node that starts while the standby is gone ends soon, and says what to look for.
func TestANodeThatStartsWithoutTheStandby(t *testing.T) {
	p := pgtest.StartPair(t, nil)
	dsn := p.Database(t)
	visit(t, dsn, postgres.Options{})
	p.Standby.Kill()
	err := till{T: t}.within("a start", func() error {
		d, err := postgres.Open(ctx, dsn, postgres.Options{})
		if err == nil {
			return d.Close()
		}
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "does the server wait for a synchronous standby?") {
		t.Errorf("got %v", err)
	}
}

// A server that does not answer holds nobody up for longer than the time-out, and is used again when it has been started again.
func TestAServerThatHangs(t *testing.T) {
	server := pgtest.Start(t, nil)
	s := openTill(t, open(t, server.Database(t), postgres.Options{Timeout: soon}))
	s.begin()
	server.Freeze()
	err := s.within("a commit", func() error { return s.insert(2, func() {}) })
	if got := s.outcome(err); got != "not taken" {
		t.Errorf("got %s: %v", got, err)
	}
	read := s.within("a report", func() error { _, err := s.Driver().Messages(ctx, 0, 1); return err })
	if read == nil {
		t.Error("a server that hangs has answered")
	}
	server.Kill()
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	err = s.within("until all is well again", func() error {
		n := 3
		for s.insert(n, func() {}) != nil && n < 1_000_000 {
			n++
		}
		return nil
	})
	if err != nil || s.has(2) {
		t.Error("what was told as not taken is there")
	}
}
