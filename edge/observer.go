package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/scripworks/scrip/decline"
	"github.com/scripworks/scrip/ident"
)

// Bounds of log lines. What is left out is counted, and the next line of its kind tells how many there were.
const (
	maxFaultLines   = 100         // faults of ours in a second
	maxRefusalLines = 1           // messages turned away, of each cause, in a second
	maxServerLines  = 10          // complaints of net/http, such as failed handshakes, in a second
	alarmWindow     = time.Minute // each kind of alarm has one line in it
)

// Observer counts each answered message and logs what operators should see. An ordinary success costs no line
// and no allocation.
type Observer struct {
	metrics  *Metrics
	accounts Accounts
	log      *slog.Logger
	now      func() time.Time
	faults   sampler
	refusals map[decline.Cause]*sampler
	alarms   sync.Map // decline.Alarm → *sampler; there are as many as the rules know
}

// NewObserver makes an observer. accounts give alarms the names of those who raised them; now is the clock.
func NewObserver(m *Metrics, accounts Accounts, log *slog.Logger, now func() time.Time) *Observer {
	return &Observer{
		metrics: m, accounts: accounts, log: log, now: now,
		faults: sampler{window: time.Second, lines: maxFaultLines}, refusals: refusalLines(),
	}
}

// refusalLines gives each cause of turning a message away lines of its own.
func refusalLines() map[decline.Cause]*sampler {
	lines := map[decline.Cause]*sampler{}
	for cause := range causes {
		lines[cause] = &sampler{window: time.Second, lines: maxRefusalLines}
	}
	return lines
}

// Observe is told of a message that was answered: the contract's operationId, empty when none matched; the HTTP
// status; the contract's error type, empty for a success; how long it took. cause is what made an outcome
// unknown, raised an alarm or, behind the gate, turned the message away, else nil; it must be an error that holds
// no card number, PIN or payload, as all of ours do. The gate counts and logs for itself what it turns away.
func (o *Observer) Observe(operation string, status int, errorType string, took time.Duration, cause error) {
	o.metrics.count(operation, status, errorType, took)
	if cause != nil {
		o.explain(answer(operation, status, errorType, took), cause)
	}
	if o.log.Enabled(context.Background(), slog.LevelDebug) {
		o.log.LogAttrs(context.Background(), slog.LevelDebug, "answered", answer(operation, status, errorType, took)...)
	}
}

// explain counts and logs why a message was answered as it was. Only faults of ours are logged as errors, on lines
// that nothing else uses up: nobody can hide them by what he sends.
func (o *Observer) explain(answered []slog.Attr, cause error) {
	var refusal *decline.Error
	var turned *decline.NotTaken
	switch {
	case errors.As(cause, &refusal):
		o.alarm(answered, refusal)
		return
	case errors.As(cause, &turned):
		o.metrics.refusals.WithLabelValues(causes[turned.Cause]).Inc()
		if turned.Cause != decline.StoreDown {
			o.write(o.refusals[turned.Cause], slog.LevelWarn, "not taken", append(answered, slog.String("cause", cause.Error())))
			return
		}
	}
	o.write(&o.faults, slog.LevelError, "answered with a fault", append(answered, slog.String("cause", cause.Error())))
}

// Alarm counts and logs what operators should hear of although nothing was refused.
func (o *Observer) Alarm(alarm decline.Alarm, account ident.Account) {
	o.alarm(nil, &decline.Error{Alarm: alarm, Account: account})
}

// alarm counts a refusal that operators should hear of, and logs it sparingly.
func (o *Observer) alarm(answered []slog.Attr, refusal *decline.Error) {
	if refusal.Alarm == "" {
		return
	}
	account := o.name(refusal.Account)
	o.metrics.alarms.WithLabelValues(string(refusal.Alarm), account).Inc()
	lines, _ := o.alarms.LoadOrStore(refusal.Alarm, &sampler{window: alarmWindow, lines: 1})
	o.write(lines.(*sampler), slog.LevelWarn, "alarm", append(answered,
		slog.String("alarm", string(refusal.Alarm)), slog.String("account", account), slog.String("text", refusal.Text)))
}

// name gives an account as people know it. The sandbox's guests have only numbers.
func (o *Observer) name(number ident.Account) string {
	if account, found := o.accounts.Account(number); found {
		return account.Name
	}
	return fmt.Sprintf("#%d", number)
}

// write writes a line, or only counts it.
func (o *Observer) write(lines *sampler, level slog.Level, text string, attrs []slog.Attr) {
	if hidden, may := lines.ask(o.now()); may {
		o.log.LogAttrs(context.Background(), level, text, leftOut(attrs, hidden)...)
	}
}

func answer(operation string, status int, errorType string, took time.Duration) []slog.Attr {
	return []slog.Attr{
		slog.String("operation", operation), slog.Int("status", status),
		slog.String("errorType", errorType), slog.String("took", took.Round(time.Microsecond).String()), // as people read it, in every form of the log
	}
}

// leftOut adds how many lines were not written before this one, if there were any.
func leftOut(attrs []slog.Attr, hidden int) []slog.Attr {
	if hidden == 0 {
		return attrs
	}
	return append(attrs, slog.Int("leftOut", hidden))
}
