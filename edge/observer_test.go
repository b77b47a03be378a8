package edge

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/scripworks/scrip/decline"
)

func newObserver() (*Observer, *Metrics, *clock, *bytes.Buffer) {
	m, c, b := NewMetrics("test"), newClock(), &bytes.Buffer{}
	return NewObserver(m, people{7: account(7, "till")}, logTo(b), c.now), m, c, b
}

func TestMessagesAreCountedByTheirLabels(t *testing.T) {
	o, m, _, log := newObserver()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 100 {
				o.Observe("redeem", 201, "", time.Millisecond, nil)
				o.Observe("redeem", 400+i%2, "INSUFFICIENT_FUNDS", time.Millisecond, nil)
			}
		})
	}
	all.Wait()
	for _, test := range []struct {
		status, errorType string
		want              float64
	}{{"201", "", 400}, {"400", "INSUFFICIENT_FUNDS", 200}, {"401", "INSUFFICIENT_FUNDS", 200}} {
		if got := testutil.ToFloat64(m.messages.WithLabelValues("redeem", test.status, test.errorType)); got != test.want {
			t.Errorf("%s %s: counted %v, want %v", test.status, test.errorType, got, test.want)
		}
	}
	if log.Len() != 0 {
		t.Errorf("ordinary answers were logged:\n%s", log)
	}
}

func TestObservingAllocatesNothing(t *testing.T) {
	o, _, _, _ := newObserver()
	operation := strings.Clone("redeem")
	if n := testing.AllocsPerRun(100, func() { o.Observe(operation, 201, "", time.Millisecond, nil) }); n != 0 {
		t.Errorf("%v allocations for each message", n)
	}
}

func TestSeriesAreBounded(t *testing.T) {
	m := NewMetrics("test")
	for i := range maxSeries + 50 {
		m.count(fmt.Sprint("operation", i), 201, "", time.Millisecond)
	}
	if n := testutil.CollectAndCount(m.messages); n != maxSeries+1 {
		t.Errorf("%d series, want %d and one for the others", n, maxSeries)
	}
	if got := testutil.ToFloat64(m.messages.WithLabelValues("other", "0", "")); got != 50 {
		t.Errorf("%v were counted as others, want 50", got)
	}
}

func TestEveryFaultIsLogged(t *testing.T) {
	o, _, c, log := newObserver()
	disk := errors.New("commit: disk full")
	o.Observe("redeem", 500, "GENERAL_ERROR", time.Second, disk)
	turned := &decline.NotTaken{Cause: decline.StoreDown, Text: "the store cannot save"}
	o.Observe("load", 503, "TEMPORARY_FAILURE", time.Second, fmt.Errorf("%w: %w", turned, disk))
	for _, want := range []string{
		`"level":"ERROR","msg":"answered with a fault","operation":"redeem","status":500`, `"cause":"commit: disk full"`,
		`"level":"ERROR","msg":"answered with a fault","operation":"load","status":503`, `"cause":"not taken: the store cannot save: commit: disk full"`,
	} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for range 3 * maxFaultLines {
		o.Observe("redeem", 500, "GENERAL_ERROR", 0, disk)
	}
	c.forward(time.Second)
	o.Observe("redeem", 500, "GENERAL_ERROR", 0, disk)
	if n := strings.Count(log.String(), "\n"); n != maxFaultLines+1 {
		t.Errorf("%d lines, want %d in the first second and one in the next", n, maxFaultLines)
	}
	if want := fmt.Sprintf(`"leftOut":%d}`, 2*maxFaultLines+2); !strings.HasSuffix(strings.TrimSpace(log.String()), want) {
		t.Errorf("the last line does not end in %s", want)
	}
}

// What anybody can cause at will uses up no line of a fault of ours: an address without operation, which is 501 before
// anybody asks who sent it, and what there was no room or no time for.
func TestStrangersCannotHideFaults(t *testing.T) {
	o, _, _, log := newObserver()
	for range 10 * maxFaultLines {
		o.Observe("", 501, "FUNCTION_NOT_SUPPORTED", 0, nil)
		o.Observe("redeem", 503, "TEMPORARY_FAILURE", 0, nil) // turned away by the gate, which has its own lines
		o.Observe("redeem", 503, "TEMPORARY_FAILURE", 0, &decline.NotTaken{Cause: decline.Overloaded, Text: "too many messages are waiting"})
		o.Observe("redeem", 504, "TEMPORARY_FAILURE", 0, &decline.NotTaken{Cause: decline.Expired, Text: "the deadline passed"})
	}
	o.Observe("redeem", 500, "GENERAL_ERROR", 0, errors.New("commit: disk full"))
	var lines []string
	for line := range strings.Lines(log.String()) {
		_, told, _ := strings.Cut(line, `"level":`)
		level, _, _ := strings.Cut(told, `,"operation"`)
		lines = append(lines, level)
	}
	want := []string{`"WARN","msg":"not taken"`, `"WARN","msg":"not taken"`, `"ERROR","msg":"answered with a fault"`}
	if !slices.Equal(lines, want) {
		t.Errorf("the log has %q, want %q", lines, want)
	}
}

// What was turned away behind the gate, by the store above all, is counted as what the gate turns away.
func TestRefusalsBehindTheGateAreCounted(t *testing.T) {
	o, m, _, _ := newObserver()
	for _, cause := range decline.Causes() {
		name := causes[cause]
		o.Observe("redeem", 503, "TEMPORARY_FAILURE", 0, fmt.Errorf("decide: %w", &decline.NotTaken{Cause: cause}))
		if got := testutil.ToFloat64(m.refusals.WithLabelValues(name)); got != 1 {
			t.Errorf("%v messages were counted as turned away for %s, want 1", got, name)
		}
	}
}

// A reversal of somebody else's request is counted and logged (rule A2), but not once for each that comes.
func TestAlarmsOfRefusals(t *testing.T) {
	o, m, c, log := newObserver()
	refusal := &decline.Error{Reason: decline.GeneralError, Text: "not yours", Alarm: decline.ForeignReversal, Account: 7}
	for range 10 {
		o.Observe("redeemReversal", 400, "GENERAL_ERROR", 0, fmt.Errorf("advise: %w", refusal))
	}
	c.forward(alarmWindow)
	o.Observe("redeemReversal", 400, "GENERAL_ERROR", 0, refusal)
	if got := testutil.ToFloat64(m.alarms.WithLabelValues(string(decline.ForeignReversal), "till")); got != 11 {
		t.Errorf("%v alarms were counted, want 11", got)
	}
	if n := strings.Count(log.String(), `"alarm":"foreign_reversal"`); n != 2 {
		t.Errorf("%d lines in two minutes, want 2:\n%s", n, log)
	}
}

// One kind of alarm must not hide another, and an account without a name has its number.
func TestEachKindOfAlarmHasItsLine(t *testing.T) {
	o, m, _, log := newObserver()
	for _, alarm := range []decline.Alarm{decline.ForeignReversal, "another"} {
		for range 5 {
			o.Observe("redeemReversal", 400, "GENERAL_ERROR", 0, &decline.Error{Reason: decline.GeneralError, Alarm: alarm, Account: 8})
		}
		if got := testutil.ToFloat64(m.alarms.WithLabelValues(string(alarm), "#8")); got != 5 {
			t.Errorf("%v alarms %s were counted, want 5", got, alarm)
		}
		if n := strings.Count(log.String(), `"alarm":"`+string(alarm)+`","account":"#8"`); n != 1 {
			t.Errorf("%d lines of %s, want 1:\n%s", n, alarm, log)
		}
	}
}

func TestEachMessageIsLoggedForDebugging(t *testing.T) {
	b := &bytes.Buffer{}
	log := slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	NewObserver(NewMetrics("test"), people{}, log, newClock().now).Observe("redeem", 201, "", 1234567*time.Nanosecond, nil)
	if !strings.Contains(b.String(), `"operation":"redeem","status":201,"errorType":"","took":"1.235ms"`) {
		t.Errorf("got %q", b)
	}
}

func TestMetricsAreServed(t *testing.T) {
	l := newLobby(t)
	_, release, err := l.Admit(from("till", "open sesame"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	l.metrics.count("redeem", 201, "", 3*time.Millisecond)
	w := httptest.NewRecorder()
	l.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`scrip_messages_total{error_type="",operation="redeem",status="201"} 1`,
		`scrip_message_seconds_bucket{operation="redeem",le="0.005"} 1`,
		`scrip_in_hand{kind="advice"} 1`,
		`scrip_in_hand{kind="request"} 0`,
		`scrip_refusals_total{cause="overloaded"} 0`,
		`scrip_build_info{`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if problems, err := testutil.GatherAndLint(l.metrics.registry); err != nil || len(problems) > 0 {
		t.Errorf("the metrics are not as they should be: %v %v", problems, err)
	}
}

func TestSamplerStartsAnewWhenTheClockIsSetBack(t *testing.T) {
	s := &sampler{window: time.Hour, lines: 1}
	s.ask(noon)
	if _, may := s.ask(noon.Add(time.Minute)); may {
		t.Error("a second line was let through")
	}
	if hidden, may := s.ask(noon.Add(-time.Minute)); !may || hidden != 1 {
		t.Errorf("may %t with %d left out, want a line that tells of 1", may, hidden)
	}
	if hidden, may := s.ask(noon.Add(time.Hour)); !may || hidden != 0 {
		t.Errorf("may %t with %d left out, want a line that tells of none", may, hidden)
	}
}
