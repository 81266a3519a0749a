package scoped

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// judge compares a result with the expectation, by the rules of the README.
func (e *caseEnv) judge(q *caseQuery, got map[string]any, err error) error {
	var want expectation
	if err := json.Unmarshal(q.Expect, &want); err != nil {
		return err
	}
	if err != nil && slices.Contains(q.Tags, "python-regex") {
		return nil // refusing such a pattern is fine
	}
	if want.Error != "" {
		return judgeError(want.Error, got, err)
	}
	if err != nil {
		return fmt.Errorf("error %w, want %s", err, q.Expect)
	}
	var wanted, result map[string]any
	if err := json.Unmarshal(q.Expect, &wanted); err != nil {
		return err
	}
	data, err := json.Marshal(got)
	if err == nil {
		err = json.Unmarshal(data, &result)
	}
	if err != nil {
		return err
	}
	delete(wanted, "order")
	for key, w := range wanted {
		g, ok := result[key]
		if !ok {
			return fmt.Errorf("no %s in %s", key, data)
		}
		if fault := e.same(key, want.Order, w, g); fault != "" {
			return fmt.Errorf("%s: got %s, want %s%s", key, asJSON(g), asJSON(w), fault)
		}
	}
	return nil
}

// errorKinds are the kinds of the README by the errors of this package.
var errorKinds = []struct {
	name string
	err  error
}{
	{"policy", ErrPolicy},
	{"parameter", ErrParameter},
	{"matching", ErrMatching},
	{"user", ErrUser},
	{"not_found", ErrNotFound},
	{"invalid", ErrInvalid},
	{"denied", ErrDenied},
	{"compare", ErrCompare},
	{"crash", ErrBroken},
}

// kindName is the outermost kind of an error.
func kindName(err error) string {
	var k *kindError
	var gone *errMissing
	kind := err
	switch {
	case errors.As(err, &k):
		kind = k.kind
	case errors.As(err, &gone):
		kind = gone.kind
	}
	for _, c := range errorKinds {
		if errors.Is(kind, c.err) {
			return c.name
		}
	}
	return "no kind at all"
}

func judgeError(want string, got map[string]any, err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("got %s, want an error of kind %s", asJSON(got), want)
	case want == "crash", kindName(err) == want:
		return nil
	}
	return fmt.Errorf("error of kind %s (%w), want %s", kindName(err), err, want)
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// asSet are the results that are compared without order.
var asSet = []string{"rights", "menus", "tokentypes", "realms", "delete", "audit_policies"}

// same compares one entry of a result.
func (e *caseEnv) same(key, order string, want, got any) string {
	switch {
	case key == "names" && order == "ties":
		return e.sameTies(caseTexts(want), caseTexts(got))
	case key == "names" && order == "unsorted", slices.Contains(asSet, key):
		if sortedJSON(want) != sortedJSON(got) {
			return " (as sets)"
		}
		return ""
	case key == "values":
		w, _ := want.(map[string]any)
		g, _ := got.(map[string]any)
		if len(w) != len(g) {
			return " (not as many values)"
		}
		for v, names := range w {
			if sortedJSON(names) != sortedJSON(g[v]) {
				return " (of " + v + ")"
			}
		}
		return ""
	}
	if asJSON(want) != asJSON(got) {
		return " (exactly)"
	}
	return ""
}

func caseTexts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i], _ = list[i].(string)
	}
	return out
}

func sortedJSON(v any) string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i] = asJSON(list[i])
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// sameTies compares names of which only the order of priorities counts.
func (e *caseEnv) sameTies(want, got []string) string {
	priority := map[string]int{}
	for _, p := range e.policies {
		priority[p.Name] = p.Priority
	}
	if len(want) != len(got) {
		return " (not as many)"
	}
	for i := range want {
		if priority[want[i]] != priority[got[i]] {
			return fmt.Sprintf(" (priority of the %d. one)", i+1)
		}
	}
	w, g := slices.Clone(want), slices.Clone(got)
	slices.Sort(w)
	slices.Sort(g)
	if !slices.Equal(w, g) {
		return " (not the same ones)"
	}
	return ""
}
