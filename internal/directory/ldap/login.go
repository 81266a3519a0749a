package ldap

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

const (
	maxLogin    = 255  // octets; no directory has longer ones
	maxPassword = 4096 // octets
	// maxCandidates bounds how many entries one login may find. More means that
	// the filter fits almost everybody.
	maxCandidates = 20
)

// plausibleLogin reports whether a server may see the login at all.
func plausibleLogin(login string) bool {
	return len(login) <= maxLogin && strings.TrimSpace(login) != "" && utf8.ValidString(login) &&
		!strings.ContainsFunc(login, unicode.IsControl)
}

// plausiblePassword reports whether a server may see the password at all. An
// empty one would be an anonymous bind, which succeeds (RFC 4513 section 5.1.2);
// some servers cut others at NUL.
func plausiblePassword(password string) bool {
	return password != "" && len(password) <= maxPassword && utf8.ValidString(password) &&
		strings.IndexByte(password, 0) < 0
}

// spellings are what is looked for: the login as a whole, and the part before
// the @ if one of our domains stands behind it.
func (s *settings) spellings(login string) []string {
	at := strings.LastIndexByte(login, '@')
	if at > 0 && slices.Contains(s.domains, identity.Fold(login[at+1:])) && plausibleLogin(login[:at]) {
		return []string{login, login[:at]}
	}
	return []string{login}
}

// loginFilter is what finds the users with one of these logins.
func (s *settings) loginFilter(spellings []string) string {
	var b strings.Builder
	b.WriteString("(&" + s.userFilter + "(|")
	for _, attribute := range s.logins {
		for _, value := range spellings {
			b.WriteString(equal(attribute, value))
		}
	}
	b.WriteString("))")
	return b.String()
}

// equal is the filter for one value of an attribute; the value stands for itself
// whatever it holds.
func equal(attribute, value string) string {
	return "(" + attribute + "=" + goldap.EscapeFilter(value) + ")"
}

// requests are the searches that find a login, in the order in which they are
// made until one finds something.
func (s *settings) requests(login string) []*goldap.SearchRequest {
	spellings := s.spellings(login)
	if s.template == nil {
		return []*goldap.SearchRequest{
			search(s.base, goldap.ScopeWholeSubtree, maxCandidates, s.loginFilter(spellings), s.asked),
		}
	}
	var list []*goldap.SearchRequest
	for _, value := range spellings {
		if name, ok := s.template.fill(value); ok {
			list = append(list, search(name, goldap.ScopeBaseObject, 1, s.userFilter, s.asked))
		}
	}
	return list
}

// search makes a request. Aliases are never followed: they could lead out of
// the base.
func search(base string, scope, limit int, filter string, attributes []string) *goldap.SearchRequest {
	return goldap.NewSearchRequest(base, scope, goldap.NeverDerefAliases, limit, 0, false, filter, attributes, nil)
}
