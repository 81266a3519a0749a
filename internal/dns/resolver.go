package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
)

// maxFlights bounds the look-ups at work. Each has goroutines and sockets of its
// own, and goes on when whoever asked first has left.
const maxFlights = 256

// maxHost is the longest name that there can be, final dot included (RFC 1035 section
// 2.3.4).
const maxHost = 254

// Resolver answers questions. Its methods are safe for concurrent use.
type Resolver struct {
	cfg config.DNS
	ask asker
	now func() time.Time

	cache   *lru.Cache[question, *entry] // nil: nothing is remembered
	flights singleflight.Group
	slots   chan struct{}
	stats   counters

	closing context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// question is what is asked: the addresses of a host, or with reverse the name of
// an address.
type question struct {
	text    string
	version int
	reverse bool
}

// key is the question as text, for singleflight.
func (q question) key() string { return fmt.Sprintf("%t %d %s", q.reverse, q.version, q.text) }

// entry is an answer: the addresses, or at most one name.
type entry struct {
	answer []string
	until  time.Time
	gone   atomic.Bool // it is not in the cache, or not any more
	now    func() time.Time
}

// Current implements fresh.Source.
func (e *entry) Current() bool { return !e.gone.Load() && e.now().Before(e.until) }

var _ fresh.Source = (*entry)(nil)

// New makes a Resolver. It asks nobody yet. Close it in the end.
func New(cfg config.DNS) *Resolver { return newResolver(cfg, newAsker(cfg), time.Now) }

func newResolver(cfg config.DNS, ask asker, now func() time.Time) *Resolver {
	r := &Resolver{cfg: cfg, ask: ask, now: now, slots: make(chan struct{}, maxFlights)}
	if cfg.CacheEntries > 0 { // New fails only for a size below one
		r.cache, _ = lru.NewWithEvict(cfg.CacheEntries, func(_ question, e *entry) { e.gone.Store(true) })
	}
	r.closing, r.cancel = context.WithCancel(context.Background())
	return r
}

// Close ends the look-ups at work and waits for them. Further ones have no answer.
func (r *Resolver) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.running.Wait()
	return nil
}

// Lookup returns the addresses of a host, of IP version 4 or 6 or, for 0, of both:
// sorted as text, unique. An address is its own. There are none for a name that
// does not exist, for the empty one, and when the look-up failed; when only one
// version's failed, there are those of the other. The error is another version, or
// that ctx ended.
func (r *Resolver) Lookup(ctx context.Context, host string, version int) ([]string, error) {
	if version != 0 && version != 4 && version != 6 {
		return nil, fmt.Errorf("resolve %.64q: %d is not an IP version; 4, 6 or 0 for both are", host, version)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		addr = addr.Unmap()
		if addr.Is4() && version == 6 || addr.Is6() && version == 4 {
			return []string{}, nil
		}
		return []string{addr.String()}, nil
	}
	if host == "" || len(host) > maxHost {
		return []string{}, nil
	}
	answer, err := r.answer(ctx, question{text: strings.ToLower(host), version: version})
	if err != nil {
		return nil, fmt.Errorf("resolve %.64q: %w", host, err)
	}
	return append([]string{}, answer...), nil
}

// Reverse returns the first name of an address, without the final dot, or the text
// itself: for an address without a name, for an unspecified one, for the empty
// text, and when the look-up failed. The error is a text that is no address, or
// that ctx ended.
func (r *Resolver) Reverse(ctx context.Context, text string) (string, error) {
	if text == "" {
		return text, nil
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "", fmt.Errorf("reverse %.64q: not an IP address", text)
	}
	addr = addr.Unmap().WithZone("")
	if addr.IsUnspecified() {
		return text, nil
	}
	answer, err := r.answer(ctx, question{text: addr.String(), reverse: true})
	if err != nil {
		return "", fmt.Errorf("reverse %.64q: %w", text, err)
	}
	if len(answer) == 0 {
		return text, nil
	}
	return answer[0], nil
}

// answer is what is remembered, or what the servers say to whoever asks the same
// at this moment. It notes what it came from.
func (r *Resolver) answer(ctx context.Context, q question) ([]string, error) {
	if e := r.recall(q); e != nil {
		r.stats.of(q).hits.Add(1)
		fresh.Note(ctx, e)
		return e.answer, nil
	}
	flight := r.flights.DoChan(q.key(), func() (any, error) { return r.fly(q), nil })
	select {
	case result := <-flight:
		e, ok := result.Val.(*entry)
		if !ok {
			return nil, errors.New("the look-up was given up")
		}
		if result.Shared {
			r.stats.of(q).shared.Add(1)
		}
		if e.until.IsZero() {
			fresh.Never(ctx, "reads the network")
		} else {
			fresh.Note(ctx, e)
		}
		return e.answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// recall is what is remembered, nil when nothing is.
func (r *Resolver) recall(q question) *entry {
	if r.cache == nil {
		return nil
	}
	if e, ok := r.cache.Get(q); ok && e.Current() {
		return e
	}
	return nil
}

// fly asks the servers. It does not depend on the context of whoever asked first:
// others may have joined, and who leaves must not undo their work.
func (r *Resolver) fly(q question) *entry {
	if e := r.recall(q); e != nil { // the flight before ended when this one began
		return e
	}
	count := r.stats.of(q)
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	default:
		count.overload.Add(1)
		return &entry{}
	}
	if !r.begin() {
		return &entry{}
	}
	defer r.running.Done()
	ctx, cancel := context.WithTimeout(r.closing, r.cfg.Timeout)
	defer cancel()
	asked := r.now()
	count.asked.Add(1)
	answer, err := r.query(ctx, q)
	ttl := r.cfg.CacheTTL
	if err != nil || len(answer) == 0 {
		ttl = r.cfg.NegativeTTL
	}
	if err != nil {
		count.failed(err)
	}
	return r.remember(q, answer, asked, ttl)
}

// query asks the servers the question.
func (r *Resolver) query(ctx context.Context, q question) ([]string, error) {
	if !q.reverse {
		return r.ask.addresses(ctx, q.text, q.version)
	}
	addr, err := netip.ParseAddr(q.text)
	if err != nil {
		return nil, err
	}
	name, err := r.ask.name(ctx, addr)
	if err != nil || name == "" {
		return nil, err
	}
	return []string{name}, nil
}

// begin counts a look-up that Close waits for, unless it is too late.
func (r *Resolver) begin() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.running.Add(1)
	}
	return !r.closed
}

// remember keeps an answer. Its time counts from when it was asked for.
func (r *Resolver) remember(q question, answer []string, asked time.Time, ttl time.Duration) *entry {
	if r.cache == nil || ttl == 0 || r.closing.Err() != nil {
		return &entry{answer: answer}
	}
	e := &entry{answer: answer, until: asked.Add(ttl), now: r.now}
	r.cache.Remove(q) // replacing would not tell the entry before
	r.cache.Add(q, e)
	return e
}

// isTimeout reports whether a look-up had no answer in time.
func isTimeout(err error) bool {
	e, ok := errors.AsType[*net.DNSError](err)
	return ok && e.IsTimeout || errors.Is(err, context.DeadlineExceeded)
}
