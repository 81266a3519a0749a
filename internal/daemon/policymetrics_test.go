package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPolicyCacheIsCounted: a login that a result is there for is a hit, a policy
// that reads the clock is named, and what policies want in the log is there.
func TestPolicyCacheIsCounted(t *testing.T) {
	r := start(t, minimal)
	if err := os.Mkdir(filepath.Join(r.dir, "rego"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(r.dir, "rego"), "staff.rego", `package sallyport.policies.staff

default allow := false

allow if "staff" in input.request.user.groups

messages contains {"text": "seen by the audit", "audience": "audit"} if not allow
`)
	write(t, filepath.Join(r.dir, "rego"), "clock.rego", `package sallyport.policies.clock

default allow := false

allow if input.now.unix > 0
`)
	write(t, r.dir, "sallyport.yaml", strings.Replace(minimal, "bindings: [{group: staff, message: For staff only.}]", "bindings: [{policy: staff}, {policy: clock}]", 1)+
		"policies: {expressions: rego, cache: {ttl: 1h}}\n")
	r.hangup("msg=reloaded")
	for range 3 {
		if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
			t.Errorf("alice: %s", got)
		}
	}
	if got := r.radius("bob", "bob-pw"); got != "Access-RejectAccess denied." {
		t.Errorf("bob: %s", got)
	}
	_, metrics := r.get("/metrics")
	for _, want := range []string{
		`sallyport_policy_cache_results_total{policy="staff",result="hit"} 2`,
		`sallyport_policy_cache_results_total{policy="staff",result="miss"} 2`,
		`sallyport_policy_cache_results_total{policy="clock",result="uncacheable"} 4`,
		`sallyport_policy_uncacheable{policy="clock",reason="`,
		`sallyport_policy_cache_entries 2`,
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s", want)
		}
	}
	if !strings.Contains(r.log.String(), `msg="policy note"`) {
		t.Errorf("no note in the log:\n%s", r.log)
	}
}
