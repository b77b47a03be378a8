package app

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scripworks/scrip/admin"
	"github.com/scripworks/scrip/ident"
	"github.com/scripworks/scrip/store"
)

// commits are the metrics of the store's batches.
type commits struct {
	seconds  prometheus.Histogram
	messages prometheus.Histogram
	failures prometheus.Counter
	again    *prometheus.CounterVec
}

func newCommits(r prometheus.Registerer) *commits {
	c := &commits{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "scrip_commit_seconds", Help: "From loading a batch to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16),
		}),
		messages: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "scrip_commit_messages", Help: "Messages that shared a commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_commit_failures_total", Help: "Batches that could not be saved."}),
		again: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scrip_commit_conflicts_total", Help: "Times that a batch met another writer, mostly to run again.",
		}, []string{"cause"}),
	}
	r.MustRegister(c.seconds, c.messages, c.failures, c.again)
	for _, why := range store.Conflicts {
		c.again.WithLabelValues(string(why)) // so that there is a 0 before the first
	}
	return c
}

// met counts a batch that met another writer.
func (c *commits) met(why store.Conflict) { c.again.WithLabelValues(string(why)).Inc() }

func (c *commits) observe(messages int, took time.Duration, err error) {
	c.seconds.Observe(took.Seconds())
	c.messages.Observe(float64(messages))
	if err != nil {
		c.failures.Inc()
	}
}

// openEvery is how long counted open requests are shown before they are counted again.
const openEvery = 15 * time.Second

// openRequests are the metrics of requests that nobody has confirmed or reversed.
type openRequests struct {
	now               func() time.Time
	read              func(now time.Time) ([]admin.OpenTotal, error)
	log               *slog.Logger
	count, age, value *prometheus.Desc

	mu     sync.Mutex
	at     time.Time
	totals []admin.OpenTotal
}

func newOpenRequests(a *App) *openRequests {
	labels := []string{"account", "currency"}
	return &openRequests{
		now: a.settings.Now,
		read: func(now time.Time) ([]admin.OpenTotal, error) {
			ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
			defer cancel()
			return a.Office.OpenTotals(ctx, clockwork(now), admin.OpenQuery{})
		},
		log:   a.log,
		count: prometheus.NewDesc("scrip_open_requests", "Approved requests that are neither confirmed nor reversed.", labels, nil),
		age:   prometheus.NewDesc("scrip_open_requests_oldest_seconds", "Age of the oldest of them.", labels, nil),
		value: prometheus.NewDesc("scrip_open_requests_minor_units", "Their value.", labels, nil),
	}
}

// Describe implements prometheus.Collector.
func (o *openRequests) Describe(ch chan<- *prometheus.Desc) {
	ch <- o.count
	ch <- o.age
	ch <- o.value
}

// Collect implements prometheus.Collector. A store that cannot be read shows nothing rather than something old.
func (o *openRequests) Collect(ch chan<- prometheus.Metric) {
	now := o.now()
	for _, t := range o.current(now) {
		labels := []string{t.Account, t.Currency.String()}
		value, _ := strconv.ParseFloat(t.Value.String(), 64) // digits, at most 39
		ch <- prometheus.MustNewConstMetric(o.count, prometheus.GaugeValue, float64(t.Count), labels...)
		ch <- prometheus.MustNewConstMetric(o.age, prometheus.GaugeValue, now.Sub(t.Oldest).Seconds(), labels...)
		ch <- prometheus.MustNewConstMetric(o.value, prometheus.GaugeValue, value, labels...)
	}
}

// current gives what was counted lately, else counts anew. A count that failed is not repeated sooner than another:
// it reads just as much.
func (o *openRequests) current(now time.Time) []admin.OpenTotal {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now.Sub(o.at) < openEvery {
		return o.totals
	}
	totals, err := o.read(now)
	if err != nil {
		o.log.Error("count open requests", "error", err)
	}
	o.at, o.totals = now, totals
	return totals
}

// clockwork is the program itself as an operator: it counts, and settles when the issuer wants that.
func clockwork(now time.Time) admin.By {
	return admin.By{Operator: "clock", Role: admin.Attendant, World: ident.Production, At: now, Reason: "settled by the clock, as configured"}
}

// Bounds of the sweep that settles by the clock.
const (
	sweepEvery = time.Minute
	sweepPage  = 100
)

// background starts what goes on beside the messages; Stop ends it, what follows other nodes last.
func (a *App) background() {
	ctx, cancel := context.WithCancel(context.Background())
	a.sweeping = cancel
	a.serving.Go(func() { a.rewriteNumbers(ctx) })
	a.serving.Go(func() { a.tidy(ctx) })
	a.serving.Go(func() { a.optimize(ctx, a.Store.Driver()) })
	a.serving.Go(func() { a.attend(ctx) })
	a.serving.Go(func() { a.watch(ctx) })
	following, leave := context.WithCancel(context.Background())
	a.following = leave
	a.serving.Go(func() { a.follow(following) })
	if a.newer != nil {
		a.serving.Go(func() { a.newer.look(following) })
	}
	if a.topUps != nil {
		a.serving.Go(func() { a.endTopUps(ctx) })
	}
	if a.settings.Settle.After > 0 {
		a.serving.Go(func() { a.sweep(ctx) })
	}
	if a.settings.Retention.Messages > 0 {
		a.serving.Go(func() { a.retain(ctx) })
	}
}

// tidyEvery is how often what nothing asks for any more is deleted.
const tidyEvery = 10 * time.Minute

// tidy deletes velocity counters whose window has ended, again and again. Of many nodes one does.
func (a *App) tidy(ctx context.Context) {
	tidies := a.hold(ctx, "tidy")
	again(ctx, tidyEvery, func() {
		if tidies.held() {
			a.complain(ctx, "delete old counters", a.Store.Driver().ForgetCounters(ctx, a.settings.Now()))
		}
	})
}

// sweep settles open requests that are too old, again and again. Of many nodes one does: the others would be refused.
func (a *App) sweep(ctx context.Context) {
	settles := a.hold(ctx, "settle")
	again(ctx, sweepEvery, func() {
		if settles.held() {
			a.complain(ctx, "settle by the clock", a.Sweep(ctx, a.settings.Now()))
		}
	})
}

// again does something at once, and then once in a while until ctx ends.
func again(ctx context.Context, every time.Duration, do func()) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		do()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// complain logs the error of what goes on beside the messages, unless it was told to end, and once that it goes well again.
func (a *App) complain(ctx context.Context, doing string, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil:
		a.troubles.LoadOrStore(doing, time.Now())
		a.log.Error(doing, "error", err)
	default:
		if since, was := a.troubles.LoadAndDelete(doing); was {
			a.log.Info(doing+": in order again", "after", time.Since(since.(time.Time)).Round(time.Millisecond).String())
		}
	}
}

// handOn forgets trouble with what another process sees to now, whose log tells how it goes there.
func (a *App) handOn(doing string) {
	if _, was := a.troubles.LoadAndDelete(doing); was {
		a.log.Info(doing + ": another process sees to it now")
	}
}

// Sweep settles what is open for longer than the settings allow. What was passed on is not ours to end.
func (a *App) Sweep(ctx context.Context, now time.Time) error {
	by, after := clockwork(now), int64(0)
	for {
		found, next, err := a.Office.Open(ctx, by, admin.OpenQuery{OlderThan: a.settings.Settle.After, After: after, Limit: sweepPage})
		if err != nil {
			return err
		}
		for _, t := range found {
			if t.Message.Upstream != "" {
				continue
			}
			if _, err := a.Office.Settle(ctx, by, t.Message.Seq, a.settings.Settle.Role); err != nil {
				a.log.Error("settle by the clock", "transaction", t.Message.Seq, "error", err)
			}
		}
		if after = next; next == 0 {
			return nil
		}
	}
}
