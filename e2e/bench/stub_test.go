package bench

import (
	"context"
	"log/slog"
	"os"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/proxy"
)

const (
	secret = "testing123"
	baseDN = testenv.BaseDN
	// userCount is how many users log in. Equal password checks in flight share
	// one hash; the widths at which passwords are hashed divide this number, so
	// that each login in flight is another user's.
	userCount = 64
)

func login(n int) string    { return "user" + strconv.Itoa(100+n%userCount) }
func password(n int) string { return "pass-word-" + strconv.Itoa(100+n%userCount) }

// memory is the stub verifier: a directory that compares passwords in memory.
type memory struct {
	users     map[string]*identity.User
	passwords map[string]string
}

func newMemory() *memory {
	m := &memory{users: make(map[string]*identity.User), passwords: make(map[string]string)}
	for n := range userCount {
		m.users[login(n)] = &identity.User{
			ID: strconv.Itoa(n), Login: login(n), Directory: "local", Active: true, Groups: []string{"vpn-users"},
		}
		m.passwords[login(n)] = password(n)
	}
	return m
}

// Lookup implements proxy.Directory.
func (m *memory) Lookup(_ context.Context, login string) (*identity.User, error) {
	if u := m.users[login]; u != nil {
		return u, nil
	}
	return nil, identity.ErrNotFound
}

// Verify implements proxy.Directory.
func (m *memory) Verify(_ context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error) {
	p, ok := c.(identity.Password)
	if !ok {
		return identity.Unsupported, nil
	}
	if p.Reveal() != m.passwords[u.Login] {
		return identity.Wrong, nil
	}
	return identity.Right, nil
}

// recorder does for a login what the daemon's does: it counts it, and writes the
// same line, in the same number of system calls, to where nobody reads it.
type recorder struct {
	log     *slog.Logger
	logins  *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newRecorder() (*recorder, error) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	return &recorder{
		log: slog.New(slog.NewTextHandler(null, nil)),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "logins_total"},
			[]string{"protocol", "application", "verdict", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "login_duration_seconds",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"protocol"}),
	}, nil
}

// Record implements proxy.Recorder.
func (r *recorder) Record(a *proxy.Attempt, o *proxy.Outcome) {
	r.logins.WithLabelValues(string(a.Protocol), a.Application, o.Verdict.String(), string(o.Reason)).Inc()
	r.seconds.WithLabelValues(string(a.Protocol)).Observe(o.Took.Seconds())
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs,
		slog.String("request_id", a.ID),
		slog.String("verdict", o.Verdict.String()),
		slog.String("reason", string(o.Reason)),
		slog.String("user", a.Username),
		slog.String("application", a.Application),
		slog.String("protocol", string(a.Protocol)),
		slog.String("peer", a.PeerIP.String()),
	)
	if a.Client != "" {
		attrs = append(attrs, slog.String("nas", a.Client))
	}
	if o.User != nil {
		attrs = append(attrs, slog.String("realm", o.Realm), slog.String("directory", o.User.Directory))
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
