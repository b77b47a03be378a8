package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scripworks/scrip/saf"
)

// upstreamBuckets are the bounds, in seconds, between which the answers of upstreams are counted.
var upstreamBuckets = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 20, 30, 60}

// sent are the metrics of what goes upstream. It is the relay's observer.
type sent struct {
	messages *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newSent(r prometheus.Registerer) *sent {
	s := &sent{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scrip_upstream_messages_total", Help: "Messages sent upstream, by what came of them.",
		}, []string{"upstream", "kind", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scrip_upstream_seconds", Help: "From sending a message upstream to its answer.", Buckets: upstreamBuckets,
		}, []string{"upstream", "kind"}),
	}
	r.MustRegister(s.messages, s.seconds)
	return s
}

// Sent implements relay.Observer.
func (s *sent) Sent(upstream, kind, outcome string, took time.Duration) {
	s.messages.WithLabelValues(upstream, kind, outcome).Inc()
	s.seconds.WithLabelValues(upstream, kind).Observe(took.Seconds())
}

// lines are the metrics of the queue, as it stands when they are asked for.
type lines struct {
	views func() []saf.View
	now   func() time.Time

	items, oldest, repeats, inFlight, breaker, leads, paused, stopped, doubt *prometheus.Desc
}

func newLines(views func() []saf.View, now func() time.Time) *lines {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("scrip_queue_"+name, help, append([]string{"upstream"}, labels...), nil)
	}
	return &lines{
		views: views, now: now,
		items:    desc("items", "Advices and questions that are not answered for good.", "state"),
		oldest:   desc("oldest_seconds", "Age of the head of the queue; 0 when it is empty."),
		repeats:  desc("repeats_total", "Sends of the queue that were not the first of their item."),
		inFlight: desc("in_flight", "Items of the queue that are being sent."),
		breaker:  desc("breaker", "1 for the state that the breaker is in.", "state"),
		leads:    desc("leads", "1 on the node that sends the queue."),
		paused:   desc("paused", "1 while an operator has paused the queue."),
		stopped:  desc("stopped_credentials", "Credentials that the upstream does not let in."),
		doubt:    desc("doubt_minor_units", "Value of what is queued.", "currency"),
	}
}

// Describe implements prometheus.Collector.
func (l *lines) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{l.items, l.oldest, l.repeats, l.inFlight, l.breaker, l.leads, l.paused, l.stopped, l.doubt} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (l *lines) Collect(ch chan<- prometheus.Metric) {
	now := l.now()
	for _, v := range l.views() {
		l.collect(ch, v, now)
	}
}

func (l *lines) collect(ch chan<- prometheus.Metric, v saf.View, now time.Time) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{v.Upstream}, labels...)...)
	}
	gauge(l.items, float64(v.Waiting), saf.Waiting.String())
	gauge(l.items, float64(v.Parked), saf.Parked.String())
	gauge(l.items, float64(v.Attention), saf.Attention.String())
	gauge(l.oldest, age(v.Oldest, now))
	ch <- prometheus.MustNewConstMetric(l.repeats, prometheus.CounterValue, float64(v.Repeats), v.Upstream)
	gauge(l.inFlight, float64(v.InFlight))
	for _, state := range saf.BreakerStates {
		gauge(l.breaker, truth(v.Breaker == state), state)
	}
	gauge(l.leads, truth(v.Leads))
	gauge(l.paused, truth(v.Paused))
	gauge(l.stopped, float64(len(v.Stopped)))
	for currency, value := range v.Doubt {
		gauge(l.doubt, float64(value), currency.String())
	}
}

func age(since, now time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return now.Sub(since).Seconds()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
