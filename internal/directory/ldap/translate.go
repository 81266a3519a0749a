package ldap

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/dn"
	"github.com/sallyport-auth/sallyport/internal/filter"
)

// maxNamed bounds the entries that one filter names by their DN: each is a search.
const maxNamed = 20

const (
	// all is fulfilled by every entry (RFC 4512 section 2.4.1), none by no entry.
	all  = "(objectClass=*)"
	none = "(!(objectClass=*))"
)

// findRequests are the searches for all whom a filter may fit. What cannot be said
// in LDAP is left out: it makes the candidates more, not less.
func (s *settings) findRequests(f filter.Filter) ([]*goldap.SearchRequest, error) {
	var names []string
	named, parts := false, s.userFilter
	for _, t := range f.Terms() {
		switch part := s.part(t); {
		case t.Field == "dn" && equality(t) && !named:
			names, named = texts(t), true
		case t.Field == "id" && equality(t) && !named && slices.ContainsFunc(texts(t), isName):
			names, named = slices.DeleteFunc(texts(t), func(v string) bool { return !isName(v) }), true
			if others := slices.DeleteFunc(texts(t), isName); len(others) > 0 {
				return nil, fmt.Errorf("id is asked for as a DN and as something else (%q): ask for one kind at a time", cleanText(others[0]))
			}
		case part == none:
			return nil, nil
		case part != all:
			parts += part
		}
	}
	whole := "(&" + parts + ")"
	if !named {
		return []*goldap.SearchRequest{search(s.base, goldap.ScopeWholeSubtree, s.limit, whole, s.asked)}, nil
	}
	return s.namedRequests(names, whole)
}

// namedRequests are the searches for entries by DN. Those outside of base_dn are
// nobody.
func (s *settings) namedRequests(names []string, whole string) ([]*goldap.SearchRequest, error) {
	base, err := dn.Parse(s.base)
	if err != nil {
		return nil, fmt.Errorf("base_dn: %w", err)
	}
	var list []*goldap.SearchRequest
	met := map[dn.Key]bool{}
	for _, text := range names {
		name, err := dn.Parse(text)
		if err != nil || len(name) == 0 || !name.Key().Under(base.Key()) || met[name.Key()] {
			continue
		}
		met[name.Key()] = true
		list = append(list, search(text, goldap.ScopeBaseObject, 1, whole, s.asked))
	}
	if len(list) > maxNamed {
		return nil, fmt.Errorf("the filter names %d entries by DN, at most %d are allowed", len(list), maxNamed)
	}
	return list, nil
}

func isName(text string) bool {
	name, err := dn.Parse(text)
	return err == nil && len(name) > 0
}

// part is one condition as an LDAP filter that all fulfil whom it fits.
func (s *settings) part(t filter.Term) string {
	switch t.Field {
	case "username":
		return firstOf(s.loginNames(), t)
	case "name":
		return firstOf(s.names, t)
	case "email":
		return firstOf(s.emails, t)
	case "id":
		if equality(t) {
			return firstOf(s.ids, t)
		}
	case "attributes":
		if !s.alike(t) {
			return condition(t.Path[0], t)
		}
	}
	return all
}

// loginNames are the attributes of which the first that an entry has is the login.
func (s *settings) loginNames() []string {
	if s.template == nil {
		return s.logins
	}
	return append(slices.Clip(s.logins), s.template.attribute)
}

// firstOf is the condition for the first of the attributes that an entry has.
func firstOf(attributes []string, t filter.Term) string {
	if t.Lookup == "isnull" {
		return all // checked here: what cannot be read is null too
	}
	var b strings.Builder
	before, some := "", false
	for _, a := range attributes {
		if c := condition(a, t); c != none {
			b.WriteString("(&" + before + c + ")")
			some = true
		}
		before += "(!(" + a + "=*))"
	}
	if !some {
		return none
	}
	return "(|" + b.String() + ")"
}

// condition is what a term demands of an attribute.
func condition(attribute string, t filter.Term) string {
	switch text, _ := t.Value.(string); t.Lookup {
	case "exact", "in":
		return anyEqual(attribute, t.Value)
	case "isnull":
		return all
	case "iexact":
		if !binaryForm(attribute) {
			return equal(attribute, text)
		}
	case "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith":
		if !binaryForm(attribute) {
			return substring(attribute, strings.TrimPrefix(t.Lookup, "i"), text)
		}
	}
	return "(" + attribute + "=*)"
}

// substring leaves blanks to the check that follows: servers pass over some of them
// (RFC 4518 section 2.6.1), each in its own way.
func substring(attribute, lookup, text string) string {
	words := strings.Fields(text)
	for i := range words {
		words[i] = goldap.EscapeFilter(words[i])
	}
	pattern := strings.Join(words, "*")
	if lookup != "startswith" || strings.TrimLeftFunc(text, unicode.IsSpace) != text {
		pattern = "*" + pattern
	}
	if lookup != "endswith" || strings.TrimRightFunc(text, unicode.IsSpace) != text {
		pattern += "*"
	}
	if len(words) == 0 {
		pattern = "*"
	}
	return "(" + attribute + "=" + pattern + ")"
}

// anyEqual is one value, or one of several.
func anyEqual(attribute string, value any) string {
	values, ok := value.([]any)
	if !ok {
		values = []any{value}
	}
	var b strings.Builder
	for _, v := range values {
		switch v := v.(type) {
		case bool:
			b.WriteString(equal(attribute, strings.ToUpper(strconv.FormatBool(v))) + equal(attribute, strconv.FormatBool(v)))
		case json.Number:
			b.WriteString(equal(attribute, v.String()))
		case string:
			if octets, ok := octetsOf(attribute, v); ok {
				b.WriteString(equal(attribute, octets))
			}
		}
	}
	if b.Len() == 0 {
		return none
	}
	return "(|" + b.String() + ")"
}

// binaryForm reports whether the values of an attribute are shown in another form
// than the server has them in.
func binaryForm(attribute string) bool {
	return strings.EqualFold(attribute, "objectGUID") || strings.EqualFold(attribute, attrObjectSID)
}

// octetsOf is the value that valuesText shows as text; not ok if there is none.
func octetsOf(attribute, text string) (string, bool) {
	switch {
	case strings.EqualFold(attribute, "objectGUID"):
		v, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
		if err != nil || len(v) != 16 {
			return "", false
		}
		binary.LittleEndian.PutUint32(v, binary.BigEndian.Uint32(v))
		binary.LittleEndian.PutUint16(v[4:], binary.BigEndian.Uint16(v[4:]))
		binary.LittleEndian.PutUint16(v[6:], binary.BigEndian.Uint16(v[6:]))
		back, ok := guidText(v)
		return string(v), ok && strings.EqualFold(back, text)
	case strings.EqualFold(attribute, attrObjectSID):
		return sidOctets(text)
	}
	return text, true
}

// sidOctets is the reverse of sidText.
func sidOctets(text string) (string, bool) {
	parts := strings.Split(text, "-")
	const head = 3 // S, revision, authority
	if len(parts) <= head || len(parts) > head+maxSIDSubs || parts[0] != "S" || parts[1] != "1" {
		return "", false
	}
	authority, err := strconv.ParseUint(parts[2], 0, 48)
	if err != nil {
		return "", false
	}
	v := binary.BigEndian.AppendUint64(nil, authority)
	v[0], v[1] = sidRevision, byte(len(parts)-head)
	for _, part := range parts[head:] {
		sub, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return "", false
		}
		v = binary.LittleEndian.AppendUint32(v, uint32(sub))
	}
	return string(v), true
}
