package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolFigures are those of a connection pool.
var poolFigures = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(s *pgxpool.Stat) float64
}{
	{
		prometheus.NewDesc("purescim_database_connections_acquired", "Connections to PostgreSQL that are at work.", nil, nil), prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) },
	},
	{
		prometheus.NewDesc("purescim_database_connections_idle", "Connections to PostgreSQL that wait for work.", nil, nil), prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.IdleConns()) },
	},
	{
		prometheus.NewDesc("purescim_database_connections_max", "Connections to PostgreSQL that there may be.", nil, nil), prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) },
	},
	{
		prometheus.NewDesc("purescim_database_connections_opened_total", "Connections to PostgreSQL that were made.", nil, nil), prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.NewConnsCount()) },
	},
	{
		prometheus.NewDesc("purescim_database_acquires_total", "How often a connection was taken.", nil, nil), prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) },
	},
	{
		prometheus.NewDesc("purescim_database_acquires_waited_total", "How often a connection was taken that had to be waited for, or made.", nil, nil), prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) },
	},
	{
		prometheus.NewDesc("purescim_database_acquires_cancelled_total", "How often the wait for a connection was given up.", nil, nil), prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) },
	},
	{
		prometheus.NewDesc("purescim_database_acquire_wait_seconds_total", "How long connections were waited for.", nil, nil), prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() },
	},
}

// pool collects the figures of a connection pool, all of one moment.
type pool struct{ stat func() *pgxpool.Stat }

// Describe implements prometheus.Collector.
func (pool) Describe(descs chan<- *prometheus.Desc) {
	for _, f := range poolFigures {
		descs <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (p pool) Collect(figures chan<- prometheus.Metric) {
	stat := p.stat()
	for _, f := range poolFigures {
		figures <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(stat))
	}
}
