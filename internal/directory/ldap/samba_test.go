package ldap

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func openSamba(t *testing.T, s *testenv.Samba, change func(*config.LDAPDirectory)) *Directory {
	t.Helper()
	return openReal(t, testConfig(func(cfg *config.LDAPDirectory) {
		activeDirectory(cfg)
		cfg.UserFilter = "(&(objectCategory=person)(objectClass=user))"
		cfg.URLs, cfg.TLS.CA = []string{s.LDAPURL}, s.CAFile
		cfg.BindDN, cfg.BindPassword = s.ServiceDN, config.NewSecret(s.ServicePassword)
		cfg.BaseDN, cfg.Groups.BaseDN, cfg.Domains = s.BaseDN, s.BaseDN, []string{"corp.example"}
		cfg.Attributes = []string{"objectSid"}
		if change != nil {
			change(cfg)
		}
	}))
}

func TestSamba(t *testing.T) {
	t.Parallel()
	s := testenv.StartSamba(t)
	d := openSamba(t, s, nil)

	t.Run("logins", func(t *testing.T) {
		for _, login := range []string{"alice", "ALICE", "a.liddell@mail.example", "alice@CORP.example", "alice.liddell@corp.example"} {
			u, err := d.Lookup(t.Context(), login)
			if err != nil || u.Login != "alice" || u.Name != "Alice Liddell" || !u.Active || len(u.ID) != 36 ||
				!strings.HasPrefix(u.Attributes["objectSid"][0], "S-1-5-21-") || u.PasswordChanged.IsZero() {
				t.Errorf("%s: %+v, %v", login, u, err)
			}
		}
		for _, login := range []string{"alice@mail.example", "nobody", "DC$", "*", "inner"} {
			if u, err := d.Lookup(t.Context(), login); !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("%s: %+v, %v", login, u, err)
			}
		}
	})

	t.Run("groups", func(t *testing.T) {
		staff := func(c *config.LDAPDirectory) { c.Groups.BaseDN = "OU=Staff," + s.BaseDN }
		nested := func(lookup, nested string) func(*config.LDAPDirectory) {
			return func(c *config.LDAPDirectory) { c.Groups.Lookup, c.Groups.Nested = lookup, nested }
		}
		for name, c := range map[string]struct {
			change     func(*config.LDAPDirectory)
			alice, bob string
		}{
			"in chain":           {nil, "Domain Users|Users|inner|outer", "Domain Users|Users|primary|ring one|ring two"},
			"in chain, one unit": {staff, "inner|outer", "primary|ring one|ring two"},
			"member, walk":       {nested("member", "walk"), "Domain Users|Users|inner|outer", "Domain Users|Users|primary|ring one|ring two"},
			"memberof, walk":     {nested("memberof", "walk"), "Domain Users|Users|inner|outer", "Domain Users|Users|primary|ring one|ring two"},
			"memberof, off":      {nested("memberof", "off"), "Domain Users|inner", "Domain Users|primary|ring one"},
		} {
			d := openSamba(t, s, c.change)
			for login, want := range map[string]string{"alice": c.alice, "bob": c.bob} {
				if u, err := d.Lookup(t.Context(), login); err != nil || strings.Join(u.Groups, "|") != want {
					t.Errorf("%s, %s: %+v, %v", name, login, u, err)
				}
			}
		}
	})

	t.Run("verdicts", func(t *testing.T) {
		right := testenv.SambaPassword
		for _, c := range []struct {
			login, password string
			want            identity.Verdict
		}{
			{"alice", right("alice"), identity.Right},
			{"alice", "x", identity.Wrong},
			{"juergen", right("juergen"), identity.Right},
			{"disabled", right("disabled"), identity.Disabled},
			{"disabled", "x", identity.Wrong},
			{"gone", right("gone"), identity.AccountExpired},
			{"mustchange", right("mustchange"), identity.MustChange},
			{"mustchange", "x", identity.Wrong},
			{"nohours", right("nohours"), identity.Restricted},
			{"expired", right("expired"), identity.Expired},
			{"locked", right("locked"), identity.Locked},
		} {
			u, err := d.Lookup(t.Context(), c.login)
			if err != nil {
				t.Fatal(err)
			}
			if u.Active != (c.login != "disabled") {
				t.Errorf("%s: active is %v", c.login, u.Active)
			}
			if v, err := d.Verify(t.Context(), u, identity.NewPassword(c.password)); v != c.want || err != nil {
				t.Errorf("%s with %q: %s, %v", c.login, c.password, v, err)
			}
		}
	})
}
