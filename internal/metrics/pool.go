package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	poolAcquired = prometheus.NewDesc("purescim_database_connections_acquired", "Connections to PostgreSQL that are at work.", nil, nil)
	poolIdle     = prometheus.NewDesc("purescim_database_connections_idle", "Connections to PostgreSQL that wait for work.", nil, nil)
	poolMax      = prometheus.NewDesc("purescim_database_connections_max", "Connections to PostgreSQL that there may be.", nil, nil)
)

// pool collects the figures of a connection pool, all of one moment.
type pool struct{ stat func() *pgxpool.Stat }

// Describe implements prometheus.Collector.
func (pool) Describe(descs chan<- *prometheus.Desc) {
	descs <- poolAcquired
	descs <- poolIdle
	descs <- poolMax
}

// Collect implements prometheus.Collector.
func (p pool) Collect(figures chan<- prometheus.Metric) {
	stat := p.stat()
	gauge := func(desc *prometheus.Desc, n int32) {
		figures <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n))
	}
	gauge(poolAcquired, stat.AcquiredConns())
	gauge(poolIdle, stat.IdleConns())
	gauge(poolMax, stat.MaxConns())
}
