package testenv

import (
	"context"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// whoami binds with OpenLDAP's own client and returns what it printed.
func whoami(t *testing.T, s *Slapd, url, dn, password string, flags ...string) (string, error) {
	t.Helper()
	args := append([]string{"-x", "-H", url, "-D", dn, "-w", password}, flags...)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program(t, "ldapwhoami", "ldap-utils"), args...)
	cmd.Env = append(cmd.Environ(), "LDAPTLS_CACERT="+s.CAFile)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestSlapd(t *testing.T) {
	t.Parallel()
	s := StartSlapd(t, SlapdOptions{Users: 3})
	for _, tt := range []struct {
		name, url, dn, password string
		flags                   []string
		want                    string
	}{
		{"StartTLS", s.LDAPURL, s.ServiceDN, s.ServicePassword, []string{"-ZZ"}, "dn:cn=reader"},
		{"LDAPS", s.LDAPSURL, "uid=alice,ou=people," + BaseDN, "alice-pw", nil, "dn:uid=alice"},
		{"plain user", s.LDAPURL, "uid=" + PlainUser(2) + ",ou=people," + BaseDN, PlainUser(2) + "-pw", nil, "dn:uid=user00002"},
		{"wrong", s.LDAPURL, "uid=alice,ou=people," + BaseDN, "bob-pw", nil, "Invalid credentials"},
		{"locked", s.LDAPURL, "uid=locked,ou=people," + BaseDN, "locked-pw", []string{"-e", "ppolicy"}, "Account locked"},
		{"expired", s.LDAPURL, "uid=expired,ou=people," + BaseDN, "expired-pw", []string{"-e", "ppolicy"}, "Password expired"},
		{"grace", s.LDAPURL, "uid=grace,ou=people," + BaseDN, "grace-pw", []string{"-e", "ppolicy"}, "grace"},
		{"must change", s.LDAPURL, "uid=mustchange,ou=people," + BaseDN, "mustchange-pw", []string{"-e", "ppolicy"}, "must be changed"},
		{"odd DN", s.LDAPURL, `cn=\20Leading Blank,ou=odd,` + BaseDN, "blank-pw", nil, "Leading Blank"},
	} {
		if out, _ := whoami(t, s, tt.url, tt.dn, tt.password, tt.flags...); !strings.Contains(out, tt.want) {
			t.Errorf("%s: want %q, got:\n%s", tt.name, tt.want, out)
		}
	}
	if !slices.Contains(s.Binds(), s.ServiceDN) {
		t.Errorf("the log has no bind of the service account:\n%s", s.Log())
	}
}

func TestSlapdSearch(t *testing.T) {
	t.Parallel()
	s := StartSlapd(t, SlapdOptions{})
	front := StartSlapd(t, SlapdOptions{Proxy: s.LDAPURL})
	for filter, want := range map[string]int{
		"(uid=twin)":     2,
		`(uid=w\2a\28*)`: 1,
		`(memberOf=cn=odd\5C2C group,ou=groups,dc=corp,dc=example)`: len(OddLogins),
	} {
		for _, server := range []*Slapd{s, front} {
			out, err := exec.Command(program(t, "ldapsearch", "ldap-utils"), "-x", "-LLL", "-H", server.LDAPURL, "-D", s.ServiceDN, "-w", s.ServicePassword, "-b", BaseDN, filter, "1.1").CombinedOutput()
			if n := strings.Count("\n"+string(out), "\ndn:"); err != nil || n != want {
				t.Errorf("%s: %v, %d entries, want %d:\n%s", filter, err, n, want, out)
			}
			if !slices.ContainsFunc(server.Filters(), func(f string) bool { return strings.EqualFold(f, filter) }) {
				t.Errorf("filters in the log: %q, want %q", server.Filters(), filter)
			}
		}
	}
}

func TestSlapdFaults(t *testing.T) {
	t.Parallel()
	s := StartSlapd(t, SlapdOptions{LDIF: "dn: " + BaseDN + "\nobjectClass: domain\ndc: corp\n", Modules: []string{}})
	answers := func() bool {
		_, err := whoami(t, s, s.LDAPURL, s.AdminDN, s.AdminPassword)
		return err == nil
	}
	pid := s.Pid()
	s.Kill()
	if answers() {
		t.Error("a killed slapd answers")
	}
	s.Restart()
	if !answers() || s.Pid() == pid {
		t.Error("a restarted slapd does not answer")
	}
	s.Suspend()
	if answers() {
		t.Error("a suspended slapd answers")
	}
	s.Resume()
	if !answers() {
		t.Error("a resumed slapd does not answer")
	}
	s.Suspend()
	begin := time.Now()
	s.Stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping a suspended slapd took %s", took)
	}
}

func TestSlapdExpiredCertificate(t *testing.T) {
	t.Parallel()
	s := StartSlapd(t, SlapdOptions{Certificate: ExpiredCertificate()})
	if out, err := whoami(t, s, s.LDAPSURL, s.ServiceDN, s.ServicePassword); err == nil {
		t.Errorf("an expired certificate was accepted: %s", out)
	}
	s.Certify(Certificate{})
	s.Restart()
	if out, err := whoami(t, s, s.LDAPSURL, s.ServiceDN, s.ServicePassword); err != nil {
		t.Errorf("a fresh certificate: %v\n%s", err, out)
	}
}
