package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/scripworks/scrip/app"
)

// What a message holds and nobody may read anywhere else. All of it is sent by spill.
var (
	secretCard = card{pan: "6001007391846250374", expiry: "4912", pin: "918273645546"}
	secrets    = map[string]string{
		"card number":    "6001007391846250374",
		"middle of it":   "739184625",
		"PIN":            "918273645546",
		"encrypted PIN":  "7E57C0DE7E57C0DE",
		"password":       "till's own password",
		"wrong password": "not the till's",
		"query":          "secretquery",
		"body":           "Corner Store",
		"operator token": operatorToken,
		"holder":         "nobody@holder.example",
	}
)

// spill sends all secrets there are, in messages that succeed and in messages that fail in each way.
func spill(t *testing.T, h *house) {
	t.Helper()
	l := h.account(t, "till", members{"holderLookUps": true, "wrongPerMinute": 3})
	h.product(t, "gold")
	c := secretCard
	added := h.operate(t, http.MethodPost, "/cards", members{
		"pan": c.pan, "expiry": c.expiry, "currency": "710", "clearPin": c.pin, "holder": members{"emailAddress": secrets["holder"]},
	})
	l.activate(t, c, 1000)
	for _, resource := range []string{"loads", "redemptions"} {
		id := newID()
		l.ask(resource, id, c, 10).must(t, http.StatusCreated, "")
		l.reverse(resource, id, newID()).must(t, http.StatusAccepted, "")
		l.confirm(resource, id, newID()).must(t, http.StatusBadRequest, "GENERAL_ERROR")
		l.ask(resource, id, c, 10).must(t, http.StatusBadRequest, "DUPLICATE_RECORD")
	}
	open := newID()
	l.ask("redemptions", open, c, 7).must(t, http.StatusCreated, "")
	spillRefusals(t, h, l, c, open)
	h.operate(t, http.MethodGet, "/transactions?identifier="+secrets["query"], nil)
	h.operate(t, http.MethodGet, fmt.Sprintf("/cards/%v/history?%s=1", added.member("number"), secrets["query"]), nil)
}

// spillRefusals are messages that are refused for their form, their sender, their PIN, and too many of that.
func spillRefusals(t *testing.T, h *house, l *till, c card, open string) {
	t.Helper()
	stranger, other := *l, *h.account(t, "other", members{})
	stranger.password = secrets["wrong password"]
	stranger.ask("redemptions", newID(), c, 10).must(t, http.StatusUnauthorized, "GENERAL_ERROR")
	other.reverse("redemptions", open, newID()).must(t, http.StatusBadRequest, "GENERAL_ERROR")
	wrong := requestBody(newID(), c, 10)
	wrong["card"] = members{"pan": c.pan + "x", "clearPin": c.pin, "encryptedPin": secrets["encrypted PIN"]}
	l.post("redemptions/"+newID()+"?"+secrets["query"], wrong).must(t, http.StatusBadRequest, "FORMAT_ERROR")
	l.post("nowhere/"+secrets["card number"]+"?"+secrets["query"], wrong).must(t, http.StatusNotImplemented, "FUNCTION_NOT_SUPPORTED")
	guess := c
	guess.pin = "918273645547"
	for range 3 {
		l.ask("redemptions", newID(), guess, 10).must(t, http.StatusBadRequest, "INCORRECT_PIN")
	}
	l.ask("redemptions", newID(), guess, 10).must(t, http.StatusTooManyRequests, "TEMPORARY_FAILURE")
}

// holdsNoSecret looks for secrets in a text.
func holdsNoSecret(t *testing.T, what, text string) {
	t.Helper()
	for name, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s holds the %s: %s", what, name, text[max(0, at-200):min(len(text), at+200)])
		}
	}
}

// A log at its most talkative tells of every message, and nothing of what is in it.
func TestLogHoldsNoSecrets(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := open(t, app.Settings{Data: t.TempDir(), Log: logger, Timeout: 1})
	timesOut(t, h)
	h.restart(t, func(s *app.Settings) { s.Timeout = 0 })
	spill(t, h)
	h.restart(t)
	for _, told := range []string{
		`"operation":"redemption"`, `"errorType":"INCORRECT_PIN"`, `"errorType":"DUPLICATE_RECORD"`, `"alarm":"wrong_guesses"`,
		`"msg":"turned away"`, `"cause":"unauthenticated"`, `"status":504`,
	} {
		if !strings.Contains(log.String(), told) {
			t.Errorf("the log does not tell %s, so this test proves little", told)
		}
	}
	holdsNoSecret(t, "the log", log.String())
}

// timesOut sends a message that is answered 504.
func timesOut(t *testing.T, h *house) {
	t.Helper()
	h.account(t, "late", members{}).ask("redemptions", newID(), secretCard, 1).must(t, http.StatusGatewayTimeout, "TEMPORARY_FAILURE")
}

// The metrics have the series that are promised, each with a sample, and hold no secret.
func TestMetrics(t *testing.T) {
	c := &clock{}
	h := open(t, app.Settings{Data: t.TempDir(), Now: c.now})
	h.look(t, "/metrics") // counts the open requests for the first time
	spill(t, h)
	c.forward(time.Minute)
	text := string(h.look(t, "/metrics").must(t, http.StatusOK, "").text)
	for _, series := range []string{
		`scrip_messages_total{error_type="",operation="redemption"`, `scrip_messages_total{error_type="INCORRECT_PIN",operation="redemption"`,
		`scrip_message_seconds_bucket{`, `scrip_refusals_total{cause="unauthenticated"} 1`, `scrip_refusals_total{cause="rate_limited"} 1`,
		`scrip_refusals_total{cause="stopping"} 0`,
		`scrip_alarms_total{account="till",alarm="wrong_guesses"} 1`, `scrip_alarms_total{account="other",alarm="foreign_reversal"} 1`,
		`scrip_connections{listener="messages"}`, `scrip_connections{listener="operators"}`, `scrip_in_hand{kind="request"} 0`, `scrip_in_hand{kind="advice"} 0`,
		`scrip_commit_seconds_count`, `scrip_commit_messages_count`, `scrip_commit_failures_total 0`, `scrip_panics_total 0`,
		`scrip_open_requests{account="till",currency="710"} 1`, `scrip_open_requests_oldest_seconds{account="till",currency="710"} 60`,
		`scrip_open_requests_minor_units{account="till",currency="710"} 7`,
		`scrip_build_info{`, `go_goroutines`, `process_resident_memory_bytes`,
	} {
		if !strings.Contains(text, series) {
			t.Errorf("there is no %s", series)
		}
	}
	holdsNoSecret(t, "a metric", text)
	if t.Failed() {
		t.Log(text)
	}
}

// What the store does not take is counted beside what the gate turns away.
func TestMetricsCountWhatTheStoreTurnsAway(t *testing.T) {
	h := open(t, app.Settings{Data: t.TempDir(), Timeout: 1})
	timesOut(t, h)
	text := string(h.look(t, "/metrics").must(t, http.StatusOK, "").text)
	if !strings.Contains(text, "scrip_refusals_total{cause=\"expired\"} 1\n") {
		t.Error("an expired message was not counted once")
	}
}

// On disk nothing rests as it came.
func TestStoreHoldsNoSecrets(t *testing.T) {
	data := t.TempDir()
	h := open(t, app.Settings{Data: data})
	spill(t, h)
	files, err := filepath.Glob(filepath.Join(data, "*")) // the write-ahead log, too
	must(t, err)
	for _, name := range files {
		text, err := os.ReadFile(name)
		must(t, err)
		holdsNoSecret(t, filepath.Base(name), string(text))
	}
	if _, err := os.Stat(filepath.Join(data, "scrip.db-wal")); err != nil {
		t.Error(err)
	}
}
