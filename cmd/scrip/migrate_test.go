package main

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// Whoever migrates while another process does is told why nothing happens.
func TestAMigrationBehindAnotherIsTold(t *testing.T) {
	database := pgtest.Shared(t).Database(t)
	pgtest.Migrating(t, database)
	running, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	told := &untilTold{stop: stop}
	err := (&migrateCmd{Store: database}).Run(running, console{err: told})
	if !errors.Is(err, context.Canceled) || !strings.HasSuffix(told.String(), " up to date: waiting, for 0s so far.\n") {
		t.Errorf("it was told %q, and ended with %v", told, err)
	}
}

// untilTold is somebody who stops something once he was told a line.
type untilTold struct {
	bytes.Buffer
	stop func()
}

func (u *untilTold) Write(line []byte) (int, error) {
	u.stop()
	return u.Buffer.Write(line)
}
