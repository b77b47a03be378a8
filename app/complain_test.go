package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"regexp"
	"testing"
)

// Whoever reads the log after an outage sees of each thing that it is over, once.
func TestWhatGoesWellAgainIsToldOnce(t *testing.T) {
	var told bytes.Buffer
	a := &App{log: slog.New(slog.NewTextHandler(&told, nil))}
	lines := func(text string) int { return len(regexp.MustCompile(text).FindAllString(told.String(), -1)) }
	for _, err := range []error{nil, errors.New("away"), errors.New("away"), nil, nil} {
		a.complain(t.Context(), "look", err)
		a.complain(t.Context(), "sweep", nil)
	}
	if lines(`level=ERROR msg=look error=away`) != 2 || lines(`level=INFO msg="look: in order again" after=`) != 1 || lines("sweep") > 0 {
		t.Errorf("told\n%s", told.String())
	}
	told.Reset()
	for range 2 {
		a.complain(t.Context(), "look", errors.New("away"))
		a.handOn("look")
		a.handOn("look")
		a.complain(t.Context(), "look", nil)
	}
	if lines(`level=INFO msg="look: another process sees to it now"`) != 2 || lines("in order again") > 0 {
		t.Errorf("of what another process sees to was told\n%s", told.String())
	}
	told.Reset()
	ended, end := context.WithCancel(t.Context())
	end()
	a.complain(ended, "look", ended.Err())
	a.complain(t.Context(), "look", nil)
	if told.Len() > 0 {
		t.Errorf("of what was told to end:\n%s", told.String())
	}
}
