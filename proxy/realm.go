package proxy

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// maxUsername bounds a user name in octets. RADIUS ends at 253 (RFC 2865
// section 5.1); no directory has longer logins.
const maxUsername = 255

// Realm is a name space of users and the directories that know them, in the
// order in which they are asked.
type Realm struct {
	Name    string
	Default bool
	// Aliases are other names of the realm. UPNSuffixes are what may stand behind
	// the @ of its logins and belongs to them.
	Aliases, UPNSuffixes []string
	Directories          []Source
	// NextOnOutage has a login go on to the next directory when one cannot be
	// asked, instead of ending it.
	NextOnOutage bool
}

// Source is a directory under its configured name and type.
type Source struct {
	Name, Type string
	Directory
}

// realms finds the realm that a user name belongs to.
type realms struct {
	byName   map[string]*Realm // by name and alias, in lower case
	bySuffix map[string]*Realm // by UPN suffix, in lower case
	fallback *Realm            // the default realm, nil without one
}

func newRealms(list []Realm) realms {
	r := realms{byName: make(map[string]*Realm, len(list)), bySuffix: map[string]*Realm{}}
	for i := range list {
		realm := &list[i]
		r.byName[strings.ToLower(realm.Name)] = realm
		for _, alias := range realm.Aliases {
			r.byName[strings.ToLower(alias)] = realm
		}
		for _, suffix := range realm.UPNSuffixes {
			r.bySuffix[strings.ToLower(suffix)] = realm
		}
		if realm.Default {
			r.fallback = realm
		}
	}
	return r
}

// split takes a user name apart into login and realm: REALM\login, login@realm,
// or a login of the default realm. A reason other than ReasonOK says why it
// cannot be anybody's name.
//
// What stands behind the last @ is a realm only if one has that name or alias;
// otherwise it is part of the login, because many directories have e-mail
// addresses as logins: of the realm that has it as a UPN suffix, else of the
// default realm. Nothing has a backslash in its login, so an unknown realm before one
// is refused. An empty realm or login is refused and never means the default.
// So is what looks like a realm and is spelled so that only a directory would
// take it for one ("corp.example " with a blank): it must not choose another
// realm, and other policies, for the same account.
func (r realms) split(username string) (string, *Realm, Reason) {
	if reason := plausible(username); reason != ReasonOK {
		return "", nil, reason
	}
	login, realm, named := r.cut(username)
	switch {
	case blank(login):
		return "", nil, ReasonEmptyLogin
	case named && blank(realm):
		return "", nil, ReasonEmptyRealm
	case !named && r.disguised(login):
		return "", nil, ReasonUnknownRealm
	case !named:
		if home := r.home(login); home != nil {
			return login, home, ReasonOK
		}
	}
	if found := r.byName[strings.ToLower(realm)]; named && found != nil {
		return login, found, ReasonOK
	}
	return "", nil, ReasonUnknownRealm
}

// cut separates login and realm; named is false when the name has no realm.
func (r realms) cut(username string) (login, realm string, named bool) {
	if realm, login, ok := strings.Cut(username, `\`); ok {
		return login, realm, true
	}
	at := strings.LastIndexByte(username, '@')
	if at < 0 {
		return username, "", false
	}
	login, realm = username[:at], username[at+1:]
	if !blank(login) && !blank(realm) && r.byName[strings.ToLower(realm)] == nil {
		return username, "", false
	}
	return login, realm, true
}

// home is the realm of a login without a realm, nil if it has none.
func (r realms) home(login string) *Realm {
	if at := strings.LastIndexByte(login, '@'); at >= 0 {
		if realm := r.bySuffix[strings.ToLower(login[at+1:])]; realm != nil {
			return realm
		}
	}
	return r.fallback
}

// disguised reports whether what stands behind the @ of a login without a realm
// is another spelling of a name that a realm has, which only directories take for
// the same.
func (r realms) disguised(login string) bool {
	domain := login[strings.LastIndexByte(login, '@')+1:]
	if len(domain) == len(login) || r.bySuffix[strings.ToLower(domain)] != nil {
		return false
	}
	bones := identity.Skeleton(domain)
	return r.byName[bones] != nil || r.bySuffix[bones] != nil
}

// plausible refuses what cannot be a name at all, before anybody is asked.
func plausible(username string) Reason {
	if blank(username) {
		return ReasonEmptyLogin
	}
	if len(username) > maxUsername || !utf8.ValidString(username) ||
		strings.ContainsFunc(username, unicode.IsControl) {
		return ReasonMalformedLogin
	}
	return ReasonOK
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
