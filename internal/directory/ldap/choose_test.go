package ldap

import (
	"errors"
	"fmt"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name, login string
		entries     [][]string // lines of attributes
		want        string     // cn of the chosen one; "?": ambiguous; "": none
		as          string     // login of the user
	}{
		{"one", "alice", [][]string{{"uid: Alice"}}, "0", "Alice"},
		{"nobody", "alice", [][]string{{"uid: bob"}}, "", ""},
		{"one login twice", "alice", [][]string{{"uid: alice"}, {"uid: ALICE"}}, "?", ""},
		{"earlier attribute", "alice", [][]string{{"uid: bob", "mail: alice"}, {"uid: alice"}}, "1", "alice"},
		{"only the later attribute", "alice@x.org", [][]string{{"uid: bob", "mail: Alice@x.org"}}, "0", "bob"},
		{"two in the later attribute", "a@x.org", [][]string{{"uid: a", "mail: a@x.org"}, {"uid: b", "mail: a@x.org"}}, "?", ""},
		{"two in the later, one in the earlier", "a@x.org", [][]string{{"uid: a", "mail: a@x.org"}, {"uid: a@x.org"}, {"uid: c", "mail: a@x.org"}}, "1", "a@x.org"},
		{"stripped", "alice@corp", [][]string{{"uid: alice"}}, "0", "alice"},
		{"whole before stripped", "alice@corp", [][]string{{"uid: alice"}, {"uid: bob", "mail: alice@corp"}}, "1", "bob"},
		{"no mail: the next attribute names", "a@x.org", [][]string{{"mail: A@x.org"}}, "0", "A@x.org"},
		{"both attributes in one entry", "alice", [][]string{{"uid: alice", "mail: alice"}}, "0", "alice"},
		{"server's own rules", "muller", [][]string{{"uid: müller"}}, "0", "müller"},
		{"exact before server's own rules", "muller", [][]string{{"uid: müller"}, {"uid: muller"}}, "1", "muller"},
		{"two by the server's own rules", "muller", [][]string{{"uid: müller"}, {"uid: MÜller"}}, "?", ""},
		{"one name for two values", "a.smith", [][]string{{"uid: a.smith", "uid: Alice"}}, "0", "Alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &server{}
			for i, lines := range c.entries {
				s.add(fmt.Sprintf("cn=%d,%s", i, testBase), person(append(lines, fmt.Sprintf("cn: %d", i))...)...)
			}
			d := open(t, s, func(cfg *config.LDAPDirectory) {
				cfg.LoginAttribute, cfg.Domains = config.Names{"uid", "mail"}, []string{"corp"}
				cfg.Groups.Lookup = "none"
			})
			u, err := d.Lookup(t.Context(), c.login)
			switch {
			case c.want == "?" && errors.Is(err, identity.ErrAmbiguous):
			case c.want == "" && errors.Is(err, identity.ErrNotFound):
			case c.want == "?" || c.want == "" || err != nil:
				t.Errorf("got %+v, %v", u, err)
			case u.Name != c.want || u.Login != c.as:
				t.Errorf("entry %s as %q", u.Name, u.Login)
			}
		})
	}
}

// TestNameInDN: of several logins, the one in the DN is the name.
func TestNameInDN(t *testing.T) {
	s := (&server{}).add("uid=smith,"+testBase, person("uid: alice", "uid: smith")...)
	d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.Groups.Lookup = "none" })
	for _, login := range []string{"alice", "smith"} {
		if u, err := d.Lookup(t.Context(), login); err != nil || u.Login != "smith" {
			t.Errorf("%s: %+v, %v", login, u, err)
		}
	}
}

func TestTooManyEntries(t *testing.T) {
	s := &server{}
	for i := range maxCandidates + 1 {
		s.add(fmt.Sprintf("cn=%d,%s", i, testBase), person("uid: alice")...)
	}
	if _, err := open(t, s, nil).Lookup(t.Context(), "alice"); !errors.Is(err, identity.ErrAmbiguous) {
		t.Errorf("got %v", err)
	}
}

// TestSearchRefused: what is no answer about the login is neither "not found"
// nor a user.
func TestSearchRefused(t *testing.T) {
	for name, answer := range map[string]error{
		"down": errDown, "base missing": &goldap.Error{ResultCode: goldap.LDAPResultNoSuchObject, Err: errors.New("")},
		"no bind":  &goldap.Error{ResultCode: goldap.LDAPResultOperationsError, Err: errors.New("bind first")},
		"rights":   &goldap.Error{ResultCode: goldap.LDAPResultInsufficientAccessRights, Err: errors.New("")},
		"referral": &goldap.Error{ResultCode: goldap.LDAPResultReferral, Err: errors.New("")},
		"limit":    &goldap.Error{ResultCode: goldap.LDAPResultAdminLimitExceeded, Err: errors.New("")},
		"broken":   &goldap.Error{ResultCode: goldap.ErrorNetwork, Err: errors.New("reset")},
	} {
		s := (&server{}).add("uid=alice,"+testBase, person("uid: alice")...)
		s.searchErr = func(*goldap.SearchRequest) error { return answer }
		u, err := open(t, s, nil).Lookup(t.Context(), "alice")
		if u != nil || err == nil || errors.Is(err, identity.ErrNotFound) || errors.Is(err, identity.ErrAmbiguous) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
}

func TestEntryRefused(t *testing.T) {
	for name, s := range map[string]*server{
		"no name":        (&server{}).add("not a name", person("uid: alice")...),
		"empty name":     {entries: []*goldap.Entry{goldap.NewEntry("", nil)}},
		"unreadable":     (&server{}).add("cn=x,"+testBase, person("uid: alice")...),
		"part of a list": (&server{}).add("cn=x,"+testBase, person("uid: alice", "note;range=0-1499: x")...),
	} {
		d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.Attributes = []string{"note"} })
		if name == "unreadable" {
			d.settings.asked = []string{"cn"}
		}
		u, err := d.Lookup(t.Context(), "alice")
		if name == "empty name" {
			// The empty name lies under no base: the server has to lie.
			_, err = newEntry(s.entries[0])
		}
		if u != nil || err == nil || errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %+v, %v", name, u, err)
		}
	}
}
