package filter

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
)

// maxTerms bounds the conditions of one filter.
const maxTerms = 32

// Term is one condition of a filter.
type Term struct {
	// Field is username, name, email, id (also for pk and uuid), dn, is_active,
	// is_superuser, type, source, attributes or groups__name.
	Field string
	// Path is what follows attributes: the name of one, and further parts, which
	// no attribute has. It is empty for other fields.
	Path []string
	// Lookup is exact, iexact, contains, icontains, startswith, istartswith,
	// endswith, iendswith, in, regex, iregex, isnull, gt, gte, lt or lte.
	Lookup string
	// Value is a string, bool or json.Number, or with in a []any of them. It is
	// nil only with exact of an attribute, which matches nothing then.
	Value any

	test test
}

// Filter is a checked filter. The zero Filter fits everybody. It is immutable.
type Filter struct {
	terms []Term
	key   string
}

// ForUsers reads a filter of users. Its values are what JSON decodes to: nil,
// bool, float64 or json.Number, string, []any. Patterns are compiled by rx. An
// empty filter is refused. The error tells all faults, each with its key.
func ForUsers(fields map[string]any, rx *pyregex.Cache) (Filter, error) {
	if len(fields) == 0 {
		return Filter{}, errors.New("the filter is empty: it would fit every user; name at least one field, such as username")
	}
	return parse(users, fields, rx)
}

// ForGroups reads a filter of groups, as ForUsers does. An empty one fits any
// group.
func ForGroups(fields map[string]any, rx *pyregex.Cache) (Filter, error) {
	return parse(groups, fields, rx)
}

// CheckKey reports what is wrong with a key of a filter of the kind "user" or
// "group", whatever its value.
func CheckKey(kind, key string) error {
	for _, k := range []subject{users, groups} {
		if kind == k.String() {
			_, err := parseKey(k, key)
			return err
		}
	}
	return fmt.Errorf("there are no filters of kind %q", kind)
}

func parse(of subject, fields map[string]any, rx *pyregex.Cache) (Filter, error) {
	if len(fields) > maxTerms {
		return Filter{}, fmt.Errorf("the filter has %d conditions, at most %d are allowed", len(fields), maxTerms)
	}
	var f Filter
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		t, err := parseKey(of, key)
		if err == nil {
			if err = t.setValue(fields[key], rx); err != nil {
				err = fmt.Errorf("filter key %q: %w", key, err)
			}
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		f.terms = append(f.terms, t)
	}
	if len(faults) > 0 {
		return Filter{}, errors.Join(faults...)
	}
	// Patterns are asked last: they cost most.
	slices.SortStableFunc(f.terms, func(a, b Term) int { return a.cost() - b.cost() })
	f.setKey()
	return f, nil
}

func (t *Term) cost() int {
	if strings.HasSuffix(t.Lookup, "regex") {
		return 1
	}
	return 0
}

// setKey makes the key: quoted, so that no value reads like the end of a term.
func (f *Filter) setKey() {
	var b strings.Builder
	for _, t := range f.terms {
		fmt.Fprintf(&b, "%q%q%s", t.Field, t.Path, t.Lookup)
		list, ok := t.Value.([]any)
		if !ok {
			list = []any{t.Value}
		}
		for _, v := range list {
			fmt.Fprintf(&b, "|%T%q", v, fmt.Sprint(v))
		}
		b.WriteByte('\n')
	}
	f.key = b.String()
}

// Key is equal for filters that ask the same.
func (f Filter) Key() string { return f.key }

// Terms returns the conditions, all of which must hold.
func (f Filter) Terms() []Term { return slices.Clone(f.terms) }

// Only returns the filter with those conditions that keep says to keep.
func (f Filter) Only(keep func(Term) bool) Filter {
	var part Filter
	for _, t := range f.terms {
		if keep(t) {
			part.terms = append(part.terms, t)
		}
	}
	part.setKey()
	return part
}

// NamesOnly reports whether the names of groups are all that a filter of groups
// asks for.
func (f Filter) NamesOnly() bool {
	return !slices.ContainsFunc(f.terms, func(t Term) bool { return t.Field != "name" })
}

// Source reports whether the users of a directory can fit, as far as its name
// tells.
func (f Filter) Source(directory string) (bool, error) {
	return f.Only(func(t Term) bool { return t.Field == "source" }).User(&identity.User{Directory: directory})
}

// User reports whether a user fits. The error says that a pattern could not be
// matched to the end.
func (f Filter) User(u *identity.User) (bool, error) {
	var grouped []*Term
	for i := range f.terms {
		t := &f.terms[i]
		var ok bool
		var err error
		switch t.Field {
		case "groups__name":
			grouped = append(grouped, t)
			continue
		case "is_active":
			ok = t.flag(u.Active)
		case "is_superuser":
			ok = t.flag(u.Superuser)
		default:
			ok, err = t.texts(userValues(u, t))
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return inGroup(grouped, u.Groups)
}

// inGroup reports whether there is one group that fits all terms, as Django
// does with conditions on one relation. Who is in no group has one that is null.
func inGroup(terms []*Term, names []string) (bool, error) {
	if len(terms) == 0 {
		return true, nil
	}
	rows := make([][]string, 0, len(names)+1)
	for i := range names {
		rows = append(rows, names[i:i+1])
	}
	if len(rows) == 0 {
		rows = append(rows, nil)
	}
	for _, row := range rows {
		fits := true
		for _, t := range terms {
			ok, err := t.texts(row)
			if err != nil {
				return false, err
			}
			fits = fits && ok
		}
		if fits {
			return true, nil
		}
	}
	return false, nil
}

// Group reports whether a group that a user is in fits. The error is as for User.
func (f Filter) Group(m *identity.Membership) (bool, error) {
	for i := range f.terms {
		t := &f.terms[i]
		var ok bool
		var err error
		if t.Field == "is_superuser" {
			ok = t.flag(m.Superuser)
		} else {
			ok, err = t.texts(groupValues(m, t))
		}
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// userValues are the values that a user has for a field; none is null.
func userValues(u *identity.User, t *Term) []string {
	switch t.Field {
	case "username":
		return known(u.Login)
	case "name":
		return known(u.Name)
	case "email":
		return known(u.Email)
	case "id":
		return known(u.ID)
	case "dn":
		return known(u.DN)
	case "source":
		return known(u.Directory)
	case "type":
		if u.Service {
			return []string{"service"}
		}
		return []string{"person"}
	}
	return attribute(u.Attributes, t.Path)
}

func groupValues(m *identity.Membership, t *Term) []string {
	switch t.Field {
	case "name":
		return known(m.Name)
	case "id":
		return known(m.ID)
	case "dn":
		return known(m.DN)
	}
	return attribute(m.Attributes, t.Path)
}

func known(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// attribute is the values of an attribute: text, which has nothing inside.
func attribute(all map[string][]string, path []string) []string {
	if len(path) != 1 {
		return nil
	}
	return all[path[0]]
}
