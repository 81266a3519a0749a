package ldap

import "sync/atomic"

// Stats are the server's counters since it started, for metrics.
type Stats struct {
	// Open is how many connections are open now.
	Open int64
	// Accepted counts the connections that were taken.
	Accepted uint64
	// Refused counts connections that were closed at once, by cause ("total",
	// "per_address").
	Refused map[string]uint64
	// Operations counts what was answered. Unbind and abandon have no answer and
	// count with code 0.
	Operations []OperationCount
	// ProtocolErrors counts connections that had to end, by cause.
	ProtocolErrors map[string]uint64
	// Panics counts panics that cost a connection.
	Panics uint64
}

// OperationCount is how often an operation ("bind", "search", "start_tls", …)
// was answered with a result code of RFC 4511.
type OperationCount struct {
	Operation string
	Code      int
	Count     uint64
}

// Causes of a refused connection.
const (
	refusedTotal = iota
	refusedPerAddress
	refusals
)

var refusalNames = [refusals]string{"total", "per_address"}

type counters struct {
	open       atomic.Int64
	accepted   atomic.Uint64
	refused    [refusals]atomic.Uint64
	operations [kinds][codes]atomic.Uint64
	faults     [causes]atomic.Uint64
	panics     atomic.Uint64
}

func (s *Server) count(k kind, code int) { s.stats.operations[k][code].Add(1) }

// Stats returns the counters. Only what has happened at least once is in
// Operations; all causes are in the maps.
func (s *Server) Stats() Stats {
	c := &s.stats
	out := Stats{
		Open:           c.open.Load(),
		Accepted:       c.accepted.Load(),
		Refused:        make(map[string]uint64, refusals),
		ProtocolErrors: make(map[string]uint64, causes),
		Panics:         c.panics.Load(),
	}
	for i := range c.refused {
		out.Refused[refusalNames[i]] = c.refused[i].Load()
	}
	for i := range c.faults {
		out.ProtocolErrors[cause(i).String()] = c.faults[i].Load()
	}
	for k := range c.operations {
		for code := range c.operations[k] {
			if n := c.operations[k][code].Load(); n > 0 {
				out.Operations = append(out.Operations, OperationCount{kind(k).String(), code, n})
			}
		}
	}
	return out
}
