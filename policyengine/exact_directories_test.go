package policyengine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/dns"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// TestCachedIsUncachedOverDirectories: policies in Rego that ask for users, groups
// and names decide from the cache as without it, while somebody else changes the
// store, a directory whose users are remembered changes or fails, and names get
// other addresses.
func TestCachedIsUncachedOverDirectories(t *testing.T) {
	names := &addresses{at: "10.0.0.1"}
	server := testenv.NewDNS(t, names.reply)
	// The resolver's own channels must not belong to the first of the bubbles.
	_, _ = (&net.Resolver{PreferGo: true}).LookupHost(t.Context(), "localhost")
	filled := filepath.Join(t.TempDir(), "filled.db")
	s, err := store.Open(t.Context(), filled)
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range []string{"g1", "g2", "inner"} {
		if err := s.AddGroup(t.Context(), group, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, login := range []string{"u1", "u2"} {
		if _, err := s.AddUser(t.Context(), store.User{Login: login, Email: login + "@example.org"}, []string{"inner"}, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filled)
	if err != nil {
		t.Fatal(err)
	}
	var numbers policyengine.PolicyCacheStats
	dir, round := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		if round++; round%2 == 0 {
			return // half of the checks are enough: each opens stores
		}
		at := filepath.Join(dir, fmt.Sprint(round))
		if err := os.Mkdir(at, 0o700); err != nil {
			rt.Fatal(err)
		}
		file := filepath.Join(at, "s.db")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			rt.Fatal(err)
		}
		rapid.SyncTest(rt, func(rt *rapid.T) {
			o := openOrganisation(rt, file, names, server.Addr)
			defer o.close()
			o.compare(rt, filepath.Join(at, "policies"), &numbers)
		})
	})
	t.Logf("%+v", numbers)
	if numbers.Hits == 0 || numbers.Misses == 0 || numbers.Stale == 0 || numbers.Uncacheable == 0 {
		t.Errorf("the cache was not asked everything: %+v", numbers)
	}
}

// addresses is what the name server knows.
type addresses struct {
	mu sync.Mutex
	at string // of gate.example; empty for none
}

func (a *addresses) reply(_ string, kind int) testenv.DNSReply {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.at == "" || kind != 1 {
		return testenv.DNSReply{}
	}
	return testenv.DNSReply{Records: []testenv.DNSRecord{testenv.DNSAddress("", a.at)}}
}

func (a *addresses) set(at string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = at
}

// Look-up caches have room for what one decision asks: where a decision itself drove
// out what it had asked before, the next one would differ, cached or not.
const (
	roomForUsers = 8
	roomForNames = 2
)

// organisation has local users in home and others in corp.
type organisation struct {
	names *addresses
	// store is asked; editor is how somebody else changes it.
	store, editor *store.Store
	home          *local.Directory
	exact         *directory.Exact
	corp          *upstream
	cached        *directory.Cached
	dns           *dns.Resolver
}

func openOrganisation(t *rapid.T, file string, names *addresses, server netip.AddrPort) *organisation {
	o := &organisation{names: names, corp: &upstream{users: map[string]*identity.User{"u1": drawUser(t, "u1"), "u2": drawUser(t, "u2")}}}
	names.set("10.0.0.1")
	var err error
	for _, s := range []**store.Store{&o.store, &o.editor} {
		if *s, err = store.Open(t.Context(), file); err != nil {
			t.Fatal(err)
		}
	}
	cfg := &config.Directory{Type: "local", LocalDirectory: config.LocalDirectory{Argon2: &config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1}}}
	if o.home, err = local.New("home", o.store, cfg, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	o.exact = directory.NewExact(o.home, time.Minute)
	o.cached = directory.NewCached(o.corp, config.DirectoryCache{
		Entries: rapid.SampledFrom([]int{0, roomForUsers, 100}).Draw(t, "remembered"), TTL: 30 * time.Second, NegativeTTL: 5 * time.Second,
	}, time.Minute)
	o.dns = dns.New(config.DNS{
		Servers: []config.DNSServer{{AddrPort: server}}, Timeout: 5 * time.Second,
		CacheEntries: rapid.SampledFrom([]int{0, roomForNames, 32}).Draw(t, "answers"), CacheTTL: 3 * time.Minute, NegativeTTL: 15 * time.Second,
	})
	return o
}

func (o *organisation) close() {
	_ = o.dns.Close()
	_ = o.cached.Close()
	_ = o.exact.Close()
	_ = o.home.Close()
	_ = o.store.Close()
	_ = o.editor.Close()
}

// compare lets things happen, and decides with both engines in between.
func (o *organisation) compare(t *rapid.T, dir string, numbers *policyengine.PolicyCacheStats) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile(filepath.Join(dir, name+".rego"), []byte(drawQuestions(t, name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set, err := rego.Load(t.Context(), dir, rego.Options{DNS: o.dns, Users: directory.NewSet([]directory.Source{
		{Name: "corp", Users: o.cached}, {Name: "home", Users: o.exact},
	})})
	if err != nil {
		t.Fatal(err)
	}
	bindings := []config.Binding{
		{Policy: "one", Enabled: true, Stage: "access", Timeout: time.Second, FailureResult: "refuse"},
		{Policy: "two", Enabled: true, Stage: "access", Timeout: time.Second, FailureResult: "refuse", Negate: true},
	}
	var w *world
	with, without := w.engine(t, set.Expressions(), bindings, 100), w.engine(t, set.Expressions(), bindings, 0)
	for range rapid.IntRange(3, 12).Draw(t, "steps") {
		o.happen(t)
		in := o.login(t)
		if in == nil {
			continue
		}
		engines := []*policyengine.Engine{with, without}
		if rapid.Bool().Draw(t, "uncached first") {
			slices.Reverse(engines)
		}
		a, errA := engines[0].Decide(t.Context(), policyengine.StageAccess, in)
		b, errB := engines[1].Decide(t.Context(), policyengine.StageAccess, in)
		if d := cmp.Diff(a, b, cmpopts.IgnoreFields(policyengine.BindingRecord{}, "Took", "Cached"), cmp.Transformer("text", func(err error) string { return fmt.Sprint(err) })); d != "" || errA != nil || errB != nil {
			t.Fatalf("%v, %v, decisions (-first +second):\n%s", errA, errB, d)
		}
	}
	for _, s := range with.CacheStats().Policies {
		numbers.Hits, numbers.Misses, numbers.Stale, numbers.Uncacheable = numbers.Hits+s.Hits, numbers.Misses+s.Misses, numbers.Stale+s.Stale, numbers.Uncacheable+s.Uncacheable
	}
}

// drawQuestions draws a policy that asks.
func drawQuestions(t *rapid.T, name string) string {
	condition := func() string {
		return rapid.SampledFrom([]string{
			`ak_user_by({"email__iexact": "U1@example.org"}) == null`,
			`ak_user_by({"groups__name": "g1"}).username == input.request.user.username`,
			`ak_user_by({"source": "home", "groups__name__isnull": true, "is_active": true}) != null`,
			`ak_user_by({"source": "corp", "attributes__room": "1"}) != null`,
			`ak_user_by({"username": sprintf("%s-adm", [input.request.user.username])}) != null`,
			`ak_is_group_member("u1", {"name": "g1"})`,
			`ak_is_group_member({"username": "u2", "source": "corp"}, {"name__startswith": "g"})`,
			`ak_is_group_member({"username": "u2", "source": "home"}, {"name__in": ["g2"]})`,
			`ak_is_group_member(input.request.user, {"name": input.request.user.groups[_], "is_superuser": false})`,
			`"10.0.0.1" in resolve_dns("gate.example", 4)`,
			`count(resolve_dns("Gate.example", 0)) == 0`,
			`input.request.user.is_active`,
		}).Draw(t, "condition")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package sallyport.policies.%s\n\ndefault allow := false\n\nallow if {\n\t%s\n\t%s\n}\n\n", name, condition(), condition())
	fmt.Fprintf(&b, "allow if not other\n\nother if %s\n\n", condition())
	if name == "one" && rapid.Bool().Draw(t, "calls") {
		b.WriteString("raw_result := ak_call_policy(\"two\", {})\n")
	} else {
		b.WriteString("raw_result := ak_user_by({\"username__startswith\": \"u\", \"is_active\": true})\n")
	}
	return b.String()
}

// happen changes something, or lets time go by.
func (o *organisation) happen(t *rapid.T) {
	ctx := t.Context()
	login := rapid.SampledFrom([]string{"u1", "u2", "u1-adm"}).Draw(t, "user")
	group := rapid.SampledFrom([]string{"g1", "g2", "inner"}).Draw(t, "group")
	var err error
	switch rapid.SampledFrom([]string{"nothing", "nothing", "nothing", "time", "add", "delete", "disable", "join", "leave", "nest", "corp", "corp", "down", "names", "crowd"}).Draw(t, "change") {
	case "time":
		time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, 3 * time.Minute}).Draw(t, "sleep"))
	case "add":
		_, err = o.editor.AddUser(ctx, store.User{Login: login, Email: login + "@example.org"}, []string{group}, time.Now())
	case "delete":
		if u, missing := o.editor.UserByLogin(ctx, login); missing == nil {
			err = o.editor.DeleteUser(ctx, u.ID)
		}
	case "disable":
		if u, missing := o.editor.UserByLogin(ctx, login); missing == nil {
			err = o.editor.SetDisabled(ctx, u.ID, !u.Disabled, time.Now())
		}
	case "join":
		err = o.editor.ChangeMembers(ctx, group, store.Members{Users: []string{login}}, store.Members{})
	case "leave":
		err = o.editor.ChangeMembers(ctx, group, store.Members{}, store.Members{Users: []string{login}})
	case "nest":
		err = o.editor.ChangeMembers(ctx, "g1", store.Members{Groups: []string{"inner"}}, store.Members{})
	case "corp":
		o.corp.users[login] = drawUser(t, login)
		o.corp.users[login].Attributes = map[string][]string{"room": {rapid.SampledFrom([]string{"1", "2"}).Draw(t, "room")}}
		if rapid.Bool().Draw(t, "gone") {
			delete(o.corp.users, login)
		}
	case "down":
		o.corp.down = !o.corp.down
	case "crowd":
		err = o.crowd(ctx)
	case "names":
		o.names.set(rapid.SampledFrom([]string{"", "10.0.0.1", "10.0.0.2"}).Draw(t, "address"))
	}
	if err != nil && !errors.Is(err, store.ErrExists) && !errors.Is(err, identity.ErrNotFound) {
		t.Fatal(err)
	}
}

// crowd drives out of small look-up caches what is in them.
func (o *organisation) crowd(ctx context.Context) error {
	for i := range roomForUsers {
		name := fmt.Sprintf("x%d", i)
		f, err := filter.ForUsers(map[string]any{"username": name}, pyregex.NewCache())
		if err != nil {
			return err
		}
		_, _ = o.cached.UserByLogin(ctx, name)
		_, _ = o.cached.FindUser(ctx, f)
	}
	for i := range roomForNames {
		if _, err := o.dns.Lookup(ctx, fmt.Sprintf("x%d.example", i), 4); err != nil {
			return err
		}
	}
	return nil
}

// login is one of a user whom a directory knows; nil if it does not.
func (o *organisation) login(t *rapid.T) *policyengine.Input {
	name := rapid.SampledFrom([]string{"u1", "u2"}).Draw(t, "who")
	lookup := o.cached.Lookup
	if rapid.Bool().Draw(t, "home") {
		lookup = o.home.Lookup
	}
	u, err := lookup(t.Context(), name)
	if err != nil {
		return nil
	}
	return &policyengine.Input{
		RequestID: "r", Protocol: "radius", Operation: "auth", Application: "vpn", Realm: "corp",
		Login: name, User: u, AuthMethod: "password", Now: time.Now().UTC(), ClientIP: netip.MustParseAddr("10.1.0.1"),
	}
}

// upstream is a directory far away.
type upstream struct {
	users map[string]*identity.User
	down  bool
}

var errDown = errors.New("the directory is down")

// Lookup implements directory.Directory.
func (d *upstream) Lookup(_ context.Context, login string) (*identity.User, error) {
	u, ok := d.users[login]
	switch {
	case d.down:
		return nil, errDown
	case !ok:
		return nil, identity.ErrNotFound
	}
	again := *u
	again.Directory = "corp"
	return &again, nil
}

// Find implements directory.Directory.
func (d *upstream) Find(ctx context.Context, f filter.Filter) (*identity.User, error) {
	for _, login := range []string{"u1", "u1-adm", "u2"} {
		u, err := d.Lookup(ctx, login)
		if err != nil && !errors.Is(err, identity.ErrNotFound) {
			return nil, err
		}
		if err != nil {
			continue
		}
		if fits, err := f.User(u); err != nil || fits {
			return u, err
		}
	}
	return nil, identity.ErrNotFound
}

// Verify implements directory.Directory.
func (d *upstream) Verify(context.Context, *identity.User, identity.Credential) (identity.Verdict, error) {
	return 0, errDown
}

// VerifyNobody implements directory.Directory.
func (d *upstream) VerifyNobody(context.Context, string, identity.Credential) error { return errDown }
