package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

const surface = `
nested := ak_call_policy("nested", {"group": "outermost"})

first := ak_user_by({"email__iexact": "BOB@corp.example"})

second := ak_user_by({"email__iexact": "BOB@corp.example", "source": "local"})

near if input.geoip.country == "AT"

near if {
	input.request.protocol == "ldap"
	not input.geoip.known
}

away := requests.get("http://WEB/leave", {"params": {"user": input.request.user.username}}).json.away

allow if {
	nested.passing
	first.source == "corp"
	second.username == "robert"
	near
	"192.0.2.44" in resolve_dns("vpn.corp.example", 4)
	reverse_dns("192.0.2.44") == "192.0.2.44"
	not away
}

said if {
	ak_message(sprintf("Hello, %s.", [input.request.user.username]))
	ak_create_event("vpn_login", {"user": input.request.user.username, "password": "hunter2", "is_private": true, "more": {"apiKey": ["hunter2"]}})
	ak_logger.warning("asked", {"client": input.client_ip, "token": {"x": "hunter2"}, "auth_method": input.context.auth_method})
}

messages contains m if some m in nested.messages

messages contains sprintf("Access from %s is not allowed.", [input.geoip.country]) if {
	not near
	input.geoip.known
}

messages contains "Your location could not be determined." if {
	not near
	not input.geoip.known
}

messages contains "You are on leave." if away

messages contains {"text": "for the record", "audience": "audit"}
`

const nestedPolicy = `
allow if ak_is_group_member(input.request.user, {"name": input.context.group})

messages contains sprintf("You are not in %s.", [input.context.group]) if not allow
`

// outages are policies that ask what may not be asked, or what has no good answer.
var outages = []struct{ policy, lines, reason, code, says string }{
	{"stranger", `allow if requests.get("http://localhost:PORT/", {}).status == 200`, "policy_failed", "helper_failed", "stranger.rego:5:10"},
	{"metadata", `allow if requests.get("http://127.0.0.2:PORT/", {}).status == 200`, "policy_failed", "helper_failed", "metadata.rego:5:10"},
	{"slow", `allow if not requests.get("http://WEB/slow", {}).status == 200`, "policy_failed", "helper_failed", "slow.rego:5:14"},
	{"huge", `allow if not requests.get("http://WEB/huge", {}).status == 200`, "policy_failed", "helper_failed", "huge.rego:5:14"},
	{"silent", `allow if resolve_dns("silent.corp.example", 4) == []`, "ok", "", ""},
	{"conflict", "x := 1 if input.client_ip\n\nx := 2 if input.peer_ip\n\nallow if x", "policy_failed", "conflict", "conflict.rego:"},
	{"wrongtype", `allow if not startswith(input.request.user.dn, input.now.hour)`, "policy_failed", "helper_failed", "wrongtype.rego:5:10"},
	{"unknown", `allow if not endswith(input.radius.nas_identifier, "x")`, "policy_failed", "helper_failed", "unknown.rego:5:10"},
	{"endless", `allow if count([1 | some i in numbers.range(1, 30000); some j in numbers.range(1, 30000); i + j < 0]) == 0`, "policy_failed", "timeout", ""},
	{"messages", `messages := {"a": 1}`, "policy_failed", "bad_result", "messages"},
	{"bomb", `allow if regex_match(concat("", ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!" | some i in numbers.range(1, 1000)]), "^(a+)+$")`, "policy_denied", "", ""},
}

// TestExpressions: what a policy learns from directories, addresses, DNS, files of
// locations, a web server and another policy decides logins of both protocols, and
// what it says reaches the user and the log.
func TestExpressions(t *testing.T) {
	t.Parallel()
	need(t, "radclient")
	need(t, "ldapwhoami")
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	dns := nameServer(t, "vpn.corp.example", "192.0.2.44")
	var leave atomic.Bool
	web := webServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			<-r.Context().Done()
		case "/huge":
			_, _ = w.Write(bytes.Repeat([]byte("x"), 10<<20))
		}
		fmt.Fprintf(w, `{"away": %v}`, leave.Load() && r.URL.Path == "/leave" && r.URL.Query().Get("user") == "bob")
	})
	_, port, _ := strings.Cut(web, ":")
	geo := filepath.Join(t.TempDir(), "country.mmdb")
	countries(t, geo, map[string]string{"203.0.113.0/24": "AT", "198.51.100.0/24": "RU"})

	apps := []app{{"vpn", "bindings: [{policy: surface}]"}}
	for _, tt := range outages {
		apps = append(apps, app{tt.policy, "bindings: [{policy: " + tt.policy + ", timeout: 1s}]"})
	}
	config := expressive(apps...) +
		"realms:\n  corp: {default: true, directories: [corp]}\n  home: {directories: [local]}\ndirectories:\n" + local +
		"  corp:\n    type: ldap\n    " + strings.ReplaceAll(slapdKeys(srv, "", srv.LDAPSURL), "\n", "\n    ") +
		fmt.Sprintf("\ngeoip: {city: %q}\ndns: {servers: [%q], timeout: 200ms}\npolicies:\n  expressions: expressions\n  requests: {allow: [%q, %q], private: [127.0.0.1/32], timeout: 500ms}\n",
			geo, dns.Addr, "http://"+web, "http://127.0.0.2:"+port)
	policies := map[string]string{
		"surface.rego":       named("surface", strings.ReplaceAll(surface, "WEB", web)),
		"deep/nested.rego":   named("nested", nestedPolicy),
		"surface_test.rego":  "this is not read",
		".hidden/other.rego": "nor is this",
	}
	for _, tt := range outages {
		policies[tt.policy+".rego"] = named(tt.policy, strings.NewReplacer("WEB", web, "PORT", port).Replace(tt.lines))
	}
	s := startIn(t, expressing(t, config, policies))

	radius := func(user, station, verdict string, texts ...string) {
		t.Helper()
		var more []string
		if station != "" {
			more = []string{fmt.Sprintf("Calling-Station-Id = %q", station)}
		}
		out, _ := s.radclient(pap(user, pw(user), more...), "testing123")
		for _, want := range append(texts, "Received "+verdict, fmt.Sprintf("Hello, %s.", user)) {
			if !strings.Contains(out, want) {
				t.Errorf("RADIUS login of %s from %q: want %q, got\n%s", user, station, want, out)
			}
		}
		if strings.Contains(out, "for the record") {
			t.Errorf("the user reads what is for the log:\n%s", out)
		}
	}
	radius("bob", "203.0.113.7", "Access-Accept")
	radius("bob", "198.51.100.7", "Access-Reject", "Access from RU is not allowed.")
	radius("bob", "02-00-5E-10-00-01", "Access-Reject", "Your location could not be determined.")
	radius("bob", "", "Access-Reject", "Your location could not be determined.")
	radius("alice", "203.0.113.7", "Access-Reject", "You are not in outermost.")
	for user, want := range map[string]int{"bob": 0, "alice": 49} {
		out, code := s.ldapTool("ldapwhoami", "-x", "-H", "ldap://"+s.ldap, "-D", "uid="+user+",o=vpn", "-w", pw(user))
		if code != want || want != 0 && (!strings.Contains(out, "Hello, alice.") || !strings.Contains(out, "You are not in outermost.")) {
			t.Errorf("LDAP login of %s: exit code %d, want %d\n%s", user, code, want, out)
		}
	}
	leave.Store(true)
	radius("bob", "203.0.113.7", "Access-Reject", "You are on leave.")

	b := s.binder(t)
	for _, tt := range outages {
		line := s.expect(b, "bob", tt.policy, tt.reason)
		if ms, _ := line["ms"].(float64); ms > 2000 {
			t.Errorf("policy %s took %v ms", tt.policy, ms)
		}
		if tt.code == "" {
			continue
		}
		if l := s.exception(line); l.text("code") != tt.code || !strings.Contains(l.text("error"), tt.says) {
			t.Errorf("policy %s: %v, want %s: %s", tt.policy, l, tt.code, tt.says)
		}
	}
	checkLeftBehind(t, s)
	for metric, least := range map[string]int{
		`sallyport_policy_requests_total{result="answered"}`:                          8,
		`sallyport_policy_requests_total{result="too_large"}`:                         1,
		`sallyport_policy_requests_total{result="timeout"}`:                           1,
		`sallyport_dns_failures_total{cause="timeout",function="resolve"}`:            1,
		`sallyport_policy_requests_total{result="not_allowed"}`:                       2,
		`sallyport_dns_lookups_total{function="resolve",result="asked"}`:              1,
		`sallyport_geoip_lookups_total{file="city",result="known"}`:                   3,
		`sallyport_policy_cache_results_total{policy="surface",result="uncacheable"}`: 8,
	} {
		if n := s.metric(metric); n < least {
			t.Errorf("%s is %d, want %d", metric, n, least)
		}
	}
	if dns.Asked("vpn.corp.example") != 1 {
		t.Errorf("the name server was asked %d times", dns.Asked("vpn.corp.example"))
	}
}

// checkLeftBehind looks for what the policy left in the log, without secrets.
func checkLeftBehind(t *testing.T, s *server) {
	t.Helper()
	login := s.logins("bob")[0]
	of := func(msg string) logLine {
		return s.waitLog(msg, 3*time.Second, func(l logLine) bool {
			return l.text("msg") == msg && l.text("request_id") == login.text("request_id")
		})
	}
	const stars = "********************"
	context, _ := of("policy event")["context"].(map[string]any)
	more, _ := context["more"].(map[string]any)
	if of("policy event").text("action") != "custom_vpn_login" || context["user"] != "bob" || context["password"] != stars || context["is_private"] != true || more["apiKey"] != stars {
		t.Errorf("the event is %v", of("policy event"))
	}
	line := of("policy")
	fields := fmt.Sprint(line["fields"])
	if line.text("level") != "WARN" || line.text("text") != "asked" || line.text("policy") != "surface" ||
		!strings.Contains(fields, stars) || !strings.Contains(fields, "203.0.113.7") || !strings.Contains(fields, "auth_method") {
		t.Errorf("the line of the policy is %v", line)
	}
	if note := of("policy note"); note.text("text") != "for the record" {
		t.Errorf("the note is %v", note)
	}
	if strings.Contains(s.log(), "hunter2") {
		t.Error("a secret is in the log")
	}
}
