package policyengine

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// loadScoped loads scoped policies from texts by file name, all of them by one
// pattern.
func loadScoped(t testing.TB, files map[string]string) (*scoped.Set, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := LoadScoped(scopedFiles(filepath.Join(dir, "*.yaml")), nil)
	if err != nil {
		return nil, fmt.Errorf("%s", strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
	}
	return loaded.Set, nil
}

// scopedFiles is a configuration with these patterns of scoped policies.
func scopedFiles(patterns ...string) *config.Config {
	return &config.Config{Policies: config.Policies{Scoped: patterns}}
}

func TestLoadScoped(t *testing.T) {
	set, err := loadScoped(t, map[string]string{
		"b.yaml": "policies:\n  - {name: late, scope: s, action: \"x=2, y\"}\n",
		"a.yaml": `policies:
  - name: early
    scope: s
    action: [x=1, y]
    realm: [corp]
    user: ["*", -ann]
    client: [10.0.0.0/8]
    priority: 7
  - {name: asleep, scope: s, active: false}
  - {name: mapped, scope: t, action: {limit: 5, on: true, text: a=b}}
`,
		"ignored.yml": "}{",
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"asleep", "early", "late", "mapped"}; !slices.Equal(set.Names(), want) {
		t.Errorf("policies %q, want %q", set.Names(), want)
	}
	q := scoped.Query{
		Scope: scoped.Is("s"), Action: scoped.Is("x"), User: scoped.Is("bob"), Realm: scoped.Is("CORP"),
		ClientAddr: netip.MustParseAddr("10.1.2.3"), Active: scoped.OnlyActive,
	}
	found, err := set.Match(&q, nil)
	if err != nil || len(found) != 2 || found[0].Name != "late" || found[1].Name != "early" {
		t.Errorf("matched %v, error %v: the default priority is 1, asleep is not active", found, err)
	}
	for action, want := range map[string]string{"limit": "5", "on": "true", "text": "a=b"} {
		v, err := set.GetActionValues(&scoped.Query{Scope: scoped.Is("t"), Action: scoped.Is(action)}, scoped.ValueOptions{Unique: true})
		if err != nil || len(v) != 1 || v[0].Value != want {
			t.Errorf("%s is %+v, error %v", action, v, err)
		}
	}
}

func TestLoadScopedRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"unknown key", map[string]string{"a.yaml": "policies:\n  - {name: a, scope: s, users: [x]}\n"}, []string{"a.yaml:2:25:", `unknown key, did you mean "user"?`}},
		{"no name", map[string]string{"a.yaml": "policies:\n  - {scope: s}\n"}, []string{"a.yaml:2:5: policies[0].name: is missing"}},
		{"a text for a list", map[string]string{"a.yaml": "policies:\n  - {name: a, scope: s, user: x}\n"}, []string{"a.yaml:2:31:", "policies[0].user"}},
		{"priority", map[string]string{"a.yaml": "policies:\n  - {name: a, scope: s, priority: 0}\n"}, []string{"a.yaml:2:35:"}},
		{"action", map[string]string{"a.yaml": "policies:\n  - {name: a, scope: s, action: {authorized: false}}\n"}, []string{"a.yaml:2:25:", "false is no value"}},
		{"action with blanks", map[string]string{"a.yaml": "policies:\n  - {name: a, scope: s, action: authorized = deny_access}\n"}, []string{"a.yaml:2:33:", "blanks around the equals sign"}},
		{"pattern", map[string]string{"a.yaml": "policies:\n  - name: a\n    scope: s\n    user: [\"b(\"]\n"}, []string{`a.yaml:4:12: policies[0].user[0]: policy "a": user: member 1 ("b("): invalid pattern at offset`}},
		{"network", map[string]string{"a.yaml": "policies:\n  - name: a\n    scope: s\n    client: [10.0.0.0/99]\n"}, []string{"a.yaml:4:14:", `"99" is no prefix length`}},
		{"same name in two files", map[string]string{"a.yaml": "policies: [{name: a, scope: s}]\n", "b.yaml": "policies: [{name: a, scope: s}]\n"}, []string{"b.yaml:1:19:", "another policy of this name"}},
		{"all files at once", map[string]string{"a.yaml": "policies: [{name: a}]\n", "b.yaml": "polcies: []\n", "c.yaml": "policies: [{name: c, scope: s, user: [\"(\"]}]\n"}, []string{"a.yaml:1:", "b.yaml:1:", "c.yaml:1:"}},
		{"second document", map[string]string{"a.yaml": "policies: []\n---\npolicies: []\n"}, []string{"a.yaml:"}},
		{"syntax", map[string]string{"a.yaml": "policies: [\n"}, []string{"a.yaml:"}},
		{"too large", map[string]string{"a.yaml": "#" + strings.Repeat("x", maxScopedFile) + "\n"}, []string{"a.yaml: more than 4194304 octets"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := loadScoped(t, tt.files)
			if err == nil {
				t.Fatalf("loaded %q", set.Names())
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
		})
	}
}

func TestLoadScopedPatterns(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	if err := os.WriteFile(file, []byte("policies: [{name: a, scope: s}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := LoadScoped(scopedFiles(), nil); err != nil || s.Set.Len() != 0 {
		t.Errorf("no patterns: %v, error %v", s, err)
	}
	if s, err := LoadScoped(scopedFiles(file, filepath.Join(dir, "*.yaml")), nil); err != nil || s.Set.Len() != 1 {
		t.Errorf("a file that two patterns name is read once: %v, error %v", s, err)
	}
	for _, pattern := range []string{filepath.Join(dir, "gone.yaml"), filepath.Join(dir, "none*.yaml"), dir, "[", filepath.Join(dir, "[")} {
		if _, err := LoadScoped(scopedFiles(pattern), nil); err == nil {
			t.Errorf("pattern %q: loaded", pattern)
		}
	}
}

// TestLoadScopedUnreadable: a directory that cannot be read is a fault, also where
// others hold policies.
func TestLoadScopedUnreadable(t *testing.T) {
	dir := t.TempDir()
	for _, sub := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
		text := "policies: [{name: " + sub + ", scope: s}]\n"
		if err := os.WriteFile(filepath.Join(dir, sub, "p.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	patterns := []string{"*/*.yaml", "*/p.yaml", "?/[a-z].yaml"}
	for _, pattern := range patterns {
		if s, err := LoadScoped(scopedFiles(filepath.Join(dir, pattern)), nil); err != nil || s.Set.Len() != 2 {
			t.Errorf("%s: %v, error %v", pattern, s, err)
		}
	}
	refuse := func(what string) {
		for _, pattern := range append(patterns, what+"/*.yaml", what+"/p.yaml") {
			_, err := LoadScoped(scopedFiles(filepath.Join(dir, pattern)), nil)
			if err == nil || !strings.Contains(err.Error(), "policies.scoped[0]") || !strings.Contains(err.Error(), filepath.Join(dir, what)) {
				t.Errorf("%s, %s cannot be read: error %v", pattern, what, err)
			}
		}
	}
	// A link to itself cannot be read by anybody, root included.
	if err := os.Symlink("c", filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	refuse("c")
	if err := os.Remove(filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	if testenv.AsNobody(t) {
		return
	}
	if err := os.Chmod(filepath.Join(dir, "b"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, "b"), 0o700) })
	refuse("b")
}

// TestGlob: apart from directories that cannot be read it is filepath.Glob.
func TestGlob(t *testing.T) {
	dir := t.TempDir()
	for _, file := range []string{"a/1.yaml", "a/2.yaml", "b/1.yaml", "b/c/1.yaml", "[x]/1.yaml", "top.yaml", ".hidden.yaml"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	for _, pattern := range []string{
		"*", "*.yaml", "*/*", "*/1.yaml", "*/*/*.yaml", "a/?.yaml", "a/[2-3].yaml", `\[x\]/*.yaml`, "top.yaml", "top.yaml/*.yaml", "gone.yaml", "gone/*.yaml",
		"./*.yaml", "b/../a/*.yaml", "", "[", "a/[", "[/*.yaml", "gone/[",
	} {
		for _, p := range []string{pattern, filepath.Join(dir, pattern)} {
			want, wantErr := filepath.Glob(p)
			got, err := glob(p)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(got, want) || (err == nil) != (wantErr == nil) {
				t.Errorf("%q: %q, error %v; filepath.Glob says %q, %v", p, got, err, want, wantErr)
			}
		}
	}
	for _, pattern := range []string{"a//*.yaml", "*//1.yaml", "//*"} {
		if found, err := glob(pattern); err != nil || len(found) == 0 {
			t.Errorf("%q: %q, error %v", pattern, found, err)
		}
	}
}

func TestValues(t *testing.T) {
	loaded, err := LoadScoped(scopedFiles("../examples/quickstart/policies/scoped.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	conflict, err := loadScoped(t, map[string]string{"a.yaml": "policies:\n  - {name: a, scope: authorization, action: authorized=grant_access}\n  - {name: b, scope: authorization, action: authorized=deny_access}\n"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name         string
		set          *scoped.Set
		login, realm string
		want         string
		policy       string
		err          string
	}{
		{"dave is refused", loaded.Set, "dave", "example", "deny_access", "deny_dave", ""},
		{"whatever the realm's case", loaded.Set, "dave", "Example", "deny_access", "deny_dave", ""},
		{"not elsewhere", loaded.Set, "dave", "corp", "", "", ""},
		{"nor anybody else", loaded.Set, "alice", "example", "", "", ""},
		{"no policies", nil, "dave", "example", "", "", ""},
		{"conflict", conflict, "dave", "example", "", "", `"grant_access" by a; "deny_access" by b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &Engine{native: &Native{set: tt.set}}
			in := alice()
			in.User.Login, in.Realm = tt.login, tt.realm
			v, err := e.Values(t.Context(), in, "authorization", "authorized")
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			first, ok := v.First()
			if err != nil || first.Value != tt.want || ok != (tt.want != "") {
				t.Errorf("values %+v, error %v", v, err)
			}
			if ok && !slices.Equal(first.Policies, []string{tt.policy}) {
				t.Errorf("set by %q", first.Policies)
			}
		})
	}
	if _, err := (&Engine{}).Values(t.Context(), &Input{}, "authorization", "authorized"); err == nil {
		t.Error("values for nobody")
	}
}

func FuzzLoadScoped(f *testing.F) {
	f.Add("policies:\n  - {name: a, scope: s, action: {x: 1}, user: [\"*\", -b], client: [10.0.0.0/8]}\n")
	f.Add("policies:\n  - name: a\n    scope: s\n    action: \"x=1, y\"\n    priority: 3\n    active: false\n")
	f.Add("policies: [{name: a, scope: s, action: [x=1]}, {name: a, scope: s}]")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(dir, "fuzz.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		set, err := LoadScoped(scopedFiles(file), nil)
		if (set == nil) != (err != nil) {
			t.Fatalf("set %v, error %v", set, err)
		}
		if err != nil && !strings.Contains(err.Error(), "fuzz.yaml") {
			t.Fatalf("the error does not name the file: %v", err)
		}
	})
}
