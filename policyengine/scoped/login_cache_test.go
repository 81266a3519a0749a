package scoped

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func TestParseCacheRule(t *testing.T) {
	for text, want := range map[string]CacheRule{
		"4h": {4 * time.Hour, 4 * time.Hour, 0}, "4h/5m": {4 * time.Hour, 5 * time.Minute, 0}, "1h/3": {time.Hour, time.Hour, 3},
	} {
		if got, err := ParseCacheRule(text, Hardened); got != want || err != nil {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2x", "4h/", "4h/x", "4h/5m/3", "-4h", "0s", "4h/-5m", "4H", "4h/99999999999999999999"} {
		if got, err := ParseCacheRule(text, Hardened); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %+v, error %v", text, got, err)
		}
	}
}

// Row 13: hardened binds an entry to the application and the network.
func TestAuthCacheIsBound(t *testing.T) {
	key := CacheKey{"vpn", netip.MustParseAddr("::ffff:10.1.2.3")}
	right := func(int) (bool, error) { return true, nil }
	for _, tt := range []struct {
		semantics Semantics
		change    func(e *CacheEntry, k *CacheKey)
		hit       bool
	}{
		{Hardened, func(*CacheEntry, *CacheKey) {}, true},
		{Hardened, func(_ *CacheEntry, k *CacheKey) { k.Application = "wiki" }, false},
		{Hardened, func(_ *CacheEntry, k *CacheKey) { k.Client = netip.MustParseAddr("10.1.2.4") }, false},
		{Hardened, func(e *CacheEntry, k *CacheKey) {
			e.Network = netip.MustParsePrefix("10.1.2.0/24")
			k.Client = netip.MustParseAddr("10.1.2.4")
		}, true},
		{Hardened, func(e *CacheEntry, _ *CacheKey) { e.Network = netip.Prefix{} }, false},
		{Hardened, func(e *CacheEntry, _ *CacheKey) { e.Realm = "lab" }, false},
		{Compat, func(_ *CacheEntry, k *CacheKey) { *k = CacheKey{} }, true},
		{Compat, func(e *CacheEntry, _ *CacheKey) { e.Resolver = "other" }, false},
	} {
		l, audit := loginOf(t, tt.semantics, "authentication auth_cache=4h/5m")
		entry, asked := l.NewCacheEntry(key), key
		tt.change(&entry, &asked)
		got, err := l.AuthCache(asked, []CacheEntry{entry}, right)
		if err != nil || (got.Hit == 0) != tt.hit || !got.Asked || len(*audit) > 0 != tt.hit {
			t.Errorf("%s: %+v, audit %q, error %v", tt.semantics, got, *audit, err)
		}
		if tt.hit && (got.Updated.Uses != 1 || !got.Updated.Last.Equal(loginTime)) {
			t.Errorf("updated to %+v", got.Updated)
		}
	}
}

func TestAuthCacheForgets(t *testing.T) {
	l, _ := loginOf(t, Hardened, "authentication auth_cache=1h/3")
	key := CacheKey{"vpn", netip.MustParseAddr("10.1.2.3")}
	entry := func(age time.Duration, uses int) CacheEntry {
		e := l.NewCacheEntry(key)
		e.First, e.Last, e.Uses = e.First.Add(-age), e.Last.Add(-age), uses
		return e
	}
	entries := []CacheEntry{entry(2*time.Hour, 0), entry(time.Minute, 3), entry(time.Minute, 0), entry(time.Hour, 0)}
	asked := map[int]int{}
	got, err := l.AuthCache(key, entries, func(i int) (bool, error) { asked[i]++; return false, nil })
	if err != nil || got.Hit >= 0 || !slices.Equal(got.Delete, []int{0, 1}) {
		t.Errorf("%+v, error %v", got, err)
	}
	if asked[2] != 1 || asked[0]+asked[1] > 0 {
		t.Errorf("hashes computed: %v", asked)
	}
	if got, err := l.AuthCache(key, entries, func(int) (bool, error) { return true, errors.New("bad hash") }); err == nil || got.Hit >= 0 {
		t.Errorf("a hash that cannot be read: %+v, error %v", got, err)
	}
	if got := ExpiredCacheEntries(CacheRule{First: time.Hour, Last: time.Hour}, loginTime, entries); !slices.Equal(got, []int{0}) {
		t.Errorf("expired %v", got)
	}
	l, _ = loginOf(t, Hardened)
	if got, err := l.AuthCache(key, entries, nil); got.Asked || got.Hit >= 0 || err != nil {
		t.Errorf("no policy: %+v, error %v", got, err)
	}
}

func FuzzCacheRule(f *testing.F) {
	for _, seed := range []string{"4h/5m", "1h/3", "4h", "2x", "1y/0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rule, err := ParseCacheRule(text, Hardened)
		if err == nil && (rule.First <= 0 || rule.Last <= 0 || rule.Uses < 0) {
			t.Errorf("%q is %+v", text, rule)
		}
	})
}
