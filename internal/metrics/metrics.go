// Package metrics exposes the figures of a running server in the text format of Prometheus.
//
// It owns their names and how they are kept. Its callers report what is counted; on which
// port the figures are served is left to the program.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Request is one that was answered.
type Request struct {
	Route  string // the pattern that the path matched; empty if none did
	Method string
	Status int // 0 when the answer never began
	Took   time.Duration
	// Organisation is the size of the organisation that asked (see SizeOf), and empty when
	// nobody is known; Product is what it is provisioned by, empty when that is not.
	Organisation, Product string
}

// Metrics are the figures of one server. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge

	clientRequests *prometheus.CounterVec
	clientDuration *prometheus.HistogramVec
}

// buckets are in seconds, from a read by id to a group of 100,000 members; those of
// clients are fewer, since there is a set for each size and product.
var (
	buckets       = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
	clientBuckets = []float64{.01, .05, .25, 1, 5, 30}
)

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
		clientRequests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "purescim_client_requests_total",
			Help: "Requests of clients with a token, by the size of their organisation, the product that provisions it and the class of the status.",
		}, []string{"organisation", "product", "status"}),
		clientDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "purescim_client_request_duration_seconds",
			Help:    "Time until a request of a client with a token was answered, by the size of its organisation and the product that provisions it.",
			Buckets: clientBuckets,
		}, []string{"organisation", "product"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.inFlight, m.clientRequests, m.clientDuration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(s.collectors()...)
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

// Observe counts a request.
func (m *Metrics) Observe(r Request) {
	route, method, status := r.Route, known(r.Method), class(r.Status)
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, method, status).Inc()
	m.duration.WithLabelValues(route, method).Observe(r.Took.Seconds())
	if r.Organisation == "" {
		return
	}
	product := r.Product
	if product == "" {
		product = "other"
	}
	m.clientRequests.WithLabelValues(r.Organisation, product, status).Inc()
	m.clientDuration.WithLabelValues(r.Organisation, product).Observe(r.Took.Seconds())
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

// The sizes of organisations, by how many users they have. Figures for each organisation
// would be as many as there are organisations, and their ids.
const (
	Small  = "small"  // below 1,000
	Medium = "medium" // below 50,000
	Large  = "large"
)

// SizeOf is the size of an organisation of so many users.
func SizeOf(users int) string {
	switch {
	case users < 1000:
		return Small
	case users < 50_000:
		return Medium
	default:
		return Large
	}
}
