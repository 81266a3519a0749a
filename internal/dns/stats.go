package dns

import "sync/atomic"

// counters are those of both functions.
type counters struct{ resolve, reverse counter }

// counter counts the look-ups of one function.
type counter struct{ hits, shared, asked, timeouts, refusals, overload atomic.Uint64 }

func (c *counters) of(q question) *counter {
	if q.reverse {
		return &c.reverse
	}
	return &c.resolve
}

// failed counts a look-up without an answer by its cause.
func (c *counter) failed(err error) {
	if isTimeout(err) {
		c.timeouts.Add(1)
		return
	}
	c.refusals.Add(1)
}

// Stats are the counters of one function since the Resolver was made.
type Stats struct {
	// Remembered look-ups were answered from the cache, Asked by servers; Shared are
	// callers who had one look-up together.
	Remembered, Asked, Shared uint64
	// Timeouts had no answer in time, Failed a server's failure, and Overloaded were
	// not asked because too many look-ups were at work.
	Timeouts, Failed, Overloaded uint64
}

// Stats returns the counters of Lookup and of Reverse, and how many answers are
// remembered now.
func (r *Resolver) Stats() (resolve, reverse Stats, entries int) {
	if r.cache != nil {
		entries = r.cache.Len()
	}
	return r.stats.resolve.stats(), r.stats.reverse.stats(), entries
}

func (c *counter) stats() Stats {
	return Stats{
		Remembered: c.hits.Load(), Asked: c.asked.Load(), Shared: c.shared.Load(),
		Timeouts: c.timeouts.Load(), Failed: c.refusals.Load(), Overloaded: c.overload.Load(),
	}
}
