package ldap

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// anyDomain in an application's domains stands for those that no other has.
const anyDomain = "*"

// maxAccount bounds a bind name that is no DN, in octets. proxy refuses longer
// logins anyway; here they have not even a domain.
const maxAccount = 255

// accountDomain returns the domain of a bind name that is no DN: DOMAIN\login or
// login@domain, as Active Directory takes them. It cuts where package proxy cuts
// (the first backslash, else the last @), so that the application and the realm
// of a name always follow from the same part of it.
//
// It is not ok when a part is missing, when there is a second backslash or a
// control character, and when there is a "=": a DN that is written wrong must not
// become somebody's login.
func accountDomain(name string) (domain string, ok bool) {
	if len(name) > maxAccount || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) ||
		strings.Contains(name, "=") || strings.Count(name, `\`) > 1 {
		return "", false
	}
	domain, login, ok := strings.Cut(name, `\`)
	if !ok {
		at := strings.LastIndexByte(name, '@')
		if at < 0 {
			return "", false
		}
		login, domain = name[:at], name[at+1:]
	}
	return domain, strings.TrimSpace(domain) != "" && strings.TrimSpace(login) != ""
}

// target is what a bind name means.
type target struct {
	base *base // the application, nil if none has the name
	// login is what the user is called in the Attempt, "" when a DN has no shape of
	// the application's.
	login string
}

// target finds out what a bind name means. A name that can be read as a DN is
// one. The error is dn.ErrSyntax for a name that is neither a DN nor has a
// domain.
func (t *Table) target(text string) (target, error) {
	name, err := dn.Parse(text)
	if err == nil {
		key := name.Key()
		b := t.find(key)
		login, _ := b.login(name, key)
		return target{base: b, login: login}, nil
	}
	domain, ok := accountDomain(text)
	if !ok {
		return target{}, err
	}
	return target{base: t.domain(domain), login: text}, nil
}

// domain returns the application that a domain belongs to, or nil. A spelling of
// a domain that only directories take for it must not lead to anyDomain.
func (t *Table) domain(name string) *base {
	if b := t.domains[strings.ToLower(name)]; b != nil {
		return b
	}
	if t.domains[identity.Skeleton(name)] != nil {
		return nil
	}
	return t.domains[anyDomain]
}

// authzID is the identity of a connection that is bound as name, "" if it is
// anonymous (RFC 4513 section 5.2.1.8).
func authzID(name string) string {
	if name == "" {
		return ""
	}
	if _, err := dn.Parse(name); err != nil {
		return "u:" + name
	}
	return "dn:" + name
}
