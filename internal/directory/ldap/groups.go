package ldap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	groupPage  = 500    // entries that a server sends at a time; less than the limits that servers come with
	groupBatch = 50     // groups whose parents are asked for in one search
	maxGroups  = 10_000 // groups of one user
	// inChainRule has Active Directory follow a chain of members
	// ([MS-ADTS] section 3.1.1.3.4.4.3).
	inChainRule = ":1.2.840.113556.1.4.1941:"
)

// group is one group that was found.
type group struct {
	dn   string
	key  dn.Key
	name string // empty: not one of those that policies see, only a way to others
	// id and attributes are known where the group's entry was read.
	id         string
	attributes map[string][]string
}

// groups returns all groups of an entry, sorted by name. It is all of them or an
// error: a policy that refuses a group must see it.
func (d *Directory) groups(ctx context.Context, e *entry, login string) ([]identity.Membership, error) {
	g := &d.settings.groups
	if g.lookup == "none" {
		return nil, nil
	}
	primary, err := d.primary(ctx, e)
	if err != nil {
		return nil, err
	}
	all := groupSet{}
	switch {
	case g.nested == "in_chain" && len(g.memberDNs) > 0:
		err = d.inChain(ctx, e, primary, all)
	default:
		var level []group
		if level, err = d.direct(ctx, e, login, primary); err != nil {
			return nil, err
		}
		if level, err = all.add(level); err == nil && g.nested != "off" {
			err = d.climb(ctx, level, all)
		}
	}
	if err != nil {
		return nil, err
	}
	return all.memberships(), nil
}

// groupSet are the groups that were met, by normalized name; it keeps a walk
// from going round in circles.
type groupSet map[dn.Key]group

// add takes in groups and returns those that it did not have yet.
func (s groupSet) add(list []group) ([]group, error) {
	var fresh []group
	for _, g := range list {
		if _, met := s[g.key]; met {
			continue
		}
		if len(s) == maxGroups {
			return nil, fmt.Errorf("the user is in more than %d groups", maxGroups)
		}
		s[g.key] = g
		fresh = append(fresh, g)
	}
	return fresh, nil
}

// memberships are the groups that policies see, by name, then by DN.
func (s groupSet) memberships() []identity.Membership {
	list := make([]identity.Membership, 0, len(s))
	for _, g := range s {
		if g.name != "" {
			list = append(list, identity.Membership{ID: g.id, Name: g.name, DN: g.dn, Attributes: g.attributes})
		}
	}
	slices.SortFunc(list, func(a, b identity.Membership) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.DN, b.DN))
	})
	return list
}

// setGroups gives a user the groups: two of one name are one to policies that ask
// for names.
func setGroups(u *identity.User, list []identity.Membership) {
	u.Memberships, u.Groups = list, nil
	for i := range list {
		if i == 0 || list[i].Name != list[i-1].Name {
			u.Groups = append(u.Groups, list[i].Name)
		}
	}
}

// direct finds the groups that the user is a member of without others between.
func (d *Directory) direct(ctx context.Context, e *entry, login string, primary *primaryGroup) ([]group, error) {
	var list []group
	var err error
	// A list that comes in ranges is not read piece by piece: the groups know
	// their members as well.
	if d.settings.groups.lookup == "memberof" && !e.cut[strings.ToLower(attrMemberOf)] {
		list, err = d.memberOf(ctx, e)
	} else {
		list, err = d.groupsWith(ctx, d.memberFilter(e, login))
	}
	if err != nil || primary == nil {
		return list, err
	}
	own := group{dn: primary.dn, key: primary.name.Key()}
	if own.key.Under(d.settings.groups.baseKey) {
		err = d.readGroup(ctx, &own)
	}
	return append(list, own), err
}

// memberFilter is what groups that list the user have.
func (d *Directory) memberFilter(e *entry, login string) string {
	g := &d.settings.groups
	var b strings.Builder
	for _, a := range g.memberDNs {
		b.WriteString(equal(a, e.dn))
	}
	logins := e.texts(attrUID) // memberUid holds values of uid (RFC 2307 section 3)
	if !slices.Contains(logins, login) {
		logins = append(logins, login)
	}
	for _, a := range g.memberLogins {
		for _, v := range logins {
			b.WriteString(equal(a, v))
		}
	}
	return b.String()
}

// memberOf reads the names of groups out of the user's own entry.
func (d *Directory) memberOf(ctx context.Context, e *entry) ([]group, error) {
	g := &d.settings.groups
	var list []group
	for _, value := range e.raw(attrMemberOf) {
		name, err := dn.Parse(string(value))
		if err != nil || len(name) == 0 {
			return nil, fmt.Errorf("%s holds %q: %w", attrMemberOf, cleanText(string(value)), dn.ErrSyntax)
		}
		key := name.Key()
		if !key.Under(g.baseKey) {
			continue
		}
		found := group{dn: string(value), key: key, name: valueInRDN(name[0], g.nameInRDN)}
		if found.name == "" {
			if err := d.readGroup(ctx, &found); err != nil {
				return nil, err
			}
			if found.name == "" {
				continue
			}
		}
		if list = append(list, found); len(list) > maxGroups {
			return nil, fmt.Errorf("the user is in more than %d groups", maxGroups)
		}
	}
	return list, nil
}

// readGroup reads a group whose DN does not tell its name. It has none afterwards
// if it is no group that counts, or is gone.
func (d *Directory) readGroup(ctx context.Context, known *group) error {
	g := &d.settings.groups
	found, err := d.search(ctx, search(known.dn, goldap.ScopeBaseObject, 1, g.filter, g.asked))
	if hasCode(err, goldap.LDAPResultNoSuchObject) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read group %q: %w", cleanText(known.dn), err)
	}
	list, err := d.named(found)
	if err == nil && len(list) > 0 {
		known.name, known.id, known.attributes = list[0].name, list[0].id, list[0].attributes
	}
	return err
}

// climb adds the groups above those of a level, level by level.
func (d *Directory) climb(ctx context.Context, level []group, all groupSet) error {
	g := &d.settings.groups
	if len(g.memberDNs) == 0 {
		return nil // logins are members, groups are not
	}
	for depth := 0; len(level) > 0; depth++ {
		var above []group
		for batch := range slices.Chunk(level, groupBatch) {
			var filter strings.Builder
			for _, below := range batch {
				for _, a := range g.memberDNs {
					filter.WriteString(equal(a, below.dn))
				}
			}
			found, err := d.groupsWith(ctx, filter.String())
			if err != nil {
				return err
			}
			fresh, err := all.add(found)
			if err != nil {
				return err
			}
			above = append(above, fresh...)
		}
		if len(above) > 0 && depth == g.maxDepth {
			return fmt.Errorf("groups are nested deeper than groups.max_depth (%d): policies would see only a part of them", g.maxDepth)
		}
		level = above
	}
	return nil
}

// inChain has Active Directory find all groups, nested ones included.
func (d *Directory) inChain(ctx context.Context, e *entry, primary *primaryGroup, all groupSet) error {
	var filter strings.Builder
	for _, a := range d.settings.groups.memberDNs {
		filter.WriteString(equal(a+inChainRule, e.dn))
		if primary != nil {
			filter.WriteString(equal(a+inChainRule, primary.dn))
		}
	}
	if primary != nil {
		filter.WriteString(equal(attrObjectSID, primary.sid))
	}
	found, err := d.groupsWith(ctx, filter.String())
	if err != nil {
		return err
	}
	_, err = all.add(found)
	return err
}

// groupsWith finds the groups for which one of the alternatives is true.
func (d *Directory) groupsWith(ctx context.Context, alternatives string) ([]group, error) {
	g := &d.settings.groups
	req := search(g.base, goldap.ScopeWholeSubtree, 0, "(&"+g.filter+"(|"+alternatives+"))", g.asked)
	found, err := d.search(ctx, req)
	if hasCode(err, goldap.LDAPResultSizeLimitExceeded) {
		// Only then in pages: servers bear few such searches at a time.
		req.Controls = []goldap.Control{goldap.NewControlPaging(groupPage)}
		found, err = d.search(ctx, req)
	}
	switch {
	case hasCode(err, goldap.LDAPResultNoSuchObject):
		err = fmt.Errorf("groups.base_dn %q is not there, or the service account may not see it", g.base)
	case hasCode(err, goldap.LDAPResultSizeLimitExceeded), hasCode(err, goldap.LDAPResultAdminLimitExceeded),
		hasCode(err, goldap.LDAPResultTimeLimitExceeded):
		err = fmt.Errorf("%w: policies would see only a part of the groups; raise the server's limits for the service account", err)
	}
	if err != nil {
		return nil, fmt.Errorf("search groups: %w", err)
	}
	return d.named(found)
}

// named takes what policies see of groups out of their entries.
func (d *Directory) named(found []*entry) ([]group, error) {
	settings := &d.settings.groups
	list := make([]group, len(found))
	for i, e := range found {
		g := group{dn: e.dn, key: e.name.Key(), name: e.one(settings.nameAttribute), id: e.id(settings.ids)}
		if g.name == "" {
			return nil, fmt.Errorf("group %q has no %s that can be read: %w", cleanText(e.dn), settings.nameAttribute, errNameless)
		}
		var err error
		if g.attributes, err = further(e, settings.attributes); err != nil {
			return nil, err
		}
		list[i] = g
	}
	return list, nil
}

var errNameless = errors.New("policies could not see it; give the service account the right to read it, or set groups.name_attribute")
