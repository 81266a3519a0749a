package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	// firstRetry is when a server that went down is probed first, and retry how
	// often afterwards: it is to be back within a second.
	firstRetry = 100 * time.Millisecond
	retry      = 500 * time.Millisecond
	// steady is how long a server must have been up for a hurried first retry: one
	// that only looks healthy must not go down and up ten times a second.
	steady = 10 * time.Second
	// maxRetry is how rarely a server is probed that refuses the service account.
	// Directories lock accounts after a few wrong passwords: the account must not
	// be kept locked by us while somebody mends it.
	maxRetry = 5 * time.Minute
)

// watch probes the server until ctx ends.
func (s *server) watch(ctx context.Context) {
	refused := 0 // service binds in a row
	for wait := time.Duration(0); s.pause(ctx, wait, refused > 0); {
		f := s.probe(ctx)
		switch {
		case f == nil && s.status().State == StateUp:
			refused, wait = 0, jitter(s.health)
		case outcomeOf(f) == OutcomeServiceBind:
			wait = jitter(min(retry<<min(refused, 12), maxRetry))
			refused++
		default:
			refused, wait = 0, jitter(retry)
		}
	}
}

// jitter keeps many proxies from probing at the same moment.
func jitter(d time.Duration) time.Duration {
	return d - d/10 + rand.N(d/5+1)
}

// pause waits; less when the server goes down meanwhile. False: ctx ended.
func (s *server) pause(ctx context.Context, wait time.Duration, refused bool) bool {
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-t.C:
			return true
		case first := <-s.kick:
			if !refused {
				t.Reset(first)
			}
		}
	}
}

// probe does what a login needs: it connects, binds as the service account and
// reads something that everybody may read.
func (s *server) probe(ctx context.Context) *fault {
	done, ok := s.admit(true)
	if !ok {
		return &fault{outcome: OutcomeCanceled, text: "probe: too early"}
	}
	begin := time.Now()
	f := s.check(ctx)
	if ctx.Err() != nil {
		f = &fault{outcome: OutcomeCanceled, text: "probe: given up"}
	}
	s.settle(done, f)
	s.observe(s.url, "probe", outcomeOf(f), time.Since(begin))
	return f
}

func (s *server) check(ctx context.Context) *fault {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, errTook)
	defer cancel()
	l, f := s.open(ctx)
	if f != nil {
		return f
	}
	_, err := s.rootDSE(ctx, l, "1.1")
	errors.As(err, &f)
	return f
}

// rootDSE reads attributes of the root DSE (RFC 4512 section 5.1) on a
// connection of its own, which it closes. An *ldap.Error is an answer as well.
func (s *server) rootDSE(ctx context.Context, l *link, attributes ...string) (*ldap.Entry, error) {
	w := &wire{link: l, timeout: s.timeout}
	w.allow()
	c := newLDAP(w)
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = l.Close()
	})
	res, err := searchSafely(c, ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", attributes, nil))
	err = s.judge(ctx, w, err)
	if !stop() {
		<-closed
	}
	var f *fault
	failed := errors.As(err, &f)
	if !failed {
		const afterTheSearch = 2
		l.leave(afterTheSearch)
	}
	_ = l.Close()
	_ = c.Close()
	if failed && context.Cause(ctx) != nil {
		return nil, lost(ctx, "search of the root DSE", s.timeout, ctx.Err())
	}
	if err != nil || len(res.Entries) == 0 {
		return nil, err
	}
	return res.Entries[0], nil
}

// retire stops the probes and closes what is not in use.
func (s *server) retire() {
	s.unwatch()
	s.binds.retire()
	s.searches.retire()
}
