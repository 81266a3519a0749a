package plugins

import (
	"slices"
	"sync/atomic"
	"time"
)

// State says what a program is doing.
type State string

// The states of a program. Only a ready one answers. Calls wait for a start within
// their own deadline; they fail at once when the next start is later than that, and
// when the program is broken or stopped.
const (
	Starting   State = "starting"
	Ready      State = "ready"
	BackingOff State = "backing-off" // it died again and again, the next start waits
	Broken     State = "broken"      // it died too often: it is tried once in a while, and at a reload
	Stopped    State = "stopped"     // nothing uses it any more
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
	// Calls counts what was asked of the program, Errors what of it had no answer,
	// Remembered the answers that were given without asking it.
	Calls, Errors, Remembered uint64
	// Latency is how long calls took, waiting included.
	Latency Histogram
	// Running and Waiting are the calls at this moment.
	Running, Waiting int
	// Kept is how many answers are remembered.
	Kept int
	// Observed counts outcomes that the program was told, Lost those that it was not:
	// it was down, too slow, or had an error.
	Observed, Lost uint64
}

// Histogram counts durations, as Prometheus wants it.
type Histogram struct {
	Count uint64
	Sum   float64 // seconds
	// Buckets counts by upper bound in seconds; each includes the smaller ones.
	Buckets map[float64]uint64
}

// latencyBounds are the upper bounds of the buckets.
func latencyBounds() []time.Duration {
	return []time.Duration{
		50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
		time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
		50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
		time.Second, 2500 * time.Millisecond, 5 * time.Second,
	}
}

// counters are what a program counts of itself.
type counters struct {
	errors, remembered, observed, lost atomic.Uint64

	bounds []time.Duration
	counts []atomic.Uint64 // one more than bounds
	nanos  atomic.Int64
}

func newCounters() *counters {
	bounds := latencyBounds()
	return &counters{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// call counts a call.
func (c *counters) call(took time.Duration, err error) {
	i, _ := slices.BinarySearch(c.bounds, took)
	c.counts[i].Add(1)
	c.nanos.Add(int64(took))
	if err != nil {
		c.errors.Add(1)
	}
}

func (c *counters) latency() Histogram {
	h := Histogram{Sum: time.Duration(c.nanos.Load()).Seconds(), Buckets: make(map[float64]uint64, len(c.bounds))}
	for i := range c.counts {
		h.Count += c.counts[i].Load()
		if i < len(c.bounds) {
			h.Buckets[c.bounds[i].Seconds()] = h.Count
		}
	}
	return h
}

// status tells how the program is.
func (p *program) status() Status {
	c := p.counters
	s := Status{
		Name: p.name, Latency: c.latency(), Errors: c.errors.Load(), Remembered: c.remembered.Load(),
		Running: len(p.slots), Waiting: int(p.waiting.Load()), Kept: p.results.len(),
		Observed: c.observed.Load(), Lost: c.lost.Load(),
	}
	s.Calls = s.Latency.Count
	p.mu.Lock()
	defer p.mu.Unlock()
	s.State, s.Restarts, s.Version = p.state, p.restarts, p.description.GetVersion()
	if p.lastErr != nil {
		s.LastError = p.lastErr.Error()
	}
	if p.current != nil {
		s.PID = p.current.process.pid()
	}
	return s
}
