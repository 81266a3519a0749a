package ldap

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func users(tb testing.TB, text string) filter.Filter {
	tb.Helper()
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return usersOf(tb, fields)
}

func usersOf(tb testing.TB, fields map[string]any) filter.Filter {
	tb.Helper()
	f, err := filter.ForUsers(fields, pyregex.NewCache())
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func TestSlapdFind(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	d := openSlapd(t, s, func(c *config.LDAPDirectory) {
		c.Attributes = append(c.Attributes, "uidNumber", "displayName")
		c.SearchLimit = 1000
	})
	alice, err := d.Lookup(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	const people = ",ou=people,dc=corp,dc=example"
	for text, want := range map[string]string{
		`{"username": "alice"}`:                                                  "alice",
		`{"username": "ALICE"}`:                                                  "alice", // the directory's own rule
		`{"username__iexact": "ALICE"}`:                                          "alice",
		`{"username__in": ["dave", "bob", "nobody"]}`:                            "bob",
		`{"username__in": []}`:                                                   "",
		`{"username__startswith": "ali"}`:                                        "alice",
		`{"username__startswith": "Ali"}`:                                        "",
		`{"username__istartswith": "ALI"}`:                                       "alice",
		`{"username__endswith": "ave"}`:                                          "dave",
		`{"username__icontains": "OBODYS"}`:                                      "nobodysfriend",
		`{"username__contains": "ice"}`:                                          "alice",
		`{"username__regex": "^[cd]a"}`:                                          "carol",
		`{"username": "twin"}`:                                                   "twin", // of two, one and always the same
		`{"username__isnull": true}`:                                             "",
		`{"name": "Bob the Builder"}`:                                            "bob",
		`{"name__iexact": "bob THE builder"}`:                                    "bob",
		`{"name": "Bob"}`:                                                        "", // cn, but displayName goes before it
		`{"name__icontains": "in no  group"}`:                                    "",
		`{"name__icontains": "in no group"}`:                                     "nobodysfriend",
		`{"email": "alice@corp.example"}`:                                        "alice",
		`{"email__iexact": "ALICE@corp.example"}`:                                "alice",
		`{"email": "a.liddell@corp.example"}`:                                    "", // not the first one
		`{"attributes__mail": "a.liddell@corp.example"}`:                         "alice",
		`{"attributes__mail__iendswith": "DELL@corp.example"}`:                   "alice",
		`{"email__isnull": true, "username__startswith": "c"}`:                   "carol",
		`{"attributes__uidNumber": 5001}`:                                        "dave",
		`{"attributes__uidNumber__gt": 5000}`:                                    "dave",
		`{"attributes__uidNumber__lt": 5000}`:                                    "",
		`{"attributes__uidNumber__isnull": false}`:                               "dave",
		`{"attributes__telephoneNumber": "+441865276150"}`:                       "alice", // telephoneNumberMatch
		`{"attributes__sn": "Liddell"}`:                                          "",      // not one that is read
		`{"attributes__mail": null}`:                                             "",
		`{"pk": "` + alice.ID + `"}`:                                             "alice",
		`{"pk": "` + strings.ToUpper(alice.ID) + `"}`:                            "alice",
		`{"pk__in": ["nonsense", "` + alice.ID + `"]}`:                           "alice",
		`{"pk": "not a uuid"}`:                                                   "",
		`{"dn": "uid=alice` + people + `"}`:                                      "alice",
		`{"dn": "UID=Alice, OU=People,DC=corp,DC=example"}`:                      "alice",
		`{"dn__in": ["uid=nobody` + people + `", "uid=bob` + people + `"]}`:      "bob",
		`{"dn": "uid=alice,ou=elsewhere,dc=corp,dc=example"}`:                    "",
		`{"dn": "uid=alice,dc=other"}`:                                           "",
		`{"dn": "no name"}`:                                                      "",
		`{"dn__iendswith": ",OU=partners,dc=corp,dc=example"}`:                   "peter",
		`{"dn": "uid=alice` + people + `", "username": "bob"}`:                   "",
		`{"dn": "uid=alice` + people + `", "dn__in": ["uid=bob` + people + `"]}`: "",
		`{"is_active": false}`:                                                   "locked",
		`{"is_superuser": true}`:                                                 "",
		`{"type": "service"}`:                                                    "",
		`{"type": "person", "username": "bob"}`:                                  "bob",
		`{"source": "corp", "username": "bob"}`:                                  "bob",
		`{"source": "other", "username": "bob"}`:                                 "",
		`{"groups__name": "staff"}`:                                              "alice",
		`{"groups__name": "outermost"}`:                                          "bob", // through others
		`{"groups__name": "STAFF"}`:                                              "",
		`{"groups__name__isnull": true, "username__startswith": "n"}`:            "nobodysfriend",
		`{"username": "printer"}`:                                                "", // no person
	} {
		u, err := d.Find(t.Context(), users(t, text))
		if want == "" && !errors.Is(err, identity.ErrNotFound) || want != "" && (err != nil || u.Login != want) {
			t.Errorf("%s finds %+v, %v", text, u, err)
		}
	}
	if u, err := d.Find(t.Context(), users(t, `{"username": "alice"}`)); err != nil || fmt.Sprint(*u) != fmt.Sprint(*alice) {
		t.Errorf("found %+v, %v\nlooked up %+v", u, err, alice)
	}
	if _, err := d.Find(t.Context(), users(t, `{"pk__in": ["x", "uid=alice`+people+`"]}`)); err == nil || errors.Is(err, identity.ErrNotFound) {
		t.Errorf("two kinds of IDs: %v", err)
	}
}

// TestSlapdFindHostile: values stand for themselves, whatever they hold.
func TestSlapdFindHostile(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{})
	d := openSlapd(t, s, func(c *config.LDAPDirectory) { c.SearchLimit = 1000 })
	for _, value := range []string{
		"*", "*)(uid=*", "alice)(|(uid=*", `al\2aice`, "a*e", "(", ")", "\x00", "alice\x00", "\\", "*)(objectClass=*", "ali ce", " ", "",
		strings.Repeat("x", 4096), "ü*", "\u202e",
	} {
		for _, key := range []string{"username", "email__iexact", "name__startswith", "name__icontains", "attributes__mail__endswith", "pk", "dn", "attributes__mail", "username__in"} {
			var v any = value
			if key == "username__in" {
				v = []any{value}
			}
			f := usersOf(t, map[string]any{key: v})
			u, err := d.Find(t.Context(), f)
			if err == nil {
				if ok, _ := f.User(u); !ok {
					t.Errorf("%s of %q finds %s", key, value, u.Login)
				}
			} else if !errors.Is(err, identity.ErrNotFound) {
				t.Errorf("%s of %q: %v", key, value, err)
			}
		}
	}
	for _, seen := range s.Filters() {
		if strings.Contains(seen, "(uid=*)") || strings.Contains(seen, "(mail=*)(") && !strings.Contains(seen, "(!(mail=*))") {
			t.Errorf("slapd saw %s", seen)
		}
	}
	for login := range map[string]bool{"o'brien": true, "w*(x)y": true} {
		if u, err := d.Find(t.Context(), usersOf(t, map[string]any{"username__contains": login[1:]})); err != nil || u.Login != login {
			t.Errorf("%s: %+v, %v", login, u, err)
		}
	}
}

func TestSlapdFindTooMany(t *testing.T) {
	t.Parallel()
	s := testenv.StartSlapd(t, testenv.SlapdOptions{Users: 1200, Global: "sizelimit size.soft=600 size.hard=600 size.prtotal=unlimited"})
	for limit, want := range map[int]string{10: "search_limit", 1000: "search_limit", 5000: ""} {
		d := openSlapd(t, s, func(c *config.LDAPDirectory) { c.SearchLimit = limit })
		u, err := d.Find(t.Context(), users(t, `{"username__regex": "^user00777$"}`))
		if want == "" && (err != nil || u.Login != "user00777") || want != "" && (err == nil || errors.Is(err, identity.ErrNotFound) || !strings.Contains(err.Error(), want)) {
			t.Errorf("limit %d: %+v, %v", limit, u, err)
		}
		if u, err := d.Find(t.Context(), users(t, `{"username": "user00777"}`)); err != nil || u.Login != "user00777" {
			t.Errorf("limit %d, by login: %+v, %v", limit, u, err)
		}
	}
}

func TestFindActiveDirectory(t *testing.T) {
	const guid, sid = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10", "\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00"
	s := (&server{}).add("cn=A,"+testBase, "objectClass: user", "sAMAccountName: anna", "objectGUID: "+guid, "objectSid: "+sid).
		add("cn=B,"+testBase, "objectClass: user", "userPrincipalName: anna", "sAMAccountName: zoe")
	d := open(t, s, func(c *config.LDAPDirectory) {
		activeDirectory(c)
		c.Flavor, c.SearchLimit, c.Attributes, c.Groups.Lookup = "openldap", 100, []string{"objectSid"}, "none"
	})
	for text, want := range map[string]string{
		`{"pk": "04030201-0605-0807-090a-0b0c0d0e0f10"}`: "anna",
		`{"pk": "04030201-0605-0807-090A-0B0C0D0E0F10"}`: "anna",
		`{"pk": "04030201060508070 90a0b0c0d0e0f10"}`:    "",
		`{"pk": "cn=B,` + testBase + `"}`:                "zoe", // has no other
		`{"pk": "cn=A,` + testBase + `"}`:                "",
		`{"attributes__objectSid": "S-1-5-32-544"}`:      "anna",
		`{"attributes__objectSid": "S-1-5-32-545"}`:      "",
		`{"attributes__objectSid": "S-1"}`:               "",
		`{"attributes__objectSid__startswith": "S-1-5"}`: "anna",
		`{"username": "anna"}`:                           "anna", // not who has it in a later attribute
		`{"groups__name__isnull": true}`:                 "anna",
		`{"groups__name": "x"}`:                          "",
	} {
		u, err := d.Find(t.Context(), users(t, text))
		if want == "" && !errors.Is(err, identity.ErrNotFound) || want != "" && (err != nil || u.Login != want) {
			t.Errorf("%s finds %+v, %v", text, u, err)
		}
	}
}

// TestFindFails: what could not be found out is never that there is nobody.
func TestFindFails(t *testing.T) {
	f := users(t, `{"email": "x@example.org"}`)
	for name, c := range map[string]struct {
		change func(*config.LDAPDirectory)
		broken func(*server)
	}{
		"down": {nil, func(s *server) { s.up = false }},
		"refused": {nil, func(s *server) {
			s.searchErr = func(*goldap.SearchRequest) error { return &goldap.Error{ResultCode: 50, Err: errDown} }
		}},
		"no base": {nil, func(s *server) {
			s.searchErr = func(*goldap.SearchRequest) error { return &goldap.Error{ResultCode: 32, Err: errDown} }
		}},
		"bind alone":     {func(c *config.LDAPDirectory) { c.UserDN, c.BindDN = "uid={login},"+testBase, "" }, nil},
		"no base_dn":     {func(c *config.LDAPDirectory) { c.UserDN, c.BaseDN = "uid={login},"+testBase, "" }, nil},
		"group too deep": {func(c *config.LDAPDirectory) { c.Groups.MaxDepth = 1 }, nil},
	} {
		s := chain(5)
		s.entries[0].Attributes = append(s.entries[0].Attributes, goldap.NewEntryAttribute("mail", []string{"x@example.org"}))
		d := open(t, s, func(cfg *config.LDAPDirectory) {
			cfg.SearchLimit = 100
			if c.change != nil {
				c.change(cfg)
			}
		})
		if c.broken != nil {
			c.broken(s)
		}
		if u, err := d.Find(t.Context(), f); err == nil || errors.Is(err, identity.ErrNotFound) || u != nil {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
	s := tree()
	d := open(t, s, nil)
	if _, err := d.Find(t.Context(), users(t, `{"source": "other", "email": "x"}`)); !errors.Is(err, identity.ErrNotFound) || len(s.searched) != 0 {
		t.Errorf("another source: %v, %d searches", err, len(s.searched))
	}
}

func FuzzTranslate(f *testing.F) {
	set, err := newSettings(testConfig(func(c *config.LDAPDirectory) { c.Attributes, c.SearchLimit = []string{"mail", "objectGUID"}, 10 }))
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range []string{"alice", "*)(uid=*", "\x00", " a  b ", "uid=x,dc=example,dc=org", "S-1-5-32", "\xff"} {
		f.Add("username__icontains", v)
		f.Add("attributes__mail__startswith", v)
		f.Add("pk", v)
	}
	f.Fuzz(func(t *testing.T, key, value string) {
		flt, err := filter.ForUsers(map[string]any{key: value}, pyregex.NewCache())
		if err != nil {
			return
		}
		requests, err := set.findRequests(flt)
		if err != nil {
			return
		}
		for _, req := range requests {
			packet, err := goldap.CompileFilter(req.Filter)
			if err != nil {
				t.Fatalf("%s of %q becomes %s: %v", key, value, req.Filter, err)
			}
			if packet.Tag != goldap.FilterAnd || len(packet.Children) > 2 {
				t.Errorf("%s of %q becomes %s", key, value, req.Filter)
			}
		}
	})
}
