package ldap

import (
	"context"
	"fmt"
	"strconv"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// primaryGroup is the group that Active Directory keeps apart: a user names it
// by the end of its SID, and it does not list the user as a member.
type primaryGroup struct {
	dn   string
	name dn.DN
	sid  string // in octets
}

// primary finds the primary group; it is nil where there is none.
func (d *Directory) primary(ctx context.Context, e *entry) (*primaryGroup, error) {
	rids, sids := e.texts(attrPrimaryGroupID), e.raw(attrObjectSID)
	if !d.settings.groups.primary || len(rids) == 0 || len(sids) == 0 {
		return nil, nil
	}
	rid, err := strconv.ParseUint(rids[0], 10, 32)
	sid, ok := siblingSID(sids[0], uint32(rid))
	if err != nil || !ok {
		return nil, fmt.Errorf("%s and %s of %q do not name a group", attrObjectSID, attrPrimaryGroupID, cleanText(e.dn))
	}
	text, _ := sidText(sid)
	// It may lie outside of groups.base_dn and still be in groups inside.
	req := search(domainOf(e.name), goldap.ScopeWholeSubtree, 2, equal(attrObjectSID, string(sid)), []string{d.settings.groups.nameAttribute})
	found, err := d.search(ctx, req)
	if err != nil {
		return nil, fmt.Errorf("look up the primary group %s: %w", text, err)
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the primary group %s cannot be read: the service account needs the right to", text)
	}
	return &primaryGroup{dn: found[0].dn, name: found[0].name, sid: string(sid)}, nil
}

// domainOf is the end of a name that consists of dc= only: the domain.
func domainOf(name dn.DN) string {
	from := len(name)
	for from > 0 && len(name[from-1]) == 1 && name[from-1][0].Attr == "dc" {
		from--
	}
	return name[from:].String()
}
