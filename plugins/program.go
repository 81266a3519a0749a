package plugins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	googleproto "google.golang.org/protobuf/proto"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// State says what a program is doing.
type State string

// The states of a program. Only a ready one answers; calls wait for the others
// within their own deadline.
const (
	Starting   State = "starting"
	Ready      State = "ready"
	BackingOff State = "backing-off" // it died again and again, the next start waits
	Stopped    State = "stopped"     // the Host is closed
)

// Status is how a program is at one moment, for readiness and metrics.
type Status struct {
	Name  string
	State State
	// Restarts counts the starts after the first one.
	Restarts int
	// LastError is why it last ended or did not start; empty if it never did.
	LastError string
	// Version is what the program says of itself.
	Version string
	// PID is the number of the running process; 0 when there is none.
	PID int
}

// program is one listed program and whatever process of it runs now.
type program struct {
	name     string
	cfg      config.Plugin
	binary   string // the verified copy
	dir      string // where it runs: the plugin directory
	sockets  string
	env      []string
	timing   timing
	log      *slog.Logger
	launcher *launcher
	stdout   *lineLog
	stderr   *lineLog
	slots    chan struct{} // bounds the calls at once

	mu          sync.Mutex
	description *proto.DescribeResponse // of the first start; nil before
	state       State
	current     *instance // nil unless ready
	changed     chan struct{}
	restarts    int
	lastErr     error
}

func newProgram(cfg config.Plugin, binary, dir string, h *Host, t timing, log *slog.Logger) *program {
	log = log.With("plugin", cfg.Name)
	p := &program{
		name: cfg.Name, cfg: cfg, binary: binary, dir: dir, sockets: h.private.path,
		timing: t, log: log, launcher: h.launcher,
		stdout: newLineLog(log.With("stream", "stdout"), time.Now),
		stderr: newLineLog(log.With("stream", "stderr"), time.Now),
		slots:  make(chan struct{}, t.concurrency),
		state:  Starting, changed: make(chan struct{}),
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Env)) {
		p.env = append(p.env, name+"="+cfg.Env[name])
	}
	return p
}

// supervise keeps the program running until ctx ends, and then ends it. It
// reports the outcome of the first start, which is the only one not repeated.
func (p *program) supervise(ctx context.Context, started chan<- error) {
	wait := &backoff.ExponentialBackOff{
		InitialInterval: p.timing.backoffMin, MaxInterval: p.timing.backoffMax,
		Multiplier: 2, RandomizationFactor: 0.5,
	}
	defer p.set(Stopped, nil, nil)
	crashes := 0 // since the last calm time
	for first := true; ; first = false {
		since := time.Now()
		inst, err := p.start(ctx)
		if first {
			started <- err
			if err != nil {
				return
			}
		}
		if err == nil {
			err = p.watch(ctx, inst)
		}
		if ctx.Err() != nil {
			return
		}
		if time.Since(since) >= p.timing.calm {
			crashes = 0
			wait.Reset()
		}
		crashes++
		var pause time.Duration
		if crashes > 1 {
			pause = wait.NextBackOff()
		}
		p.log.Error("plugin is not running", "error", err, "restart_in", pause.Round(time.Millisecond))
		p.set(BackingOff, nil, err)
		if !sleep(ctx, pause) {
			return
		}
		p.restarting()
	}
}

// start starts a process and makes it the current one if it describes the same
// functions as the first.
func (p *program) start(ctx context.Context) (*instance, error) {
	inst, err := p.launch(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.accept(inst.description); err != nil {
		inst.kill()
		return nil, err
	}
	p.set(Ready, inst, nil)
	p.log.Info("plugin is ready", "version", inst.description.GetVersion(), "pid", inst.runner.pid(),
		"functions", len(inst.description.GetFunctions()))
	return inst, nil
}

// accept checks a description, the first by itself and the later ones against
// the first: policies were compiled against that one.
func (p *program) accept(d *proto.DescribeResponse) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("it describes itself wrongly: %w", err)
	}
	for _, f := range d.GetFunctions() {
		if _, unknown := factsNamed(f.GetReads()); unknown != "" {
			return fmt.Errorf("its function %s reads the fact %.80q, which does not exist (there are %s)",
				f.GetName(), unknown, factNames())
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.description == nil {
		p.description = d
		return nil
	}
	same := func(a, b *proto.Function) bool { return googleproto.Equal(a, b) }
	if !slices.EqualFunc(d.GetFunctions(), p.description.GetFunctions(), same) {
		return errors.New("it describes other functions than at its first start; reload the configuration to take them")
	}
	return nil
}

// watch returns when the process has ended, with the reason; it ends a process
// that does not answer, or any when ctx ends.
func (p *program) watch(ctx context.Context, inst *instance) error {
	tick := time.NewTicker(p.timing.ping)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.set(Stopped, nil, nil)
			inst.shutdown(p.timing.grace)
			return nil
		case <-inst.lost:
			p.set(Starting, nil, nil)
			return inst.end()
		case <-tick.C:
			if err := inst.ping(ctx, p.timing.pingTimeout); err != nil && ctx.Err() == nil && !inst.dead() {
				p.set(Starting, nil, nil)
				inst.kill()
				return fmt.Errorf("it was killed because it hangs: %w", err)
			}
		}
	}
}

// set changes the state and wakes whoever waits for a process.
func (p *program) set(s State, current *instance, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state, p.current = s, current
	if err != nil {
		p.lastErr = err
	}
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *program) restarting() {
	p.mu.Lock()
	p.restarts++
	p.mu.Unlock()
	p.set(Starting, nil, nil)
}

// await returns the running process, as soon as there is one that is not the
// one given.
func (p *program) await(ctx context.Context, not *instance) (*instance, error) {
	for {
		p.mu.Lock()
		current, changed, state, last := p.current, p.changed, p.state, p.lastErr
		p.mu.Unlock()
		switch {
		case state == Stopped:
			return nil, errors.New("the plugin is stopped")
		case current != nil && current != not && !current.dead():
			return current, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if last != nil {
				return nil, fmt.Errorf("the plugin is not running (%w): %w", last, ctx.Err())
			}
			return nil, fmt.Errorf("the plugin is not running: %w", ctx.Err())
		}
	}
}

func (p *program) status() Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := Status{Name: p.name, State: p.state, Restarts: p.restarts, Version: p.description.GetVersion()}
	if p.lastErr != nil {
		s.LastError = p.lastErr.Error()
	}
	if p.current != nil {
		s.PID = p.current.runner.pid()
	}
	return s
}

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// checkEnv refuses variables that steer go-plugin, and names that are none.
func checkEnv(env map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(env[name], "\x00"):
			return fmt.Errorf("%q is not a variable that can be set", name)
		case strings.HasPrefix(name, "PLUGIN_") || name == proto.Handshake().MagicCookieKey:
			return fmt.Errorf("%s is set by Sallyport itself: remove it", name)
		}
	}
	return nil
}

// allowPath is the place of a program in the configuration.
func allowPath(i int) string { return fmt.Sprintf("plugins.allow[%d]", i) }
