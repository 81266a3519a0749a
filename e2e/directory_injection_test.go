package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"
	"layeh.com/radius"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// hostile are logins that want to be more than a value. Whoever becomes alice by
// one of them comes in: all are tried with her password.
var hostile = []string{
	"*", "a*", "*alice", "alice*", "al*ce", "**", "(", ")", "()", "&", "|", "!", "=", "~=", ">=", "<=", ":=", ":dn:=",
	"*)(uid=*", "*)(uid=alice", "alice)(uid=alice", "alice)(objectClass=*", "alice))(|(uid=*", "alice)))(&(uid=*",
	"*)(|(uid=*)", "*))%00", "x)(|(uid=alice", "x)(!(uid=x", ")(cn=*", "*)(userPassword=*", "admin)(&)", "(uid=alice)",
	`\2a`, `\\2a`, `\5c2a`, `\2A\29\28uid=\2a`, `\`, `\\`, `alice\`, `\alice`, `\61lice`, `alice\20`, `al\69ce`, `\zz`,
	"%2a", "%2A%29%28uid%3D%2A", "&#42;", "${alice}", "{login}", "%s", "%00", "alice%00", "$(id)", "';--",
	"alice,ou=people", "alice,ou=x", "a,ou=x", "alice,ou=people,dc=corp,dc=example", "uid=alice", "uid=alice,ou=people,dc=corp,dc=example",
	"alice+cn=x", "alice+uid=alice", "alice;ou=x", `alice\,ou=x`, `"alice"`, "<alice>", "#alice", "#616c696365", "alice=", "cn=reader,ou=services",
	"\x00", "alice\x00", "\x00alice", "al\x00ice", "alice\x00)(uid=*", "alice\x00*", "alice\r\nuid: bob", "alice\n", "\talice", "alice\x7f", "\x1b[31malice",
	"al\u202eeci", "\u202ealice", "alice\u200b", "\u200balice", "\ufeffalice", "al\u00adice", "alice\u0301", "\u2028alice", "alice\u2069",
	"\xc0\xaa", "\xe0\x80\xaa", "\xf0\x80\x80\xaa", "\xc0\x80alice", "\xff\xfealice", "\xfe\xff\x00a\x00l", "a\x00l\x00i\x00c\x00e\x00", "\x00a\x00l\x00i\x00c\x00e",
	"\xed\xa0\x80", "\xf4\x90\x80\x80", "alice\x80", "alice\xc3", "+ADw-alice+AD4-",
	"alice@", "@alice", "alice@corp@corp", "alice@*", "*@corp", "corp\\", "corp\\*", `corp\*)(uid=*`, `corp\alice)(uid=*`, "alice@corp)(uid=*", " ", "   ", "\u00a0", "alice alice",
	strings.Repeat("a", 250), strings.Repeat("*", 250), strings.Repeat("(", 250), strings.Repeat(`\`, 250), strings.Repeat("ä", 120),
	strings.Repeat("a", 10_000), strings.Repeat("*)(uid=", 1500), strings.Repeat("\u202e", 3500), strings.Repeat("(|", 5000),
}

// plausibleReasons are why a hostile login ends.
var plausibleReasons = []string{
	"unknown_user", "malformed_login", "empty_login", "empty_realm", "unknown_realm", "unknown_application", "bad_password",
}

// TestInjectionSearch: whatever a login holds, slapd sees the one filter that was
// meant, with the login as its value.
func TestInjectionSearch(t *testing.T) {
	t.Parallel()
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	s := start(t, behind(slapdKeys(srv, "groups: {lookup: none}\ncache: {entries: 0}", srv.LDAPSURL)))
	s.attack(t)

	meant := regexp.MustCompile(`^\(&\(objectClass=person\)\(\|\(uid=([^()*\\]|\\[0-9A-Fa-f]{2})*\)\)\)$`)
	filters := srv.Filters()
	if len(filters) < len(hostile)/2 {
		t.Errorf("only %d searches: the log of slapd is not what it was", len(filters))
	}
	for _, filter := range filters {
		if !meant.MatchString(filter) {
			t.Errorf("slapd saw another filter: %q", filter)
		}
		if strings.Contains(filter, `\00`) || len(filter) > 1200 {
			t.Errorf("slapd saw a login that nobody can have: %.200q", filter)
		}
	}
	for _, want := range []string{`\2A`, `\2A\29\28uid=\2A`, `alice,ou=x`, `alice\29\29\28|\28uid=\2A`} {
		filter := "(&(objectClass=person)(|(uid=" + want + ")))"
		if !slices.ContainsFunc(filters, func(f string) bool { return strings.EqualFold(f, filter) }) {
			t.Errorf("slapd did not see %s", filter)
		}
	}
	for _, name := range srv.Binds() {
		if !strings.EqualFold(name, srv.ServiceDN) {
			t.Errorf("a bind as %q", name)
		}
	}
}

// TestInjectionTemplate: the same where the login becomes a DN: it is one value
// of it.
func TestInjectionTemplate(t *testing.T) {
	t.Parallel()
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	s := start(t, behind(fmt.Sprintf("urls: [%s]\ntls: {ca: %s}\nuser_dn: %q", srv.LDAPSURL, srv.CAFile, "uid={login},ou=people,"+srv.BaseDN)))
	s.attack(t)

	below, err := goldap.ParseDN("ou=people," + srv.BaseDN)
	if err != nil {
		t.Fatal(err)
	}
	binds := srv.Binds()
	if len(binds) < len(hostile)/2 {
		t.Errorf("only %d binds: the log of slapd is not what it was", len(binds))
	}
	for _, name := range binds {
		parsed, err := goldap.ParseDN(name)
		if err != nil || len(parsed.RDNs) != len(below.RDNs)+1 || len(parsed.RDNs[0].Attributes) != 1 || !below.AncestorOfFold(parsed) {
			t.Errorf("a bind as %q: %v", name, err)
		}
	}
	if filters := srv.Filters(); len(filters) > 0 {
		t.Errorf("searches without a service account: %q", filters)
	}
}

// TestInjectionPassword: passwords that some servers cut short or take for no
// password never reach the directory.
func TestInjectionPassword(t *testing.T) {
	t.Parallel()
	srv := testenv.StartSlapd(t, testenv.SlapdOptions{})
	s := start(t, behind(slapdKeys(srv, "cache: {entries: 0}", srv.LDAPSURL)))
	conn, err := goldap.DialURL("ldap://" + s.ldap)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, password := range []string{
		"", "\x00", "alice-pw\x00", "alice-pw\x00x", "\x00alice-pw", strings.Repeat("x", 5000), strings.Repeat("alice-pw", 20_000), "\xff\xfe",
	} {
		_, err := conn.SimpleBind(&goldap.SimpleBindRequest{Username: dn("alice"), Password: password, AllowEmptyPassword: true})
		want := uint16(goldap.LDAPResultInvalidCredentials)
		if password == "" {
			want = goldap.LDAPResultUnwillingToPerform
		}
		if !goldap.IsErrorWithCode(err, want) {
			t.Errorf("LDAP, password %.20q of %d octets: %v", password, len(password), err)
		}
		if len(password) <= 128 && password != "alice-pw\x00" { // RADIUS itself fills up with NUL
			s.never(t, "alice", password)
		}
	}
	if binds := srv.Binds(); slices.ContainsFunc(binds, func(name string) bool { return strings.HasPrefix(name, "uid=") }) {
		t.Errorf("slapd saw one of the passwords: %q", binds)
	}
	if err := conn.Bind(dn("alice"), "alice-pw"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	if binds := srv.Binds(); !slices.Contains(binds, "uid=alice,ou=people,"+srv.BaseDN) {
		t.Errorf("slapd saw no bind of alice: %q", binds)
	}
}

// attack tries all hostile logins through RADIUS and through LDAP, as a DN and
// where possible as a name with a domain.
func (s *server) attack(t *testing.T) {
	t.Helper()
	conn, err := goldap.DialURL("ldap://" + s.ldap)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, login := range hostile {
		for _, name := range []string{dn(goldap.EscapeDN(login)), dn(login), `corp\` + login, login + "@corp", login} {
			if isAlice(name) {
				continue
			}
			err := conn.Bind(name, "alice-pw")
			if !goldap.IsErrorWithCode(err, goldap.LDAPResultInvalidCredentials) && !goldap.IsErrorWithCode(err, goldap.LDAPResultInvalidDNSyntax) {
				t.Errorf("LDAP bind as %.100q: %v", name, err)
			}
		}
		if len(login) <= 253 {
			s.never(t, login, "alice-pw")
		}
	}
	for _, line := range s.find(func(l logLine) bool { return l.text("msg") == "login" }) {
		if !slices.Contains(plausibleReasons, line.text("reason")) {
			t.Errorf("an unexpected reason: %v", line)
		}
	}
}

// isAlice reports whether a DN is another spelling of alice's, with the escapes
// and the blanks that RFC 4514 and RFC 4518 have mean nothing.
func isAlice(name string) bool {
	parsed, err := goldap.ParseDN(name)
	alice, _ := goldap.ParseDN(dn("alice"))
	if err != nil || len(parsed.RDNs) == 0 || len(parsed.RDNs[0].Attributes) != 1 {
		return false
	}
	value := &parsed.RDNs[0].Attributes[0].Value
	*value = strings.TrimSpace(*value)
	return alice.EqualFold(parsed)
}

// never demands that RADIUS rejects a login.
func (s *server) never(t *testing.T, login, password string) {
	t.Helper()
	res, err := radiusclient.Exchange(t.Context(), s.radius, config.NewSecret("testing123"), radiusclient.Request{Username: login, Password: password})
	if err != nil || res.Code != radius.CodeAccessReject {
		t.Errorf("RADIUS login of %q: %v, %v", login, res.Code, err)
	}
}
