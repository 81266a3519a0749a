package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// EmptyScope says by scope whether everything is allowed, or nothing, where no
// scoped policy is active. A single word counts for AllScopes.
type EmptyScope map[string]string

// AllScopes is the key for every scope that has none of its own.
const AllScopes = "*"

// Decides reports whether the configuration says anything of the scope.
func (e EmptyScope) Decides(scope string) bool { return e[scope] != "" || e[AllScopes] != "" }

// Denies reports whether nothing is allowed in the scope when it is empty.
func (e EmptyScope) Denies(scope string) bool {
	if word, ok := e[scope]; ok {
		return word == "deny"
	}
	return e[AllScopes] == "deny"
}

// DecodeYAML implements the decoder's interface for types that read themselves.
func (e *EmptyScope) DecodeYAML(v any) error {
	switch v := v.(type) {
	case string:
		*e = EmptyScope{AllScopes: v}
	case map[string]any:
		*e = make(EmptyScope, len(v))
		for scope, word := range v {
			(*e)[scope] = fmt.Sprint(word)
		}
	default:
		return errors.New("allow or deny is due, or a mapping of scopes to these words")
	}
	var faults []error
	for _, scope := range slices.Sorted(maps.Keys(*e)) {
		if word := (*e)[scope]; word != "allow" && word != "deny" {
			faults = append(faults, fmt.Errorf("%q is not one of allow, deny%s", word, DidYouMean(word, []string{"allow", "deny"})))
		}
	}
	return errors.Join(faults...)
}
