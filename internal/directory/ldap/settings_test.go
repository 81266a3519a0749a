package ldap

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestSettingsRefuse(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*config.LDAPDirectory)
		want   []string // parts of the error; none: it is taken
	}{
		{"as it is", nil, nil},
		{"no filter", func(c *config.LDAPDirectory) { c.UserFilter = "objectClass=person" }, []string{`user_filter: "objectClass=person" is not an LDAP filter`, "(objectClass=person)"}},
		{"filter not closed", func(c *config.LDAPDirectory) { c.UserFilter = "(&(a=b)" }, []string{"user_filter: "}},
		{"filter with more behind", func(c *config.LDAPDirectory) { c.UserFilter = "(a=b)(c=d)" }, []string{"user_filter: "}},
		{"filter empty", func(c *config.LDAPDirectory) { c.UserFilter = "" }, []string{"user_filter: "}},
		{"group filter", func(c *config.LDAPDirectory) { c.Groups.Filter = "(" }, []string{"groups.filter: "}},
		{"group filter, but no groups", func(c *config.LDAPDirectory) { c.Groups.Filter, c.Groups.Lookup = "(", "none" }, nil},
		{"base", func(c *config.LDAPDirectory) { c.BaseDN = "example.org" }, []string{`base_dn: "example.org" is not a distinguished name`, "dc=example,dc=org"}},
		{"no base", func(c *config.LDAPDirectory) { c.BaseDN = "" }, []string{"base_dn: "}},
		{"group base", func(c *config.LDAPDirectory) { c.Groups.BaseDN = "groups" }, []string{"groups.base_dn: "}},
		{"service account", func(c *config.LDAPDirectory) { c.BindDN = "cn=svc,org" }, []string{"bind_dn: "}},
		{"service account of a domain", func(c *config.LDAPDirectory) { c.BindDN = `CORP\svc` }, nil},
		{"no login attribute", func(c *config.LDAPDirectory) { c.LoginAttribute = nil }, []string{"login_attribute: "}},
		{"no member attribute", func(c *config.LDAPDirectory) { c.Groups.MemberAttribute = nil }, []string{"groups.member_attribute: "}},
		{"name of groups", func(c *config.LDAPDirectory) { c.Groups.NameAttribute = "c n" }, []string{"groups.name_attribute: "}},
		{"template", func(c *config.LDAPDirectory) { c.UserDN = "uid={login},ou=people,dc=example,dc=org" }, nil},
		{"template without login", func(c *config.LDAPDirectory) { c.UserDN = "uid=login,dc=example" }, []string{"user_dn: must be"}},
		{"template with two", func(c *config.LDAPDirectory) { c.UserDN = "uid={login},ou={login}" }, []string{"user_dn: must be"}},
		{"template that is none", func(c *config.LDAPDirectory) { c.UserDN = "{login}@example.org" }, []string{"user_dn: must be"}},
		{"template with login as type", func(c *config.LDAPDirectory) { c.UserDN = "{login}=x,dc=org" }, []string{"user_dn: must be"}},
		{"all at once", func(c *config.LDAPDirectory) { c.UserFilter, c.BaseDN, c.Groups.Filter = "x", "x", "x" }, []string{"user_filter: ", "base_dn: ", "groups.filter: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := newSettings(testConfig(c.change))
			if (err != nil) != (len(c.want) > 0) {
				t.Fatalf("got %v", err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is not in %q", part, err)
				}
			}
		})
	}
}

func TestAskedOnce(t *testing.T) {
	s, err := newSettings(testConfig(func(c *config.LDAPDirectory) {
		activeDirectory(c)
		c.Attributes = []string{"MAIL", "department", "objectsid"}
	}))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, a := range s.asked {
		if seen[strings.ToLower(a)] {
			t.Errorf("%s is asked for twice", a)
		}
		seen[strings.ToLower(a)] = true
	}
	for _, a := range []string{"memberof", "objectsid", "primarygroupid", "useraccountcontrol", "pwdaccountlockedtime", "nsaccountlock", "objectguid", "department"} {
		if !seen[a] {
			t.Errorf("%s is not asked for", a)
		}
	}
}
