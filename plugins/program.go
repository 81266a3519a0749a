package plugins

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// program is one listed program with its settings, and whatever process of it runs
// now. The Hosts of several configurations share it as long as nothing about it
// changes; the last one ends it.
type program struct {
	name     string
	cfg      config.Plugin
	key      digest // of the program's file and all of its settings
	sum      digest // of the file
	binary   string // the verified copy
	dir      string // where it runs: the plugin directory
	account  *account
	ground   *ground
	timing   timing
	begin    beginner
	log      *slog.Logger
	stdout   *lineLog
	stderr   *lineLog
	slots    chan struct{} // bounds the calls at once
	waiting  atomic.Int32  // calls that wait for a slot
	results  *results
	counters *counters
	outcomes chan *proto.ObserveRequest
	wake     chan struct{} // ends a pause between two starts
	first    chan struct{} // closed when the first start has ended, with
	firstErr error

	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	holders int // guarded by ground.mu

	mu          sync.Mutex
	description *proto.DescribeResponse // of the first start; nil before
	watched     []fact                  // that its observer wants
	outdated    bool                    // it described itself otherwise since
	state       State
	current     *instance // nil unless ready
	next        time.Time // the next start, while backing off
	changed     chan struct{}
	restarts    int
	lastErr     error
}

// newProgram makes a program that one Host holds.
func newProgram(v verified, g *ground, t timing, log *slog.Logger) *program {
	log = log.With("plugin", v.cfg.Name)
	p := &program{
		name: v.cfg.Name, cfg: v.cfg, key: v.key, sum: v.sum, dir: v.dir, account: v.account, ground: g,
		timing: t, begin: beginProcess, log: log,
		stdout: newLineLog(log.With("stream", "stdout"), time.Now),
		stderr: newLineLog(log.With("stream", "stderr"), time.Now),
		slots:  make(chan struct{}, max(v.cfg.Concurrency, 1)), results: newResults(), counters: newCounters(),
		outcomes: make(chan *proto.ObserveRequest, maxOutcomes), wake: make(chan struct{}, 1), first: make(chan struct{}),
		holders: 1, state: Starting, changed: make(chan struct{}),
	}
	return p
}

// run starts the program. It lives until the last Host releases it.
func (p *program) run() {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.tasks.Go(func() { p.supervise(ctx) })
	p.tasks.Go(func() { p.tell(ctx) })
}

// started waits for the end of the first start.
func (p *program) started(ctx context.Context) error {
	select {
	case <-p.first:
		return p.firstErr
	case <-ctx.Done():
		return ctx.Err()
	}
}

// stop ends the program: politely, and by force after the time of grace.
func (p *program) stop() {
	p.cancel()
	p.tasks.Wait()
	p.results.forget()
	_ = os.RemoveAll(filepath.Dir(p.binary))
}

// environment is the whole environment of a process.
func (p *program) environment() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(p.cfg.Env)) {
		env = append(env, name+"="+p.cfg.Env[name].Reveal())
	}
	return env
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

// await returns the running process, as soon as there is one that is not the
// one given.
func (p *program) await(ctx context.Context, not *instance) (*instance, error) {
	deadline, bounded := ctx.Deadline()
	for {
		p.mu.Lock()
		current, changed, state, last, next := p.current, p.changed, p.state, p.lastErr, p.next
		p.mu.Unlock()
		switch {
		case state == Stopped:
			return nil, errors.New("the plugin is stopped")
		case state == Broken, state == BackingOff && bounded && next.After(deadline):
			return nil, fmt.Errorf("the plugin is not running, and is not started again in time (%s): %w", state, last)
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

// nudge ends a pause between two starts, and forgets the crashes before it.
func (p *program) nudge() {
	p.mu.Lock()
	down := p.state == BackingOff || p.state == Broken
	p.mu.Unlock()
	if down {
		select {
		case p.wake <- struct{}{}:
		default: // woken already
		}
	}
}

// stale reports that the program offers other functions than when it was first
// started, so that only a new description can use it.
func (p *program) stale() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outdated || p.state == Stopped
}

// checkEnv refuses variables that steer go-plugin, and names that are none.
func checkEnv(env map[string]config.Secret) error {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		switch {
		case name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(env[name].Reveal(), "\x00"):
			return fmt.Errorf("%q is not a variable that can be set", name)
		case strings.HasPrefix(name, "PLUGIN_") || name == proto.Handshake().MagicCookieKey:
			return fmt.Errorf("%s is set by Sallyport itself: remove it", name)
		}
	}
	return nil
}

// allowPath is the place of a program in the configuration.
func allowPath(i int) string { return fmt.Sprintf("plugins.allow[%d]", i) }
