package metrics

import (
	"runtime"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Sources are asked whenever the figures are read. What is nil has no figure.
type Sources struct {
	Version string // of the program

	// Expiring counts the access tokens in use that end soon, and NextExpiry is when the
	// first of them does.
	Expiring   func() int
	NextExpiry func() (time.Time, bool)
	// CertificateExpiry is when the certificate of TLS ends.
	CertificateExpiry func() (time.Time, bool)
	// ClockOffset is how far the clock of this machine is ahead of PostgreSQL's.
	ClockOffset func() time.Duration
	// Dropped counts the refused requests that the provisioning log lacks, and Pending
	// are those that wait to be written, with their bytes.
	Dropped func() int
	// Held counts the requests that brakes have held.
	Held    func() int
	Pending func() (entries, bytes int)
	// Pool tells of the connections to PostgreSQL, Statements of what is asked there.
	Pool       func() *pgxpool.Stat
	Statements *Statements
	// Waiting tells how many requests wait for their organisation's share of the
	// connections and of scans; LookUps how many look-ups wait to go together.
	Waiting func() (connections, scans int)
	LookUps func() (inFlight, waiting int)
	// Standbys tell of the standbys that answer reads, and how often the primary did instead,
	// by cause.
	Standbys func() (all []Standby, fallbacks map[string]int64)
	// Organisations counts the organisations of a size.
	Organisations func(size string) int
	// Events tells how long the first of all events has waited, how many streams have some
	// waiting, and how many make none until those are taken.
	Events func() (oldest time.Duration, streams, full int)
}

// figure is a number that is asked for when it is read.
type figure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func() (n float64, known bool)
}

// Describe implements prometheus.Collector.
func (f figure) Describe(descs chan<- *prometheus.Desc) { descs <- f.desc }

// Collect implements prometheus.Collector.
func (f figure) Collect(figures chan<- prometheus.Metric) {
	if n, known := f.value(); known {
		figures <- prometheus.MustNewConstMetric(f.desc, f.kind, n)
	}
}

func gauge(name, help string, labels prometheus.Labels, value func() float64) figure {
	return figure{
		prometheus.NewDesc(name, help, nil, labels), prometheus.GaugeValue,
		func() (float64, bool) { return value(), true },
	}
}

// moment is a time, as Prometheus has it, that may not be known.
func moment(name, help string, value func() (time.Time, bool)) figure {
	return figure{prometheus.NewDesc(name, help, nil, nil), prometheus.GaugeValue, func() (float64, bool) {
		at, known := value()
		return float64(at.Unix()), known
	}}
}

// collectors are those of the sources that there are.
func (s Sources) collectors() (all []prometheus.Collector) {
	add := func(has bool, some ...prometheus.Collector) {
		if has {
			all = append(all, some...)
		}
	}
	add(true, gauge("purescim_build_info", "The program: always 1.", prometheus.Labels{"version": s.Version, "go": runtime.Version()}, func() float64 { return 1 }))
	add(s.Expiring != nil, gauge("purescim_tokens_expiring", "Access tokens used on this server within 24 hours, made to live longer than two days, that end within 14 days.", nil,
		func() float64 { return float64(s.Expiring()) }))
	add(s.NextExpiry != nil, moment("purescim_token_expiry_timestamp_seconds", "When the first of these tokens ends.", s.NextExpiry))
	add(s.CertificateExpiry != nil, moment("purescim_tls_certificate_expiry_timestamp_seconds", "When the certificate of TLS ends.", s.CertificateExpiry))
	add(s.ClockOffset != nil, gauge("purescim_clock_offset_seconds", "How far the clock of this machine is ahead of PostgreSQL's, which is used instead.", nil,
		func() float64 { return s.ClockOffset().Seconds() }))
	add(s.Dropped != nil, figure{
		prometheus.NewDesc("purescim_log_dropped_total", "Refused requests that the provisioning log of this server's organisations lacks.", nil, nil),
		prometheus.CounterValue, func() (float64, bool) { return float64(s.Dropped()), true },
	})
	add(s.Held != nil, figure{
		prometheus.NewDesc("purescim_requests_held_total", "Removals, and operations of bulk requests, that a brake has held on this server.", nil, nil),
		prometheus.CounterValue, func() (float64, bool) { return float64(s.Held()), true },
	})
	add(s.Pool != nil, pool{s.Pool})
	add(s.Statements != nil, s.Statements)
	add(s.Standbys != nil, standbys{s.Standbys})
	all = append(all, s.queues()...)
	return append(all, s.installation()...)
}

// queues are of what waits on this server.
func (s Sources) queues() (all []prometheus.Collector) {
	if s.Pending != nil {
		all = append(all,
			gauge("purescim_log_pending", "Refused requests that wait to be written to the provisioning log.", nil, func() float64 { n, _ := s.Pending(); return float64(n) }),
			gauge("purescim_log_pending_bytes", "What those take in memory, about.", nil, func() float64 { _, n := s.Pending(); return float64(n) }))
	}
	if s.Waiting != nil {
		const name, help = "purescim_database_waiting", "Requests that wait for their organisation's share of the connections to PostgreSQL, or of scans."
		all = append(all,
			gauge(name, help, prometheus.Labels{"for": "connection"}, func() float64 { n, _ := s.Waiting(); return float64(n) }),
			gauge(name, help, prometheus.Labels{"for": "scan"}, func() float64 { _, n := s.Waiting(); return float64(n) }))
	}
	if s.LookUps != nil {
		all = append(all,
			gauge("purescim_lookup_batches_in_flight", "Batches of look-ups by key that PostgreSQL works on.", nil, func() float64 { n, _ := s.LookUps(); return float64(n) }),
			gauge("purescim_lookups_waiting", "Look-ups by key that wait to go with the next batch.", nil, func() float64 { _, n := s.LookUps(); return float64(n) }))
	}
	return all
}

// installation are figures of the database, the same on all servers.
func (s Sources) installation() (all []prometheus.Collector) {
	if s.Organisations != nil {
		for _, size := range []string{Small, Medium, Large} {
			all = append(all, gauge("purescim_organisations", "Organisations, by size: small below 1,000 users, medium below 50,000, large. The same on all servers.",
				prometheus.Labels{"size": size}, func() float64 { return float64(s.Organisations(size)) }))
		}
	}
	if s.Events != nil {
		all = append(all,
			gauge("purescim_events_oldest_seconds", "How long the event has waited that waits the longest, 0 when none does. The same on all servers.", nil,
				func() float64 { oldest, _, _ := s.Events(); return oldest.Seconds() }),
			gauge("purescim_event_streams_waiting", "Streams with events that wait. The same on all servers.", nil,
				func() float64 { _, streams, _ := s.Events(); return float64(streams) }),
			gauge("purescim_event_streams_full", "Streams that make no events until those that wait are taken. The same on all servers.", nil,
				func() float64 { _, _, full := s.Events(); return float64(full) }))
	}
	return all
}
