package plugins

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"
	googleproto "google.golang.org/protobuf/proto"

	"github.com/sallyport-auth/sallyport/plugins/proto"
)

// supervise keeps the program running until ctx ends, and then ends it. The first
// start is the only one not repeated.
func (p *program) supervise(ctx context.Context) {
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
			p.firstErr = err
			close(p.first)
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
		if inst != nil && time.Since(since) >= p.timing.calm {
			crashes = 0
			wait.Reset()
		}
		crashes++
		state, pause := p.after(crashes, wait)
		p.log.Error("plugin is not running", "error", err, "state", state, "restart_in", pause.Round(time.Millisecond))
		switch p.pause(ctx, state, pause, err) {
		case ended:
			return
		case woken:
			crashes = 0
			wait.Reset()
		}
		p.restarting()
	}
}

// after says what to do about so many crashes in a row: start again at once, then
// with pauses that grow, and when it does not help only once in a while.
func (p *program) after(crashes int, wait *backoff.ExponentialBackOff) (State, time.Duration) {
	switch {
	case crashes == 1:
		return BackingOff, 0
	case crashes >= p.timing.breakAfter:
		return Broken, p.timing.brokenPause + rand.N(p.timing.brokenPause/4+1)
	}
	return BackingOff, wait.NextBackOff()
}

// How a pause between two starts came to its end.
type pauseEnd int

const (
	over pauseEnd = iota
	woken
	ended
)

// pause waits for the next start. A pause of nothing leaves the state as it is, so
// that calls wait for the start that follows.
func (p *program) pause(ctx context.Context, s State, d time.Duration, err error) pauseEnd {
	p.mu.Lock()
	p.next = time.Now().Add(d)
	p.mu.Unlock()
	p.set(s, nil, err)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return over
	case <-p.wake:
		return woken
	case <-ctx.Done():
		return ended
	}
}

// restarting notes that the next start begins. A broken program stays so until it
// is ready: nobody should wait for it.
func (p *program) restarting() {
	p.mu.Lock()
	p.restarts++
	broken := p.state == Broken
	p.mu.Unlock()
	if !broken {
		p.set(Starting, nil, nil)
	}
}

// start starts a process and makes it the current one if it describes the same
// functions as the first.
func (p *program) start(ctx context.Context) (*instance, error) {
	inst, err := p.launch(ctx)
	if err != nil {
		return nil, err
	}
	p.set(Ready, inst, nil)
	p.log.Info("plugin is ready", "version", inst.description.GetVersion(), "pid", inst.process.pid(),
		"functions", len(inst.description.GetFunctions()))
	return inst, nil
}

// launch starts a process and returns when it has described and configured itself.
// On an error, which comes when ctx ends or the start takes too long, nothing of it
// is left.
func (p *program) launch(ctx context.Context) (*instance, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timing.start)
	defer cancel()
	inst, err := p.begin(ctx, p)
	if err != nil {
		return nil, p.whyNot(ctx, nil, err)
	}
	if err = inst.describe(ctx); err == nil {
		err = p.accept(inst.description)
	}
	if err == nil {
		err = p.configure(ctx, inst)
	}
	if err != nil {
		inst.process.kill()
		inst.release()
		return nil, p.whyNot(ctx, inst.process, err)
	}
	return inst, nil
}

// whyNot words why a start failed.
func (p *program) whyNot(ctx context.Context, gone process, err error) error {
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		return err
	case gone != nil && gone.reason() != "":
		return fmt.Errorf("it ended by itself: %s", gone.reason())
	case ctx.Err() != nil:
		return fmt.Errorf("it did not answer within %s: %w", p.timing.start, err)
	}
	return err
}

// refusal says that the program refuses its settings.
type refusal struct{ faults []*proto.Fault }

// Error lists all faults.
func (r *refusal) Error() string {
	lines := make([]string, len(r.faults))
	for i, f := range r.faults {
		lines[i] = strings.TrimPrefix(faultPath(f)+": "+faultText(f), ": ")
	}
	return "it refuses its settings: " + strings.Join(lines, "; ")
}

// faultText is the message of a fault, which is the program's: one line of it.
func faultText(f *proto.Fault) string {
	return fmt.Sprintf("%.500s", printable(strings.Join(strings.Fields(f.GetMessage()), " ")))
}

// faultPath is the place of a fault; "" for one that no configuration can have.
func faultPath(f *proto.Fault) string {
	path := f.GetPath()
	if len(path) > 256 || strings.ContainsFunc(path, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return ""
	}
	return path
}

// configure hands the program its settings.
func (p *program) configure(ctx context.Context, inst *instance) error {
	settings, err := section(p.cfg.Config)
	if err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	faults, err := inst.configure(ctx, settings)
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return &refusal{faults[:min(len(faults), proto.MaxFaults)]}
	}
	return nil
}

// accept checks a description, the first by itself and the later ones against
// the first: policies were compiled against that one.
func (p *program) accept(d *proto.DescribeResponse) error {
	if err := d.Validate(); err != nil {
		return fmt.Errorf("it describes itself wrongly: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.description == nil {
		p.description, p.watched = d, factsOf(d.GetObserver().GetReads())
		return nil
	}
	same := func(a, b *proto.Function) bool { return googleproto.Equal(a, b) }
	p.outdated = !slices.EqualFunc(d.GetFunctions(), p.description.GetFunctions(), same) ||
		!googleproto.Equal(d.GetObserver(), p.description.GetObserver())
	if p.outdated {
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
				inst.process.kill()
				inst.release()
				return fmt.Errorf("it was killed because it hangs: %w", err)
			}
		}
	}
}
