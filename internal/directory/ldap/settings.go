package ldap

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Attributes that are read whatever the configuration says.
const (
	attrMemberOf       = "memberOf"
	attrObjectSID      = "objectSid"
	attrPrimaryGroupID = "primaryGroupID"
	attrUID            = "uid"
)

// settings are the configuration, parsed and checked.
type settings struct {
	userFilter string
	base       string
	template   *template // nil: users are searched
	anonymous  bool      // no service account
	logins     []string  // login_attribute
	domains    []string  // folded
	ids        []string
	names      []string
	emails     []string
	attributes []string
	limit      int      // candidates of a search by a filter
	asked      []string // all attributes that a look-up asks for
	mustChange bool     // a password that must be changed lets in
	groups     groupSettings
}

// groupSettings say how groups are found.
type groupSettings struct {
	lookup, nested string
	filter         string
	base           string
	baseKey        dn.Key
	nameAttribute  string
	nameInRDN      string // the same attribute as names spell it
	ids            []string
	attributes     []string
	asked          []string // all attributes of a group that are asked for
	memberDNs      []string // attributes that hold DNs
	memberLogins   []string // attributes that hold logins
	maxDepth       int
	primary        bool // users have a primary group, which lists no members
}

// newSettings checks everything that cfg says about users and groups, and tells
// all faults at once. The keys in its errors are relative to the directory.
func newSettings(cfg *config.LDAPDirectory) (*settings, error) {
	s := &settings{
		base: cfg.BaseDN, anonymous: cfg.BindDN == "",
		logins: cfg.LoginAttribute, ids: cfg.IDAttribute, names: cfg.NameAttribute, emails: cfg.EmailAttribute,
		attributes: cfg.Attributes, limit: cfg.SearchLimit, mustChange: cfg.MustChange == "allow",
	}
	for _, domain := range cfg.Domains {
		s.domains = append(s.domains, identity.Fold(domain))
	}
	var faults []error
	fault := func(key string, err error) {
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", key, err))
		}
	}
	var err error
	s.userFilter, err = checkFilter(cfg.UserFilter, "(objectClass=person)")
	fault("user_filter", err)
	if cfg.UserDN != "" {
		s.template, err = newTemplate(cfg.UserDN)
		fault("user_dn", err)
	} else {
		_, err = checkDN(cfg.BaseDN)
		fault("base_dn", err)
		if len(cfg.LoginAttribute) == 0 {
			fault("login_attribute", errors.New("is missing: it says which attribute holds the login"))
		}
	}
	if cfg.BindDN != "" && strings.Contains(cfg.BindDN, "=") { // else user@domain or DOMAIN\user
		_, err = checkDN(cfg.BindDN)
		fault("bind_dn", err)
	}
	s.groups = groupSettings{lookup: cfg.Groups.Lookup}
	if s.template != nil && s.anonymous {
		s.groups.lookup = "none" // nothing is looked up
	}
	if s.groups.lookup != "none" {
		groupFaults(&s.groups, cfg, fault)
	}
	s.asked = s.needed()
	return s, errors.Join(faults...)
}

// groupFaults fills in g and tells what is wrong with it.
func groupFaults(g *groupSettings, cfg *config.LDAPDirectory, fault func(string, error)) {
	c := cfg.Groups
	g.nested, g.base, g.nameAttribute, g.maxDepth = c.Nested, c.BaseDN, c.NameAttribute, c.MaxDepth
	if g.base == "" {
		g.base = cfg.BaseDN
	}
	g.primary = cfg.Flavor == "active_directory"
	var err error
	g.filter, err = checkFilter(c.Filter, "(objectClass=groupOfNames)")
	fault("groups.filter", err)
	base, err := checkDN(g.base)
	fault("groups.base_dn", err)
	g.baseKey = base.Key()
	for _, a := range c.MemberAttribute {
		if strings.EqualFold(a, "memberUid") {
			g.memberLogins = append(g.memberLogins, a)
		} else {
			g.memberDNs = append(g.memberDNs, a)
		}
	}
	if len(c.MemberAttribute) == 0 {
		fault("groups.member_attribute", errors.New("is missing: it says which attribute of a group lists its members"))
	}
	name, err := dn.Parse(g.nameAttribute + "=x")
	if err != nil || len(name) != 1 {
		fault("groups.name_attribute", fmt.Errorf("%q is not the name of an attribute; write cn", g.nameAttribute))
		return
	}
	g.nameInRDN = name[0][0].Attr
	g.ids, g.attributes = cfg.IDAttribute, cfg.GroupAttributes
	g.asked = once(slices.Concat([]string{g.nameAttribute}, g.ids, g.attributes))
}

// needed lists the attributes to ask for, each once. Operational ones are sent
// only when they are asked for by name (RFC 4511 section 4.5.1.8).
func (s *settings) needed() []string {
	all := slices.Concat(s.logins, s.ids, s.names, s.emails, s.attributes, stateAttributes(), changeAttributes())
	if s.template != nil {
		all = append(all, s.template.attribute)
	}
	g := s.groups
	if g.lookup == "memberof" {
		all = append(all, attrMemberOf)
	}
	if g.lookup != "none" && g.primary {
		all = append(all, attrObjectSID, attrPrimaryGroupID)
	}
	if len(g.memberLogins) > 0 {
		all = append(all, attrUID)
	}
	return once(all)
}

// once leaves out attributes that are named before.
func once(all []string) []string {
	var list []string
	for _, a := range all {
		if !slices.ContainsFunc(list, func(b string) bool { return strings.EqualFold(a, b) }) {
			list = append(list, a)
		}
	}
	return list
}

// checkFilter refuses what is no filter (RFC 4515).
func checkFilter(text, example string) (string, error) {
	text = strings.TrimSpace(text)
	if _, err := goldap.CompileFilter(text); err != nil {
		return "", fmt.Errorf("%q is not an LDAP filter (%s); write something like %s", text, cleanText(err.Error()), example)
	}
	return text, nil
}

// checkDN refuses what is no name, and the empty one.
func checkDN(text string) (dn.DN, error) {
	name, err := dn.Parse(text)
	if err != nil || len(name) == 0 {
		return nil, fmt.Errorf("%q is not a distinguished name; write something like ou=people,dc=example,dc=org", text)
	}
	return name, nil
}
