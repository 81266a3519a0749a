package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestStoredPolicy: a policy that is set by command acts on the running server
// and ends when it is deleted; its condition asks a helper.
func TestStoredPolicy(t *testing.T) {
	s := start(t, quickstart(t))
	set := func(login string) {
		t.Helper()
		out, code := s.sallyport("", "policy", "set", "helped", "--scope", "authorization", "--action", "authorized=deny_access",
			"--user", "alice", "--condition", "helper watchlist.listed("+login+") equals true")
		if code != 0 {
			t.Fatalf("policy set: %d\n%s", code, out)
		}
	}
	refused := func() bool {
		_, code := s.try("radius", "alice", "alice-pw")
		return code != 0
	}
	takenOver := func(n int) {
		t.Helper()
		s.eventually("the policies are taken over", 10*time.Second, func() bool {
			return len(s.find(func(l logLine) bool { return l.text("msg") == "stored policies taken over" })) == n
		})
	}
	set("erin")
	takenOver(1)
	if !refused() {
		t.Error("erin is on the list, and alice is let in")
	}
	set("zoe")
	takenOver(2)
	if refused() {
		t.Error("zoe is not on the list, and alice is refused")
	}
	if out, code := s.sallyport("", "check"); code != 0 {
		t.Errorf("check: %d\n%s", code, out)
	}
	set("erin,zoe") // a helper that takes one argument cannot be asked
	s.waitLog("fault", 10*time.Second, func(l logLine) bool {
		return strings.Contains(l.text("error"), "watchlist.listed takes 1 argument (string), and not 2")
	})
	if refused() {
		t.Error("the policies before do not go on")
	}
	if out, code := s.sallyport("", "check"); code != 3 || !strings.Contains(out, `store: policy "helped": conditions:`) {
		t.Errorf("check: %d\n%s", code, out)
	}
	if out, code := s.sallyport("", "policy", "delete", "helped"); code != 0 {
		t.Fatalf("policy delete: %d\n%s", code, out)
	}
	s.eventually("readyz is without the fault", 10*time.Second, func() bool {
		code, body := s.get("/readyz")
		return code == 200 && !strings.Contains(body, "cannot be taken over")
	})
}
