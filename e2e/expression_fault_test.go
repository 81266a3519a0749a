package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// partnerDown are applications whose policies ask slapd about somebody else than
// the local user who logs in, with the reason of a login while slapd is there and
// while it is not.
var partnerDown = []struct {
	app
	up, down string
	texts    []string // what the user reads while it is down
}{
	{app{"refuse", `message: "Ask the desk.", bindings: [{policy: partner}]`}, "ok", "policy_failed", []string{"Ask the desk."}},
	{app{"pass", "bindings: [{policy: partner, failure_result: pass}]"}, "ok", "ok", nil},
	{app{"negate", "bindings: [{policy: partner, negate: true}]"}, "policy_denied", "policy_failed", []string{"Access denied."}},
	{app{"negatepass", "bindings: [{policy: partner, negate: true, failure_result: pass}]"}, "policy_denied", "ok", nil},
	{app{"inside", "bindings: [{policy: stranger}]"}, "policy_denied", "policy_failed", []string{"Access denied."}},
	{app{"caller", "bindings: [{policy: caller}]"}, "policy_denied", "policy_denied", []string{"The partner check failed: helper_failed."}},
	{app{"any", "mode: any, bindings: [{policy: partner}, {group: staff}]"}, "ok", "ok", nil},
	{app{"anyfails", "mode: any, bindings: [{policy: partner}, {group: vpn}]"}, "ok", "policy_failed", []string{"Access denied."}},
	{app{"tried", "bindings: [{group: staff}, {policy: partner, dry_run: true}]"}, "ok", "ok", nil},
	{app{"admission", "bindings: [{policy: partner, stage: admission}]"}, "ok", "policy_failed", []string{"Access denied."}},
}

// TestPolicyExceptions: a directory that goes down under logins makes policies that
// ask it fail, which is no answer that negate or not could turn round. The log says
// where and why, the user reads nothing of it, and it ends when the directory is
// back.
func TestPolicyExceptions(t *testing.T) {
	t.Parallel()
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	apps := make([]app, 0, len(partnerDown)+1)
	for _, a := range partnerDown {
		apps = append(apps, a.app)
	}
	apps = append(apps, app{"hurried", "bindings: [{policy: partner, timeout: 300ms}]"})
	config := expressive(apps...) +
		"realms:\n  home: {default: true, directories: [local, corp]}\ndirectories:\n" + local +
		"  corp:\n    type: ldap\n    " + strings.ReplaceAll(slapdKeys(srv, "cache: {entries: 0}", srv.LDAPSURL), "\n", "\n    ") +
		"\npolicies: {expressions: expressions}\n"
	s := startIn(t, expressing(t, config, map[string]string{
		"partner.rego": named("partner", `partner := ak_user_by({"email": input.request.user.email, "source": "corp"})

allow if partner.is_active

messages contains "The partner was asked." if partner == null

said if ak_create_event("asked", {})

said if ak_message("A secret of the policy.")`),
		"stranger.rego": named("stranger", `allow if not ak_is_group_member("bob", {"name": "inner"})`),
		"caller.rego":   named("caller", `messages contains sprintf("The partner check failed: %s.", [object.get(ak_call_policy("partner", {}), "error", "not")])`),
	}))
	b := s.binder(t)
	for _, a := range partnerDown {
		s.expect(b, "robert", a.name, a.up)
	}

	c := s.crowd(s.byLDAP(8, "robert", "refuse")...)
	c.after(time.Now(), 16)
	srv.Kill()
	killed := time.Now()
	for _, got := range c.after(killed, 16) {
		if got.ldapAnswer != (ldapAnswer{49, "Ask the desk."}) && (got.code != 0 || got.begun.After(killed)) {
			t.Errorf("while slapd died: %+v", got)
		}
	}
	c.end()
	for _, a := range partnerDown {
		checkException(t, s, a.name, s.expect(b, "robert", a.name, a.down, a.texts...))
	}
	s.expect(b, "bob", "any", "upstream_unavailable") // slapd would have to know bob
	if text := s.binder(t).bind("robert", "negate").text; strings.Contains(text, "secret") || strings.Contains(text, "corp") {
		t.Errorf("the user reads %q", text)
	}

	srv.Restart()
	s.eventually("the policy has an answer again", 10*time.Second, func() bool { return b.bind("robert", "refuse").code == 0 })
	for _, a := range partnerDown {
		s.expect(b, "robert", a.name, a.up)
	}
	srv.Suspend()
	defer srv.Resume()
	line := s.expect(b, "robert", "hurried", "policy_failed", "Access denied.")
	if code := s.exception(line).text("code"); code != "timeout" {
		t.Errorf("a directory that hangs: code %q", code)
	}
	if ms, _ := line["ms"].(float64); ms < 290 || ms > 1500 {
		t.Errorf("a binding with 300ms took %v ms", ms)
	}
}

// exception is the line about the exception of a login.
func (s *server) exception(login logLine) logLine {
	s.t.Helper()
	return s.waitLog("policy exception", 3*time.Second, func(l logLine) bool {
		return l.text("msg") == "policy exception" && l.text("request_id") == login.text("request_id")
	})
}

var atPolicy = regexp.MustCompile(`(partner|stranger)\.rego:\d+:\d+$`)

// checkException demands that the log has what went wrong in a login.
func checkException(t *testing.T, s *server, application string, login logLine) {
	t.Helper()
	switch application {
	case "caller": // the policy that was called failed, and not the binding
		l := s.waitLog("event of the exception", 3*time.Second, func(l logLine) bool {
			return l.text("action") == "policy_exception" && l.text("request_id") == login.text("request_id")
		})
		context, _ := l["context"].(map[string]any)
		if l.text("policy") != "partner" || context["code"] != "helper_failed" {
			t.Errorf("the event is %v", l)
		}
	case "tried":
		l := s.waitLog("dry run", 3*time.Second, func(l logLine) bool {
			return l.text("msg") == "dry run" && l.text("request_id") == login.text("request_id") && l.text("error") != ""
		})
		if l["passing"] != false {
			t.Errorf("the dry run is %v", l)
		}
	default:
		l := s.exception(login)
		pass := strings.HasSuffix(application, "pass")
		if l.text("code") != "helper_failed" || !atPolicy.MatchString(l.text("location")) || !strings.Contains(l.text("error"), "corp") || l["passing"] != pass {
			t.Errorf("at %s: %v", application, l)
		}
	}
	if events := s.find(func(l logLine) bool {
		return l.text("action") == "custom_asked" && l.text("request_id") == login.text("request_id")
	}); len(events) > 0 {
		t.Errorf("at %s: an event of a policy that failed is in the log: %v", application, events)
	}
}
