package daemon

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
)

// directoryMetrics counts what directories do. It is the same through all
// reloads.
type directoryMetrics struct {
	operations *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
}

func newDirectoryMetrics(registry prometheus.Registerer) *directoryMetrics {
	m := &directoryMetrics{
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_directory_operations_total",
			Help: "Operations at servers of directories, by what came of them.",
		}, []string{"directory", "server", "operation", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sallyport_directory_operation_duration_seconds",
			Help:    "How long operations at servers of directories took.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"directory", "server", "operation"}),
	}
	registry.MustRegister(m.operations, m.seconds)
	return m
}

// directoryObserver is the metrics of one directory.
type directoryObserver struct {
	metrics   *directoryMetrics
	directory string
}

// observer returns who counts the operations of a directory; nil metrics count
// nothing.
func (m *directoryMetrics) observer(directory string) upstream.Observer {
	if m == nil {
		return nil
	}
	return directoryObserver{m, directory}
}

// Observe counts an operation.
func (o directoryObserver) Observe(server, operation, outcome string, took time.Duration) {
	o.metrics.operations.WithLabelValues(o.directory, server, operation, outcome).Inc()
	o.metrics.seconds.WithLabelValues(o.directory, server, operation).Observe(took.Seconds())
}

// directoryCollector exports the state of the directories of the present
// Snapshot.
type directoryCollector struct {
	daemon *Daemon

	up, connections, waiting, lookups, remembered *prometheus.Desc
}

func newDirectoryCollector(d *Daemon) *directoryCollector {
	return &directoryCollector{
		daemon:      d,
		up:          desc("directory_server_up", "1 unless the server is known to be down.", "directory", "server"),
		connections: desc("directory_connections", "Connections to a server now, by kind and state.", "directory", "server", "kind", "state"),
		waiting:     desc("directory_waiting", "Operations that wait for a connection now.", "directory", "server", "kind"),
		lookups:     desc("directory_lookups_total", "Look-ups of users by where the answer came from.", "directory", "result"),
		remembered:  desc("directory_cache_entries", "Logins that are remembered now: of users, and of nobody.", "directory", "kind"),
	}
}

// Describe implements prometheus.Collector.
func (c *directoryCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.up, c.connections, c.waiting, c.lookups, c.remembered} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *directoryCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), labels...)
	}
	for name, dir := range c.daemon.snapshot.Load().directories {
		r, ok := dir.(remote)
		if !ok {
			continue
		}
		for _, server := range r.servers.Status() {
			up := 1
			if server.State == upstream.StateDown {
				up = 0
			}
			gauge(c.up, up, name, server.URL)
			for kind, pool := range map[string]upstream.PoolStatus{"bind": server.Binds, "search": server.Searches} {
				gauge(c.connections, pool.Idle, name, server.URL, kind, "idle")
				gauge(c.connections, pool.InUse, name, server.URL, kind, "in_use")
				gauge(c.waiting, pool.Waiting, name, server.URL, kind)
			}
		}
		s := r.Stats()
		for result, n := range map[string]uint64{
			"remembered": s.Hits, "remembered_nobody": s.NegativeHits, "asked": s.Misses, "shared": s.Shared, "forgotten": s.Evicted,
		} {
			ch <- prometheus.MustNewConstMetric(c.lookups, prometheus.CounterValue, float64(n), name, result)
		}
		gauge(c.remembered, s.Users, name, "user")
		gauge(c.remembered, s.Nobody, name, "nobody")
	}
}
