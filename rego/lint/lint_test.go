package lint

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// language is that of the tests: all of OPA, and the names of some helpers.
func language() Language {
	l := Language{
		Functions: map[string]bool{}, Names: map[string]bool{"plugin": true},
		Missing: func(f string) string { return map[string]string{"ak_send_email": "use a plugin"}[f] },
		Literals: func(f string, args []*ast.Term) []error {
			if f == "regex_match" && len(args) > 1 && args[1].Equal(ast.StringTerm("(")) {
				return []error{nil, errors.New("no pattern")}
			}
			if f == "regex_replace" && len(args) > 1 && args[1].Equal(ast.StringTerm("(a*)*")) {
				return []error{nil, Doubt("odd pattern")}
			}
			return nil
		},
		Callable: func(name string) bool { return name == "native" },
		Data:     []string{"networks"},
	}
	for _, b := range ast.CapabilitiesForThisVersion().Builtins {
		l.Functions[b.Name], l.Names[b.Name] = true, b.Infix == ""
	}
	for _, name := range []string{
		"ak_message", "ak_call_policy", "ak_is_group_member", "ak_user_by", "ak_user_has_authenticator", "ak_create_event", "ak_logger.info",
		"regex_match", "regex_replace", "resolve_dns", "reverse_dns", "list_flatten", "ip_address", "ip_in_any", "ip_in_network", "ip_network",
		"ip_compare", "ip_add", "net_relation", "slugify", "plugin.watchlist.listed",
	} {
		l.Functions[name], l.Names[name] = true, true
	}
	return l
}

// parse parses modules by file name.
func parse(t testing.TB, files map[string]string) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	for file, text := range files {
		m, err := ast.ParseModuleWithOpts(file, text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		modules[file] = m
	}
	return modules
}

func policy(lines string) string {
	return "package sallyport.policies.p\n\ndefault allow := false\n\n" + lines + "\n"
}

func library(lines string) string { return "package sallyport.lib.l\n\n" + lines + "\n" }

// check compares findings with what is wanted: each "file:line:column code" in
// order.
func check(t *testing.T, got []Finding, want ...string) {
	t.Helper()
	var list []string
	for _, f := range got {
		list = append(list, fmt.Sprintf("%s:%d:%d %s", f.File, f.Line, f.Column, f.Code))
	}
	if strings.Join(list, "\n") != strings.Join(want, "\n") {
		t.Errorf("found\n  %s\nwant\n  %s\nin detail: %v", strings.Join(list, "\n  "), strings.Join(want, "\n  "), got)
	}
}

// cases are lines of policy "p" and the findings in it, without "p.rego:".
var cases = []struct {
	name, lines string
	want        []string
}{
	{"nothing", "allow if input.client_ip_known", nil},

	{"allow is a text", `allow := "yes" if input.client_ip_known`, []string{"5:1 allow-not-boolean"}},
	{"allow is a set", `allow contains "x"`, []string{"5:1 allow-not-boolean"}},
	{"allow is a text in else", `allow if input.client_ip_known else := "no"`, []string{"5:32 allow-not-boolean"}},
	{"allow of a comparison", `allow := input.now.hour < 18`, nil},

	{"rule hides a helper", `regex_match := true`, []string{"5:1 rule-hides-function"}},
	{"import hides a helper", "import data.sallyport.lib.l.member as ak_is_group_member", []string{"5:1 rule-hides-function"}},
	{"rule hides plugins", `plugin.watchlist := true`, []string{"5:1 rule-hides-function"}},

	{"unknown function", `allow if ak_is_group_membr(input.request.user, {})`, []string{"5:10 unknown-function"}},
	{"reserved function", `allow if ak_send_email("x")`, []string{"5:10 unknown-function"}},
	{"unknown plugin function", `allow if plugin.watchlist.lists("x")`, []string{"5:10 unknown-function"}},
	{"two unknown functions", "allow if { one(1)\n not two(2) }", []string{"5:12 unknown-function", "6:6 unknown-function"}},
	{"own function", "allow if f(1)\nf(x) if x > 0", nil},
	{"bad literal", `allow if regex_match(input.request.user.username, "(")`, []string{"5:51 bad-literal"}},
	{"bad literal deep inside", `allow if count([1 | regex_match("x", "(")]) > 0`, []string{"5:38 bad-literal"}},

	{"known policies", `allow if { ak_call_policy("native", {}).passing; ak_call_policy(input.context.next, {}).passing }`, nil},
	{"unknown policy", `allow if ak_call_policy("nativ", {}).passing`, []string{"5:25 unknown-policy"}},

	{"other policy", `allow if data.sallyport.policies.q.allow`, []string{"5:10 other-policy"}},
	{"own path", "allow if data.sallyport.policies.p.x\nx := true", nil},
	{"a document", `allow if input.client_ip in data.networks.office`, nil},
	{"unknown document", `allow if input.client_ip in data.network`, []string{"5:29 unknown-data"}},
	{"all of data", `allow if count(data) > 0`, []string{"5:16 unknown-data"}},
	{"all policies", `allow if data.sallyport.policies[input.x].allow`, []string{"5:10 unknown-data"}},
	{"replaced data", `allow if input.client_ip_known with data.sallyport.policies.q.x as 1`, []string{"5:37 other-policy"}},

	{"result as condition", `allow if ak_call_policy("native", {})`, []string{"5:10 call-policy-as-condition"}},
	{"result as condition in braces", "allow if {\n\tinput.client_ip_known\n\tak_call_policy(\"native\", {})\n}", []string{"7:2 call-policy-as-condition"}},
	{"result negated", `allow if not ak_call_policy("native", {})`, []string{"5:14 call-policy-as-condition"}},
	{"result as value", `allow := ak_call_policy("native", {})`, []string{"5:10 call-policy-as-condition"}},
	{"result as value in else", `allow if input.client_ip_known else := ak_call_policy("native", {})`, []string{"5:40 call-policy-as-condition"}},
	{"result in a variable", `allow if { r := ak_call_policy("native", {}); r }`, []string{"5:47 call-policy-as-condition"}},
	{"result in a variable by =", `allow if { r = ak_call_policy("native", {}); not r }`, []string{"5:50 call-policy-as-condition"}},
	{"result as last argument", `allow if { ak_call_policy("native", {}, r); r }`, []string{"5:45 call-policy-as-condition"}},
	{"result in a second variable", `allow if { r := ak_call_policy("native", {}); s := r; s }`, []string{"5:55 call-policy-as-condition"}},
	{"result of an array", `allow if [ak_call_policy("native", {})][0]`, []string{"5:10 call-policy-as-condition"}},
	{"result of an object", `allow if {"a": ak_call_policy("native", {})}.a`, []string{"5:10 call-policy-as-condition"}},
	{"result of a variable of an object", `allow if { o := {"a": ak_call_policy("native", {})}; o.a }`, []string{"5:54 call-policy-as-condition"}},
	{"some result", `allow if { some r in [ak_call_policy("native", {})]; r }`, []string{"5:54 call-policy-as-condition"}},
	{"every result", `allow if { every r in {ak_call_policy("native", {})} { r } }`, []string{"5:56 call-policy-as-condition"}},
	{"a result of two", `allow if { [a, b] := [ak_call_policy("native", {}), 1]; a; b }`, []string{"5:57 call-policy-as-condition"}},
	{"result on the left", `allow if { ak_call_policy("native", {}) = r; r }`, []string{"5:46 call-policy-as-condition"}},
	{"result of a comprehension", `allow if { some r in [x | x := ak_call_policy("native", {})]; r }`, []string{"5:63 call-policy-as-condition"}},
	{"result of two levels", `allow if { o := {"a": [ak_call_policy("native", {})]}; o.a[0] }`, []string{"5:56 call-policy-as-condition"}},
	{"result of a rule of objects", "checks[n] := ak_call_policy(n, {}) if some n in [\"native\"]\nallow if checks.vpn", []string{"6:10 call-policy-as-condition"}},
	{"result of a set", "checks contains ak_call_policy(\"native\", {})\nallow if { some c in checks; c }", []string{"6:30 call-policy-as-condition"}},
	{"result of a list of a rule", "checks := [ak_call_policy(\"native\", {})]\nallow if checks[0]", []string{"6:10 call-policy-as-condition"}},
	{"result of a function's object", "f(n) := {\"r\": ak_call_policy(n, {})}\nallow if f(\"native\").r", []string{"6:10 call-policy-as-condition"}},
	{"result of a nested rule", "checks.vpn := ak_call_policy(\"native\", {})\nallow if checks.vpn", []string{"6:10 call-policy-as-condition"}},
	{"what a listed result says", `allow if { some r in [ak_call_policy("native", {})]; r.passing }`, nil},
	{"what a result of a rule says", "checks[n] := ak_call_policy(n, {}) if some n in [\"native\"]\nallow if checks.native.passing", nil},
	{"something beside a result", `allow if { o := {"r": ak_call_policy("native", {}), "ok": input.client_ip_known}; o.ok }`, nil},
	{"every result passes", `allow if every r in [ak_call_policy("native", {})] { r.passing }`, nil},
	{"unequal to the unknown", `allow if input.geoip.country != "RU"`, []string{"5:10 negated-unknown"}},
	{"the unknown is less", `allow if input.asn.asn < 64512`, []string{"5:10 negated-unknown"}},
	{"more than the unknown", `allow if 50 >= input.geoip.lat`, []string{"5:10 negated-unknown"}},
	{"the unknown is not more", `allow if input.asn.asn > 64512`, nil},
	{"unequal to the known", "allow if {\n\tinput.geoip.known\n\tinput.geoip.country != \"RU\"\n}", nil},
	{"not null", `allow if input.geoip.country != null`, nil},
	{"unequal to a method", `allow if input.context.auth_method != "push"`, nil},
	{"result in a variable as value", `allow := r if r := ak_call_policy("native", {})`, []string{"5:10 call-policy-as-condition"}},
	{"result in a rule", "local := ak_call_policy(\"native\", {})\nallow if local", []string{"6:10 call-policy-as-condition"}},
	{"result in a rule, by path", "local := ak_call_policy(\"native\", {})\nallow if data.sallyport.policies.p.local", []string{"6:10 call-policy-as-condition"}},
	{"result of a function", "f(n) := ak_call_policy(n, {})\nallow if f(\"native\")", []string{"6:10 call-policy-as-condition"}},
	{"result of every", `allow if every n in ["native"] { ak_call_policy(n, {}) }`, []string{"5:34 call-policy-as-condition"}},
	{"result in a comprehension", `allow if count([n | some n in ["native"]; ak_call_policy(n, {})]) > 0`, []string{"5:43 call-policy-as-condition"}},
	{"result looked at", "local := ak_call_policy(\"native\", {})\nallow if { local.passing; r := ak_call_policy(\"native\", {}); r.passing }", nil},
	{"another variable of the name", `allow if { count([1 | r := ak_call_policy("native", {}); r.passing]) > 0; some r in [true]; r }`, nil},
	{"output of a function", "f(n) := ak_call_policy(n, {})\nallow if { f(\"native\", r); r.passing }", nil},

	{"negated country", `allow if not input.geoip.country == "RU"`, []string{"5:10 negated-unknown"}},
	{"negated country in a set", `allow if not input.geoip.country in {"RU"}`, []string{"5:10 negated-unknown"}},
	{"negated number", `allow if not input.asn.asn == 64500`, []string{"5:10 negated-unknown"}},
	{"negated context", `allow if not input.context.prompt_data.blocked`, []string{"5:10 negated-unknown"}},
	{"negated method", `allow if not input.context.auth_method == "password"`, []string{"5:10 negated-unknown"}},
	{"negated argument", `allow if not input.context.auth_method_args.x`, []string{"5:10 negated-unknown"}},
	{"negated argument of a call", `allow if not input.context.strict`, []string{"5:10 negated-unknown"}},
	{"negated computed argument", `allow if { some x in ["a"]; not input.context[x] == 1 }`, []string{"5:29 negated-unknown"}},
	{"negated mail address", `allow if not input.context.pending_user.email == "a"`, []string{"5:10 negated-unknown"}},
	{"negated attribute", `allow if not "a" in input.context.pending_user.attributes.site`, []string{"5:10 negated-unknown"}},
	{"negated application", `allow if not input.context.application.slug == "vpn"`, nil},
	{"negated source", `allow if not input.context.source.name in {"corp"}`, nil},
	{"negated user", `allow if not startswith(input.context.pending_user.username, "svc-")`, nil},
	{"negated groups", `allow if not "staff" in input.context.pending_user.groups`, nil},
	{"negated member", `allow if not ak_is_group_member(input.context.pending_user, {"name": "staff"})`, nil},
	{"negated whole context", `allow if not input.context == {}`, nil},
	{"negated country, known", `allow if { input.geoip.known; not input.geoip.country == "RU" }`, nil},
	{"negated number, known", `allow if { not input.asn.asn == 64500; input.asn.known }`, nil},
	{"negated context, not null", `allow if { input.context.auth_method != null; not input.context.auth_method == "x" }`, nil},
	{"negated context, not is_null", `allow if { not is_null(input.context.auth_method); not input.context.auth_method == "x" }`, nil},
	{"negated context, is null", `allow if not input.context.auth_method == null`, nil},
	{"known by a body around", `allow if { input.geoip.known; every c in ["RU"] { not input.geoip.country == c } }`, nil},
	{"not known", `allow if not input.geoip.known`, nil},
	{"negated hour", `allow if not input.now.hour < 8`, nil},

	{"message before a test", `allow if { ak_message("x"); input.client_ip_known }`, []string{"5:12 message-before-test"}},
	{"message before false", `allow if { input.client_ip_known; ak_message("x"); false }`, nil},
	{"message before an event", `allow if { ak_message("x"); ak_message("y"); ak_create_event("z", {}) }`, nil},
	{"message last", `allow if { input.client_ip_known; ak_message("x") }`, nil},

	{"whole input", `allow if count(input) > 1`, []string{"5:16 whole-input"}},
	{"walk", `allow if { walk(input, [_, v]); v == 1 }`, []string{"5:17 whole-input"}},
	{"computed field", `allow if input[input.context.x]`, []string{"5:10 whole-input"}},
	{"replaced input", "allow if f with input as {}\nf if input.client_ip_known", nil},
	{"replaced with input", "allow if f with input.context.a as input\nf if input.context.a", []string{"5:36 whole-input"}},

	{"time", `allow if time.now_ns() > 5`, []string{"5:10 time-now"}},
	{"time, on purpose", `allow if time.now_ns() > 5 # sallyport: ignore time-now`, nil},
	{"time, another one on purpose", `allow if time.now_ns() > 5 # sallyport: ignore whole-input, dns-decides`, []string{"5:10 time-now"}},
	{"unknown code on purpose", `allow if time.now_ns() > 5 # sallyport: ignore time-nwo`, []string{"5:10 time-now", "5:28 ignore-unknown-code"}},
	{"an error on purpose", `allow if one(1) # sallyport: ignore unknown-function`, []string{"5:10 unknown-function", "5:17 ignore-unknown-code"}},
	{"time of the input", `allow if input.now.hour > 5`, nil},

	{"word boundary", `allow if regex_match(input.request.user.name, "\\bmüller\\b")`, []string{"5:47 ascii-word-boundary"}},
	{"word boundary, value", `allow if regex_match("für", "\\b.")`, []string{"5:29 ascii-word-boundary"}},
	{"word boundary, ASCII", `allow if regex_match(input.request.user.name, "\\bsmith\\b")`, nil},
	{"an escaped backslash", `allow if regex_match(input.request.user.name, "ü\\\\b")`, nil},

	{"doubtful pattern", `allow if regex_replace("x", "(a*)*", "") == "y"`, []string{"5:29 doubtful-literal"}},
	{"doubtful pattern, on purpose", `allow if regex_replace("x", "(a*)*", "") == "y" # sallyport: ignore doubtful-literal`, nil},
	{"plain pattern", `allow if regex_replace("x", "a*", "") == "y"`, nil},

	{"dns alone", `allow if reverse_dns(input.client_ip) == "vpn.example.org"`, []string{"5:1 dns-decides"}},
	{"dns alone, as a value", `allow := reverse_dns(input.client_ip) == "vpn.example.org"`, []string{"5:1 dns-decides"}},
	{"dns alone, some", "allow if {\n\tsome a in resolve_dns(\"vpn.example.org\", 4)\n\ta == input.peer_ip\n}", []string{"5:1 dns-decides"}},
	{"dns alone, by steps", `allow if { n := reverse_dns(input.client_ip); l := lower(n); endswith(l, ".example.org") }`, []string{"5:1 dns-decides"}},
	{"dns in a rule", "trusted if reverse_dns(input.client_ip) == \"a\"\nallow if trusted", []string{"6:1 dns-decides"}},
	{"dns in a value", "name := reverse_dns(input.client_ip)\nallow if endswith(name, \".example.org\")", []string{"6:1 dns-decides"}},
	{"dns and a group", `allow if { reverse_dns(input.client_ip) == "a"; ak_is_group_member(input.request.user, {}) }`, nil},
	{"dns and a fact", `allow if { reverse_dns(input.client_ip) == "a"; input.context.auth_method == "push" }`, nil},
	{"dns and a rule", "staff if \"staff\" in input.request.user.groups\nallow if { reverse_dns(input.client_ip) == \"a\"; staff }", nil},
	{"dns for a message", `messages contains "x" if reverse_dns(input.client_ip) == "a"`, nil},

	{"message always", `messages contains "x"`, []string{"5:1 messages-always"}},
	{"messages always", `messages := ["x"]`, []string{"5:1 messages-always"}},
	{"message sometimes", `messages contains "x" if not allow`, nil},
	{"messages of a comprehension", `messages := [m | not allow; m := "x"]`, nil},
	{"no messages", `messages := []`, nil},
}

func TestCases(t *testing.T) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			var want []string
			for _, w := range tt.want {
				want = append(want, "p.rego:"+w)
			}
			check(t, Modules(parse(t, map[string]string{"p.rego": policy(tt.lines)}), language()), want...)
		})
	}
}

// TestEveryWarningIsTested: the cases beside show where it is silent.
func TestEveryWarningIsTested(t *testing.T) {
	for _, code := range silenceable {
		warned := 0
		for _, tt := range cases {
			for _, w := range tt.want {
				if strings.HasSuffix(w, " "+code) {
					warned++
				}
			}
		}
		if warned == 0 {
			t.Errorf("no case has the warning %s", code)
		}
	}
}

func TestSeveralModules(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"no default", map[string]string{"a.rego": "package sallyport.policies.p\nallow if x", "b.rego": "package sallyport.policies.p\nx := true"}, []string{"a.rego:1:1 no-default"}},
		{"default in the other file", map[string]string{"a.rego": "package sallyport.policies.p\nallow if x", "b.rego": "package sallyport.policies.p\ndefault allow := false\nx := true"}, nil},
		{"foreign packages", map[string]string{
			"a.rego": "package authz", "b.rego": "package sallyport.policies", "c.rego": "package sallyport.lib",
			"d.rego": "package sallyport.policies.VPN", "e.rego": "package sallyport.policies.a.b", "f.rego": "package sallyport.vpn",
		}, []string{"a.rego:1:1 wrong-package", "b.rego:1:1 wrong-package", "c.rego:1:1 wrong-package", "d.rego:1:1 wrong-package", "e.rego:1:1 wrong-package", "f.rego:1:1 wrong-package"}},
		{"import of a policy", map[string]string{"p.rego": "package sallyport.policies.p\nimport data.sallyport.policies.q\ndefault allow := false", "q.rego": "package sallyport.policies.q\ndefault allow := false"}, []string{"p.rego:2:1 other-policy"}},
		{"a library needs no default", map[string]string{"l.rego": library("allow := 5")}, nil},
		{"a library uses a policy", map[string]string{"l.rego": library("x := data.sallyport.policies.p.allow")}, []string{"l.rego:3:6 other-policy"}},
		{"result of a library", map[string]string{
			"l.rego": library(`ask(n) := ak_call_policy(n, {})`),
			"p.rego": "package sallyport.policies.p\nimport data.sallyport.lib.l\ndefault allow := false\nallow if l.ask(\"native\")\nallow if data.sallyport.lib.l.ask(\"native\")",
		}, []string{"p.rego:4:10 call-policy-as-condition", "p.rego:5:10 call-policy-as-condition"}},
		{"dns of a library under another name", map[string]string{
			"l.rego": library(`name := reverse_dns(input.client_ip)`),
			"p.rego": "package sallyport.policies.p\nimport data.sallyport.lib.l as dns\ndefault allow := false\nallow if dns.name == \"a\"",
		}, []string{"p.rego:4:1 dns-decides"}},
		{"another policy's name", map[string]string{"p.rego": policy(`allow if ak_call_policy("q", {}).passing`), "q.rego": "package sallyport.policies.q\ndefault allow := false"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			check(t, Modules(parse(t, tt.files), language()), tt.want...)
		})
	}
}

func TestTexts(t *testing.T) {
	for lines, want := range map[string]string{
		`allow if ak_is_group_membr(1, 2)`:           `p.rego:5:10: undefined function ak_is_group_membr, did you mean "ak_is_group_member"? [unknown-function]`,
		`allow if ak_outpost_of(1)`:                  `p.rego:5:10: undefined function ak_outpost_of: docs/policies/expressions.md lists those that there are [unknown-function]`,
		`allow if ak_send_email("x")`:                `p.rego:5:10: undefined function ak_send_email: use a plugin [unknown-function]`,
		`allow if ak_call_policy("native", {})`:      `p.rego:5:10: ak_call_policy("native", {}) is a result of ak_call_policy, an object, which is always true: write ak_call_policy("native", {}).passing [call-policy-as-condition]`,
		`allow if ak_call_policy("vpn", {}).passing`: `p.rego:5:25: ak_call_policy: there is no policy "vpn" [unknown-policy]`,
		`allow if data.network.x`:                    `p.rego:5:10: data.network.x: policies see their own rules, data.sallyport.lib.NAME and the documents of data files, and no data file has "network", did you mean "networks"? [unknown-data]`,
		`allow if not input.asn.asn == 5`:            "p.rego:5:10: input.asn.asn may be null, and then `not input.asn.asn == 5` holds: add input.asn.known [negated-unknown]",
	} {
		found := Modules(parse(t, map[string]string{"p.rego": policy(lines)}), language())
		if len(found) != 1 || found[0].Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", lines, found, want)
		}
	}
	found := Modules(parse(t, map[string]string{"p.rego": "package sallyport.vpn"}), language())
	if len(found) != 1 || !strings.HasSuffix(found[0].Text+found[0].Hint, "is sallyport.policies.vpn meant?") {
		t.Errorf("package: %v", found)
	}
}

func TestCompiled(t *testing.T) {
	for lines, want := range map[string]string{
		`allow := count(input.request.user.groups)`:                         "5:1",
		"x := 5\nallow := x":                                                "6:1",
		"allow if input.client_ip_known\nallow := lower(input.x) if 1 == 2": "6:1",
		"f(x) := {x}\nallow := f(1)":                                        "6:1",
		`allow := input.context.ok`:                                         "",
		"x if input.client_ip_known\nallow := x":                            "",
		`allow := input.now.hour < 5`:                                       "",
	} {
		modules := parse(t, map[string]string{"p.rego": policy(lines)})
		if found := Modules(modules, language()); len(found) > 0 {
			t.Fatal(found)
		}
		c := ast.NewCompiler().WithDefaultRegoVersion(ast.RegoV1)
		if c.Compile(modules); c.Failed() {
			t.Fatal(c.Errors)
		}
		if want != "" {
			check(t, Compiled(c), "p.rego:"+want+" allow-not-boolean")
		} else {
			check(t, Compiled(c))
		}
	}
}
