package daemon

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/plugins"
)

// pluginCollector exports how the helpers of the present Snapshot are. Their
// numbers begin anew with a helper that a reload changed.
type pluginCollector struct {
	daemon *Daemon

	ready, state, restarts, calls, errors, remembered *prometheus.Desc
	duration, load, kept, outcomes                    *prometheus.Desc
}

func newPluginCollector(d *Daemon) *pluginCollector {
	return &pluginCollector{
		daemon:     d,
		ready:      desc("plugin_ready", "1 when the helper answers.", "plugin"),
		state:      desc("plugin_state", "1 for the state that the helper is in.", "plugin", "state"),
		restarts:   desc("plugin_restarts_total", "How often the helper was started again.", "plugin"),
		calls:      desc("plugin_calls_total", "Calls of functions of the helper.", "plugin"),
		errors:     desc("plugin_call_errors_total", "Calls that had no answer.", "plugin"),
		remembered: desc("plugin_remembered_total", "Answers that were given without a call, because they were kept.", "plugin"),
		duration:   desc("plugin_call_duration_seconds", "How long calls took, waiting included.", "plugin"),
		load:       desc("plugin_calls", "Calls at this moment.", "plugin", "state"),
		kept:       desc("plugin_kept_answers", "Answers that are kept now.", "plugin"),
		outcomes:   desc("plugin_outcomes_total", "Outcomes of logins that the helper was told, or that were lost.", "plugin", "result"),
	}
}

// Describe implements prometheus.Collector.
func (c *pluginCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.ready, c.state, c.restarts, c.calls, c.errors, c.remembered, c.duration, c.load, c.kept, c.outcomes,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *pluginCollector) Collect(ch chan<- prometheus.Metric) {
	for _, p := range c.daemon.snapshot.Load().helpers.Status() {
		count := func(d *prometheus.Desc, v uint64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{p.Name}, labels...)...)
		}
		gauge := func(d *prometheus.Desc, v int, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v), append([]string{p.Name}, labels...)...)
		}
		ready := 0
		if p.State == plugins.Ready {
			ready = 1
		}
		gauge(c.ready, ready)
		gauge(c.state, 1, string(p.State))
		count(c.restarts, uint64(p.Restarts))
		count(c.calls, p.Calls)
		count(c.errors, p.Errors)
		count(c.remembered, p.Remembered)
		ch <- prometheus.MustNewConstHistogram(c.duration, p.Latency.Count, p.Latency.Sum, p.Latency.Buckets, p.Name)
		gauge(c.load, p.Running, "running")
		gauge(c.load, p.Waiting, "waiting")
		gauge(c.kept, p.Kept)
		count(c.outcomes, p.Observed, "told")
		count(c.outcomes, p.Lost, "lost")
	}
}
