package bench

import (
	"fmt"
	"testing"
)

// BenchmarkRADIUS is PAP with a Message-Authenticator in every request, by how
// many logins are in flight.
func BenchmarkRADIUS(b *testing.B) {
	for _, run := range []struct {
		role   string
		flight []int
	}{
		{"bare-layeh", []int{1, 32, 128}},
		{"stub", []int{1, 32, 128}},
		{"stub-policy", []int{1, 32, 128}},
		{"argon2id", []int{2, 32}},
	} {
		compare(b, run.role, "inflight", run.flight, radiusLoad)
	}
}

// BenchmarkLDAP is simple binds on connections that are kept, one outstanding
// on each.
func BenchmarkLDAP(b *testing.B) {
	for _, run := range []struct {
		role  string
		conns []int
	}{
		{"stub", []int{1, 16, 64}},
		{"stub-policy", []int{1, 16, 64}},
		{"argon2id", []int{2, 16, 64}},
	} {
		compare(b, run.role, "conns", run.conns, ldapLoad)
	}
}

// load runs n logins against a server, at most width of them at once.
type load func(s *server, width, n int) (sample, error)

// compare measures one server at several widths.
func compare(b *testing.B, role, unit string, widths []int, run load) {
	b.Run("server="+role, func(b *testing.B) {
		s := start(b, role)
		for _, width := range widths {
			b.Run(fmt.Sprintf("%s=%d", unit, width), func(b *testing.B) { measure(b, s, width, run) })
		}
	})
}

// TestLogins has every server answer some logins, so that the benchmark cannot
// rot unseen.
func TestLogins(t *testing.T) {
	for role := range roles {
		if role == "directory" {
			continue // see TestDirectoryLogins
		}
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			s := start(t, role)
			check(t, s, "radius", radiusLoad)
			if s.LDAP != "" {
				check(t, s, "ldap", ldapLoad)
			}
		})
	}
}

func check(t *testing.T, s *server, protocol string, run load) {
	t.Helper()
	const n = 20
	got, err := run(s, 2, n)
	if err != nil || len(got.latencies) != n {
		t.Errorf("%s: of %d logins %d accepted, %d refused, %d lost: %v", protocol, n, len(got.latencies), got.refused, got.lost, err)
	}
	if now := s.stats(t); now.CPU <= 0 || now.Mallocs == 0 || now.PeakRSS <= 0 {
		t.Errorf("%s: the server says it has spent %+v", protocol, now)
	}
}
