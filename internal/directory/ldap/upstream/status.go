package upstream

import "time"

// State is whether a server is used.
type State int

const (
	// StateProbing says that nothing is known yet. The server is used.
	StateProbing State = iota
	// StateUp says that the server answers.
	StateUp
	// StateDown says that the server is left out until a probe succeeds.
	StateDown
)

// String returns "probing", "up" or "down".
func (s State) String() string { return [...]string{"probing", "up", "down"}[s] }

// ServerStatus is what is known of a server.
type ServerStatus struct {
	URL   string
	State State
	// Since is when State began.
	Since time.Time
	// Error is the last failure and Failed when it was; empty if there was none.
	Error  string
	Failed time.Time
	// Binds and Searches are its connections.
	Binds, Searches PoolStatus
}

// PoolStatus counts the connections of one kind to one server.
type PoolStatus struct {
	// Open is Idle and InUse together.
	Open, Idle, InUse int
	// Waiting is how many operations wait for a connection.
	Waiting int
}

// Status returns the servers in the order in which they are asked. As long as
// DNS names none there is one that stands for the SRV records and is down.
func (c *Cluster) Status() []ServerStatus {
	var all []ServerStatus
	if len(*c.servers.Load()) == 0 && c.resolver != nil {
		return []ServerStatus{c.resolver.status()}
	}
	for _, s := range *c.servers.Load() {
		all = append(all, s.status())
	}
	return all
}

func (s *server) status() ServerStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStatus{
		URL: s.url, State: s.state, Since: s.since, Error: s.failure, Failed: s.failedAt,
		Binds: s.binds.status(), Searches: s.searches.status(),
	}
}

func (r *resolver) status() ServerStatus {
	s := ServerStatus{URL: r.name}
	for _, f := range r.failures() {
		s.State, s.Error = StateDown, f.Text
	}
	return s
}
