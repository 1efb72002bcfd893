// Package metrics tells a monitoring system how the server does, in the text format
// of Prometheus.
//
// It owns the names of the figures and how they are kept. What is counted it is told;
// on which port it is asked is left to the program.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Sources are asked whenever the figures are read.
type Sources struct {
	// Expiring counts the access tokens in use that end soon.
	Expiring func() int
	// Pool tells of the connections to PostgreSQL.
	Pool func() *pgxpool.Stat
}

// Metrics are the figures of one server. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
}

// buckets are in seconds, from a read by id to a group of 100,000 members.
var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

// New makes the figures of a server that has answered nothing yet.
func New(s Sources) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "purescim_http_requests_total",
			Help: "Requests answered, by route, method and class of the status.",
		}, []string{"route", "method", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "purescim_http_request_duration_seconds",
			Help:    "Time until a request was answered, by route and method.",
			Buckets: buckets,
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "purescim_http_requests_in_flight",
			Help: "Requests that are being answered.",
		}),
	}
	m.registry.MustRegister(
		m.requests, m.duration, m.inFlight,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "purescim_tokens_expiring",
			Help: "Access tokens used on this server within 24 hours, made to live longer than two days, that end within 14 days.",
		}, func() float64 { return float64(s.Expiring()) }),
		pool{s.Pool},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Handler answers with the figures.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// InFlight counts the requests that are in next.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerInFlight(m.inFlight, next)
}

// Observe counts a request. The route is the pattern that the path matched, empty if
// none did; the status is 0 when the answer never began.
func (m *Metrics) Observe(route, method string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	method = known(method)
	m.requests.WithLabelValues(route, method, class(status)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// known keeps clients, who may call methods as they like, from making figures.
func known(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	default:
		return "other"
	}
}

// class is the first digit of a status: "2xx".
func class(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
