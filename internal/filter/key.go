package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
)

// subject is what a filter is about.
type subject uint8

const (
	users subject = iota
	groups
)

// String returns the name that CheckKey knows it by.
func (s subject) String() string { return [...]string{"user", "group"}[s] }

// fields are the names that a key can begin with.
func (s subject) fields() []string {
	if s == groups {
		return []string{"name", "pk", "id", "uuid", "dn", "is_superuser", "attributes"}
	}
	return []string{
		"username", "name", "email", "pk", "id", "uuid", "dn", "is_active", "is_superuser", "type", "source",
		"attributes", "groups",
	}
}

// lookups are the words that a key can end with. Flags have those of isFlag only.
func lookups() []string {
	return []string{
		"exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith", "iendswith",
		"in", "regex", "iregex", "isnull", "gt", "gte", "lt", "lte",
	}
}

func flagLookups() []string { return []string{"exact", "in", "isnull"} }

// isFlag reports whether the field is true or false, and not text.
func isFlag(field string) bool { return strings.HasPrefix(field, "is_") }

// parseKey takes field[__sub…][__lookup] apart.
func parseKey(of subject, key string) (Term, error) {
	parts := strings.Split(key, "__")
	if !slices.Contains(of.fields(), parts[0]) {
		return Term{}, fmt.Errorf("filter key %q: a %s has no field %q%s; there are %s",
			key, of, parts[0], config.DidYouMean(parts[0], of.fields()), strings.Join(of.fields(), ", "))
	}
	t, rest := Term{Field: parts[0], Lookup: "exact"}, parts[1:]
	var err error
	switch t.Field {
	case "pk", "uuid":
		t.Field = "id"
	case "attributes":
		rest, err = t.setPath(rest)
	case "groups":
		if t.Field = "groups__name"; len(rest) == 0 || rest[0] != "name" {
			err = errors.New("of groups only the name can be asked for: write groups__name")
		} else {
			rest = rest[1:]
		}
	}
	if err == nil {
		err = t.setLookup(rest)
	}
	if err != nil {
		return Term{}, fmt.Errorf("filter key %q: %w", key, err)
	}
	return t, nil
}

// setPath takes the path of an attribute off, and returns what is left: the lookup.
func (t *Term) setPath(rest []string) ([]string, error) {
	end := len(rest)
	if end > 0 && slices.Contains(lookups(), rest[end-1]) {
		end--
	}
	t.Path, rest = rest[:end], rest[end:]
	if end == 0 || slices.Contains(t.Path, "") {
		return nil, errors.New("attributes needs the name of one: write attributes__NAME or attributes__NAME__LOOKUP")
	}
	// There is nothing inside of an attribute: such a key fits nobody, and is
	// allowed for the sake of filters from elsewhere. A slip of the pen is not.
	if last := t.Path[end-1]; end > 1 {
		if mean := config.DidYouMean(last, lookups()); mean != "" {
			return nil, fmt.Errorf("there is no lookup %q%s", last, mean)
		}
	}
	return rest, nil
}

func (t *Term) setLookup(rest []string) error {
	if len(rest) == 0 {
		return nil
	}
	known := lookups()
	if isFlag(t.Field) {
		known = flagLookups()
	}
	t.Lookup = strings.Join(rest, "__")
	if !slices.Contains(known, t.Lookup) {
		return fmt.Errorf("%s has no lookup %q%s; there are %s", t.Field, t.Lookup, config.DidYouMean(t.Lookup, known), strings.Join(known, ", "))
	}
	return nil
}
