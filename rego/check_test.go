package rego

import (
	"os"
	"strings"
	"testing"
)

// TestHints: what people write who know another language is told in this one.
func TestHints(t *testing.T) {
	for lines, want := range map[string]string{
		`allow if request.user.is_active`:                            "p.rego:5:10: var request is unsafe: write input.request",
		`allow if context["auth_method"] == "x"`:                     "var context is unsafe: write input.context",
		`allow if geoip.country == "DE"`:                             "var geoip is unsafe: write input.geoip",
		`allow if input.client_ip == ak_client_ip`:                   "var ak_client_ip is unsafe: write input.client_ip",
		`allow if input.request.user.name != None`:                   "var None is unsafe: write null",
		`allow if input.client_ip_known == True`:                     "var True is unsafe: write true",
		`allow if x > 5`:                                             "var x is unsafe: nothing gives it a value",
		"return input.client_ip_known":                               "nothing is returned here; write allow if …",
		`allow if input.client_ip_known and input.request.user.name`: "write what must hold together on lines of their own",
		`allow if input.client_ip_known or input.request.user.name`:  "write a rule for each alternative",
	} {
		_, err := load(t, map[string]string{"p.rego": policyText(lines)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: no %q in %v", lines, want, err)
		}
	}
	_, err := load(t, map[string]string{"p.rego": policyText("messages contains \"this and that\" iff true # and so on")})
	if err == nil || strings.Contains(err.Error(), "lines of their own") {
		t.Errorf("words in quotes and comments are no code: %v", err)
	}
}

// TestClassicMistakes are refused when a policy is loaded, all at once.
func TestClassicMistakes(t *testing.T) {
	_, err := load(t, map[string]string{
		"condition.rego": "package sallyport.policies.condition\ndefault allow := false\nallow if ak_call_policy(\"helper\", {})",
		"missing.rego":   "package sallyport.policies.missing\nallow if input.client_ip_known",
		"helper.rego":    "package sallyport.policies.helper\ndefault allow := false\nallow if ak_is_member(input.request.user, {})",
		"pattern.rego":   "package sallyport.policies.pattern\ndefault allow := false\nallow if regex_match(input.request.user.username, \"[a-\")",
		"network.rego":   "package sallyport.policies.network\ndefault allow := false\nallow if ip_in_any(input.client_ip, [\"10.0.0.1/8\"])",
		"version.rego":   "package sallyport.policies.version\ndefault allow := false\nallow if count(resolve_dns(\"localhost\", 5)) > 0",
		"template.rego":  "package sallyport.policies.template\ndefault allow := false\nallow if regex_replace(\"x\", \"(x)\", \"\\\\2\") == \"x\"",
		"device.rego":    "package sallyport.policies.device\ndefault allow := false\nallow if ak_user_has_authenticator(input.request.user, \"toaster\")",
		"filter.rego":    "package sallyport.policies.filter\ndefault allow := false\nallow if ak_user_by({\"usrname\": \"x\"}) != null",
		"called.rego":    "package sallyport.policies.called\ndefault allow := false\nallow if ak_call_policy(\"confition\", {}).passing",
	})
	if err == nil {
		t.Fatal("loaded")
	}
	for _, want := range []string{
		"condition.rego:3:10: ak_call_policy(\"helper\", {}) is a result",
		"missing.rego:1:1: policy missing has no default for allow",
		"helper.rego:3:10: undefined function ak_is_member",
		"pattern.rego:3:51: regex_match: ",
		"network.rego:3:37: ip_in_any: ",
		"version.rego:3:41: resolve_dns: ",
		"template.rego:3:36: regex_replace: ",
		"device.rego:3:56: ak_user_has_authenticator: ",
		"filter.rego:3:21: ak_user_by: ",
		"called.rego:3:25: ak_call_policy: there is no policy \"confition\", did you mean \"condition\"?",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
}

// TestPortingExamples: policies that use all of the language load without
// faults, and only with the warnings that are known.
func TestPortingExamples(t *testing.T) {
	text, err := os.ReadFile("testdata/examples.txt")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, one := range strings.Split(string(text), "-- ")[1:] {
		name, body, _ := strings.Cut(one, " --\n")
		files[name] = body
	}
	set, err := load(t, files)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Expressions()) != len(files) || len(set.Warnings()) > 0 {
		t.Errorf("%d policies of %d files, warnings %v", len(set.Expressions()), len(files), set.Warnings())
	}
}

// TestDoubtfulPatterns: what a replacement makes of them may be something else
// than in Python.
func TestDoubtfulPatterns(t *testing.T) {
	const backtracking = "# METADATA\n# custom:\n#   regex_engine: backtracking\n"
	for _, tt := range []struct{ head, call, want string }{
		{"", `regex_replace(input.peer_ip, "(a*)*", "b") == "b"`, "regex_replace: pattern: the repetition at offset "},
		{"", `regex_replace(input.peer_ip, "\\bvpn", "b") == "b"`, `regex_replace: pattern: \b or \B at offset 0 `},
		{"", `regex_replace(input.peer_ip, "(?a:\\b)vpn", "b") == "b"`, ""},
		{"", `regex_replace(input.peer_ip, "a*", "b") == "b"`, ""},
		{"", `regex_match(input.peer_ip, "(a*)*")`, ""}, // found or not found is the same
		{backtracking, `regex_replace(input.peer_ip, "(a*)*\\b", "b") == "b"`, ""},
	} {
		set, err := load(t, map[string]string{"p.rego": tt.head + policyText("allow if "+tt.call)})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, w := range set.Warnings() {
			got = append(got, w.Text)
		}
		text := strings.Join(got, "\n")
		if len(got) > 1 || !strings.Contains(text, tt.want) || tt.want != "" != strings.HasSuffix(text, "[doubtful-literal]") {
			t.Errorf("%s: %q, want %q", tt.call, text, tt.want)
		}
	}
}
