package rego

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load loads policies from texts by file name.
func load(t testing.TB, files map[string]string, helpers ...policyengine.Helper) (*Set, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Load(t.Context(), dir, Options{Helpers: helpers})
	if err != nil {
		err = fmt.Errorf("%s", strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), ""))
	}
	return set, err
}

// policyText is a policy "p" with some lines.
func policyText(lines string) string {
	return "package sallyport.policies.p\n\ndefault allow := false\n\n" + lines + "\n"
}

func TestLoadRefuses(t *testing.T) {
	one := func(lines string) map[string]string { return map[string]string{"p.rego": policyText(lines)} }
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"syntax", one("allow if {"), []string{"p.rego:6:1: unexpected eof token"}},
		{"every broken file", map[string]string{"a.rego": "package a b", "b.rego": "package x\nallow if"}, []string{"a.rego:1:", "b.rego:2:"}},
		{"empty file", map[string]string{"p.rego": "# nothing\n"}, []string{"p.rego:1:1: empty file: a policy begins with its package"}},
		{"foreign package", map[string]string{"p.rego": "package authz\ndefault allow := false"}, []string{"p.rego:1:1: package authz: a policy is package sallyport.policies.NAME"}},
		{"package too deep", map[string]string{"p.rego": "package sallyport.policies.a.b\ndefault allow := false"}, []string{"p.rego:1:1: package sallyport.policies.a.b"}},
		{"no name", map[string]string{"p.rego": "package sallyport.policies\ndefault allow := false"}, []string{"p.rego:1:1:"}},
		{"bad name", map[string]string{"p.rego": "package sallyport.policies.VPN\ndefault allow := false"}, []string{"p.rego:1:1:"}},
		{"no default", map[string]string{"p.rego": "package sallyport.policies.p\nallow if input.client_ip_known"}, []string{"p.rego:1:1: policy p has no default for allow: add the line `default allow := false`"}},
		{"two defaults", map[string]string{"a.rego": policyText(""), "b.rego": policyText("")}, []string{"multiple default rules"}},
		{"default is no boolean", map[string]string{"p.rego": "package sallyport.policies.p\ndefault allow := \"no\""}, []string{"p.rego:2:1: allow is string: it must be true or false"}},
		{"allow is no boolean", one(`allow := "yes" if input.client_ip_known`), []string{"p.rego:5:1: allow is string"}},
		{"allow in an else", one(`allow if input.client_ip_known else := 1`), []string{"allow is number"}},
		{"allow is a set", map[string]string{"p.rego": "package sallyport.policies.p\ndefault allow := false\nallow contains 1"}, []string{"p.rego:3:1: allow must be a plain rule"}},
		{"allow is a function", map[string]string{"p.rego": "package sallyport.policies.p\ndefault allow(_) := false"}, []string{"allow must be a plain rule"}},
		{"import of a policy", map[string]string{"p.rego": policyText("import data.sallyport.policies.q"), "q.rego": strings.ReplaceAll(policyText(""), ".p\n", ".q\n")}, []string{"p.rego:"}},
		{"unused import of a policy", map[string]string{"p.rego": "package sallyport.policies.p\nimport data.sallyport.policies.q\ndefault allow := false", "q.rego": strings.ReplaceAll(policyText(""), ".p\n", ".q\n")}, []string{"p.rego:2:1: data.sallyport.policies.q belongs to another policy"}},
		{"reference to a policy", map[string]string{"p.rego": policyText("allow if data.sallyport.policies.q.allow"), "q.rego": strings.ReplaceAll(policyText(""), ".p\n", ".q\n")}, []string{"p.rego:5:10: data.sallyport.policies.q.allow belongs to another policy"}},
		{"all policies", one(`allow if count(data.sallyport.policies) > 1`), []string{"p.rego:5:"}},
		{"a computed policy", one(`allow if data.sallyport.policies[input.realm].allow`), []string{"p.rego:5:"}},
		{"a library uses a policy", map[string]string{"p.rego": policyText(""), "l.rego": "package sallyport.lib.l\nx if data.sallyport.policies.p.allow"}, []string{"l.rego:2:6: data.sallyport.policies.p.allow belongs to another policy"}},
		{"other data", one("allow if data.users.alice"), []string{"p.rego:5:10: data.users.alice: policies see their own rules"}},
		{"unknown function", one(`allow if ak_is_group_membr(input.request.user, {})`), []string{`p.rego:5:10: undefined function ak_is_group_membr, did you mean "ak_is_group_member"?`}},
		{"unknown plugin function", one(`allow if plugin.watchlist.listd("x")`), []string{`undefined function plugin.watchlist.listd, did you mean "plugin.watchlist.listed"?`}},
		{"reserved function", one(`allow if ak_send_email("x")`), []string{"undefined function ak_send_email: not available in an authentication proxy; use a plugin"}},
		{"wrong type", one(`allow if regex_match(1, "x")`), []string{"p.rego:5:10: regex_match: invalid argument(s)"}},
		{"wrong number of arguments", one(`allow if regex_match("x")`), []string{"p.rego:5:10:"}},
		{"recursion", one("allow if x\nx if y\ny if x"), []string{"recursive"}},
		{"rule named like a helper", one("regex_match if input.client_ip_known"), []string{"p.rego:5:1: rule regex_match has the name of a built-in function"}},
		{"function named like a function of OPA", one("count(x) := 1"), []string{"p.rego:5:1: rule count has the name"}},
		{"literal pattern", one(`allow if regex_match(input.request.user.username, "a(?=b)")`), []string{`p.rego:5:51: regex_match: pattern: look-ahead "(?=" is more than RE2 can do at offset 1: write the pattern without it, or set regex_engine: backtracking`}},
		{"literal pattern in a comprehension", one(`allow if count([1 | regex_match("x", "(")]) > 0`), []string{"p.rego:5:38: regex_match:"}},
		{"literal network", one(`allow if ip_in_network(input.client_ip, "10.0.0.1/8")`), []string{`p.rego:5:41: ip_in_network: "10.0.0.1/8" has host bits set: the network is 10.0.0.0/8`}},
		{"literal address", one(`allow if ip_in_network("10.0.0.01", input.x)`), []string{`p.rego:5:24: ip_in_network: "10.0.0.01" is no IP address`}},
		{"literal filter field", one(`allow if ak_is_group_member(input.request.user, {"names": "x"})`), []string{`p.rego:5:49: ak_is_group_member: filter key "names": a group has no field "names", did you mean "name"?`}},
		{"literal filter lookup", one(`allow if ak_is_group_member(input.request.user, {"name__startwith": input.x})`), []string{`name has no lookup "startwith", did you mean "startswith"?`}},
		{"literal filter value", one(`allow if ak_is_group_member(input.request.user, {"name": 5})`), []string{`filter key "name": name__exact needs text, not a number`}},
		{"literal filter pattern", one(`allow if ak_is_group_member(input.request.user, {"name__regex": "("})`), []string{`filter key "name__regex": name__regex: pattern: missing )`}},
		{"Rego v2", map[string]string{"p.rego": "package sallyport.policies.p\nimport rego.v2\ndefault allow := false"}, []string{"p.rego:2:"}},
		{"Rego v0", map[string]string{"p.rego": "package sallyport.policies.p\ndefault allow = false\nallow { true }"}, []string{"p.rego:3:"}},
		{"too large", map[string]string{"p.rego": policyText("#" + strings.Repeat("x", maxFileSize))}, []string{"p.rego: more than 1048576 octets"}},
		{"several faults at once", map[string]string{"p.rego": "package sallyport.policies.p\nallow if undefined_thing(1)\nallow if regex_match(\"\", \"(\")"}, []string{"no default", "undefined function undefined_thing", `pattern: missing )`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set, err := load(t, tt.files, listed)
			if err == nil {
				t.Fatalf("loaded %v", set.Expressions())
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in:\n%v", want, err)
				}
			}
		})
	}
}

func TestLoad(t *testing.T) {
	set, err := load(t, map[string]string{
		"a/one.rego":      "package sallyport.policies.one\ndefault allow := false\nallow if staff",
		"b/one_more.rego": "package sallyport.policies.one\nimport data.sallyport.lib.people\nstaff if people.is_staff(input.request.user)",
		"lib/people.rego": "package sallyport.lib.people\nimport rego.v1\nis_staff(u) if \"staff\" in u.groups",
		"one_test.rego":   "package whatever\n}{",
		".hidden/x.rego":  "}{",
		".y.rego":         "}{",
		"readme.txt":      "no policy",
	})
	if err != nil {
		t.Fatal(err)
	}
	if all := set.Expressions(); len(all) != 1 || all["one"] == nil {
		t.Fatalf("policies %v", all)
	}
	r, err := set.Expressions()["one"].Eval(t.Context(), alice())
	if err != nil || !r.Passing {
		t.Errorf("result %+v, error %v", r, err)
	}
	if set, err := load(t, nil); err != nil || len(set.Expressions()) != 0 {
		t.Errorf("an empty directory has %v, error %v", set, err)
	}
}

func TestLoadDirectory(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "p.rego"), filepath.Join(t.TempDir(), "link")
	if err := os.WriteFile(file, []byte(policyText("")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if set, err := Load(t.Context(), link, Options{}); err != nil || len(set.Expressions()) != 1 {
		t.Errorf("a link to a directory: %v, error %v", set, err)
	}
	for _, name := range []string{file, filepath.Join(dir, "gone"), ""} {
		if _, err := Load(t.Context(), name, Options{}); err == nil {
			t.Errorf("loaded %q, which is no directory", name)
		}
	}
}

func TestHelpersAreChecked(t *testing.T) {
	good := listed
	for name, change := range map[string]func(h *policyengine.Helper){
		"PLUGIN.FUNCTION":                   func(h *policyengine.Helper) { h.Name = "watchlist" },
		"nothing to call":                   func(h *policyengine.Helper) { h.Condition = nil },
		`argument 1 has the unknown type`:   func(h *policyengine.Helper) { h.Args = []policyengine.ValueType{"text"} },
		"the result has the unknown type":   func(h *policyengine.Helper) { h.Result = "" },
		"there is another one of this name": func(*policyengine.Helper) {},
	} {
		h := good
		change(&h)
		_, err := load(t, nil, good, h)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("want %q, got %v", name, err)
		}
	}
}
