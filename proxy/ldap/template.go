package ldap

import (
	"errors"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// loginMark stands for the user's login in a user_dn.
const loginMark = "{login}"

// template says how a bind DN names a user: all RDNs are fixed but one, whose
// value is the login.
type template struct {
	attr   string // attribute type of the RDN with the login
	before dn.Key // key of the RDNs in front of it
	after  dn.Key // key of the RDNs behind it
	at     int    // its index, from the leaf
	rdns   int    // how many RDNs the name has
}

// defaultTemplates are uid={login},ou=users,ROOT and cn={login},ou=users,ROOT.
func defaultTemplates(root dn.DN) []template {
	users := append(dn.DN{{{Attr: "ou", Value: "users"}}}, root...)
	shape := template{after: users.Key(), rdns: len(users) + 1}
	uid, cn := shape, shape
	uid.attr, cn.attr = "uid", "cn"
	return []template{uid, cn}
}

// parseTemplate parses a user_dn, which must lie below root.
func parseTemplate(s string, root dn.DN) (template, error) {
	name, err := dn.Parse(s)
	if err != nil {
		return template{}, errors.New("not a distinguished name: write it like uid={login},ou=users,dc=example,dc=org")
	}
	at := -1
	for i, rdn := range name {
		for _, a := range rdn {
			if !strings.Contains(a.Value, loginMark) {
				continue
			}
			if a.Value != loginMark || len(rdn) != 1 || at >= 0 {
				return template{}, errors.New("{login} must be the whole value of exactly one RDN, which has no other value")
			}
			at = i
		}
	}
	if at < 0 {
		return template{}, errors.New("{login} is missing: it says where the user's name stands")
	}
	key := name.Key()
	below := len(name) - len(root)
	if _, end := key.Cut(below); below <= at || end != root.Key() {
		return template{}, errors.New("it must end in the base DN of the application, with {login} before it")
	}
	before, _ := key.Cut(at)
	_, after := key.Cut(at + 1)
	return template{
		attr:   name[at][0].Attr,
		before: before,
		after:  after,
		at:     at,
		rdns:   len(name),
	}, nil
}

// login returns the user's login when the name has the shape of one of the
// application's templates, or else of one of its patterns. A nil base has none.
func (b *base) login(name dn.DN, key dn.Key) (string, bool) {
	if b == nil {
		return "", false
	}
	for i := range b.templates {
		if login, ok := b.templates[i].login(name, key); ok {
			return login, true
		}
	}
	if len(b.patterns) == 0 {
		return "", false
	}
	spelled := spell(name)
	for i := range b.patterns {
		if login, ok := b.patterns[i].match(spelled); ok {
			return login, true
		}
	}
	return "", false
}

// login returns the user's login when name has the shape of the template: the
// unescaped value, as it was typed. RDNs with several values never match.
func (t *template) login(name dn.DN, key dn.Key) (string, bool) {
	if len(name) != t.rdns || len(name[t.at]) != 1 {
		return "", false
	}
	a := name[t.at][0]
	if a.Attr != t.attr || a.Opaque != "" || a.Value == "" {
		return "", false
	}
	before, rest := key.Cut(t.at)
	if _, after := rest.Cut(1); before != t.before || after != t.after {
		return "", false
	}
	return a.Value, true
}
