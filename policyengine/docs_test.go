package policyengine_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// documentation writes the files that docs/policies.md shows into a directory:
// the blocks of code whose first line names one.
func documentation(t testing.TB) (text, dir string) {
	t.Helper()
	page, err := os.ReadFile("../docs/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, m := range regexp.MustCompile("(?s)```(?:yaml|rego)\n# ([^\n]+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		file := filepath.Join(dir, m[1])
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(m[2]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return string(page), dir
}

// documented builds the engine of the example.
func documented(t testing.TB) (engine *policyengine.Engine, page string) {
	t.Helper()
	page, dir := documentation(t)
	t.Setenv("VPN_SECRET", "a secret of some length")
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := policyengine.LoadScoped(cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	expressions, err := rego.Load(t.Context(), cfg.Policies.Expressions, rego.Options{})
	if err != nil {
		t.Fatal(err)
	}
	engine, err = policyengine.New(cfg, policyengine.Options{Scoped: loaded.Set, Expressions: expressions.Expressions()})
	if err != nil {
		t.Fatal(err)
	}
	return engine, page
}

func login(name string, groups []string, now time.Time) *policyengine.Input {
	return &policyengine.Input{
		RequestID: "r1", Protocol: "radius", Operation: "auth", Application: "vpn", Realm: "corp", Login: name,
		User:     &identity.User{ID: name, Login: name, Directory: "local", Active: true, Groups: groups},
		ClientIP: netip.MustParseAddr("192.0.2.7"), PeerIP: netip.MustParseAddr("10.0.0.1"), AuthMethod: "password",
		Now: now,
	}
}

// TestDocumentation logs everybody in whom the table of the example lists, and
// demands the answer that it tells.
func TestDocumentation(t *testing.T) {
	engine, page := documented(t)
	rows := regexp.MustCompile(`(?m)^\| ([\w-]+) \| ([\w, -]+) \| (Monday|Saturday) (\d+:\d+) \| (in|refused by `+"`([^`]+)`"+`) \| ?(.*?) ?\|$`).FindAllStringSubmatch(page, -1)
	if len(rows) != 6 {
		t.Fatalf("%d logins in the table", len(rows))
	}
	for _, row := range rows {
		name, groups, policy := row[1], strings.Split(row[2], ", "), row[6]
		day := map[string]string{"Monday": "2026-11-23", "Saturday": "2026-11-21"}[row[3]]
		now, err := time.Parse("2006-01-02 15:04", day+" "+row[4])
		if err != nil {
			t.Fatal(err)
		}
		var messages []string
		if row[7] != "" {
			messages = strings.Split(row[7], " / ")
		}
		d, err := engine.Decide(t.Context(), policyengine.StageAccess, login(name, groups, now))
		if err != nil {
			t.Fatal(err)
		}
		if d.Allowed != (policy == "") || d.Policy != policy || !slices.Equal(d.Messages, messages) {
			t.Errorf("%s\ngot: allowed %v, policy %q, messages %q", row[0], d.Allowed, d.Policy, d.Messages)
		}
		if dry := d.Bindings[3]; !dry.DryRun || dry.Passing || dry.Err != nil {
			t.Errorf("the dry run says %+v", dry)
		}
	}
}

// TestScopedDocumentation holds the second example of scoped policies against
// what the page says of it.
func TestScopedDocumentation(t *testing.T) {
	page, _ := documentation(t)
	block := regexp.MustCompile("(?s)```yaml\n(policies:\n.*?)```").FindStringSubmatch(page)
	if block == nil {
		t.Fatal("no example of scoped policies")
	}
	file := filepath.Join(t.TempDir(), "scoped.yaml")
	if err := os.WriteFile(file, []byte(block[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	loaded, err := policyengine.LoadScoped(&config.Config{Policies: config.Policies{Scoped: []string{file}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	engine, err := policyengine.New(&config.Config{}, policyengine.Options{Scoped: loaded.Set})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, realm, client, want string }{
		{"ann", "Lab", "10.1.2.3", "deny_access"},
		{"ann", "lab", "10.9.2.3", ""},
		{"ann", "corp", "10.1.2.3", ""},
		{"root", "lab", "10.1.2.3", "grant_access"},
	} {
		in := login(tt.name, nil, time.Time{})
		in.Realm, in.ClientIP = tt.realm, netip.MustParseAddr(tt.client)
		v, err := engine.Values(t.Context(), in, "authorization", "authorized")
		if first, _ := v.First(); err != nil || first.Value != tt.want {
			t.Errorf("%+v: %+v, error %v", tt, v, err)
		}
	}
}

// BenchmarkDecide decides one login by one expression policy.
func BenchmarkDecide(b *testing.B) {
	dir := b.TempDir()
	text := "package sallyport.policies.members\n\ndefault allow := false\n\nallow if ak_is_group_member(input.request.user, {\"name\": \"vpn-users\"})\n\nmessages contains \"You are not in the group vpn-users.\" if not allow\n"
	if err := os.WriteFile(filepath.Join(dir, "members.rego"), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	set, err := rego.Load(b.Context(), dir, rego.Options{})
	if err != nil {
		b.Fatal(err)
	}
	cfg := &config.Config{Applications: map[string]*config.Application{"vpn": {Policies: config.ApplicationPolicies{
		Timeout: time.Second, Bindings: []config.Binding{{
			Policy: "members", Enabled: true, Timeout: time.Second, FailureResult: "refuse", Stage: "access",
		}},
	}}}}
	engine, err := policyengine.New(cfg, policyengine.Options{Expressions: set.Expressions()})
	if err != nil {
		b.Fatal(err)
	}
	in := login("alice", []string{"staff", "vpn-users"}, time.Unix(1_795_000_000, 0))
	b.ReportAllocs()
	for b.Loop() {
		if d, err := engine.Decide(b.Context(), policyengine.StageAccess, in); err != nil || !d.Allowed {
			b.Fatal(d, err)
		}
	}
}
