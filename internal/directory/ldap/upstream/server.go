package upstream

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
)

// tripAfter is how many failures in a row take a server out of use.
const tripAfter = 3

// settings are what all servers of a directory share.
type settings struct {
	timeout, idle, health time.Duration
	binds, searches       int
	bindDN, bindPassword  string
	log                   *slog.Logger
	observe               func(server, operation, outcome string, took time.Duration)
	links                 *registry
	running               *sync.WaitGroup // what Close waits for
}

// server is one server with its connections and what is known of its health.
type server struct {
	*settings
	endpoint
	binds    *bindPool
	searches *servicePool
	kick     chan time.Duration // hurries the probe
	unwatch  context.CancelFunc

	mu       sync.Mutex
	breaker  *gobreaker.TwoStepCircuitBreaker[struct{}]
	hard     bool // what is being settled takes the server out of use by itself
	state    State
	suspect  bool // it has not answered since its last failure
	since    time.Time
	failure  string // the last one
	failedAt time.Time
}

func newServer(shared *settings, e endpoint) *server {
	s := &server{settings: shared, endpoint: e, kick: make(chan time.Duration, 1), since: time.Now()}
	s.binds, s.searches = newBindPool(s), newServicePool(s)
	s.breaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: e.url,
		// The probe has its own clock; this only has to be over when it comes.
		Timeout: firstRetry / 2,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return s.hard || s.state == StateProbing || c.ConsecutiveFailures >= tripAfter
		},
		OnStateChange: func(_ string, from, to gobreaker.State) {
			switch {
			case to == gobreaker.StateClosed:
				s.state, s.since = StateUp, time.Now()
			case from == gobreaker.StateClosed:
				s.state, s.since = StateDown, time.Now()
			}
		},
		IsExcluded: func(err error) bool {
			var f *fault
			return errors.As(err, &f) && !f.counts()
		},
	})
	return s
}

// admit asks whether the server may be used. Only a probe may use one that is
// down: the breaker lets a single one through. All calls of the breaker are made
// under the lock, so that the state is always the breaker's.
func (s *server) admit(probe bool) (done func(error), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == StateDown && !probe {
		return nil, false
	}
	done, err := s.breaker.Allow()
	return done, err == nil
}

// settle reports how a use ended: nil if the server answered.
func (s *server) settle(done func(error), f *fault) {
	s.mu.Lock()
	before, since, unsuspected := s.state, s.since, !s.suspect
	if f == nil {
		done(nil)
		s.suspect = false
		if s.state == StateProbing { // the breaker was closed before anything was known
			s.state, s.since = StateUp, time.Now()
		}
	} else {
		s.hard = f.hard
		done(f)
		if f.counts() {
			s.suspect, s.failure, s.failedAt = true, f.text, time.Now()
		}
	}
	after, reason, suspected := s.state, s.failure, unsuspected && s.suspect
	s.mu.Unlock()
	if before == after {
		if suspected {
			s.hurry(retry)
		}
		return
	}
	if after == StateUp {
		s.log.Info("directory server is up", "server", s.url)
		return
	}
	s.log.Warn("directory server is down", "server", s.url, "error", reason)
	s.drop()
	first := retry
	if time.Since(since) > steady {
		first = firstRetry
	}
	s.hurry(first)
}

// hurry has the server probed soon.
func (s *server) hurry(after time.Duration) {
	select {
	case s.kick <- after:
	default:
	}
}

// suspected reports whether the last thing that is known of the server is a
// failure.
func (s *server) suspected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.suspect
}

// drop closes what nobody uses: it was opened to a server that is gone.
func (s *server) drop() {
	s.binds.drop(time.Now())
	s.searches.drop(time.Now())
}

// down describes a server that is not asked.
func (s *server) down() Failure {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Failure{s.url, OutcomeDown, "down since " + s.since.Format(time.TimeOnly) + ": " + s.failure}
}

// gone tells whoever has waited for a connection that the server went down
// meanwhile, so that they do not begin to wait for its answer; nil if it did not.
func (s *server) gone() *fault {
	s.mu.Lock()
	down := s.state == StateDown
	s.mu.Unlock()
	if !down {
		return nil
	}
	return &fault{outcome: OutcomeDown, text: s.down().Text}
}

// dial makes a connection that is ready for LDAP, before ctx ends.
func (s *server) dial(ctx context.Context) (*link, *fault) {
	begin := time.Now()
	l, f := s.dialOnce(ctx)
	s.observe(s.url, "connect", outcomeOf(f), time.Since(begin))
	return l, f
}

func (s *server) dialOnce(ctx context.Context) (*link, *fault) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	id, ok := s.links.add(cancel)
	if !ok {
		return nil, closedFault()
	}
	defer s.links.remove(id)
	raw, err := s.connect(ctx)
	if err != nil {
		return nil, lost(ctx, "connect", s.timeout, err)
	}
	conn, err := s.secure(ctx, raw)
	if err != nil {
		_ = raw.Close()
		return nil, s.insecure(ctx, err)
	}
	l := &link{Conn: conn, raw: raw, links: s.links}
	if l.id, ok = s.links.add(func() { _ = raw.Close() }); !ok {
		_ = raw.Close()
		return nil, closedFault()
	}
	return l, nil
}

func closedFault() *fault {
	return &fault{outcome: OutcomeCanceled, text: ErrClosed.Error(), err: ErrClosed}
}

// insecure makes a fault of what went wrong between TCP and LDAP.
func (s *server) insecure(ctx context.Context, err error) *fault {
	step := "TLS handshake"
	if s.startTLS {
		step = "StartTLS"
	}
	var (
		refused *errStartTLS
		note    *notice
		network *net.OpError
		timed   net.Error
	)
	switch {
	case context.Cause(ctx) != nil, errors.As(err, &timed) && timed.Timeout():
		return lost(ctx, step, s.timeout, err)
	case errors.As(err, &refused) && busy(refused.code):
		return &fault{outcome: OutcomeBusy, text: step + ": " + err.Error(), err: err}
	case errors.As(err, &note), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		// crypto/tls wraps alerts in the same type, and calls them an error of one side.
		errors.As(err, &network) && network.Op != "remote error" && network.Op != "local error":
		return lost(ctx, step, s.timeout, err)
	case errors.Is(err, errMalformed):
		return &fault{outcome: OutcomeProtocol, text: step + ": " + err.Error(), err: err}
	}
	return &fault{outcome: OutcomeTLS, text: step + ": " + err.Error(), err: err, hard: true}
}

// open dials and binds as the service account, if there is one.
func (s *server) open(ctx context.Context) (*link, *fault) {
	l, f := s.dial(ctx)
	if f != nil || s.bindDN == "" {
		return l, f
	}
	if _, f = s.serviceBind(ctx, l); f != nil {
		_ = l.Close()
		return nil, f
	}
	return l, nil
}

// serviceBind binds as the service account. The result is also returned when it
// is a refusal.
func (s *server) serviceBind(ctx context.Context, l *link) (result, *fault) {
	step := "service bind as " + s.bindDN
	if err := sendable(s.bindDN, s.bindPassword); err != nil {
		return result{}, &fault{outcome: OutcomeServiceBind, text: step + ": " + err.Error(), err: err, hard: true}
	}
	c := &bindConn{link: l}
	r, f := c.exchange(ctx, time.Now(), s.timeout, s.bindDN, s.bindPassword)
	switch {
	case f != nil:
		f.text = step + ": " + f.text
	case busy(r.code):
		f = busyFault(step, r.code, discreet(r.text, s.bindPassword))
	case r.code != 0:
		f = &fault{outcome: OutcomeServiceBind, text: step + ": " + resultText(r.code, discreet(r.text, s.bindPassword)), hard: true}
	case c.spoiled:
		f = &fault{outcome: OutcomeProtocol, text: step + ": the server sent more than the answer"}
	default:
		_ = l.SetDeadline(time.Time{})
	}
	return r, f
}

func outcomeOf(f *fault) string {
	if f == nil {
		return OutcomeOK
	}
	return f.outcome
}
