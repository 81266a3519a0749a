package ldap

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// openReal makes a directory with a real server.
func openReal(t *testing.T, cfg *config.LDAPDirectory) *Directory {
	t.Helper()
	cfg.Timeout, cfg.HealthInterval = 5*time.Second, time.Minute
	cfg.StartTLS, cfg.TLS.MinVersion = "require", "1.2"
	cfg.Pool = config.UpstreamPool{Binds: 4, Searches: 2, Idle: time.Minute}
	d, err := New("corp", cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// openSlapd makes a directory with slapd, as the configuration has it when
// defaults are filled in.
func openSlapd(t *testing.T, s *testenv.Slapd, change func(*config.LDAPDirectory)) *Directory {
	t.Helper()
	return openReal(t, testConfig(func(cfg *config.LDAPDirectory) {
		cfg.URLs, cfg.TLS.CA = []string{s.LDAPURL}, s.CAFile
		cfg.BindDN, cfg.BindPassword = s.ServiceDN, config.NewSecret(s.ServicePassword)
		cfg.BaseDN, cfg.Groups.BaseDN = s.BaseDN, s.BaseDN
		cfg.Groups.Filter = "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
		cfg.Groups.MemberAttribute = config.Names{"member", "uniqueMember", "memberUid"}
		cfg.Attributes = []string{"telephoneNumber", "jpegPhoto", "mail"}
		if change != nil {
			change(cfg)
		}
	}))
}

func TestSlapdUsers(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	memberOf := func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }
	for name, change := range map[string]func(*config.LDAPDirectory){
		"member": nil, "memberof": memberOf, "ldaps": func(c *config.LDAPDirectory) { c.URLs = []string{s.LDAPSURL} },
	} {
		t.Run(name, func(t *testing.T) {
			d := openSlapd(t, s, change)
			want := map[string]string{
				"alice": "staff|vpn users", "bob": "inner|outer|outermost", "carol": "ring one|ring three|ring two",
				"ALICE": "staff|vpn users", "nobodysfriend": "", "o'brien": "", "w*(x)y": "",
			}
			if name != "memberof" { // the overlay maintains memberOf for member only
				want["dave"] = "posix|unique"
			}
			for _, login := range testenv.OddLogins {
				want[login] = "odd, group"
			}
			for login, groups := range want {
				u, err := d.Lookup(t.Context(), login)
				if err != nil || strings.Join(u.Groups, "|") != groups || !strings.EqualFold(u.Login, login) || !u.Active || u.ID == u.DN {
					t.Errorf("%s: %+v, %v", login, u, err)
					continue
				}
				for password, verdict := range map[string]identity.Verdict{u.Login + "-pw": identity.Right, u.Login: identity.Wrong} {
					if v, err := d.Verify(t.Context(), u, identity.NewPassword(password)); v != verdict || err != nil {
						t.Errorf("%s with %q: %s, %v", login, password, v, err)
					}
				}
			}
		})
	}
}

func TestSlapdAttributes(t *testing.T) {
	t.Parallel()
	d := openSlapd(t, testenv.StartSlapd(t, testenv.SlapdOptions{}), nil)
	u, err := d.Lookup(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if u.Name != "Alice Liddell" || u.Email == "" || len(u.Attributes["mail"]) != 2 ||
		u.Attributes["telephoneNumber"][0] != "+44 1865 276150" || u.Attributes["jpegPhoto"][0] != "/9j/4AAQSkZJRgABAQAAAQABAAD/2Q==" {
		t.Errorf("%+v", u)
	}
	if u, err := d.Lookup(t.Context(), "expired"); err != nil || u.PasswordChanged.Year() != 2020 {
		t.Errorf("%+v, %v", u, err)
	}
	for login, want := range map[string]error{"twin": identity.ErrAmbiguous, "printer": identity.ErrNotFound, "bobby": identity.ErrNotFound} {
		if _, err := d.Lookup(t.Context(), login); !errors.Is(err, want) {
			t.Errorf("%s: %v", login, err)
		}
	}
}

func TestSlapdPolicy(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	hidden := testenv.StartSlapd(t, testenv.SlapdOptions{HideLockout: true})
	type tries []struct {
		login, password string
		want            identity.Verdict
	}
	common := tries{
		{"expired", "expired-pw", identity.Expired},
		{"expired", "x", identity.Wrong},
		{"grace", "grace-pw", identity.Right},
		{"mustchange", "mustchange-pw", identity.MustChange},
		{"mustchange", "x", identity.Wrong},
		{"locked", "locked-pw", identity.Locked},
		{"locked", "x", identity.Locked},
		{"lockable", "lockable-pw", identity.Right},
		{"lockable", "x", identity.Wrong},
		{"lockable", "x", identity.Wrong},
		{"lockable", "x", identity.Wrong},
	}
	for name, c := range map[string]struct {
		server *testenv.Slapd
		after  identity.Verdict
	}{"lockout told": {s, identity.Locked}, "lockout hidden": {hidden, identity.Wrong}} {
		t.Run(name, func(t *testing.T) {
			d := openSlapd(t, c.server, nil)
			for _, try := range append(common, tries{{"lockable", "lockable-pw", c.after}}...) {
				u, err := d.Lookup(t.Context(), try.login)
				if err != nil {
					t.Fatal(err)
				}
				if u.Active != (try.login != "locked") {
					t.Errorf("%s: active is %v", try.login, u.Active)
				}
				if v, err := d.Verify(t.Context(), u, identity.NewPassword(try.password)); v != try.want || err != nil {
					t.Errorf("%s with %q: %s, %v", try.login, try.password, v, err)
				}
			}
		})
	}
	d := openSlapd(t, s, func(c *config.LDAPDirectory) { c.MustChange = "allow" })
	u, err := d.Lookup(t.Context(), "mustchange")
	if err != nil {
		t.Fatal(err)
	}
	if v, err := d.Verify(t.Context(), u, identity.NewPassword("mustchange-pw")); v != identity.Right || err != nil {
		t.Errorf("allowed: %s, %v", v, err)
	}
}

// TestSlapdSees: nothing but the intended filter reaches the server.
func TestSlapdSees(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	d := openSlapd(t, s, nil)
	sent := map[string]string{ // login → value in slapd's log
		"*": `\2A`, "*)(uid=*": `\2A\29\28uid=\2A`, "alice)(|(uid=*": `alice\29\28|\28uid=\2A`, `al\2aice`: `al\5C2aice`,
		"cn=admin,dc=corp": "cn=admin,dc=corp", "a b": "a b",
	}
	never := []string{"", " ", "alice\x00", "alice\nbob", "m\xfcller", strings.Repeat("x", 10<<10), "\x00*"}
	for login := range sent {
		if u, err := d.Lookup(t.Context(), login); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%q: %+v, %v", login, u, err)
		}
	}
	for _, login := range never {
		if u, err := d.Lookup(t.Context(), login); !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%q: %+v, %v", login, u, err)
		}
	}
	seen := map[string]bool{}
	for _, filter := range s.Filters() {
		if strings.Contains(filter, "uid=") {
			seen[strings.ToLower(filter)] = true
		}
	}
	for login, value := range sent {
		if want := strings.ToLower("(&(objectClass=person)(|(uid=" + value + ")))"); !seen[want] {
			t.Errorf("%q: %s is not in the log", login, want)
		}
	}
	if len(seen) != len(sent) {
		t.Errorf("slapd saw %v", seen)
	}
}

func TestSlapdTemplate(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	for name, bindDN := range map[string]string{"service account": s.ServiceDN, "bind alone": ""} {
		d := openSlapd(t, s, func(c *config.LDAPDirectory) {
			c.UserDN, c.BindDN = "uid={login},ou=people,"+s.BaseDN, bindDN
			if bindDN == "" {
				c.BindPassword = config.Secret{}
			}
		})
		u, err := d.Lookup(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if v, err := d.Verify(t.Context(), u, identity.NewPassword("alice-pw")); v != identity.Right || err != nil {
			t.Errorf("%s: %s, %v", name, v, err)
		}
		u, err = d.Lookup(t.Context(), "alice,ou=people")
		if bindDN != "" && !errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
		if bindDN == "" {
			if v, err := d.Verify(t.Context(), u, identity.NewPassword("alice-pw")); v != identity.Wrong || err != nil {
				t.Errorf("%s: %s, %v", name, v, err)
			}
		}
	}
}

// TestSlapdOutage: a server that is gone is neither a wrong password nor an
// unknown user.
func TestSlapdOutage(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	d := openSlapd(t, s, nil)
	u, err := d.Lookup(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if v, err := d.Verify(t.Context(), u, identity.NewPassword("alice-pw")); err == nil {
		t.Errorf("verify: %s", v)
	}
	if _, err := d.Lookup(t.Context(), "bob"); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("look up: %v", err)
	}
	s.Restart()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if v, err := d.Verify(t.Context(), u, identity.NewPassword("alice-pw")); err == nil && v == identity.Right {
			return
		}
		if time.Now().After(end) {
			t.Fatal("not back within 10s")
		}
	}
}

func TestSlapdDiagnose(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	d := openSlapd(t, s, nil)
	var report strings.Builder
	err := d.Diagnose(t.Context(), "carol", func() (identity.Password, error) { return identity.NewPassword("carol-pw"), nil }, func(step Step) {
		fmt.Fprintf(&report, "%s: %s → %s %v %s\n", step.Name, step.Tried, step.Got, step.Err, step.Advice)
	})
	t.Log(report.String())
	if err != nil {
		t.Error(err)
	}
	for _, part := range []string{"connect:", "TLS:", "service bind:", "root DSE:", "search:", `"ring one" "ring three" "ring two"`, "the password is right"} {
		if !strings.Contains(report.String(), part) {
			t.Errorf("%q is missing", part)
		}
	}
}

// manyGroups is a tree in which alice is in n further groups.
func manyGroups(n int) string {
	var b strings.Builder
	b.WriteString(testenv.TreeLDIF)
	for i := range n {
		fmt.Fprintf(&b, "\ndn: cn=many%04d,ou=groups,%[2]s\nobjectClass: groupOfNames\ncn: many%04[1]d\nmember: uid=alice,ou=people,%[2]s\n", i, testenv.BaseDN)
	}
	return b.String()
}

// TestSlapdPages: where a server sends so many groups in pages only, they are
// read in pages; and all of them or none.
func TestSlapdPages(t *testing.T) {
	t.Parallel()
	const many = 2*groupPage + 10
	start := func(limits string) *Directory {
		s := testenv.StartSlapd(t, testenv.SlapdOptions{
			LDIF: manyGroups(many), Modules: []string{"memberof"}, Database: `limits dn.exact="cn=reader,ou=services,` + testenv.BaseDN + `" ` + limits,
		})
		return openSlapd(t, s, func(c *config.LDAPDirectory) { c.Groups.Nested = "off" })
	}
	pages := start(fmt.Sprintf("size.soft=%d size.hard=%d size.prtotal=unlimited", groupPage, groupPage))
	var together sync.WaitGroup
	for range 8 {
		together.Go(func() {
			if u, err := pages.Lookup(t.Context(), "alice"); err != nil || len(u.Groups) != many+2 {
				t.Errorf("%v", err)
			}
		})
	}
	together.Wait()
	if u, err := start(fmt.Sprintf("size=%d", groupPage)).Lookup(t.Context(), "alice"); u != nil || err == nil || !strings.Contains(err.Error(), "only a part of the groups") {
		t.Errorf("limited: %v", err)
	}
}
