package policyengine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// TestCachedIsUncached: whatever policies there are, and whatever happens to
// users, groups, look-ups and the clock, an engine with a cache decides as one
// without does that asks through the same look-up caches.
func TestCachedIsUncached(t *testing.T) {
	var numbers policyengine.PolicyCacheStats
	dir := t.TempDir()
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		policies := writtenPolicies(t, rt, filepath.Join(dir, fmt.Sprint(round)))
		rapid.SyncTest(rt, func(rt *rapid.T) {
			w := newWorld(rt)
			for i := range 2 {
				policies[fmt.Sprintf("asks_%d", i)] = drawAsking(rt, w)
			}
			w.compare(rt, policies, &numbers)
		})
	})
	t.Logf("%+v", numbers)
	if numbers.Hits == 0 || numbers.Misses == 0 || numbers.Stale == 0 || numbers.Uncacheable == 0 {
		t.Errorf("the cache was not asked everything: %+v", numbers)
	}
}

// compare lets things happen, and decides with both engines in between.
func (w *world) compare(t *rapid.T, policies map[string]policyengine.Expression, numbers *policyengine.PolicyCacheStats) {
	bindings := drawBindings(t, policies)
	with := w.engine(t, policies, bindings, rapid.SampledFrom([]int{1, 5, 100}).Draw(t, "entries"))
	without := w.engine(t, policies, bindings, 0)
	for range rapid.IntRange(5, 25).Draw(t, "steps") {
		w.happen(t)
		in := w.login(t)
		cached, errA := with.Decide(t.Context(), policyengine.StageAccess, in)
		plain, errB := without.Decide(t.Context(), policyengine.StageAccess, in)
		if d := cmp.Diff(plain, cached, cmpopts.IgnoreFields(policyengine.BindingRecord{}, "Took", "Cached"), cmp.Transformer("text", func(err error) string { return fmt.Sprint(err) })); d != "" || errA != nil || errB != nil {
			t.Fatalf("%v, %v, decisions (-uncached +cached):\n%s", errA, errB, d)
		}
	}
	for _, s := range with.CacheStats().Policies {
		numbers.Hits, numbers.Misses, numbers.Stale, numbers.Uncacheable = numbers.Hits+s.Hits, numbers.Misses+s.Misses, numbers.Stale+s.Stale, numbers.Uncacheable+s.Uncacheable
	}
}

func (w *world) engine(t *rapid.T, policies map[string]policyengine.Expression, bindings []config.Binding, entries int) *policyengine.Engine {
	engine, err := policyengine.New(&config.Config{
		Policies: config.Policies{Cache: config.PolicyCache{Entries: entries, TTL: time.Minute}},
		Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
			Mode: "any", Timeout: time.Minute, Bindings: bindings,
		}}},
	}, policyengine.Options{Expressions: policies})
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

func drawBindings(t *rapid.T, policies map[string]policyengine.Expression) []config.Binding {
	var bindings []config.Binding
	for _, name := range []string{"written_0", "written_1", "asks_0", "asks_1"} {
		if policies[name] == nil {
			t.Fatalf("no policy %s", name)
		}
		bindings = append(bindings, config.Binding{
			Policy: name, Enabled: true, Stage: "access", Timeout: time.Second, FailureResult: "refuse",
			Negate: rapid.Bool().Draw(t, "negate"), DryRun: rapid.IntRange(0, 4).Draw(t, "dry run") == 0,
		})
	}
	return bindings
}

// world is what can change: users, and what look-ups find, with the look-up cache
// that both engines ask.
type world struct {
	users map[string]*identity.User
	facts map[string]int
	kept  map[string]*lookedUp
}

// lookedUp is an entry of the look-up cache.
type lookedUp struct {
	world *world
	key   string
	value int
	until time.Time
}

// Current implements fresh.Source.
func (l *lookedUp) Current() bool { return l.world.kept[l.key] == l && time.Now().Before(l.until) }

func newWorld(t *rapid.T) *world {
	w := &world{users: map[string]*identity.User{}, facts: map[string]int{}, kept: map[string]*lookedUp{}}
	for _, name := range []string{"u1", "u2"} {
		w.users[name] = drawUser(t, name)
	}
	return w
}

// look answers from the look-up cache, or finds out anew.
func (w *world) look(ctx context.Context, key string, ttl time.Duration) int {
	l := w.kept[key]
	if l == nil || !l.Current() {
		l = &lookedUp{w, key, w.facts[key], time.Now().Add(ttl)}
		w.kept[key] = l
	}
	fresh.Note(ctx, l)
	return l.value
}

// happen changes something, or lets time go by.
func (w *world) happen(t *rapid.T) {
	user := rapid.SampledFrom([]string{"u1", "u2"}).Draw(t, "user")
	switch rapid.SampledFrom([]string{"nothing", "nothing", "time", "user", "fact", "evict"}).Draw(t, "change") {
	case "time":
		time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 7 * time.Second, 30 * time.Second, time.Minute, time.Hour}).Draw(t, "sleep"))
	case "user":
		w.users[user] = drawUser(t, user)
	case "fact":
		w.facts[user]++
	case "evict":
		delete(w.kept, user)
	}
}

func drawUser(t *rapid.T, name string) *identity.User {
	u := &identity.User{ID: name, Login: name, Directory: "local", Active: true, Superuser: rapid.Bool().Draw(t, "superuser")}
	for _, group := range []string{"g1", "g2"} {
		if rapid.Bool().Draw(t, group) {
			u.Groups = append(u.Groups, group)
			u.Memberships = append(u.Memberships, identity.Membership{ID: group, Name: group})
		}
	}
	u.Attributes = map[string][]string{"department": {rapid.SampledFrom([]string{"d1", "d2"}).Draw(t, "department")}}
	u.Authenticators = []string{rapid.SampledFrom([]string{"totp", "static"}).Draw(t, "authenticator")}
	return u
}

func (w *world) login(t *rapid.T) *policyengine.Input {
	name := rapid.SampledFrom([]string{"u1", "u2"}).Draw(t, "who")
	return &policyengine.Input{
		RequestID: fmt.Sprint(rapid.Int().Draw(t, "id")), Protocol: "radius", Operation: "auth", Application: "vpn", Realm: "corp",
		Login: name, User: w.users[name], AuthMethod: "password", Now: time.Now().UTC(),
		ClientIP: netip.MustParseAddr(rapid.SampledFrom([]string{"10.1.0.1", "10.2.0.1"}).Draw(t, "client")),
		RADIUS:   policyengine.RADIUSFacts{NASIdentifier: rapid.SampledFrom([]string{"", "nas1"}).Draw(t, "nas")},
	}
}

// asking is a policy that reads facts of the login and looks things up.
type asking struct {
	world *world
	ttl   time.Duration
	kind  string
	reads policyengine.Reads
}

func drawAsking(t *rapid.T, w *world) *asking {
	a := &asking{world: w, ttl: rapid.SampledFrom([]time.Duration{time.Second, 10 * time.Second, time.Hour}).Draw(t, "ttl")}
	a.kind = rapid.SampledFrom([]string{"own", "other", "both", "never", "fails", "nested"}).Draw(t, "asks")
	a.reads = policyengine.Reads{Paths: []policyengine.Path{"client_ip", "request.user.authenticators", "request.user.username"}}
	return a
}

func (a *asking) Reads() policyengine.Reads { return a.reads }

func (a *asking) Eval(ctx context.Context, in *policyengine.Input) (policyengine.Result, error) {
	found := 0
	switch a.kind {
	case "both":
		found = a.world.look(ctx, "u1", a.ttl) + a.world.look(ctx, "u2", a.ttl)
	case "other":
		found = a.world.look(ctx, "u1", a.ttl)
	case "never": // has no source
		found = a.world.facts[in.User.Login]
		fresh.Never(ctx, "nobody keeps it")
	case "fails":
		if found = a.world.look(ctx, in.User.Login, a.ttl); found%2 == 1 {
			return policyengine.Result{}, errors.New("the directory is down")
		}
	case "nested": // as one policy calls another
		inner, sources := fresh.Watch(ctx)
		found = a.world.look(inner, in.User.Login, a.ttl)
		sources.Pass(ctx)
	default:
		found = a.world.look(ctx, in.User.Login, a.ttl)
	}
	return policyengine.Result{
		Passing: found%2 == 0, Messages: []string{fmt.Sprint(found, in.ClientIP)}, Raw: in.User.Authenticators[0],
		Events: []policyengine.Event{{Action: "custom_asked", Policy: "asks", Context: map[string]any{"found": found}}},
	}, nil
}

// writtenPolicies draws and loads policies in Rego.
func writtenPolicies(t *testing.T, rt *rapid.T, dir string) map[string]policyengine.Expression {
	if err := os.Mkdir(dir, 0o700); err != nil {
		rt.Fatal(err)
	}
	for i := range 2 {
		name := fmt.Sprintf("written_%d", i)
		if err := os.WriteFile(filepath.Join(dir, name+".rego"), []byte(drawPolicy(rt, name)), 0o600); err != nil {
			rt.Fatal(err)
		}
	}
	set, err := rego.Load(t.Context(), dir, rego.Options{})
	if err != nil {
		rt.Fatal(err)
	}
	return maps.Clone(set.Expressions())
}

func drawPolicy(t *rapid.T, name string) string {
	condition := func() string {
		return rapid.SampledFrom([]string{
			`"g1" in input.request.user.groups`,
			`ak_is_group_member(input.request.user, {"name": "g2"})`,
			`ip_in_network(input.client_ip, "10.1.0.0/16")`,
			`regex_match(input.request.user.username, "1$")`,
			`input.now.hour < 12`,
			`input.now.minute % 2 == 0`,
			`input.now.unix % 2 == 0`,
			`input.now.weekday == "Saturday"`,
			`"d1" in input.request.user.attributes.department`,
			`input.context.pending_user.is_superuser`,
			`input.radius.nas_identifier == null`,
			`input["request"]["user"].authenticators[0] == "totp"`,
		}).Draw(t, "condition")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package sallyport.policies.%s\n\ndefault allow := false\n\n", name)
	fmt.Fprintf(&b, "allow if {\n\t%s\n\t%s\n}\n\n", condition(), condition())
	fmt.Fprintf(&b, "allow if not helper\n\nhelper if %s\n\n", condition())
	fmt.Fprintf(&b, "messages contains sprintf(\"%%v\", [%s]) if %s\n\n", rapid.SampledFrom([]string{
		"input.now.hour", "input.request.user.groups", "input.client_ip", "input.context.pending_user.attributes", "input.radius",
	}).Draw(t, "shown"), condition())
	fmt.Fprintf(&b, "raw_result := {\"nas\": input.radius.nas_identifier} if %s\n", condition())
	return b.String()
}
