package ldap

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
)

const (
	aliceDN = `uid=alice\, the (first)*,` + testBase
	groupDN = ",ou=groups," + testBase
)

// tree is alice in staff, staff in everybody, and a circle above.
func tree(lines ...string) *server {
	return (&server{}).
		add(aliceDN, person(append(lines, "uid: alice")...)...).
		add("cn=staff"+groupDN, "objectClass: groupOfNames", "cn: staff", "member: "+aliceDN).
		add("cn=everybody"+groupDN, "objectClass: groupOfNames", "cn: everybody", "member: CN=Staff, ou=groups,"+testBase, "member: cn=ring"+groupDN).
		add("cn=ring"+groupDN, "objectClass: groupOfNames", "cn: ring", "member: cn=everybody"+groupDN, "member: cn=ring"+groupDN).
		add("cn=old,ou=archive,"+testBase, "objectClass: groupOfNames", "cn: old", "member: "+aliceDN).
		add("cn=mail"+groupDN, "objectClass: mailList", "cn: mail", "member: "+aliceDN).
		add("cn=unix"+groupDN, "objectClass: posixGroup", "cn: unix", "memberUid: alice").
		add("cn=others"+groupDN, "objectClass: groupOfNames", "cn: others", "member: uid=bob,"+testBase)
}

func TestGroups(t *testing.T) {
	posix := func(cfg *config.LDAPDirectory) {
		cfg.Groups.Filter = "(|(objectClass=groupOfNames)(objectClass=posixGroup))"
		cfg.Groups.MemberAttribute = config.Names{"member", "uniqueMember", "memberUid"}
	}
	memberOf := []string{
		"memberOf: cn=staff" + groupDN, "memberOf: CN=Staff, OU=Groups," + testBase, "memberOf: cn=old,ou=archive," + testBase,
		"memberOf: cn=a\\, b" + groupDN,
	}
	for _, c := range []struct {
		name   string
		server *server
		change func(*config.LDAPDirectory)
		want   string
	}{
		{"member, walk", tree(), nil, "everybody ring staff"},
		{"member, off", tree(), func(c *config.LDAPDirectory) { c.Groups.Nested = "off" }, "staff"},
		{"members of all kinds", tree(), posix, "everybody ring staff unix"},
		{"logins only", tree(), func(c *config.LDAPDirectory) { posix(c); c.Groups.MemberAttribute = config.Names{"memberUid"} }, "unix"},
		{"uid unlike the login", tree("mail: smith@x"), func(c *config.LDAPDirectory) { posix(c); c.LoginAttribute = config.Names{"mail", "uid"} }, "everybody ring staff unix"},
		{"none", tree(), func(c *config.LDAPDirectory) { c.Groups.Lookup = "none" }, ""},
		{"memberof, walk", tree(memberOf...), func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, "a, b everybody ring staff"},
		{"memberof, off", tree(memberOf...), func(c *config.LDAPDirectory) { c.Groups.Lookup, c.Groups.Nested = "memberof", "off" }, "a, b staff"},
		{"memberof absent", tree(), func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, ""},
		{
			"memberof, name not in the DN", tree("memberOf: ou=x+gid=7"+groupDN, "memberOf: gid=8"+groupDN, "memberOf: gid=9"+groupDN).
				add("ou=x+gid=7"+groupDN, "objectClass: groupOfNames", "cn: seven").
				add("gid=8"+groupDN, "objectClass: mailList", "cn: eight"),
			func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, "seven",
		},
		{
			"memberof in ranges", tree("memberOf;range=0-1499: cn=others" + groupDN),
			func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, "everybody ring staff",
		},
		{"in chain", tree(), func(c *config.LDAPDirectory) { c.Groups.Nested = "in_chain" }, "everybody ring staff"},
		{
			"other name attribute", (&server{}).add(aliceDN, person("uid: alice")...).
				add("cn=x"+groupDN, "objectClass: groupOfNames", "cn: x", "ou: Sales", "ou: Export", "member: "+aliceDN),
			func(c *config.LDAPDirectory) { c.Groups.NameAttribute = "ou" }, "Export",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, c.server, func(cfg *config.LDAPDirectory) {
				cfg.Groups.BaseDN = "ou=groups," + testBase
				if c.change != nil {
					c.change(cfg)
				}
			})
			u, err := d.Lookup(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(u.Groups, " "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestGroupFilter(t *testing.T) {
	s := tree()
	d := open(t, s, func(c *config.LDAPDirectory) {
		c.Groups.BaseDN, c.Groups.MemberAttribute, c.Groups.Nested = "ou=groups,"+testBase, config.Names{"member", "memberUid"}, "off"
	})
	if _, err := d.Lookup(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	want := `(&(objectClass=groupOfNames)(|(member=uid=alice\5c, the \28first\29\2a,dc=example,dc=org)(memberUid=alice)))`
	if got := s.filters()[1]; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if req := s.searched[1]; len(req.Controls) > 0 || req.BaseDN != "ou=groups,"+testBase {
		t.Errorf("request %+v", req)
	}
	// Pages are asked for when one answer does not hold all.
	s.searched, s.searchErr = nil, func(req *goldap.SearchRequest) error {
		if strings.Contains(req.Filter, "groupOfNames") && len(req.Controls) == 0 {
			return &goldap.Error{ResultCode: goldap.LDAPResultSizeLimitExceeded, Err: errors.New("")}
		}
		return nil
	}
	if u, err := d.Lookup(t.Context(), "alice"); err != nil || len(u.Groups) != 1 {
		t.Errorf("in pages: %+v, %v", u, err)
	}
	if page, ok := s.searched[2].Controls[0].(*goldap.ControlPaging); !ok || page.PagingSize != groupPage || s.searched[2].Filter != want {
		t.Errorf("request %+v", s.searched[2])
	}
}

// chain puts alice into g1, g1 into g2 and so on.
func chain(n int) *server {
	s := (&server{}).add(aliceDN, person("uid: alice")...)
	member := aliceDN
	for i := range n {
		name := fmt.Sprintf("cn=g%03d%s", i, groupDN)
		s.add(name, "objectClass: groupOfNames", fmt.Sprintf("cn: g%03d", i), "member: "+member)
		member = name
	}
	return s
}

func TestGroupDepth(t *testing.T) {
	depth := func(c *config.LDAPDirectory) { c.Groups.MaxDepth = 3 }
	if u, err := open(t, chain(4), depth).Lookup(t.Context(), "alice"); err != nil || len(u.Groups) != 4 {
		t.Errorf("as deep as allowed: %+v, %v", u, err)
	}
	u, err := open(t, chain(5), depth).Lookup(t.Context(), "alice")
	if u != nil || err == nil || !strings.Contains(err.Error(), "groups.max_depth (3)") {
		t.Errorf("deeper: %+v, %v", u, err)
	}
}

func TestGroupBatches(t *testing.T) {
	const direct = 2*groupBatch + 1
	s := (&server{}).add(aliceDN, person("uid: alice")...)
	for i := range direct {
		name := fmt.Sprintf("cn=g%03d%s", i, groupDN)
		s.add(name, "objectClass: groupOfNames", fmt.Sprintf("cn: g%03d", i), "member: "+aliceDN)
		s.add("cn=top" + groupDN + fmt.Sprintf(",o=%d", i)) // not a group
	}
	s.add("cn=top"+groupDN, "objectClass: groupOfNames", "cn: top", fmt.Sprintf("member: cn=g%03d%s", direct-1, groupDN))
	u, err := open(t, s, nil).Lookup(t.Context(), "alice")
	if err != nil || len(u.Groups) != direct+1 || !u.InGroup("top") || !slices.IsSorted(u.Groups) {
		t.Fatalf("%+v, %v", u, err)
	}
	// The user, the direct groups, three batches of parents, the parents of top.
	if n := len(s.searched); n != 6 {
		t.Errorf("%d searches", n)
	}
}

func TestTooManyGroups(t *testing.T) {
	all := groupSet{}
	for i := range maxGroups {
		all[dn.Key(strconv.Itoa(i))] = group{}
	}
	if _, err := all.add([]group{{key: "x"}}); err == nil {
		t.Error("one more was taken")
	}
}

// TestGroupsWhole: a part of the groups is an error.
func TestGroupsWhole(t *testing.T) {
	limit := func(code uint16) func(*goldap.SearchRequest) error {
		return func(req *goldap.SearchRequest) error {
			if strings.Contains(req.Filter, "groupOfNames") {
				return &goldap.Error{ResultCode: code, Err: errors.New("")}
			}
			return nil
		}
	}
	for _, c := range []struct {
		name   string
		change func(*server)
		want   string
	}{
		{"size limit", func(s *server) { s.searchErr = limit(goldap.LDAPResultSizeLimitExceeded) }, "only a part of the groups"},
		{"administrative limit", func(s *server) { s.searchErr = limit(goldap.LDAPResultAdminLimitExceeded) }, "only a part of the groups"},
		{"base missing", func(s *server) { s.searchErr = limit(goldap.LDAPResultNoSuchObject) }, "groups.base_dn"},
		{"refused", func(s *server) { s.searchErr = limit(goldap.LDAPResultInsufficientAccessRights) }, "50"},
		{"first page", func(s *server) { s.controls = []goldap.Control{&goldap.ControlPaging{Cookie: []byte("more")}} }, "first page"},
		{"nameless", func(s *server) {
			s.add("ou=x"+groupDN, "objectClass: groupOfNames", "member: "+aliceDN)
		}, "has no cn that can be read"},
		{"no name of a group", func(s *server) {
			s.entries[0] = goldap.NewEntry(aliceDN, map[string][]string{"objectClass": {"person"}, "uid": {"alice"}, "memberOf": {"staff"}})
		}, "memberOf holds"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := tree()
			c.change(s)
			d := open(t, s, func(cfg *config.LDAPDirectory) {
				if c.name == "no name of a group" {
					cfg.Groups.Lookup = "memberof"
				}
			})
			if u, err := d.Lookup(t.Context(), "alice"); u != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v", u, err)
			}
		})
	}
}

// TestPrimaryGroup: Active Directory's Domain Users lists nobody, and can be in
// other groups.
func TestPrimaryGroup(t *testing.T) {
	sid, _ := siblingSID([]byte(testSID), 513)
	domain := func() *server {
		return (&server{}).
			add("CN=Alice,OU=Staff,"+testBase, "objectClass: user", "sAMAccountName: alice", "objectSid: "+testSID, "primaryGroupID: 513",
				"memberOf: CN=VPN,OU=Groups,"+testBase).
			add("CN=Domain Users,CN=Users,"+testBase, "objectClass: group", "cn: Domain Users", "objectSid: "+string(sid)).
			add("CN=VPN,OU=Groups,"+testBase, "objectClass: group", "cn: VPN", "member: CN=Alice,OU=Staff,"+testBase).
			add("CN=All,OU=Groups,"+testBase, "objectClass: group", "cn: All", "member: CN=Domain Users,CN=Users,"+testBase)
	}
	for _, c := range []struct{ lookup, nested, base, want string }{
		{"memberof", "in_chain", testBase, "All|Domain Users|VPN"},
		{"memberof", "in_chain", "OU=Groups," + testBase, "All|VPN"},
		{"memberof", "walk", testBase, "All|Domain Users|VPN"},
		{"memberof", "walk", "OU=Groups," + testBase, "All|VPN"},
		{"memberof", "off", testBase, "Domain Users|VPN"},
		{"member", "off", testBase, "Domain Users|VPN"},
		{"member", "walk", "OU=Groups," + testBase, "All|VPN"},
	} {
		d := open(t, domain(), func(cfg *config.LDAPDirectory) {
			activeDirectory(cfg)
			cfg.BaseDN = "OU=Staff," + testBase
			cfg.Groups.Lookup, cfg.Groups.Nested, cfg.Groups.BaseDN = c.lookup, c.nested, c.base
		})
		u, err := d.Lookup(t.Context(), "alice")
		if err != nil || strings.Join(u.Groups, "|") != c.want {
			t.Errorf("%+v: %+v, %v", c, u, err)
		}
	}
	hidden := domain()
	hidden.entries = slices.Delete(hidden.entries, 1, 2)
	if _, err := open(t, hidden, activeDirectory).Lookup(t.Context(), "alice"); err == nil || !strings.Contains(err.Error(), "S-1-5-21-994706897-2-4294967295-513 cannot be read") {
		t.Errorf("hidden: %v", err)
	}
}

// TestEachSearchCounts: whichever search of a look-up fails, there is no user.
func TestEachSearchCounts(t *testing.T) {
	sid, _ := siblingSID([]byte(testSID), 513)
	s := tree("objectSid: "+testSID, "primaryGroupID: 513", "memberOf: cn=staff"+groupDN, "memberOf: gid=7"+groupDN).
		add("cn=own"+groupDN, "objectClass: groupOfNames", "cn: own", "objectSid: "+string(sid)).
		add("gid=7"+groupDN, "objectClass: groupOfNames", "cn: seven", "gid: 7")
	for _, mode := range []string{"member walk", "memberof walk", "memberof off", "member in_chain"} {
		d := open(t, s, func(c *config.LDAPDirectory) {
			c.Flavor = "active_directory"
			c.Groups.Lookup, c.Groups.Nested, _ = strings.Cut(mode, " ")
		})
		s.searched, s.searchErr = nil, nil
		if u, err := d.Lookup(t.Context(), "alice"); err != nil || !u.InGroup("own") || !u.InGroup("staff") {
			t.Fatalf("%s: %+v, %v", mode, u, err)
		}
		for n := range len(s.searched) {
			s.searched = nil
			s.searchErr = func(*goldap.SearchRequest) error {
				if len(s.searched) == n+1 {
					return errDown
				}
				return nil
			}
			if u, err := d.Lookup(t.Context(), "alice"); u != nil || !errors.Is(err, errDown) {
				t.Errorf("%s, search %d: %+v, %v", mode, n, u, err)
			}
		}
	}
}

func TestPrimaryGroupMalformed(t *testing.T) {
	for _, lines := range [][]string{
		{"objectSid: " + testSID, "primaryGroupID: x"},
		{"objectSid: " + testSID, "primaryGroupID: 4294967296"},
		{"objectSid: " + testSID, "primaryGroupID: -1"},
		{"objectSid: short", "primaryGroupID: 513"},
	} {
		d := open(t, tree(lines...), func(c *config.LDAPDirectory) { c.Flavor = "active_directory" })
		if u, err := d.Lookup(t.Context(), "alice"); u != nil || err == nil || !strings.Contains(err.Error(), "do not name a group") {
			t.Errorf("%q: %+v, %v", lines, u, err)
		}
	}
}

// TestMemberships: what was read of a group is told; nothing is read for that.
func TestMemberships(t *testing.T) {
	people := func(lines ...string) *server {
		return (&server{}).add(aliceDN, person(append(lines, "uid: alice")...)...).
			add("cn=staff"+groupDN, "objectClass: groupOfNames", "cn: staff", "entryUUID: u1", "site: Oslo", "site: Bergen", "other: x", "member: "+aliceDN).
			add("cn=staff,ou=more"+groupDN, "objectClass: groupOfNames", "cn: staff", "member: "+aliceDN).
			add("cn=all"+groupDN, "objectClass: groupOfNames", "cn: all", "entryUUID: u2", "member: cn=staff"+groupDN)
	}
	for _, c := range []struct {
		name   string
		server *server
		change func(*config.LDAPDirectory)
		want   string
		asked  int
	}{
		{"read", people(), nil, "all u2 map[] staff u1 map[site:[Oslo Bergen]] staff  map[]", 4},
		{"named by memberOf", people("memberOf: cn=staff" + groupDN), func(c *config.LDAPDirectory) { c.Groups.Lookup = "memberof" }, "all u2 map[] staff  map[]", 3},
		{"named alone", people("memberOf: cn=staff" + groupDN), func(c *config.LDAPDirectory) {
			c.Groups.Lookup, c.Groups.Nested = "memberof", "off"
		}, "staff  map[]", 1},
		{"none", people(), func(c *config.LDAPDirectory) { c.Groups.Lookup = "none" }, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, c.server, func(cfg *config.LDAPDirectory) {
				cfg.GroupAttributes = []string{"site", "member;x-none"}
				if c.change != nil {
					c.change(cfg)
				}
			})
			u, err := d.Lookup(t.Context(), "alice")
			if err != nil {
				t.Fatal(err)
			}
			var got, names []string
			for _, m := range u.Memberships {
				got, names = append(got, fmt.Sprintf("%s %s %v", m.Name, m.ID, m.Attributes)), append(names, m.Name)
				if !strings.HasPrefix(m.DN, "cn="+m.Name+",") {
					t.Errorf("%s has the DN %s", m.Name, m.DN)
				}
			}
			if strings.Join(got, " ") != c.want || !slices.Equal(slices.Compact(names), u.Groups) || len(c.server.searched) != c.asked {
				t.Errorf("%q, groups %q, %d searches", got, u.Groups, len(c.server.searched))
			}
		})
	}
}

func TestGroupAttributeInRanges(t *testing.T) {
	s := (&server{}).add(aliceDN, person("uid: alice")...).
		add("cn=staff"+groupDN, "objectClass: groupOfNames", "cn: staff", "site;range=0-1499: Oslo", "member: "+aliceDN)
	d := open(t, s, func(cfg *config.LDAPDirectory) { cfg.GroupAttributes = []string{"site"} })
	if u, err := d.Lookup(t.Context(), "alice"); err == nil || !strings.Contains(err.Error(), "group_attributes") {
		t.Errorf("a part of the values was taken for all: %+v, %v", u, err)
	}
}
