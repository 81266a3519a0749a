package scoped

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// CacheRule is the value of the action auth_cache.
type CacheRule struct {
	// First is how long ago the first login may be, Last how long the last one.
	First, Last time.Duration
	// Uses is how often the entry may be used, 0 for any number.
	Uses int
}

// ParseCacheRule reads the value of auth_cache: 4h (since the first login), 4h/5m
// (and since the last one) or 1h/3 (and how often). Hardened wants spans above
// zero and refuses what stands behind a second slash.
func ParseCacheRule(text string, semantics Semantics) (CacheRule, error) {
	parts := strings.Split(text, "/")
	first, err := ParseTimeDelta(parts[0])
	if err != nil {
		return CacheRule{}, failf(ErrInvalid, "auth_cache=%.60s: %w", text, err)
	}
	rule := CacheRule{First: first, Last: first}
	switch {
	case len(parts) != 2:
	case parts[1] != "" && digits(parts[1]):
		n, err := pythonInt(parts[1])
		if err != nil || !n.IsInt64() {
			return CacheRule{}, failf(ErrInvalid, "auth_cache=%.60s: %.20q is no number of uses", text, parts[1])
		}
		rule.Uses = int(n.Int64())
	default:
		if rule.Last, err = ParseTimeDelta(parts[1]); err != nil {
			return CacheRule{}, failf(ErrInvalid, "auth_cache=%.60s: %w", text, err)
		}
	}
	if semantics != Compat && (len(parts) > 2 || rule.First <= 0 || rule.Last <= 0) {
		return CacheRule{}, failf(ErrInvalid, "auth_cache=%.60s: write 4h, 4h/5m or 4h/3", text)
	}
	return rule, nil
}

// CacheEntry is a login that was accepted before. The password is known to the
// caller alone, as a hash.
type CacheEntry struct {
	Login, Realm, Resolver string
	// Application and Network are what Hardened binds an entry to besides; Compat
	// does not look at them.
	Application string
	Network     netip.Prefix
	First, Last time.Time
	Uses        int
}

// CacheKey is what an entry has to agree with besides the user.
type CacheKey struct {
	Application string
	Client      netip.Addr
}

// CacheAnswer is what the cache says to a login. The places are those of the
// entries that were handed in.
type CacheAnswer struct {
	// Asked says that a policy wants a cache at all. Without it nothing is stored.
	Asked bool
	// Hit is the entry that accepts the login, -1 for none. Then Updated is what it
	// has to become.
	Hit     int
	Updated CacheEntry
	// Delete are entries to be taken out: too old, used up, or with this password.
	// Only a login that was not found has any.
	Delete []int
}

// AuthCache looks a login up among entries of the cache (auth_cache). verify
// reports whether the password of the login is that of an entry; it is asked at
// most once for each, and only for those of this user. On a hit the login is
// accepted, and the caller stores Updated. On a miss the caller deletes, goes on
// to check the password and, if that is right, adds NewCacheEntry; in Hardened
// not if PassNoUser or PassNoToken accepted it: then any password would have been
// right.
func (l Login) AuthCache(key CacheKey, entries []CacheEntry, verify func(entry int) (bool, error)) (CacheAnswer, error) {
	answer := CacheAnswer{Hit: -1}
	values, err := l.silently(ScopeAuthentication, ActionAuthCache, ValueOptions{Unique: true})
	if err != nil || len(values) == 0 {
		return answer, err
	}
	rule, err := ParseCacheRule(values[0].Value, l.Set.Semantics())
	if err != nil {
		return answer, err
	}
	answer.Asked = true
	now := l.Request.Now
	known := make(map[int]bool)
	same := func(i int) (bool, error) {
		if right, ok := known[i]; ok {
			return right, nil
		}
		right, err := verify(i)
		known[i] = right && err == nil
		return known[i], err
	}
	mine := l.ownEntries(key, entries)
	for _, i := range mine {
		e := entries[i]
		if !e.First.After(now.Add(-rule.First)) || !e.Last.After(now.Add(-rule.Last)) || rule.Uses > 0 && e.Uses >= rule.Uses {
			continue
		}
		right, err := same(i)
		if err != nil {
			return answer, err
		}
		if right {
			l.Request.audit(values[0].Policies...)
			e.Uses, e.Last = e.Uses+1, now
			answer.Hit, answer.Updated = i, e
			return answer, nil
		}
	}
	for _, i := range mine {
		e := entries[i]
		stale := e.First.Before(now.Add(-rule.First)) || rule.Uses > 0 && e.Uses >= rule.Uses
		if !stale {
			if stale, err = same(i); err != nil {
				return answer, err
			}
		}
		if stale {
			answer.Delete = append(answer.Delete, i)
		}
	}
	return answer, nil
}

// ownEntries are the places of the user's entries.
func (l Login) ownEntries(key CacheKey, entries []CacheEntry) []int {
	var mine []int
	u := l.user()
	for i, e := range entries {
		if e.Login != u.Login || e.Realm != u.Realm || e.Resolver != u.Resolver {
			continue
		}
		if l.Set.compat() || e.Application == key.Application && e.Network.Contains(key.Client.Unmap().WithZone("")) {
			mine = append(mine, i)
		}
	}
	return mine
}

// NewCacheEntry is the entry of a login that was just accepted. Its network is
// the client's own address; a wider one is the caller's choice.
func (l Login) NewCacheEntry(key CacheKey) CacheEntry {
	u, now := l.user(), l.Request.Now
	client := key.Client.Unmap().WithZone("")
	return CacheEntry{
		Login: u.Login, Realm: u.Realm, Resolver: u.Resolver, Application: key.Application,
		Network: netip.PrefixFrom(client, client.BitLen()), First: now, Last: now,
	}
}

// ExpiredCacheEntries are the places of the entries that are older than the rule
// allows, whoever they belong to, for the one who cleans up.
func ExpiredCacheEntries(rule CacheRule, now time.Time, entries []CacheEntry) []int {
	var expired []int
	for i, e := range entries {
		if e.First.Before(now.Add(-rule.First)) || e.Last.Before(now.Add(-rule.Last)) {
			expired = append(expired, i)
		}
	}
	return slices.Clip(expired)
}
