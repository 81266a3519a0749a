package userimport

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// addGroup notes a group; its members are looked for when all entries are known.
func (l *ldifFile) addGroup(e *entry) {
	name := e.groupName()
	if name == "" {
		l.fault(e.line, e.dn, errors.New("cn: is missing; a group needs a name"))
		return
	}
	if err := l.claim(name, e.parsed.Key(), e.line); err != nil {
		l.fault(e.line, name, fmt.Errorf("cn: %w", err))
		return
	}
	l.groups[e.parsed.Key()] = name
	l.groupEntries = append(l.groupEntries, e)
}

// groupName is the cn: the one that the entry is named by, if it has several.
func (e *entry) groupName() string {
	for _, a := range e.parsed[0] {
		if a.Attr == "cn" && a.Value != "" {
			return a.Value
		}
	}
	return e.first("cn")
}

// groupOf is the name of the group that memberOf means: the value of the first
// RDN.
func (l *ldifFile) groupOf(memberOf string, line int) (string, error) {
	name, err := dn.Parse(memberOf)
	if err != nil || len(name) == 0 || name[0][0].Value == "" {
		return "", errors.New("is no distinguished name of a group")
	}
	group := name[0][0].Value
	if err := l.claim(group, name.Key(), line); err != nil {
		return "", err
	}
	return l.names[identity.Fold(group)].name, nil
}

// claim refuses a name that another group has: two groups of different places in
// the tree must not become one, with the members of both.
func (l *ldifFile) claim(name string, key dn.Key, line int) error {
	folded := identity.Fold(name)
	first, taken := l.names[folded]
	if taken && first.key != key {
		return fmt.Errorf("there is another group %q in line %d, with another DN; give one of them another name", clip(first.name), first.line)
	}
	if !taken {
		l.names[folded] = naming{name, key, line}
	}
	return nil
}

// addMembers puts the members of a group into it, as far as the file has them.
func (l *ldifFile) addMembers(e *entry) {
	g := Group{Line: e.line, Name: l.names[identity.Fold(l.groups[e.parsed.Key()])].name}
	var missing []string
	join := func(index int, known bool, member string) {
		switch {
		case !known:
			missing = append(missing, member)
		case index >= 0: // else the user is at fault
			l.Users[index].join(g.Name)
		}
	}
	for _, member := range append(e.all("member"), e.all("uniqueMember")...) {
		key, ok := memberKey(member)
		if !ok {
			missing = append(missing, member)
			continue
		}
		if group, nested := l.groups[key]; nested {
			g.Members = append(g.Members, l.names[identity.Fold(group)].name)
			continue
		}
		index, known := l.users[key]
		join(index, known, member)
	}
	for _, login := range e.all("memberUid") {
		index, known := l.logins[identity.Fold(login)]
		join(index, known, login)
	}
	if len(missing) > 0 {
		g.Warnings = append(g.Warnings, fmt.Sprintf("members that the file does not have are left out: %d, the first one is %q", len(missing), clip(missing[0])))
	}
	l.Groups = append(l.Groups, g)
}

// memberKey reads the DN of a member, without the number that uniqueMember can
// end with (RFC 4517 section 3.3.21).
func memberKey(member string) (dn.Key, bool) {
	if i := strings.LastIndexByte(member, '#'); i > 0 && strings.HasPrefix(member[i:], "#'") && strings.HasSuffix(member, "'B") {
		member = member[:i]
	}
	name, err := dn.Parse(member)
	return name.Key(), err == nil && len(name) > 0
}
