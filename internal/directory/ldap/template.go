package ldap

import (
	"errors"
	"strings"
	"unicode"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

const placeholder = "{login}"

// template is user_dn: a name with the login in the value of one RDN.
type template struct {
	before, after string
	attribute     string // of the value that holds the login
	rdns          int
}

func newTemplate(text string) (*template, error) {
	wrong := errors.New("must be a distinguished name with {login} in the value of one attribute, such as uid={login},ou=people,dc=example,dc=org")
	before, after, found := strings.Cut(text, placeholder)
	if !found || strings.Contains(after, placeholder) {
		return nil, wrong
	}
	name, err := dn.Parse(text)
	if err != nil {
		return nil, wrong
	}
	t := &template{before: before, after: after, rdns: len(name)}
	for _, rdn := range name {
		for _, ava := range rdn {
			if strings.Contains(ava.Value, placeholder) {
				t.attribute = ava.Attr
			}
		}
	}
	if t.attribute == "" {
		return nil, wrong
	}
	return t, nil
}

// fill puts a login in its place. It fails for a login with which the name
// would be none, as when it is too long.
func (t *template) fill(login string) (string, bool) {
	text := t.before + dn.Escape(login) + t.after
	name, err := dn.Parse(text)
	return text, err == nil && len(name) == t.rdns
}

// oneSpelling reports whether servers take the login for no other one, but for
// case: they drop insignificant blanks and invisible characters when they
// compare (RFC 4518). Where the directory's own spelling is never read, such a
// login would give one person several names.
func oneSpelling(login string) bool {
	key := dn.DN{{{Attr: "cn", Value: login}}}.Key()
	prepared := strings.TrimFunc(string(key), unicode.IsControl) // no value holds any
	return prepared == "cn="+identity.Fold(login)
}
