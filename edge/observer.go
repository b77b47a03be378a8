package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/scripworks/scrip/decline"
)

// Bounds of log lines. What is left out is counted, and the next line of its kind tells how many there were.
const (
	maxFaultLines   = 100         // answers of 5xx in a second
	maxRefusalLines = 1           // messages turned away, of each cause, in a second
	maxServerLines  = 10          // complaints of net/http, such as failed handshakes, in a second
	alarmWindow     = time.Minute // each kind of alarm has one line in it
)

// Observer counts each answered message and logs what operators should see. An ordinary success costs no line
// and no allocation.
type Observer struct {
	metrics *Metrics
	log     *slog.Logger
	now     func() time.Time
	faults  sampler
	alarms  sampler
}

// NewObserver makes an observer. now is the clock.
func NewObserver(m *Metrics, log *slog.Logger, now func() time.Time) *Observer {
	return &Observer{
		metrics: m, log: log, now: now,
		faults: sampler{window: time.Second, lines: maxFaultLines},
		alarms: sampler{window: alarmWindow, lines: 1},
	}
}

// Observe is told of a message that was answered: the contract's operationId, empty when none matched; the HTTP
// status; the contract's error type, empty for a success; how long it took. cause is what made an outcome
// unknown or raised an alarm, else nil; it must be an error that holds no card number, PIN or payload, as all of
// ours do.
func (o *Observer) Observe(operation string, status int, errorType string, took time.Duration, cause error) {
	o.metrics.count(operation, status, errorType, took)
	if cause != nil {
		o.alarm(operation, cause)
	}
	switch {
	case status >= 500:
		o.fault(operation, status, errorType, took, cause)
	case o.log.Enabled(context.Background(), slog.LevelDebug):
		o.log.LogAttrs(context.Background(), slog.LevelDebug, "answered", answer(operation, status, errorType, took)...)
	}
}

// fault logs an answer of 5xx: those with a cause as faults of ours, the others as what could not be taken.
func (o *Observer) fault(operation string, status int, errorType string, took time.Duration, cause error) {
	hidden, may := o.faults.ask(o.now())
	if !may {
		return
	}
	attrs, level := answer(operation, status, errorType, took), slog.LevelWarn
	if cause != nil {
		attrs, level = append(attrs, slog.String("cause", cause.Error())), slog.LevelError
	}
	o.log.LogAttrs(context.Background(), level, "answered with a fault", leftOut(attrs, hidden)...)
}

// alarm counts a refusal that operators should hear of, and logs it sparingly.
func (o *Observer) alarm(operation string, cause error) {
	var refusal *decline.Error
	if !errors.As(cause, &refusal) || refusal.Alarm == "" {
		return
	}
	account := fmt.Sprintf("#%d", refusal.Account)
	o.metrics.alarms.WithLabelValues(string(refusal.Alarm), account).Inc()
	if hidden, may := o.alarms.ask(o.now()); may {
		attrs := []slog.Attr{slog.String("alarm", string(refusal.Alarm)), slog.String("account", account), slog.String("operation", operation), slog.String("text", refusal.Text)}
		o.log.LogAttrs(context.Background(), slog.LevelWarn, "alarm", leftOut(attrs, hidden)...)
	}
}

func answer(operation string, status int, errorType string, took time.Duration) []slog.Attr {
	return []slog.Attr{
		slog.String("operation", operation), slog.Int("status", status),
		slog.String("errorType", errorType), slog.Duration("took", took),
	}
}

// leftOut adds how many lines were not written before this one, if there were any.
func leftOut(attrs []slog.Attr, hidden int) []slog.Attr {
	if hidden == 0 {
		return attrs
	}
	return append(attrs, slog.Int("leftOut", hidden))
}
