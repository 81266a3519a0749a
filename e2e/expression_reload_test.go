package e2e

import (
	"fmt"
	"testing"
	"time"
)

// version is two policies and a library that all say which version they are.
func version(n int) map[string]string {
	return map[string]string{
		"first.rego": named("first", fmt.Sprintf(`import data.sallyport.lib.number

messages contains sprintf("first-%d-%%d", [number.n])`, n)),
		"below/second.rego": named("second", fmt.Sprintf(`messages contains "second-%d"`, n)),
		"lib/number.rego":   fmt.Sprintf("package sallyport.lib.number\n\nn := %d\n", n),
	}
}

func saysVersion(n int) ldapAnswer {
	return ldapAnswer{49, fmt.Sprintf("first-%d-%d second-%d", n, n, n)}
}

// TestReloadedPolicies: under sixteen logins at once each answer is that of one
// version of the policies, and after a reload that of the new one.
func TestReloadedPolicies(t *testing.T) {
	t.Parallel()
	text := expressive(app{"vpn", "bindings: [{policy: first}, {policy: second}]"}) + athome + "policies: {expressions: expressions}\n"
	s := startIn(t, expressing(t, text, version(1)))
	c := s.crowd(append(s.byLDAP(8, "alice", "vpn"), s.byRADIUS(8, "alice")...)...)
	for n := 1; n <= 4; n++ {
		if n > 1 {
			writePolicies(t, s.dir, version(n))
			s.hangup("reloaded")
		}
		reloaded := time.Now()
		for _, a := range c.after(reloaded, 64) {
			old := n > 1 && a.ldapAnswer == saysVersion(n-1)
			if a.ldapAnswer != saysVersion(n) && (!old || a.begun.After(reloaded)) {
				t.Errorf("version %d, %s after the reload: %q", n, a.begun.Sub(reloaded), a.text)
			}
		}
	}
}
