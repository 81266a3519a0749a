package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

var sambaGroups = []string{"inner", "outer", "ring one", "ring two", "primary", "Domain Users", "Domain Admins"}

// TestSamba: Active Directory as Samba speaks it, over LDAPS with the in-chain
// rule, and with StartTLS and a walk through the groups.
func TestSamba(t *testing.T) {
	t.Parallel()
	need(t, "radclient")
	need(t, "ldapwhoami")
	dc := testenv.StartSamba(t)
	keys := func(url, more string) string {
		return fmt.Sprintf("flavor: active_directory\nurls: [%s]\ntls: {ca: %s}\nbase_dn: %q\nbind_dn: %q\nbind_password: %s\ndomains: [corp.example]\n%s",
			url, dc.CAFile, dc.BaseDN, dc.ServiceDN, dc.ServicePassword, more)
	}
	t.Run("LDAPS, in_chain", func(t *testing.T) {
		s := start(t, behind(keys(dc.LDAPSURL, ""), sambaGroups...))
		sambaLogins(t, s)
		sambaMembers(s)
		if strings.Contains(s.log(), testenv.SambaPassword("alice")) || strings.Contains(s.log(), dc.ServicePassword) {
			t.Error("a password is in the log")
		}
	})
	t.Run("StartTLS, walk", func(t *testing.T) {
		s := start(t, behind(keys(dc.LDAPURL, "must_change: allow\ngroups: {nested: walk}"), sambaGroups...))
		s.login("alice", testenv.SambaPassword("alice"), "ok")
		s.login("mustchange", testenv.SambaPassword("mustchange"), "ok")
		s.login("mustchange", "wrong", "bad_password")
		sambaMembers(s)
	})
}

func sambaLogins(t *testing.T, s *server) {
	t.Helper()
	right := testenv.SambaPassword
	for _, tt := range []struct{ user, password, reason string }{
		{"alice", right("alice"), "ok"},
		{"Alice", right("alice"), "ok"},
		{"alice@corp.example", right("alice"), "ok"},
		{"alice@CORP", right("alice"), "ok"},
		{`CORP\alice`, right("alice"), "ok"},
		{`corp.example\alice`, right("alice"), "ok"},
		{"a.liddell@mail.example", right("alice"), "ok"},
		{"juergen", right("juergen"), "ok"},
		{"alice", "wrong", "bad_password"},
		{"a.liddell@mail.example", "wrong", "bad_password"},
		{"nobody", right("alice"), "unknown_user"},
		{"a.liddell", right("alice"), "unknown_user"},
		{"alice@mail.example", right("alice"), "unknown_user"},
		{`OTHER\alice`, right("alice"), "unknown_realm"},
		{"dc$", right("alice"), "unknown_user"}, // a computer
		{"disabled", right("disabled"), "user_disabled"},
		{"gone", right("gone"), "account_expired"},
		{"expired", right("expired"), "password_expired"},
		{"mustchange", right("mustchange"), "password_must_change"},
		{"nohours", right("nohours"), "logon_restricted"},
		{"locked", right("locked"), "locked_out"},
		// What is wrong with the account is told to the right password only.
		{"disabled", "wrong", "bad_password"},
		{"gone", "wrong", "bad_password"},
		{"expired", "wrong", "bad_password"},
		{"mustchange", "wrong", "bad_password"},
		{"nohours", "wrong", "bad_password"},
	} {
		s.login(tt.user, tt.password, tt.reason)
	}
	s.login("lockable", "wrong", "bad_password") // twice: RADIUS and LDAP
	s.ask("radius", "lockable", "wrong", "bad_password")
	s.login("lockable", right("lockable"), "locked_out")
}

func sambaMembers(s *server) {
	s.t.Helper()
	s.members(testenv.SambaPassword, sambaGroups, map[string][]string{
		"alice": {"inner", "outer", "Domain Users"}, "bob": {"ring one", "ring two", "primary", "Domain Users"},
		"juergen": {"Domain Users"},
	})
}
