package e2e

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// mistakes are policies with errors that are found at load, and where.
var mistakes = map[string]string{
	"condition.rego:5:10: …[call-policy-as-condition]": `allow if ak_call_policy("right", {})`,
	"misspelt.rego:5:10: …[unknown-function]":          `allow if ak_is_group_membr(input.request.user, {})`,
	"reaches.rego:5:10: …[unknown-function]":           `allow if http.send({"url": "http://localhost", "method": "get"}).status_code == 200`,
	"mail.rego:5:10: …[unknown-function]":              `allow if ak_send_email("x")`,
	"pattern.rego:5:51: …[bad-literal]":                `allow if regex_match(input.request.user.username, "a(b")`,
	"network.rego:6:28: …[bad-literal]":                "allow if\nip_in_network(\"192.0.2.1\", \"10.0.0.1/8\")",
	"filter.rego:5:21: …[bad-literal]":                 `allow if ak_user_by({"emial": "x"}) != null`,
	"nowhere.rego:5:25: …[unknown-policy]":             `allow if ak_call_policy("nobody", {}).passing`,
	"other.rego:5:10: …[other-policy]":                 `allow if data.sallyport.policies.right.allow`,
	"text.rego:5:1: …[allow-not-boolean]":              `allow := "yes" if input.client_ip_known`,
}

// TestPolicyFaults: check names every mistake with its place, and warnings; a
// server does not start with mistakes, and one that runs is not changed by them.
func TestPolicyFaults(t *testing.T) {
	t.Parallel()
	text := expressive(app{"vpn", "bindings: [{policy: right}]"}) + athome + "policies: {expressions: expressions}\n"
	right := map[string]string{
		"right.rego": named("right", `allow if not input.geoip.country == "RU"`+"\n\n"+`messages contains "right" if input.client_ip != ""`),
		"clock.rego": named("clock", "allow if time.now_ns() > 5"),
	}
	dir := expressing(t, text, right)
	s := startIn(t, dir)
	out, code := s.sallyport("", "check")
	if code != 0 || !strings.Contains(out, "clock.rego:5:10: ") || !strings.Contains(out, "[time-now]") ||
		!regexp.MustCompile(`warning: \S*expressions/right.rego:5:10: .*\[negated-unknown\]`).MatchString(out) {
		t.Errorf("check with warnings: %d\n%s", code, out)
	}
	b := s.binder(t)
	s.expect(b, "alice", "vpn", "ok")

	wrong := map[string]string{"default.rego": "package sallyport.policies.default_less\n\nallow if input.client_ip_known\n"}
	patterns := map[string]*regexp.Regexp{"default": regexp.MustCompile(`(?m)^\S*expressions/default.rego:1:1: .*\[no-default\]$`)}
	for want, lines := range mistakes {
		file, _, _ := strings.Cut(want, ":")
		wrong[file] = named(strings.TrimSuffix(file, ".rego"), lines)
		patterns[want] = regexp.MustCompile(`(?m)^\S*expressions/` + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$")
	}
	writePolicies(t, dir, wrong)
	if out, code = s.sallyport("", "check"); code != 3 {
		t.Errorf("check with mistakes: exit code %d", code)
	}
	for want, pattern := range patterns {
		if !pattern.MatchString(out) {
			t.Errorf("check does not say %s:\n%s", want, out)
		}
	}
	s.hangup("reload failed")
	fault := s.waitLog("fault", time.Second, func(l logLine) bool { return strings.HasPrefix(l.text("msg"), "reload failed") })
	if text := fault.text("error"); !strings.Contains(text, "condition.rego:5:10") {
		t.Errorf("the reload failed with %s", text)
	}
	for range 2 {
		s.expect(b, "alice", "vpn", "ok")
	}

	// Nor does a server start with them, nor with one that cannot be read at all.
	other := expressing(t, text, right)
	writePolicies(t, other, map[string]string{"torn.rego": "package sallyport.policies.torn\n\ndefault allow := false\n\nallow if {\n"})
	for dir, want := range map[string]string{dir: "condition.rego:5:10: ", other: "torn.rego:"} {
		out, code := command(t, dir, "", nil, filepath.Join(dir, "bin/sallyport"), "-c", s.config, "serve")
		if code != 3 || !strings.Contains(out, want) {
			t.Errorf("serve: exit code %d, want 3 and %s\n%s", code, want, out)
		}
	}
}
