package queuehttp_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/money"
	"github.com/scripworks/scrip/queuehttp"
	"github.com/scripworks/scrip/saf"
	"github.com/scripworks/scrip/txn"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// gate lets in account 7, or turns everybody away.
type gate struct {
	refusal error
	advices int // how often an advice was announced
	inHand  int
}

func (g *gate) Admit(_ *http.Request, advice bool) (*txn.Sender, func(), error) {
	if advice {
		g.advices++
	}
	if g.refusal != nil {
		return nil, nil, g.refusal
	}
	g.inHand++
	return &txn.Sender{Account: 7}, func() { g.inHand-- }, nil
}

func (*gate) Guessed(*txn.Sender) {}

// counted is a queue with these levels.
func counted(levels ...saf.Level) func(context.Context) ([]saf.Level, error) {
	return func(context.Context) ([]saf.Level, error) { return levels, nil }
}

// level is one of account 7's, so many minutes old at noon.
func level(upstream string, state saf.State, count, minutes int, currency money.Currency, value money.Minor) saf.Level {
	return saf.Level{
		Upstream: upstream, Account: 7, State: state, Count: count, Currency: currency, Value: value,
		Oldest: noon.Add(-time.Duration(minutes) * time.Minute),
	}
}

func ask(t *testing.T, s queuehttp.Settings, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	if s.Now == nil {
		s.Now = func() time.Time { return noon }
	}
	w := httptest.NewRecorder()
	queuehttp.New(s).ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestAnAccountSeesItsOwnQueue(t *testing.T) {
	const most = 1<<63 - 1
	for name, c := range map[string]struct {
		levels []saf.Level
		want   string
	}{
		"nothing": {nil, `{"upstreams":[]}`},
		"one, and others' beside it": {
			[]saf.Level{level("north", saf.Waiting, 3, 2, 710, 500), {Upstream: "north", Account: 8, State: saf.Waiting, Count: 9}, {Upstream: "west", Account: 8}},
			`{"upstreams":[{"upstream":"north","waiting":3,"parked":0,"attention":0,"oldest":"2026-11-21T11:58:00Z","ageSeconds":120,
				"inDoubt":[{"currency":"710","value":"500"}]}]}`,
		},
		"all states, currencies and upstreams": {
			[]saf.Level{
				level("north", saf.Waiting, 3, 1, 710, most), level("north", saf.Waiting, 1, 1, 840, 20), level("north", saf.Parked, 2, 9, 710, 1),
				level("north", saf.Attention, 4, 3, 0, 0), level("south", saf.Attention, 1, 0, 0, 0),
			},
			`{"upstreams":[
				{"upstream":"north","waiting":4,"parked":2,"attention":4,"oldest":"2026-11-21T11:51:00Z","ageSeconds":540,
					"inDoubt":[{"currency":"710","value":"9223372036854775808"},{"currency":"840","value":"20"}]},
				{"upstream":"south","waiting":0,"parked":0,"attention":1,"oldest":"2026-11-21T12:00:00Z","ageSeconds":0}]}`,
		},
		"queued by a clock that runs ahead": {
			[]saf.Level{level("north", saf.Waiting, 1, -1, 0, 0)},
			`{"upstreams":[{"upstream":"north","waiting":1,"parked":0,"attention":0,"oldest":"2026-11-21T12:01:00Z","ageSeconds":0}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			answered := ask(t, queuehttp.Settings{Gate: g, Levels: counted(c.levels...)}, "GET", queuehttp.Path)
			var got, want any
			if err := errors.Join(json.Unmarshal(answered.Body.Bytes(), &got), json.Unmarshal([]byte(c.want), &want)); err != nil {
				t.Fatal(err)
			}
			if answered.Code != 200 || !reflect.DeepEqual(got, want) || answered.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %v, want %v", answered.Code, got, want)
			}
			if g.inHand != 0 || g.advices != 0 {
				t.Errorf("%d are in hand, %d came as advices", g.inHand, g.advices)
			}
		})
	}
}

func TestWhoIsTurnedAwayHearsNothing(t *testing.T) {
	for cause, c := range map[decline.Cause]struct {
		status int
		header string
	}{
		decline.Unauthenticated: {401, "WWW-Authenticate"}, decline.Forbidden: {403, ""}, decline.RateLimited: {429, "Retry-After"},
		decline.Overloaded: {503, "Retry-After"}, decline.Stopping: {503, "Retry-After"},
	} {
		g := &gate{refusal: &decline.NotTaken{Cause: cause, Text: "not you", After: 1500 * time.Millisecond}}
		count := func(context.Context) ([]saf.Level, error) {
			t.Error("the queue was counted all the same")
			return nil, nil
		}
		got := ask(t, queuehttp.Settings{Gate: g, Levels: count}, "GET", queuehttp.Path)
		if got.Code != c.status || !strings.Contains(got.Body.String(), `"message":"not you"`) {
			t.Errorf("%d: %d %s, want %d", cause, got.Code, got.Body, c.status)
		}
		if c.header != "" && got.Header().Get(c.header) == "" {
			t.Errorf("%d: no header %s", cause, c.header)
		}
	}
}

// A fault is logged, and not told.
func TestAQueueThatCannotBeCounted(t *testing.T) {
	var logged bytes.Buffer
	count := func(context.Context) ([]saf.Level, error) { return nil, errors.New("the disk is gone") }
	g := &gate{}
	got := ask(t, queuehttp.Settings{Gate: g, Levels: count, Log: slog.New(slog.NewTextHandler(&logged, nil))}, "GET", queuehttp.Path)
	if got.Code != 503 || strings.Contains(got.Body.String(), "disk") || !strings.Contains(logged.String(), "the disk is gone") || g.inHand != 0 {
		t.Errorf("%d %s, logged %s", got.Code, got.Body, logged.String())
	}
}

// However many ask, the queue is counted only every now and then; a count that failed does not count.
func TestTheQueueIsCountedNowAndThen(t *testing.T) {
	now, counts := noon, 0
	var fault error
	handler := queuehttp.New(queuehttp.Settings{
		Gate: &gate{}, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler),
		Levels: func(context.Context) ([]saf.Level, error) { counts++; return nil, fault },
	})
	asked := func(want int) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", queuehttp.Path, nil))
		if (w.Code == 200) != (fault == nil) || counts != want {
			t.Errorf("%d after %d counts, want %d", w.Code, counts, want)
		}
	}
	asked(1)
	now = noon.Add(4 * time.Second)
	asked(1)
	now, fault = noon.Add(5*time.Second), errors.New("the disk is gone")
	asked(2)
	asked(3)
	fault = nil
	asked(4)
	asked(4)
	now = noon // the clock was set back
	asked(5)
}

// Who has left does not wait for somebody else's count.
func TestWhoHasLeftDoesNotWait(t *testing.T) {
	counting, finish := make(chan struct{}), make(chan struct{})
	handler := queuehttp.New(queuehttp.Settings{
		Gate: &gate{}, Now: func() time.Time { return noon }, Log: slog.New(slog.DiscardHandler),
		Levels: func(context.Context) ([]saf.Level, error) { close(counting); <-finish; return nil, nil },
	})
	first := make(chan int)
	go func() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", queuehttp.Path, nil))
		first <- w.Code
	}()
	<-counting
	left, leave := context.WithCancel(t.Context())
	leave()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequestWithContext(left, "GET", queuehttp.Path, nil))
	close(finish)
	if code := <-first; code != 200 || w.Code != 503 {
		t.Errorf("answered %d and %d", code, w.Code)
	}
}

func TestThereIsNothingElse(t *testing.T) {
	s := queuehttp.Settings{Gate: &gate{}, Levels: counted()}
	if got := ask(t, s, "POST", queuehttp.Path); got.Code != 405 || !strings.Contains(got.Header().Get("Allow"), "GET") {
		t.Errorf("POST: %d, Allow %q", got.Code, got.Header().Get("Allow"))
	}
	if got := ask(t, s, "GET", queuehttp.Path+"/1"); got.Code != 404 {
		t.Errorf("below it: %d", got.Code)
	}
}
