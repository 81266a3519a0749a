package daemon

import (
	"context"
	"log/slog"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/proxy"
)

// recorder writes one line per login and counts it. It is the same through all
// reloads.
type recorder struct {
	log     *slog.Logger
	logins  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newRecorder(log *slog.Logger, registry prometheus.Registerer) *recorder {
	r := &recorder{
		log: log,
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_logins_total",
			Help: "Logins by what became of them.",
		}, []string{"protocol", "application", "verdict", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sallyport_login_duration_seconds",
			Help:    "How long logins took, from the Attempt to the Outcome.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"protocol"}),
	}
	registry.MustRegister(r.logins, r.seconds)
	return r
}

// Record implements proxy.Recorder.
func (r *recorder) Record(a *proxy.Attempt, o *proxy.Outcome) {
	r.logins.WithLabelValues(string(a.Protocol), a.Application, o.Verdict.String(), string(o.Reason)).Inc()
	r.seconds.WithLabelValues(string(a.Protocol)).Observe(o.Took.Seconds())
	r.line(a, o)
	r.policies(a, o)
	if r.log.Enabled(context.Background(), slog.LevelDebug) {
		r.trace(a, o)
	}
}

// line writes the one line.
func (r *recorder) line(a *proxy.Attempt, o *proxy.Outcome) {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("request_id", a.ID),
		slog.String("verdict", o.Verdict.String()),
		slog.String("reason", string(o.Reason)),
		slog.String("user", visible(a.Username)),
		slog.String("application", a.Application),
		slog.String("protocol", string(a.Protocol)),
		slog.String("peer", a.PeerIP.String()),
	)
	if a.ClientIP.IsValid() {
		attrs = append(attrs, slog.String("client", a.ClientIP.String()))
	}
	if a.Client != "" {
		attrs = append(attrs, slog.String("nas", a.Client))
	}
	if o.Realm != "" {
		attrs = append(attrs, slog.String("realm", o.Realm))
	}
	if o.User != nil {
		attrs = append(attrs, slog.String("directory", o.User.Directory))
	}
	if o.Policy != "" {
		attrs = append(attrs, slog.String("policy", o.Policy))
	}
	attrs = append(attrs, slog.Float64("ms", float64(o.Took.Microseconds())/1000))
	if o.Err != nil {
		attrs = append(attrs, slog.String("error", o.Err.Error()))
	}
	r.log.LogAttrs(context.Background(), slog.LevelInfo, "login", attrs...)
}

// visible replaces what a terminal would act on instead of showing it: control
// characters, marks of direction. JSON leaves some of them as they are.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// trace writes what each stage and each binding found.
func (r *recorder) trace(a *proxy.Attempt, o *proxy.Outcome) {
	for _, s := range o.Trace {
		r.log.Debug("stage", "request_id", a.ID, "stage", s.Stage, "result", s.Result,
			"reason", string(s.Reason), "us", s.Took.Microseconds())
		for _, b := range s.Bindings {
			r.log.Debug("binding", "request_id", a.ID, "stage", s.Stage, "binding", b.Name, "passing", b.Passing,
				"dry_run", b.DryRun, "skipped", b.Skipped, "error", b.Err, "us", b.Took.Microseconds())
		}
	}
}

var _ proxy.Recorder = (*recorder)(nil)
