package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var settings = config.DNS{Timeout: 1500 * time.Millisecond, CacheEntries: 3, CacheTTL: 180 * time.Second, NegativeTTL: 15 * time.Second}

// fake is an upstream in memory.
type fake struct {
	mu    sync.Mutex
	addrs map[string][]string
	err   error
	// hang makes it wait until the context ends; gate, if not nil, until it is closed.
	hang  bool
	gate  chan struct{}
	asked int
}

func (f *fake) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	f.mu.Lock()
	f.asked++
	texts, err, hang, gate := f.addrs[host], f.err, f.hang, f.gate
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, &net.DNSError{Err: "timed out", Name: host, IsTimeout: true}
	}
	if gate != nil {
		<-gate
	}
	if err != nil {
		return nil, err
	}
	var list []netip.Addr
	for _, text := range texts {
		if a := netip.MustParseAddr(text); a.Is4() == (network == "ip4") {
			list = append(list, a)
		}
	}
	if list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

func (f *fake) LookupAddr(ctx context.Context, addr string) ([]string, error) {
	_, err := f.LookupNetIP(ctx, "ip4", addr)
	if e := unlessNone(err); e != nil {
		return nil, e
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addrs["ptr "+addr], nil
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

func withFake(t *testing.T, cfg config.DNS, f *fake) *Resolver {
	t.Helper()
	r := newResolver(cfg, asker{[]upstream{f}, cfg.Timeout}, time.Now)
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// lookup is a look-up of IPv4 addresses, joined, and what it was made from.
func lookup(t *testing.T, r *Resolver, host string) (string, *fresh.Sources) {
	t.Helper()
	ctx, sources := fresh.Watch(t.Context())
	got, err := r.Lookup(ctx, host, 4)
	if err != nil {
		t.Fatalf("%s: %v", host, err)
	}
	return strings.Join(got, " "), sources
}

func TestNotAsked(t *testing.T) {
	f := &fake{}
	r := withFake(t, settings, f)
	for _, tt := range []struct {
		host    string
		version int
		want    string
	}{
		{"192.0.2.1", 0, "192.0.2.1"},
		{"192.0.2.1", 4, "192.0.2.1"},
		{"192.0.2.1", 6, ""},
		{"2001:DB8::1", 0, "2001:db8::1"},
		{"2001:db8::1", 6, "2001:db8::1"},
		{"2001:db8::1", 4, ""},
		{"::ffff:192.0.2.1", 4, "192.0.2.1"},
		{"::ffff:192.0.2.1", 6, ""},
		{"", 0, ""},
		{strings.Repeat("a", 300), 0, ""},
	} {
		ctx, sources := fresh.Watch(t.Context())
		got, err := r.Lookup(ctx, tt.host, tt.version)
		if err != nil || got == nil || strings.Join(got, " ") != tt.want {
			t.Errorf("%s, %d: %q, %v", tt.host, tt.version, got, err)
		}
		if !sources.Current() {
			t.Errorf("%s, %d: cannot be kept", tt.host, tt.version)
		}
	}
	for text, want := range map[string]string{"": "", "0.0.0.0": "0.0.0.0", "::": "::", "::ffff:0.0.0.0": "::ffff:0.0.0.0"} {
		if got, err := r.Reverse(t.Context(), text); err != nil || got != want {
			t.Errorf("reverse %q: %q, %v", text, got, err)
		}
	}
	for _, version := range []int{-1, 1, 5, 46} {
		if _, err := r.Lookup(t.Context(), "a.example", version); err == nil || !strings.Contains(err.Error(), "is not an IP version") {
			t.Errorf("version %d: %v", version, err)
		}
	}
	for _, text := range []string{"a.example", "192.0.2.0/24", "192.0.2.01", " ", "[::1]"} {
		if _, err := r.Reverse(t.Context(), text); err == nil || !strings.Contains(err.Error(), "not an IP address") {
			t.Errorf("reverse %q: %v", text, err)
		}
	}
	if f.count() != 0 {
		t.Errorf("asked %d times", f.count())
	}
}

func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{addrs: map[string][]string{"a.example": {"192.0.2.2", "192.0.2.1", "192.0.2.2"}}}
		r := withFake(t, settings, f)
		got, first := lookup(t, r, "a.example")
		if got != "192.0.2.1 192.0.2.2" || !first.Current() {
			t.Fatalf("%q, current %v", got, first.Current())
		}
		f.set(func(f *fake) { f.addrs["a.example"] = []string{"192.0.2.9"} })
		time.Sleep(180*time.Second - 1)
		if got, again := lookup(t, r, "A.Example"); got != "192.0.2.1 192.0.2.2" || !again.Current() || !first.Current() || f.count() != 1 {
			t.Errorf("before its time is over: %q, current %v %v, asked %d", got, again.Current(), first.Current(), f.count())
		}
		time.Sleep(time.Nanosecond)
		if first.Current() {
			t.Error("current although its time is over")
		}
		if got, again := lookup(t, r, "a.example"); got != "192.0.2.9" || !again.Current() || first.Current() {
			t.Errorf("after its time: %q", got)
		}

		none, nothing := lookup(t, r, "none.example")
		time.Sleep(15*time.Second - 1)
		if none != "" || !nothing.Current() {
			t.Errorf("a name that does not exist: %q, current %v", none, nothing.Current())
		}
		time.Sleep(time.Nanosecond)
		if nothing.Current() {
			t.Error("that there is nothing is remembered for longer than its time")
		}

		_, a := lookup(t, r, "a.example")
		for _, host := range []string{"b.example", "c.example", "d.example"} {
			lookup(t, r, host)
		}
		if a.Current() {
			t.Error("current although others took its place in the cache")
		}
		if _, _, entries := r.Stats(); entries != 3 {
			t.Errorf("%d entries", entries)
		}
	})
}

// TestVersionsAndFunctionsAreApart: the key is the function with all arguments.
func TestVersionsAndFunctionsAreApart(t *testing.T) {
	f := &fake{addrs: map[string][]string{"a.example": {"192.0.2.1", "2001:db8::1"}, "ptr 192.0.2.1": {"a.example.", "b.example."}}}
	r := withFake(t, settings, f)
	for range 2 {
		for version, want := range map[int]string{0: "192.0.2.1 2001:db8::1", 4: "192.0.2.1", 6: "2001:db8::1"} {
			if got, err := r.Lookup(t.Context(), "a.example", version); err != nil || strings.Join(got, " ") != want {
				t.Errorf("version %d: %q, %v", version, got, err)
			}
		}
	}
	for _, addr := range []string{"192.0.2.1", "::ffff:192.0.2.1"} {
		if got, err := r.Reverse(t.Context(), addr); err != nil || got != "a.example" {
			t.Errorf("reverse %s: %q, %v", addr, got, err)
		}
	}
	if got, err := r.Reverse(t.Context(), "192.0.2.7"); err != nil || got != "192.0.2.7" {
		t.Errorf("an address without a name: %q, %v", got, err)
	}
	got, _ := r.Lookup(t.Context(), "a.example", 4)
	got[0] = "changed"
	if again, _ := r.Lookup(t.Context(), "a.example", 4); again[0] != "192.0.2.1" {
		t.Error("whoever asks can change what is remembered")
	}
}

func TestFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{addrs: map[string][]string{"a.example": {"192.0.2.1"}}, err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}}
		r := withFake(t, settings, f)
		got, failed := lookup(t, r, "a.example")
		if got != "" || !failed.Current() {
			t.Fatalf("%q, current %v", got, failed.Current())
		}
		if name, err := r.Reverse(t.Context(), "192.0.2.1"); err != nil || name != "192.0.2.1" {
			t.Errorf("reverse: %q, %v", name, err)
		}
		f.set(func(f *fake) { f.err = nil })
		if got, _ := lookup(t, r, "a.example"); got != "" {
			t.Errorf("the failure was forgotten: %q", got)
		}
		time.Sleep(15 * time.Second)
		if got, again := lookup(t, r, "a.example"); got != "192.0.2.1" || failed.Current() || !again.Current() {
			t.Errorf("the failure was remembered too long: %q", got)
		}

		f.set(func(f *fake) { f.hang = true })
		start := time.Now()
		if got, err := r.Lookup(t.Context(), "slow.example", 0); err != nil || len(got) != 0 {
			t.Errorf("silence: %q, %v", got, err)
		}
		if took := time.Since(start); took != settings.Timeout {
			t.Errorf("took %v", took)
		}
		resolve, reverse, _ := r.Stats()
		if resolve != (Stats{Remembered: 1, Asked: 3, Failed: 1, Timeouts: 1}) || reverse != (Stats{Asked: 1, Failed: 1}) {
			t.Errorf("%+v %+v", resolve, reverse)
		}
	})
}

// TestNotKept: without a cache, an answer says that it cannot be kept.
func TestNotKept(t *testing.T) {
	for name, change := range map[string]func(*config.DNS){
		"no entries": func(c *config.DNS) { c.CacheEntries = 0 },
		"no time":    func(c *config.DNS) { c.CacheTTL, c.NegativeTTL = 0, 0 },
	} {
		cfg := settings
		change(&cfg)
		f := &fake{addrs: map[string][]string{"a.example": {"192.0.2.1"}}}
		r := withFake(t, cfg, f)
		for range 2 {
			got, sources := lookup(t, r, "a.example")
			if ok, _ := sources.Keep(); got != "192.0.2.1" || ok {
				t.Errorf("%s: %q, kept %v", name, got, ok)
			}
		}
		if f.count() != 2 {
			t.Errorf("%s: asked %d times", name, f.count())
		}
	}
}

// TestOneFlight: equal questions at the same time are one, which goes on when
// whoever asked first has left.
func TestOneFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{addrs: map[string][]string{"a.example": {"192.0.2.1"}}, gate: make(chan struct{})}
		r := withFake(t, settings, f)
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := r.Lookup(ctx, "a.example", 4)
			left <- err
		}()
		synctest.Wait()
		var callers sync.WaitGroup
		for range 10 {
			callers.Go(func() {
				if got, err := r.Lookup(t.Context(), "a.example", 4); err != nil || !slices.Equal(got, []string{"192.0.2.1"}) {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left: %v", err)
		}
		close(f.gate)
		callers.Wait()
		if f.count() != 1 {
			t.Errorf("asked %d times", f.count())
		}
	})
}

// TestTooMany: look-ups beyond the bound have no answer, at once.
func TestTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{hang: true}
		r := withFake(t, settings, f)
		var callers sync.WaitGroup
		for i := range maxFlights {
			callers.Go(func() {
				_, _ = r.Lookup(t.Context(), "h"+strings.Repeat("x", i%60)+string(rune('a'+i/60))+".example", 4)
			})
		}
		synctest.Wait()
		start := time.Now()
		got, sources := lookup(t, r, "one.more.example")
		if ok, _ := sources.Keep(); got != "" || ok || time.Since(start) != 0 {
			t.Errorf("%q, kept %v, after %v", got, ok, time.Since(start))
		}
		if resolve, _, _ := r.Stats(); resolve.Overloaded != 1 {
			t.Errorf("%+v", resolve)
		}
		callers.Wait()
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := withFake(t, settings, &fake{hang: true})
		done := make(chan struct{})
		go func() {
			defer close(done)
			if got, _ := r.Lookup(t.Context(), "a.example", 4); len(got) != 0 {
				t.Errorf("%q", got)
			}
		}()
		synctest.Wait()
		start := time.Now()
		_ = r.Close()
		<-done
		if got, sources := lookup(t, r, "b.example"); got != "" || sources.Current() || time.Since(start) != 0 {
			t.Errorf("after Close: %q, current %v, %v", got, sources.Current(), time.Since(start))
		}
	})
}
