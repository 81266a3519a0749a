package filter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
)

// Limits of values.
const (
	maxText  = 4096 // octets
	maxItems = 1000 // of a list
)

// test is whether a value that is text fits.
type test func(value string) (bool, error)

// texts reports whether one of the values fits; no values are null.
func (t *Term) texts(values []string) (bool, error) {
	if t.Lookup == "isnull" {
		return (len(values) == 0) == t.Value, nil
	}
	for _, v := range values {
		if ok, err := t.test(v); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// flag reports whether a field that is true or false fits.
func (t *Term) flag(value bool) bool {
	switch want := t.Value.(type) {
	case []any:
		return slices.Contains(want, any(value))
	case bool:
		if t.Lookup == "isnull" {
			return !want // it is never null
		}
		return want == value
	}
	return false
}

// setValue checks the value and makes the test.
func (t *Term) setValue(value any, rx *pyregex.Cache) error {
	switch {
	case t.Lookup == "isnull":
		return t.setFlag(value)
	case value == nil && t.Field == "attributes" && t.Lookup == "exact":
		t.test = never // null inside of an attribute, which is text
		return nil
	case value == nil && (t.Lookup == "exact" || t.Lookup == "iexact") && t.Field != "attributes":
		t.Lookup, t.Value = "isnull", true
		return nil
	case t.Lookup == "in":
		return t.setList(value)
	case isFlag(t.Field):
		return t.setFlag(value)
	case t.Lookup == "exact":
		return t.setExact(value)
	case slices.Contains([]string{"gt", "gte", "lt", "lte"}, t.Lookup):
		return t.setOrder(value)
	}
	text, err := t.text(value)
	if err != nil {
		return err
	}
	t.Value = text
	if t.cost() > 0 {
		return t.setPattern(text, rx)
	}
	t.test = textTest(t.Lookup, text)
	return nil
}

func never(string) (bool, error) { return false, nil }

func (t *Term) setFlag(value any) error {
	want, ok := value.(bool)
	if !ok {
		return t.wrong("true or false", value)
	}
	t.Value = want
	return nil
}

func (t *Term) setExact(value any) (err error) {
	t.Value, t.test, err = t.exact(value)
	return err
}

// exact makes the test for one value of exact or in.
func (t *Term) exact(value any) (any, test, error) {
	if t.Field == "attributes" {
		if want, ok := value.(bool); ok {
			// "TRUE" is how directories write it (RFC 4517 section 3.3.3).
			return want, func(v string) (bool, error) { return strings.EqualFold(v, fmt.Sprint(want)), nil }, nil
		}
		if text, n, ok := numberOf(value); ok {
			return text, func(v string) (bool, error) {
				got, ok := parseNumber(v)
				return ok && got.compare(n) == 0, nil
			}, nil
		}
	}
	text, err := t.text(value)
	if err == nil && t.Field == "type" && text != "person" && text != "service" {
		err = fmt.Errorf("type is person or service, not %q%s", clip(text), config.DidYouMean(text, []string{"person", "service"}))
	}
	return text, textTest("exact", text), err
}

// setList checks a list for in. A null in it matches nothing.
func (t *Term) setList(value any) error {
	list, ok := value.([]any)
	if !ok {
		return t.wrong("a list", value)
	}
	if len(list) > maxItems {
		return fmt.Errorf("%s has %d items, at most %d are allowed", t, len(list), maxItems)
	}
	wanted, tests := []any{}, []test{}
	for i, item := range list {
		if item == nil {
			continue
		}
		var one test
		var err error
		if isFlag(t.Field) {
			if _, ok := item.(bool); !ok {
				err = t.wrong("true or false", item)
			}
		} else {
			item, one, err = t.exact(item)
		}
		if err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
		wanted, tests = append(wanted, item), append(tests, one)
	}
	t.Value = wanted
	t.test = func(v string) (bool, error) {
		return slices.ContainsFunc(tests, func(one test) bool { ok, _ := one(v); return ok }), nil // exact never fails
	}
	return nil
}

// text checks a value that must be text.
func (t *Term) text(value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", t.wrong("text", value)
	}
	if len(text) > maxText {
		return "", fmt.Errorf("%s has a text of %d octets, at most %d are allowed", t, len(text), maxText)
	}
	return text, nil
}

// textTest is the test of a lookup that compares text.
func textTest(lookup, want string) test {
	compare := func(a, b string) bool { return a == b }
	switch strings.TrimPrefix(lookup, "i") {
	case "contains":
		compare = strings.Contains
	case "startswith":
		compare = strings.HasPrefix
	case "endswith":
		compare = strings.HasSuffix
	}
	if !strings.HasPrefix(lookup, "i") {
		return func(v string) (bool, error) { return compare(v, want), nil }
	}
	folded := identity.Fold(want)
	return func(v string) (bool, error) { return compare(identity.Fold(v), folded), nil }
}

// setPattern compiles a pattern. iregex puts the flag in front.
func (t *Term) setPattern(pattern string, rx *pyregex.Cache) error {
	if t.Lookup == "iregex" {
		pattern = "(?i)" + pattern
	}
	compiled, err := rx.Compile(pattern, pyregex.RE2)
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	t.test = compiled.Match
	return nil
}

// String names the field and the lookup for error texts.
func (t *Term) String() string {
	return strings.Join(append(append([]string{t.Field}, t.Path...), t.Lookup), "__")
}

// wrong says that a value has the wrong type.
func (t *Term) wrong(want string, value any) error {
	return fmt.Errorf("%s needs %s, not %s", t, want, typeName(value))
}

func typeName(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case float64, json.Number, int, int64:
		return "a number"
	}
	return fmt.Sprintf("a value of type %T", value)
}

// clip shortens a text from outside for an error.
func clip(s string) string {
	const limit = 64
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
