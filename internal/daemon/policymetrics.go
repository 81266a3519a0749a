package daemon

import (
	"github.com/prometheus/client_golang/prometheus"
)

// policyCollector exports what the present Snapshot's cache of policies did.
type policyCollector struct {
	daemon *Daemon

	results, uncacheable, entries *prometheus.Desc
}

func newPolicyCollector(d *Daemon) *policyCollector {
	return &policyCollector{
		daemon:      d,
		results:     desc("policy_cache_results_total", "How often an expression policy was asked, by what its cache had.", "policy", "result"),
		uncacheable: desc("policy_uncacheable", "1 for an expression policy of which no result can be kept, with the reason.", "policy", "reason"),
		entries:     desc("policy_cache_entries", "Results of expression policies that are kept now."),
	}
}

// Describe implements prometheus.Collector.
func (c *policyCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.results, c.uncacheable, c.entries} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *policyCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.daemon.snapshot.Load().engine.CacheStats()
	for name, p := range stats.Policies {
		for result, n := range map[string]uint64{"hit": p.Hits, "miss": p.Misses, "stale": p.Stale, "uncacheable": p.Uncacheable} {
			ch <- prometheus.MustNewConstMetric(c.results, prometheus.CounterValue, float64(n), name, result)
		}
		if p.Reason != "" {
			ch <- prometheus.MustNewConstMetric(c.uncacheable, prometheus.GaugeValue, 1, name, p.Reason)
		}
	}
	ch <- prometheus.MustNewConstMetric(c.entries, prometheus.GaugeValue, float64(stats.Entries))
}
