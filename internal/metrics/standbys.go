package metrics

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Standby is what is told of a standby that answers reads.
type Standby struct {
	Number int   // its place among the URLs, from 1
	Reads  int64 // that it was sent
	Ready  bool  // whether it is asked
	// Late is for how long it has not come to where the primary was.
	Late time.Duration
}

var (
	standbyReads     = prometheus.NewDesc("purescim_standby_reads_total", "Reads that were sent to a standby, by its place in PURESCIM_READ_URLS.", []string{"standby"}, nil)
	standbyReady     = prometheus.NewDesc("purescim_standby_ready", "Whether the standby is asked: 1, or 0 while it is behind or away.", []string{"standby"}, nil)
	standbyLag       = prometheus.NewDesc("purescim_standby_lag_seconds", "For how long the standby has not come to where the primary was; 0 when it has.", []string{"standby"}, nil)
	standbyFallbacks = prometheus.NewDesc("purescim_standby_fallbacks_total", "Reads that the primary has answered instead of a standby, by cause.", []string{"cause"}, nil)
)

// standbys collect the figures of all standbys.
type standbys struct {
	tell func() (all []Standby, fallbacks map[string]int64)
}

// Describe implements prometheus.Collector.
func (standbys) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{standbyReads, standbyReady, standbyLag, standbyFallbacks} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (s standbys) Collect(figures chan<- prometheus.Metric) {
	all, fallbacks := s.tell()
	for _, one := range all {
		number, ready := strconv.Itoa(one.Number), 0.0
		if one.Ready {
			ready = 1
		}
		figures <- prometheus.MustNewConstMetric(standbyReads, prometheus.CounterValue, float64(one.Reads), number)
		figures <- prometheus.MustNewConstMetric(standbyReady, prometheus.GaugeValue, ready, number)
		figures <- prometheus.MustNewConstMetric(standbyLag, prometheus.GaugeValue, one.Late.Seconds(), number)
	}
	for _, cause := range slices.Sorted(maps.Keys(fallbacks)) {
		figures <- prometheus.MustNewConstMetric(standbyFallbacks, prometheus.CounterValue, float64(fallbacks[cause]), cause)
	}
}
