package plugins

import (
	"context"
	"errors"
	"log/slog"
	"slices"
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
	// Present is the Host of the configuration in force, if there is one. Programs
	// that would run in the same way are shared with it instead of started; those
	// of them that wait for another start are started at once. It stays as it is.
	Present *Host
	// Only is the name of the one program to open, for commands that need no other.
	// Empty opens all.
	Only string

	// begin starts a process; nil for that of the program's file. Tests bring others.
	begin beginner
}

// Host runs the programs that one configuration lists. All of its methods are
// safe for concurrent use.
type Host struct {
	programs  []*program
	helpers   []policyengine.Helper
	closeOnce sync.Once
}

// timing holds the intervals and bounds that tests shorten.
type timing struct {
	start       time.Duration // from the fork to the end of Configure
	grace       time.Duration // from the polite request to end to SIGKILL
	ping        time.Duration // between two health checks
	pingTimeout time.Duration
	calm        time.Duration // of good health after which crashes are forgotten
	backoffMin  time.Duration
	backoffMax  time.Duration
	breakAfter  int           // crashes without a calm time: the program is broken
	brokenPause time.Duration // between two starts of a broken program, and up to a quarter more
}

func defaultTiming() timing {
	return timing{
		start: 10 * time.Second, grace: time.Second,
		ping: 5 * time.Second, pingTimeout: 3 * time.Second, calm: time.Minute,
		backoffMin: 250 * time.Millisecond, backoffMax: 30 * time.Second,
		breakAfter: 8, brokenPause: time.Minute,
	}
}

// Open verifies every program in plugins.allow, starts those that o.Present does
// not run already in the same way, and returns when each has described its
// functions and taken its settings: after ten seconds at the most. ctx bounds only
// the start. When anything is wrong, nothing that it started is left running and
// the error names every fault at its place in the configuration: Open and Close
// are the check.
func Open(ctx context.Context, cfg *config.Config, o Options) (*Host, error) {
	return open(ctx, cfg, o, defaultTiming())
}

func open(ctx context.Context, cfg *config.Config, o Options, t timing) (*Host, error) {
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	h := &Host{}
	dir, err := openDirectory(cfg)
	switch {
	case err != nil:
		return nil, err
	case dir == nil:
		return h, nil
	}
	defer dir.close()
	if o.Only == "" {
		dir.logUnlisted(log)
	}
	listed, err := dir.verify(o.Only)
	switch {
	case err != nil:
		return nil, err
	case len(listed) == 0:
		return h, nil
	}
	ground, err := o.Present.ground(cfg)
	if err != nil {
		return nil, err
	}
	defer ground.release()
	var faults []error
	for _, v := range listed {
		p := o.Present.running(v)
		if p == nil {
			if p, err = start(dir, v, ground, t, log, o.begin); err != nil {
				faults = append(faults, cfg.Fault(allowPath(v.index), "%w", err))
				continue
			}
		}
		h.programs = append(h.programs, p)
	}
	faults = append(faults, h.ready(ctx, cfg)...)
	if err := errors.Join(faults...); err != nil {
		h.Close()
		return nil, err
	}
	return h, nil
}

// ground is what new programs can stand on, held once more: the present one, or
// one of their own. The Host may be nil.
func (h *Host) ground(cfg *config.Config) (*ground, error) {
	if h != nil {
		for _, p := range h.programs {
			if p.ground.sockets == cfg.Plugins.Sockets && p.ground.hold() {
				return p.ground, nil
			}
		}
	}
	return newGround(cfg)
}

// running finds a program that runs as one that was verified would, and holds it
// once more. The Host may be nil.
func (h *Host) running(v verified) *program {
	if h == nil {
		return nil
	}
	i := slices.IndexFunc(h.programs, func(p *program) bool { return p.key == v.key })
	if i < 0 || h.programs[i].stale() || !h.programs[i].hold() {
		return nil
	}
	h.programs[i].nudge()
	return h.programs[i]
}

// start starts a program that one Host holds.
func start(dir *directory, v verified, g *ground, t timing, log *slog.Logger, begin beginner) (*program, error) {
	if v.account != nil {
		if err := g.private.share(); err != nil {
			return nil, err
		}
	}
	binary, err := dir.install(v, g.private)
	if err != nil {
		return nil, err
	}
	p := newProgram(v, g, t, log)
	p.binary = binary
	if begin != nil {
		p.begin = begin
	}
	g.hold()
	p.run()
	return p, nil
}

// ready waits for the first starts of all programs, and collects their functions.
func (h *Host) ready(ctx context.Context, cfg *config.Config) []error {
	var faults []error
	for _, p := range h.programs {
		at := allowPath(slices.IndexFunc(cfg.Plugins.Allow, func(a config.Plugin) bool { return a.Name == p.name }))
		if err := p.started(ctx); err != nil {
			faults = append(faults, p.startFaults(cfg, at, err)...)
			continue
		}
		helpers, err := p.helpers(cfg, at)
		if err != nil {
			faults = append(faults, err)
		}
		h.helpers = append(h.helpers, helpers...)
	}
	return faults
}

// startFaults are why a program does not start; what it says of its settings
// stands where they do.
func (p *program) startFaults(cfg *config.Config, at string, err error) []error {
	var refused *refusal
	if !errors.As(err, &refused) {
		return []error{cfg.Fault(at, "plugin %s does not start: %w", p.name, err)}
	}
	var faults []error
	for _, f := range refused.faults {
		path := at + ".config"
		if below := faultPath(f); below != "" {
			path += "." + below
		}
		faults = append(faults, cfg.Fault(path, "plugin %s says: %s", p.name, faultText(f)))
	}
	return faults
}

// Helpers returns the functions of all programs, in the order of the
// configuration. They stay valid over restarts; after Close they give errors, once
// no other Host shares their program.
func (h *Host) Helpers() []policyengine.Helper { return h.helpers }

// Status tells how each program is, in the order of the configuration.
func (h *Host) Status() []Status {
	all := make([]Status, 0, len(h.programs))
	for _, p := range h.programs {
		all = append(all, p.status())
	}
	return all
}

// Close gives the programs up. Those that no other Host shares end: politely, and
// after a second by SIGKILL to their process groups. Calls in flight fail. It may
// be called more than once, and of a nil Host.
func (h *Host) Close() {
	if h == nil {
		return
	}
	h.closeOnce.Do(func() {
		var ending sync.WaitGroup
		for _, p := range h.programs {
			ending.Go(p.release)
		}
		ending.Wait()
	})
}
