package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/store/postgres/pgtest"
)

// A node that starts while another one migrates says in the log why it does not listen yet.
func TestAStartBehindAMigrationIsToldInTheLog(t *testing.T) {
	dsn := pgtest.Shared(t).Database(t)
	pgtest.Migrating(t, dsn)
	starting, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	log := &untilTold{stop: stop}
	a := &App{settings: Settings{Database: dsn}, log: slog.New(slog.NewTextHandler(log, nil))}
	if _, err := a.openDriver(starting); !errors.Is(err, context.Canceled) {
		t.Errorf("it did not wait until it was told not to: %v", err)
	}
	if line := `level=WARN msg="waiting for another node that brings the database up to date" waited=0s`; !strings.Contains(log.String(), line) {
		t.Errorf("want %s\ngot %s", line, log.String())
	}
}

// untilTold is a log after whose first line something is to stop.
type untilTold struct {
	bytes.Buffer
	stop func()
}

func (u *untilTold) Write(line []byte) (int, error) {
	u.stop()
	return u.Buffer.Write(line)
}
