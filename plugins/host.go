package plugins

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Options is what a Host needs besides the configuration.
type Options struct {
	// Log receives what happens to the programs, and what they write themselves.
	// Nil discards it.
	Log *slog.Logger
}

// Host runs the programs that the configuration lists. All of its methods are
// safe for concurrent use.
type Host struct {
	programs []*program
	helpers  []policyengine.Helper
	private  *privateDir
	launcher *launcher

	cancel    context.CancelFunc
	tasks     sync.WaitGroup
	closeOnce sync.Once
}

// timing holds the intervals and bounds that tests shorten.
type timing struct {
	start       time.Duration // from the fork to the answer of Describe
	grace       time.Duration // from the polite request to end to SIGKILL
	ping        time.Duration // between two health checks
	pingTimeout time.Duration
	calm        time.Duration // of good health after which crashes are forgotten
	backoffMin  time.Duration
	backoffMax  time.Duration
	concurrency int // calls of one program at once
}

func defaultTiming() timing {
	return timing{
		start: 10 * time.Second, grace: time.Second,
		ping: 5 * time.Second, pingTimeout: 3 * time.Second, calm: time.Minute,
		backoffMin: 250 * time.Millisecond, backoffMax: 30 * time.Second,
		concurrency: 64,
	}
}

// Open verifies and starts every program in plugins.allow, and returns when each
// has described its functions: after ten seconds at the most. ctx bounds only
// the start. When anything is wrong, nothing is left running and the error names
// every fault at its place in the configuration: Open and Close are the check.
func Open(ctx context.Context, cfg *config.Config, o Options) (*Host, error) {
	return open(ctx, cfg, o, defaultTiming())
}

func open(ctx context.Context, cfg *config.Config, o Options, t timing) (*Host, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &Host{cancel: func() {}}
	dir, err := openDirectory(cfg)
	switch {
	case err != nil:
		return nil, err
	case dir == nil:
		return h, nil
	}
	defer dir.close()
	dir.logUnlisted(log)
	if len(cfg.Plugins.Allow) == 0 {
		return h, nil
	}
	if h.private, err = newPrivateDir(cfg); err != nil {
		return nil, err
	}
	binaries, err := dir.install(h.private)
	if err != nil {
		h.Close()
		return nil, err
	}
	h.launcher = newLauncher()
	var life context.Context
	life, h.cancel = context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, h.cancel)
	started := make([]chan error, len(binaries))
	for i, binary := range binaries {
		p := newProgram(cfg.Plugins.Allow[i], binary, dir.path, h, t, log)
		h.programs = append(h.programs, p)
		started[i] = make(chan error, 1)
		h.tasks.Go(func() { p.supervise(life, started[i]) })
	}
	var faults []error
	for i, p := range h.programs {
		if err := <-started[i]; err != nil {
			faults = append(faults, cfg.Fault(allowPath(i), "plugin %s does not start: %w", p.name, err))
			continue
		}
		h.helpers = append(h.helpers, p.helpers()...)
	}
	if !stop() { // ctx ended during the start, and took the programs with it
		faults = append(faults, ctx.Err())
	}
	if err := errors.Join(faults...); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// Helpers returns the functions of all programs, in the order of the
// configuration. They stay valid over restarts; after Close they give errors.
func (h *Host) Helpers() []policyengine.Helper { return h.helpers }

// Status tells how each program is, in the order of the configuration.
func (h *Host) Status() []Status {
	all := make([]Status, 0, len(h.programs))
	for _, p := range h.programs {
		all = append(all, p.status())
	}
	return all
}

// Close ends all programs: politely, and after a second by SIGKILL to their
// process groups. Calls in flight fail. It may be called more than once.
func (h *Host) Close() {
	h.closeOnce.Do(func() {
		h.cancel()
		h.tasks.Wait()
		if h.launcher != nil {
			h.launcher.close()
		}
		if h.private != nil {
			h.private.remove()
		}
	})
}
