package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// worldPolicy asks for everything that a policy can ask for beside the login.
const worldPolicy = `package sallyport.policies.world

default allow := false

colleague := ak_user_by({"groups__name": "staff"})

allow if {
	colleague.username == "alice"
	not ak_is_group_member("bob", {"name": "staff"})
	ak_call_policy("own", {}).passing
	resolve_dns("192.0.2.7", 4) == ["192.0.2.7"]
}

messages contains "Nobody may be asked." if ak_call_policy("web", {}).error == "helper_failed"
`

const webPolicy = `package sallyport.policies.web

default allow := false

allow if requests.get("https://hr.example.org/", {}).status == 200
`

// TestExpressionsReachTheWorld logs in by a policy that looks for other users,
// calls a scoped policy, and asks for names; web servers that are not configured
// have no answer.
func TestExpressionsReachTheWorld(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rego"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rego/world.rego", worldPolicy)
	write(t, dir, "rego/web.rego", webPolicy)
	write(t, dir, "scoped.yaml", "policies:\n  - {name: own, scope: authorization, action: {authorized: grant_access}, user: [alice]}\n")
	text := strings.Replace(minimal, "{group: staff, message: For staff only.}", "{policy: world}", 1) +
		"policies: {expressions: " + filepath.Join(dir, "rego") + ", scoped: [" + filepath.Join(dir, "scoped.yaml") + "]}\n"
	r := start(t, text)
	for user, want := range map[string]string{"alice": "Access-AcceptNobody may be asked.", "bob": "Access-RejectNobody may be asked."} {
		if got := r.radius(user, user+"-pw"); got != want {
			t.Errorf("%s: %s, want %s\n%s", user, got, want, r.log)
		}
	}
}
