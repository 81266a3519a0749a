package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/proxy/ldap"
	"github.com/sallyport-auth/sallyport/proxy/radius"
)

// drainTime is how long logins in flight may go on after the daemon was told to
// stop.
const drainTime = 5 * time.Second

// Options are what a daemon needs beside its configuration.
type Options struct {
	// Load reads the configuration again, for a reload.
	Load func() (*config.Config, error)
	// Reload asks for one with each value; nil never does.
	Reload <-chan struct{}
	// Ready is called once, when all listeners are open and answer.
	Ready func(Addresses)
	Log   *slog.Logger
	// Level is the level of Log, which a reload can change; may be nil.
	Level *slog.LevelVar
}

// Addresses are where the daemon listens.
type Addresses struct {
	RADIUS, LDAP []string
	HTTP         string
}

// Daemon is the running process.
type Daemon struct {
	options  Options
	log      *slog.Logger
	store    *store.Store
	recorder *recorder
	// directories takes the numbers of all Snapshots' directories.
	directories *directoryMetrics
	snapshot    atomic.Pointer[Snapshot]
	radius      *radius.Server
	ldap        *ldap.Server
	http        net.Listener
	// patience is how long a RADIUS request waits for a worker.
	patience time.Duration
	draining atomic.Bool
	// reloadFault is why the last reload failed, nil when it did not.
	reloadFault atomic.Pointer[string]
	// policyFault is why a change of the stored policies does not act, nil when
	// there is none.
	policyFault atomic.Pointer[string]
	// retiring counts the goroutines that wait for old Snapshots to fall idle;
	// over tells them that the front-ends have stopped.
	retiring sync.WaitGroup
	over     chan struct{}
}

// ConfigurationError says that what the configuration describes cannot be built.
type ConfigurationError struct{ error }

// Unwrap returns the faults.
func (e *ConfigurationError) Unwrap() error { return e.error }

// Run builds what cfg describes, opens the listeners when all of it is ready,
// and serves until ctx ends; then it closes the listeners, lets logins in flight
// finish for at most five seconds, and returns nil. An error means that it could
// not start, or could not go on.
func Run(ctx context.Context, cfg *config.Config, o Options) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	d := &Daemon{options: o, log: o.Log, recorder: newRecorder(o.Log, registry), directories: newDirectoryMetrics(registry), patience: cfg.Login.Timeout, over: make(chan struct{})}
	var err error
	if d.store, err = store.Open(ctx, cfg.StoreFile(), store.WithLog(o.Log)); err != nil {
		return &ConfigurationError{cfg.Fault("store", "%w", err)}
	}
	defer d.store.Close()
	snapshot, err := build(ctx, cfg, d.resources())
	if err != nil {
		return &ConfigurationError{err}
	}
	d.snapshot.Store(snapshot)
	defer func() { d.snapshot.Load().Close() }()
	defer d.retiring.Wait()
	defer close(d.over)

	d.radius = radius.NewServer(snapshot.radius, radius.Options{
		RADIUS: cfg.RADIUS, LoginTimeout: d.patience, Log: o.Log, Drain: drainTime,
	})
	d.ldap = ldap.NewServer(snapshot.ldap, ldap.Options{LDAP: cfg.LDAP, Log: o.Log, Drain: drainTime})
	if err := d.listen(cfg); err != nil {
		d.abandonListeners()
		return err
	}
	registry.MustRegister(newServerCollector(d), newDirectoryCollector(d), newOutsideCollector(d), newPolicyCollector(d), newPluginCollector(d))
	return d.serve(ctx, registry)
}

func (d *Daemon) resources() resources {
	r := resources{store: d.store, policies: d.storedPolicies, recorder: d.recorder, directories: d.directories, seed: true, log: d.log}
	if s := d.snapshot.Load(); s != nil {
		r.present, r.helpers, r.outside, r.seed = s, s.helpers, s.outside, false
	}
	return r
}

// listen opens every listener, or reports all that cannot be opened.
func (d *Daemon) listen(cfg *config.Config) error {
	var faults []error
	for _, l := range []struct {
		setting   string
		addresses []config.ListenAddr
		open      func(config.ListenAddr) error
	}{
		{"listen.radius", cfg.Listen.RADIUS, d.radius.Listen},
		{"listen.ldap", cfg.Listen.LDAP, d.ldap.Listen},
		{"listen.ldaps", cfg.Listen.LDAPS, d.ldap.ListenTLS},
	} {
		for i, address := range l.addresses {
			if err := l.open(address); err != nil {
				faults = append(faults, cfg.Fault(fmt.Sprintf("%s[%d]", l.setting, i), "%w", advise(err)))
			}
		}
	}
	if cfg.Listen.HTTP.IsValid() {
		var err error
		if d.http, err = net.Listen(cfg.Listen.HTTP.Network("tcp"), cfg.Listen.HTTP.String()); err != nil {
			faults = append(faults, cfg.Fault("listen.http", "%w", advise(err)))
		}
	}
	return errors.Join(faults...)
}

// advise adds to an error of opening a socket what to do about it.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: stop the program that has the port, or choose another one", err)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("%w: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: this machine has no such address; a ? behind an address makes it optional", err)
	}
	return err
}

// abandonListeners closes what was opened before another listener could not be.
func (d *Daemon) abandonListeners() {
	d.radius.Close()
	d.ldap.Close()
	if d.http != nil {
		d.http.Close()
	}
}

// serve runs the tasks of the process until ctx ends or one of them fails.
func (d *Daemon) serve(ctx context.Context, registry *prometheus.Registry) error {
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return d.radius.Serve(ctx) })
	tasks.Go(func() error { return d.ldap.Serve(ctx) })
	if d.http != nil {
		tasks.Go(func() error { return d.serveHTTP(ctx, d.handler(registry)) })
	}
	tasks.Go(func() error { return d.watch(ctx) })
	tasks.Go(func() error {
		<-ctx.Done()
		d.draining.Store(true)
		d.log.Info("stopping", "drain", drainTime)
		return nil
	})
	addresses := d.addresses()
	ready := []any{"radius", addresses.RADIUS, "ldap", addresses.LDAP, "http", addresses.HTTP}
	if dir := d.snapshot.Load().cfg.TLS.SelfSigned; dir != "" {
		ready = append(ready, "ca_file", selfSignedIn(dir).authority)
	}
	d.log.Info("ready", ready...)
	if d.options.Ready != nil {
		d.options.Ready(addresses)
	}
	if err := tasks.Wait(); err != nil {
		return err
	}
	d.log.Info("stopped")
	return nil
}

func (d *Daemon) addresses() Addresses {
	var a Addresses
	for _, addr := range d.radius.Addrs() {
		a.RADIUS = append(a.RADIUS, addr.String())
	}
	for _, addr := range d.ldap.Addrs() {
		a.LDAP = append(a.LDAP, addr.String())
	}
	if d.http != nil {
		a.HTTP = d.http.Addr().String()
	}
	return a
}

// serveHTTP serves health and metrics until ctx ends.
func (d *Daemon) serveHTTP(ctx context.Context, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(d.log.Handler(), slog.LevelDebug),
	}
	stopped := context.AfterFunc(ctx, func() { server.Close() })
	defer stopped()
	if err := server.Serve(d.http); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}
