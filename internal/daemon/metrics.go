package daemon

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// serverCollector exports the counters of the front-ends. The rooms keep plain
// numbers; only this one knows Prometheus.
type serverCollector struct {
	daemon *Daemon

	radiusReceived, radiusDiscarded, radiusAnswered, radiusDuplicates, radiusLoad *prometheus.Desc
	radiusSilent, radiusSendErrors, panics                                        *prometheus.Desc
	ldapConnections, ldapOpen, ldapOperations, ldapErrors                         *prometheus.Desc
}

// desc describes a metric of ours.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("sallyport_"+name, help, labels, nil)
}

func newServerCollector(d *Daemon) *serverCollector {
	return &serverCollector{
		daemon:           d,
		radiusReceived:   desc("radius_received_total", "RADIUS datagrams received."),
		radiusDiscarded:  desc("radius_discarded_total", "RADIUS requests that were not answered, by cause.", "cause"),
		radiusAnswered:   desc("radius_answered_total", "RADIUS answers by code.", "code"),
		radiusDuplicates: desc("radius_duplicates_total", "Retransmissions that joined a login in flight or got its answer again.", "how"),
		radiusLoad:       desc("radius_requests", "RADIUS requests in the server now, by state.", "state"),
		radiusSilent:     desc("radius_silent_total", "RADIUS logins that ended without an answer: an outage, or a drop."),
		radiusSendErrors: desc("radius_send_errors_total", "RADIUS answers that the system did not take."),
		panics:           desc("panics_total", "Faults of ours that cost a login or a connection.", "protocol"),
		ldapConnections:  desc("ldap_connections_total", "LDAP connections accepted or refused, by cause.", "result"),
		ldapOpen:         desc("ldap_connections_open", "LDAP connections open now."),
		ldapOperations:   desc("ldap_operations_total", "LDAP operations by kind and result code.", "operation", "code"),
		ldapErrors:       desc("ldap_protocol_errors_total", "LDAP connections ended for what they sent, by cause.", "cause"),
	}
}

// Describe implements prometheus.Collector.
func (c *serverCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.radiusReceived, c.radiusDiscarded, c.radiusAnswered, c.radiusDuplicates, c.radiusLoad,
		c.radiusSilent, c.radiusSendErrors, c.panics,
		c.ldapConnections, c.ldapOpen, c.ldapOperations, c.ldapErrors,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *serverCollector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	r := c.daemon.radius.Stats()
	count(c.radiusReceived, r.Received)
	for cause, n := range r.Discarded {
		count(c.radiusDiscarded, n, cause)
	}
	for code, n := range r.Answered {
		count(c.radiusAnswered, n, code)
	}
	count(c.radiusDuplicates, r.Joined, "joined")
	count(c.radiusDuplicates, r.Replayed, "replayed")
	gauge(c.radiusLoad, r.Queued, "queued")
	gauge(c.radiusLoad, r.InFlight, "in_flight")
	gauge(c.radiusLoad, r.Remembered, "remembered")
	count(c.radiusSilent, r.Silent)
	count(c.radiusSendErrors, r.SendErrors)
	count(c.panics, r.Panics, "radius")
	l := c.daemon.ldap.Stats()
	count(c.panics, l.Panics, "ldap")
	count(c.ldapConnections, l.Accepted, "accepted")
	for cause, n := range l.Refused {
		count(c.ldapConnections, n, "refused_"+cause)
	}
	gauge(c.ldapOpen, int(l.Open))
	for _, o := range l.Operations {
		count(c.ldapOperations, o.Count, o.Operation, strconv.Itoa(o.Code))
	}
	for cause, n := range l.ProtocolErrors {
		count(c.ldapErrors, n, cause)
	}
}
