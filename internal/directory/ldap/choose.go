package ldap

import (
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// match says by what an entry has the login.
type match struct {
	entry     *entry
	spelling  int    // index in the spellings that were looked for
	attribute int    // index in login_attribute
	value     string // as the directory spells it
}

// choose picks the one entry that the login means: the whole login goes before
// the part in front of the @, an earlier attribute before a later one. An entry
// that only the server's own rules match (AD takes "muller" for "müller") comes
// last.
func (s *settings) choose(entries []*entry, spellings []string) (match, error) {
	var best []match
	for _, e := range entries {
		m := s.match(e, spellings)
		switch order := compareMatch(m, best); {
		case order < 0:
			best = []match{m}
		case order == 0:
			best = append(best, m)
		}
	}
	switch len(best) {
	case 0:
		return match{}, identity.ErrNotFound
	case 1:
		return best[0], nil
	}
	return match{}, fmt.Errorf("%d entries: %w", len(best), identity.ErrAmbiguous)
}

// compareMatch orders m against the best ones so far, which are all alike.
func compareMatch(m match, best []match) int {
	if len(best) == 0 {
		return -1
	}
	if d := m.spelling - best[0].spelling; d != 0 {
		return d
	}
	return m.attribute - best[0].attribute
}

// match finds the best reason for which an entry was found.
func (s *settings) match(e *entry, spellings []string) match {
	for i, spelling := range spellings {
		for j, attribute := range s.logins {
			for _, value := range e.texts(attribute) {
				if identity.SameLogin(value, spelling) {
					return match{entry: e, spelling: i, attribute: j, value: value}
				}
			}
		}
	}
	return match{entry: e, spelling: len(spellings), attribute: len(s.logins)}
}
