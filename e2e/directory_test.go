package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// behind is a configuration whose realm corp has its users in the directory
// given, the keys of an LDAP directory in YAML. Beside the application demo
// there is one for each group, o=GROUP, that lets only its members in.
func behind(directory string, groups ...string) string {
	var b strings.Builder
	b.WriteString(`
listen: {radius: ["127.0.0.1:0"], ldap: ["127.0.0.1:0"], ldaps: ["127.0.0.1:0"], http: "127.0.0.1:0"}
store: sqlite:../../var/sallyport.db
tls: {self_signed: ../../var/tls}
log: {format: json}
login: {timeout: 4s}
realms:
  corp: {default: true, directories: [corp], aliases: [corp.example], upn_suffixes: [mail.example]}
directories:
  corp:
    type: ldap
    ` + strings.ReplaceAll(strings.TrimSpace(directory), "\n", "\n    ") + `
applications:
  demo:
    radius: {clients: [127.0.0.1/32], secret: testing123}
    ldap:
      base_dn: dc=example,dc=org
      user_dn: uid={login},ou=users,dc=example,dc=org
      domains: ["*"]
`)
	for i, group := range groups {
		fmt.Fprintf(&b, "  group%d:\n    ldap: {base_dn: %q, user_dn: %q}\n    policies: {bindings: [{group: %q}]}\n",
			i, "o="+goldap.EscapeDN(group), "uid={login},o="+goldap.EscapeDN(group), group)
	}
	return b.String()
}

// login logs in through RADIUS (radclient) and LDAP (ldapwhoami), demands that
// the log has one line with the reason for each, and that the answers fit.
func (s *server) login(user, password, reason string) {
	s.t.Helper()
	for _, protocol := range []string{"radius", "ldap"} {
		before := len(s.loginsOver(protocol, user))
		out := s.ask(protocol, user, password, reason)
		var lines []logLine
		s.eventually(protocol+" login of "+user, 5*time.Second, func() bool {
			lines = s.loginsOver(protocol, user)
			return len(lines) > before
		})
		if line := lines[len(lines)-1]; line.text("reason") != reason || len(lines) != before+1 {
			s.t.Errorf("%s login of %q: %d lines, the last has reason %s, want %s: %v\n%s",
				protocol, user, len(lines)-before, line.text("reason"), reason, line, out)
		}
	}
}

// ask makes one login and checks the answer. It returns what the client printed.
func (s *server) ask(protocol, user, password, reason string) string {
	s.t.Helper()
	if protocol == "radius" {
		want, patience := "Received Access-Reject", "6"
		switch reason {
		case "ok":
			want = "Received Access-Accept"
		case "upstream_unavailable":
			want, patience = "No reply", "1" // silence may be longer, but the log tells
		}
		out, _ := s.radclient(pap(user, password), "testing123", "-t", patience)
		if !strings.Contains(out, want) {
			s.t.Errorf("RADIUS login of %q: want %q, got:\n%s", user, want, out)
		}
		return out
	}
	name := user
	if !strings.ContainsAny(user, `@\`) {
		name = dn(goldap.EscapeDN(user))
	}
	out, code := s.ldapTool("ldapwhoami", "-x", "-H", "ldap://"+s.ldap, "-D", name, "-w", password)
	want, ok := map[string]int{"ok": 0, "upstream_unavailable": 52}[reason]
	if !ok {
		want = 49
	}
	if code != want {
		s.t.Errorf("LDAP login of %q: exit code %d, want %d:\n%s", user, code, want, out)
	}
	return out
}

func (s *server) loginsOver(protocol, user string) []logLine {
	return s.find(func(l logLine) bool {
		return l.text("msg") == "login" && l.text("user") == user && l.text("protocol") == protocol
	})
}

// members checks through LDAP binds who is let in by which group.
func (s *server) members(password func(string) string, groups []string, in map[string][]string) {
	s.t.Helper()
	conn, err := goldap.DialURL("ldap://" + s.ldap)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	for user, mine := range in {
		for _, group := range groups {
			err := conn.Bind("uid="+user+",o="+goldap.EscapeDN(group), password(user))
			if want := slices.Contains(mine, group); want != (err == nil) || err != nil && !goldap.IsErrorWithCode(err, 49) {
				s.t.Errorf("%s in group %q: %v, want %v; %v", user, group, err, want, s.logins(user))
			}
		}
	}
}

func pw(login string) string { return login + "-pw" }

// slapdKeys are the keys of a directory for slapd at these URLs.
func slapdKeys(srv *testenv.Slapd, more string, urls ...string) string {
	return fmt.Sprintf("urls: [%s]\ntls: {ca: %s}\nbase_dn: %q\nbind_dn: %q\nbind_password: %s\n%s",
		strings.Join(urls, ", "), srv.CAFile, srv.BaseDN, srv.ServiceDN, srv.ServicePassword, more)
}

var slapdGroups = []string{"staff", "vpn users", "inner", "outer", "outermost", "ring one", "ring two", "ring three", "odd, group", "unique", "posix"}

// TestSlapd: OpenLDAP over LDAPS with memberOf, and with StartTLS and a search
// of the groups.
func TestSlapd(t *testing.T) {
	t.Parallel()
	need(t, "radclient")
	need(t, "ldapwhoami")
	for _, way := range []struct {
		name, more string
		starttls   bool
		must       string // what becomes of a password that must be changed
		dave       []string
	}{
		{name: "LDAPS, memberOf", more: "groups: {lookup: memberof}", must: "password_must_change"},
		{name: "StartTLS, member", more: "must_change: allow", starttls: true, must: "ok", dave: []string{"unique", "posix"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			srv := testenv.StartSlapd(t, testenv.SlapdOptions{Users: 300})
			url := srv.LDAPSURL
			if way.starttls {
				url = srv.LDAPURL
			}
			s := start(t, behind(slapdKeys(srv, way.more, url), slapdGroups...))
			for _, tt := range []struct{ user, password, reason string }{
				{"alice", "alice-pw", "ok"},
				{"ALICE", "alice-pw", "ok"},
				{"alice@corp", "alice-pw", "ok"},
				{`CORP\alice`, "alice-pw", "ok"},
				{"peter", "peter-pw", "ok"},
				{testenv.PlainUser(299), pw(testenv.PlainUser(299)), "ok"},
				{"alice", "wrong", "bad_password"},
				{"alice", "ALICE-PW", "bad_password"},
				{"nobody", "alice-pw", "unknown_user"},
				{"twin", "twin-pw", "ambiguous_user"},
				{"printer", "printer-pw", "unknown_user"}, // is no person
				{"locked", "locked-pw", "locked_out"},
				{"expired", "expired-pw", "password_expired"},
				{"expired", "wrong", "bad_password"},
				{"grace", "grace-pw", "ok"},
				{"mustchange", "mustchange-pw", way.must},
				{"mustchange", "wrong", "bad_password"},
				{"o'brien", "o'brien-pw", "ok"},
				{"w*(x)y", "w*(x)y-pw", "ok"},
			} {
				s.login(tt.user, tt.password, tt.reason)
			}
			for _, user := range testenv.OddLogins {
				s.login(user, pw(user), "ok")
				s.login(user, "wrong", "bad_password")
			}
			s.members(pw, slapdGroups, map[string][]string{
				"alice": {"staff", "vpn users"}, "bob": {"inner", "outer", "outermost"},
				"carol": {"ring one", "ring two", "ring three"}, "dave": way.dave,
				"comma": {"odd, group"}, "multi": {"odd, group"}, "nobodysfriend": nil,
			})
			s.login("lockable", "wrong", "bad_password") // twice: RADIUS and LDAP
			for range 2 {
				s.ask("radius", "lockable", "wrong", "bad_password")
			}
			s.login("lockable", "lockable-pw", "locked_out")
			if strings.Contains(s.log(), "alice-pw") || strings.Contains(s.log(), srv.ServicePassword) {
				t.Error("a password is in the log")
			}
		})
	}
}

// TestSlapdMisconfigured: what is wrong with our side of the directory is an
// outage, and never the user's fault.
func TestSlapdMisconfigured(t *testing.T) {
	t.Parallel()
	need(t, "radclient")
	need(t, "ldapwhoami")
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{Certificate: testenv.Certificate{Names: []string{"ldap.corp.example"}}})
	down := testenv.StartRelay(t, srv.LDAPSAddr)
	if err := down.Set(testenv.Refuse); err != nil {
		t.Fatal(err)
	}
	good := slapdKeys(srv, "timeout: 1s", srv.LDAPSURL)
	named := strings.Replace(good, "tls: {", "tls: {server_name: ldap.corp.example, ", 1)
	for name, tt := range map[string]struct{ directory, reason string }{
		"the name of the certificate": {good, "upstream_unavailable"},
		"server_name":                 {named, "ok"},
		"another authority":           {strings.Replace(named, srv.CAFile, testenv.NewAuthority(t).File, 1), "upstream_unavailable"},
		"the service password":        {strings.Replace(named, srv.ServicePassword, "other", 1), "upstream_unavailable"},
		"nobody listens":              {slapdKeys(srv, "", "ldaps://"+down.Addr), "upstream_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, behind(tt.directory))
			s.login("alice", "alice-pw", tt.reason)
			if tt.reason != "ok" {
				s.login("alice", "wrong", tt.reason)
				s.login("nobody", "wrong", tt.reason)
			}
		})
	}
}
