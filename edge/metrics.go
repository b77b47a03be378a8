package edge

import (
	"maps"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/scripworks/scrip/decline"
)

// maxSeries bounds the combinations of operation, status and error type that are counted apart. The contracts
// know fewer; what comes after is counted as operation "other".
const maxSeries = 4096

// answerBuckets are the bounds, in seconds, between which answers are counted: from a look-up in memory to the
// request timeout.
var answerBuckets = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10, 30, 60}

// Metrics are the counts of one process, in a registry of its own.
type Metrics struct {
	registry    *prometheus.Registry
	messages    *prometheus.CounterVec
	seconds     *prometheus.HistogramVec
	refusals    *prometheus.CounterVec
	alarms      *prometheus.CounterVec
	connections *prometheus.GaugeVec
	closed      *prometheus.CounterVec
	panics      prometheus.Counter
	expiry      *prometheus.GaugeVec
	reloads     *prometheus.CounterVec

	series atomic.Pointer[map[seriesKey]series] // replaced as a whole, so that reading allocates nothing
	adding sync.Mutex
}

type seriesKey struct {
	operation string
	status    int
	errorType string
}

// series are the children of one combination of labels.
type series struct {
	messages prometheus.Counter
	seconds  prometheus.Observer
}

// NewMetrics makes the metrics of a process of the given version.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		messages: counters("scrip_messages_total", "Messages answered.", "operation", "status", "error_type"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scrip_message_seconds", Help: "From a message's arrival to its answer.", Buckets: answerBuckets,
		}, []string{"operation"}),
		refusals:    counters("scrip_refusals_total", "Messages turned away before anything was recorded.", "cause"),
		alarms:      counters("scrip_alarms_total", "What an operator should look into.", "alarm", "account"),
		connections: gauges("scrip_connections", "Open connections.", "listener"),
		closed:      counters("scrip_connections_refused_total", "Connections closed at once because there were too many.", "listener"),
		panics:      prometheus.NewCounter(prometheus.CounterOpts{Name: "scrip_panics_total", Help: "Messages whose handling broke down."}),
		expiry:      gauges("scrip_tls_certificate_not_after_seconds", "When the server's certificate ends, in seconds since 1970.", "listener"),
		reloads:     counters("scrip_tls_reloads_total", "Attempts to take up changed TLS files.", "listener", "outcome"),
	}
	m.series.Store(&map[seriesKey]series{})
	m.registry.MustRegister(m.messages, m.seconds, m.refusals, m.alarms, m.connections, m.closed, m.panics,
		m.expiry, m.reloads, buildInfo(version),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, name := range causes {
		m.refusals.WithLabelValues(name) // so that there is a 0 before the first
	}
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
}

// buildInfo is always 1; its labels say what runs.
func buildInfo(version string) prometheus.Collector {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scrip_build_info", Help: "What runs; always 1.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go": runtime.Version()},
	})
	g.Set(1)
	return g
}

// Registerer is where others put their metrics.
func (m *Metrics) Registerer() prometheus.Registerer { return m.registry }

// Handler serves the metrics in the formats of Prometheus.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// causes are the names of why messages are turned away.
var causes = map[decline.Cause]string{
	decline.Overloaded:      "overloaded",
	decline.Stopping:        "stopping",
	decline.StoreDown:       "store_down",
	decline.RateLimited:     "rate_limited",
	decline.Unauthenticated: "unauthenticated",
	decline.Forbidden:       "forbidden",
	decline.Expired:         "expired",
	decline.Unreached:       "upstream_unreached",
	decline.Unavailable:     "upstream_unavailable",
	decline.Misdirected:     "upstream_misdirected",
	decline.NoCredential:    "upstream_no_credential",
}

// count counts one answered message. After the first of its combination of labels it allocates nothing.
func (m *Metrics) count(operation string, status int, errorType string, took time.Duration) {
	key := seriesKey{operation, status, errorType}
	s, found := (*m.series.Load())[key]
	if !found {
		s = m.add(key)
	}
	s.messages.Inc()
	s.seconds.Observe(took.Seconds())
}

func (m *Metrics) add(key seriesKey) series {
	m.adding.Lock()
	defer m.adding.Unlock()
	known := *m.series.Load()
	if s, found := known[key]; found {
		return s
	}
	if len(known) >= maxSeries {
		key = seriesKey{operation: "other"}
	}
	s := series{
		messages: m.messages.WithLabelValues(key.operation, strconv.Itoa(key.status), key.errorType),
		seconds:  m.seconds.WithLabelValues(key.operation),
	}
	if _, found := known[key]; !found {
		more := maps.Clone(known)
		more[key] = s
		m.series.Store(&more)
	}
	return s
}

// watch shows how many messages a hall has in hand.
func (m *Metrics) watch(h *hall) {
	for kind, r := range map[string]*room{"request": &h.requests, "advice": &h.advices} {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "scrip_in_hand", Help: "Messages in hand.", ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(r.taken.Load()) }))
	}
}
