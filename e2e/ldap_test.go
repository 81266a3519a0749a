package e2e

import (
	"strings"
	"testing"
)

func dn(user string) string { return "uid=" + user + ",ou=users,dc=example,dc=org" }

// ldapTool runs an OpenLDAP program with our authority.
func (s *server) ldapTool(program string, args ...string) (string, int) {
	s.t.Helper()
	return command(s.t, "", "", []string{"LDAPTLS_CACERT=" + s.ca}, need(s.t, program), args...)
}

func TestLdapwhoami(t *testing.T) {
	s := start(t, quickstart(t))
	ways := map[string][]string{
		"plain":    {"-H", "ldap://" + s.ldap},
		"StartTLS": {"-ZZ", "-H", "ldap://" + s.ldap},
		"LDAPS":    {"-H", "ldaps://" + s.ldaps},
	}
	for way, flags := range ways {
		t.Run(way, func(t *testing.T) {
			for _, tt := range []struct {
				name, dn, password, want string
				code                     int
			}{
				{"right", dn("alice"), "alice-pw", "dn:" + dn("alice"), 0},
				{"right, DN spelt otherwise", "UID=Alice , OU=Users,DC=Example, dc=org", "alice-pw", "dn:", 0},
				{"wrong", dn("alice"), "x", "Wrong user name or password.", 49},
				{"unknown", dn("nobody"), "x", "Wrong user name or password.", 49},
				{"disabled", dn("carol"), "carol-pw", "Wrong user name or password.", 49},
				{"not in the group", dn("bob"), "bob-pw", "You are not in the group vpn-users.", 49},
				{"scoped policy", dn("dave"), "dave-pw", "Access denied.", 49},
				{"helper", dn("erin"), "erin-pw", "You are on the watch list.", 49},
				{"empty password", dn("alice"), "", "unwilling", 53},
				{"outside of the base", "uid=alice,ou=users,dc=elsewhere", "alice-pw", "", 49},
				{"no DN", "alice", "alice-pw", "", 34},
			} {
				out, code := s.ldapTool("ldapwhoami", append([]string{"-x", "-D", tt.dn, "-w", tt.password}, flags...)...)
				if code != tt.code || !strings.Contains(out, tt.want) {
					t.Errorf("%s: want %q and exit code %d, got %d:\n%s", tt.name, tt.want, tt.code, code, out)
				}
			}
		})
	}
	s.lastLogin("erin", "reject", "policy_denied")
	if strings.Contains(s.log(), "alice-pw") {
		t.Error("a password is in the log")
	}
}

func TestLdapAnonymousAndRootDSE(t *testing.T) {
	s := start(t, quickstart(t))
	if out, code := s.ldapTool("ldapwhoami", "-x", "-H", "ldap://"+s.ldap); code != 0 || !strings.Contains(out, "anonymous") {
		t.Errorf("anonymous whoami: %d\n%s", code, out)
	}
	for _, flags := range [][]string{{"-H", "ldap://" + s.ldap}, {"-ZZ", "-H", "ldap://" + s.ldap}, {"-H", "ldaps://" + s.ldaps}} {
		out, code := s.ldapTool("ldapsearch", append([]string{"-x", "-LLL", "-s", "base", "-b", "", "+", "*"}, flags...)...)
		if code != 0 || !strings.Contains(out, "namingContexts: dc=example,dc=org") || !strings.Contains(out, "supportedLDAPVersion: 3") {
			t.Errorf("root DSE %v: %d\n%s", flags, code, out)
		}
	}
	if out, code := s.ldapTool("ldapsearch", "-x", "-H", "ldap://"+s.ldap, "-b", "dc=example,dc=org", "(uid=alice)"); code == 0 || strings.Contains(out, "\ndn:") {
		t.Errorf("an anonymous search of the tree: %d\n%s", code, out)
	}
	if out, code := s.ldapTool("ldapsearch", "-x", "-MM", "-H", "ldap://"+s.ldap, "-s", "base", "-b", ""); code != 12 {
		t.Errorf("a critical control that nobody knows: %d\n%s", code, out)
	}
}

func TestLdapRefusalSettings(t *testing.T) {
	s := start(t, quickstart(t)+"\nldap: {policy_refusal_code: 50, anonymous_bind: refuse, require_tls: true}\n")
	if out, code := s.ldapTool("ldapwhoami", "-x", "-ZZ", "-H", "ldap://"+s.ldap, "-D", dn("bob"), "-w", "bob-pw"); code != 50 {
		t.Errorf("policy refusal: %d, want 50\n%s", code, out)
	}
	if out, code := s.ldapTool("ldapwhoami", "-x", "-H", "ldap://"+s.ldap, "-D", dn("alice"), "-w", "alice-pw"); code != 13 {
		t.Errorf("without TLS: %d, want 13\n%s", code, out)
	}
	if out, code := s.ldapTool("ldapwhoami", "-x", "-H", "ldaps://"+s.ldaps); code == 0 {
		t.Errorf("anonymous bind was to be refused\n%s", out)
	}
}
