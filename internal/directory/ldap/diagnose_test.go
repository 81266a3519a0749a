package ldap

import (
	"errors"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

func TestDiagnose(t *testing.T) {
	right := upstream.BindResult{}
	for _, c := range []struct {
		name   string
		server *server
		change func(*config.LDAPDirectory)
		login  string
		answer upstream.BindResult
		fails  bool
		want   []string // parts of the report
	}{
		{"all is well", tree(), nil, "alice", right, false, []string{
			"connect: connected", `filter (&(objectClass=person)(|(uid=alice)))`, `base "dc=example,dc=org"`, `matched by uid="alice"`,
			`"everybody" "old" "ring" "staff"`, "the password is right",
		}},
		{"no user named", tree(), nil, "", right, false, []string{"connect: connected"}},
		{"nobody", tree(), nil, "bob", right, true, []string{"no such user", "is the user below base_dn", "user_filter", "service account"}},
		{"never sent", tree(), nil, "a\x00", right, true, []string{"refused without asking"}},
		{"two", tree().add("cn=2,"+testBase, person("uid: alice")...), nil, "alice", right, true, []string{"2 entries", "make user_filter or base_dn narrower"}},
		{"no groups", (&server{}).add(aliceDN, person("uid: alice")...), nil, "alice", right, false, []string{"groups: none", "groups.filter"}},
		{"no memberOf", tree(), func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, "alice", right, false, []string{"groups: none", "groups.lookup: member"}},
		{"groups too deep", chain(5), func(c *config.LDAPDirectory) { c.Groups.MaxDepth = 1 }, "alice", right, true, []string{"groups.max_depth (1)", "policies would not see"}},
		{"unreadable", (&server{}).add(aliceDN, person("mail: alice")...), func(c *config.LDAPDirectory) {
			c.UserFilter = "(|(mail=alice)(objectClass=x))"
			c.UserDN = "mail={login}," + testBase
		}, "alice", right, true, []string{"no such user", "is user_dn right"}},
		{"wrong password", tree(), nil, "alice", upstream.BindResult{Code: 49}, true, []string{"refused: wrong", "password is wrong"}},
		{"must change", tree(), nil, "alice", upstream.BindResult{Code: 49, Text: adRefusal("773")}, true, []string{"refused: must_change", "must_change: allow"}},
		{"expired", tree(), nil, "alice", upstream.BindResult{Code: 49, Text: adRefusal("532")}, true, []string{"set a new one"}},
		{"account expired", tree(), nil, "alice", upstream.BindResult{Code: 49, Text: adRefusal("701")}, true, []string{"extend it"}},
		{"hours", tree(), nil, "alice", upstream.BindResult{Code: 49, Text: adRefusal("530")}, true, []string{"logon hours"}},
		{"locked", tree(), nil, "alice", upstream.BindResult{Code: 49, Text: adRefusal("775")}, true, []string{"unlock it"}},
		{"busy", tree(), nil, "alice", upstream.BindResult{Code: 51}, true, []string{"51 (busy)", "counts as an outage"}},
		{"switched off", tree("nsAccountLock: TRUE"), nil, "alice", right, true, []string{"switched this account off", "refused: disabled", "enable it"}},
		{"no look-up", tree(), func(c *config.LDAPDirectory) { c.UserDN, c.BindDN = "uid={login},"+testBase, "" }, "alice", right, false, []string{"no look-up is configured", "the password is right"}},
		{"no look-up, odd login", tree(), func(c *config.LDAPDirectory) { c.UserDN, c.BindDN = "uid={login},"+testBase, "" }, "alice ", right, true, []string{"plain spelling"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.server.bind = func(string, string) (upstream.BindResult, error) { return c.answer, nil }
			d := open(t, c.server, c.change)
			var report strings.Builder
			err := d.Diagnose(t.Context(), c.login, func() (identity.Password, error) { return identity.NewPassword("x"), nil }, func(s Step) {
				report.WriteString(s.Name + ": " + s.Got + " | " + s.Tried + " | " + s.Advice)
				if s.Err != nil {
					report.WriteString(" | " + s.Err.Error())
				}
				report.WriteByte('\n')
			})
			if (err != nil) != c.fails {
				t.Errorf("got %v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(report.String(), part) {
					t.Errorf("%q is not in\n%s", part, report.String())
				}
			}
		})
	}
}

func TestDiagnoseSearchAdvice(t *testing.T) {
	for code, want := range map[uint16]string{
		goldap.LDAPResultOperationsError:          "set bind_dn",
		goldap.LDAPResultNoSuchObject:             "base_dn is not there",
		goldap.LDAPResultInsufficientAccessRights: "right to search",
		goldap.LDAPResultReferral:                 "does not hold base_dn",
		goldap.LDAPResultStrongAuthRequired:       "ldaps://",
		goldap.LDAPResultBusy:                     "steps above",
	} {
		s := tree()
		s.searchErr = func(*goldap.SearchRequest) error {
			return &goldap.Error{ResultCode: code, Err: errors.New("a successful bind must be completed")}
		}
		var last Step
		if err := open(t, s, nil).Diagnose(t.Context(), "alice", nil, func(s Step) { last = s }); err == nil || !strings.Contains(last.Advice, want) {
			t.Errorf("%d: %v, %+v", code, err, last)
		}
	}
}

func TestDiagnosePasswordNotRead(t *testing.T) {
	d := open(t, tree(), nil)
	fault := errors.New("not a terminal")
	err := d.Diagnose(t.Context(), "alice", func() (identity.Password, error) { return identity.Password{}, fault }, func(Step) {})
	if !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		`cn=Smith\, John,dc=x`: `"cn=Smith\, John,dc=x"`, "cn=Jörg": `"cn=Jörg"`, "cn=a\x1b[2J\u202eb\xff": `"cn=a\x1b[2J\u202eb` + "\uFFFD" + `"`,
	} {
		if got := plain(name); got != want {
			t.Errorf("%q is shown as %s", name, got)
		}
	}
}
