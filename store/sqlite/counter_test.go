package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
	"github.com/scripworks/scrip/txn"
)

// However many counters there are, a page of them costs what it brings.
func TestCountersAreReadInTheOrderOfTheirIndex(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "scrip.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	plan := planOf(t, d.writer.Conn, allCounters)
	if !strings.Contains(plan, "SEARCH counter USING PRIMARY KEY") || strings.Contains(plan, "TEMP B-TREE") {
		t.Error(plan)
	}
}

// Counters whose window is open do not keep the writer: looking for those that are over goes beside it.
func TestForgettingCountersDoesNotWaitForTheWriter(t *testing.T) {
	s, d := openStore(t, filepath.Join(t.TempDir(), "scrip.db"))
	defer s.Close()
	noon := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	if err := s.Do(t.Context(), store.Keys{World: ident.Production}, func(tx *store.Tx) error {
		for owner := range int64(2000) {
			tx.PutCounter(txn.CounterKey{Owner: owner, Family: txn.Load, Window: time.Hour, Start: noon}, txn.Counter{Count: 1})
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	b, err := d.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rollback()
	done := make(chan error, 1)
	go func() { done <- d.ForgetCounters(context.WithoutCancel(t.Context()), noon) }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it waits for the batch that is open")
	}
}
