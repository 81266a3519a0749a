package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/internal/dns"
	"github.com/sallyport-auth/sallyport/internal/webget"
)

// outsideCollector exports what the outside of the present Snapshot has done.
type outsideCollector struct {
	daemon *Daemon

	geoBuilt, geoFaults, geoLookups    *prometheus.Desc
	dnsLookups, dnsFailures, dnsAnswer *prometheus.Desc
	requests                           *prometheus.Desc
}

func newOutsideCollector(d *Daemon) *outsideCollector {
	return &outsideCollector{
		daemon:      d,
		geoBuilt:    desc("geoip_built_timestamp_seconds", "When the file that is in use was made.", "file"),
		geoFaults:   desc("geoip_faults_total", "How often a file was found absent or damaged.", "file"),
		geoLookups:  desc("geoip_lookups_total", "Addresses looked up by what was found.", "file", "result"),
		dnsLookups:  desc("dns_lookups_total", "DNS look-ups of policies by where the answer came from.", "function", "result"),
		dnsFailures: desc("dns_failures_total", "DNS look-ups of policies that had no answer, by cause.", "function", "cause"),
		dnsAnswer:   desc("dns_cache_entries", "Answers that are remembered now."),
		requests:    desc("policy_requests_total", "Requests of policies to web servers by what became of them.", "result"),
	}
}

// Describe implements prometheus.Collector.
func (c *outsideCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.geoBuilt, c.geoFaults, c.geoLookups, c.dnsLookups, c.dnsFailures, c.dnsAnswer, c.requests} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *outsideCollector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	o := c.daemon.snapshot.Load().outside
	for _, s := range o.geo.Status() {
		if s.Type != "" {
			gauge(c.geoBuilt, float64(s.Built.Unix()), s.Name)
		}
		count(c.geoFaults, s.Faults, s.Name)
		count(c.geoLookups, s.Known, s.Name, "known")
		count(c.geoLookups, s.Unknown, s.Name, "unknown")
		count(c.geoLookups, s.Damaged, s.Name, "damaged")
	}
	resolve, reverse, entries := o.dns.Stats()
	for function, s := range map[string]dns.Stats{"resolve": resolve, "reverse": reverse} {
		count(c.dnsLookups, s.Remembered, function, "remembered")
		count(c.dnsLookups, s.Asked, function, "asked")
		count(c.dnsLookups, s.Shared, function, "shared")
		count(c.dnsFailures, s.Timeouts, function, "timeout")
		count(c.dnsFailures, s.Failed, function, "failed")
		count(c.dnsFailures, s.Overloaded, function, "overloaded")
	}
	gauge(c.dnsAnswer, float64(entries))
	requests := o.web.Stats()
	count(c.requests, requests[""], "answered")
	for _, class := range webget.Classes() {
		count(c.requests, requests[class], string(class))
	}
}
