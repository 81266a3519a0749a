package scoped

import (
	"slices"
	"strings"
)

//go:generate go run ./internal/gendefinitions testdata/policy-definitions.json definitions_table.go

// ActionType is the kind of value that an action takes (TYPE).
type ActionType string

// The kinds of values.
const (
	TypeBool ActionType = "bool" // no value of its own, or true
	TypeInt  ActionType = "int"
	TypeStr  ActionType = "str"  // one line
	TypeText ActionType = "text" // several lines
)

// Range is an inclusive range of whole numbers.
type Range struct{ Min, Max int }

// Definition says what is known about one action of one scope. Values, Range and
// ValuesFrom are what an administrator is offered; other values are stored too.
type Definition struct {
	Scope, Action string
	Type          ActionType
	// Group is the heading under which the action is listed, "" for none.
	Group Group
	// Menus are the menus of the user interface that the action opens.
	Menus []MainMenu
	// Values are the values offered, as text.
	Values []string
	Range  *Range
	// ValuesFrom names things of the installation that are offered as values as
	// well, such as "realms".
	ValuesFrom string
	// Multiple says that several of the values can be given, parted by blanks.
	Multiple bool
	// TokenSpecific says that the action belongs to one type of token.
	TokenSpecific bool
	// Description says in a sentence or two what the action does at a login; ""
	// for actions that only matter to the management of tokens or to a web
	// interface.
	Description string
	// compatNoMenu marks the action whose menus the original misses because of a
	// misspelt key.
	compatNoMenu bool
}

// OpensMenus returns the menus that the right to the action opens. Compat leaves
// out those of the one action whose menu key is misspelt in the original.
func (d Definition) OpensMenus(compat bool) []MainMenu {
	if compat && d.compatNoMenu {
		return nil
	}
	return d.Menus
}

// TokenType is a type of token and who may enroll it.
type TokenType struct {
	Name        string
	User, Admin bool
}

// Definitions are the definitions of all scopes. They are immutable and safe for
// concurrent use.
type Definitions struct {
	scopes []string
	lists  map[string][]Definition
	index  map[[2]string]int // scope and action to the place in the scope's list
	types  []TokenType
}

// NewDefinitions returns the definitions of all scopes
// (get_static_policy_definitions together with those of the token types).
func NewDefinitions() *Definitions {
	d := &Definitions{lists: map[string][]Definition{}, index: map[[2]string]int{}, types: tokenTypes()}
	texts := descriptions()
	for _, list := range definitionTable() {
		scope := list[0].Scope
		d.scopes = append(d.scopes, scope)
		d.lists[scope] = list
		for i := range list {
			d.index[[2]string{scope, list[i].Action}] = i
			list[i].Description = texts[scope+"/"+list[i].Action]
		}
	}
	return d
}

// Scopes returns the names of the scopes that have definitions. The scope audit
// is known by name only and has none.
func (d *Definitions) Scopes() []string { return slices.Clone(d.scopes) }

// KnownScope reports whether policies of the scope are looked at anywhere.
func (d *Definitions) KnownScope(scope string) bool {
	return scope == ScopeAudit || d.lists[scope] != nil
}

// Scope returns the definitions of a scope, those of token types behind the
// others; nil when the scope has none.
func (d *Definitions) Scope(scope string) []Definition { return slices.Clone(d.lists[scope]) }

// TokenTypes returns the types of tokens that actions can speak of.
func (d *Definitions) TokenTypes() []TokenType { return slices.Clone(d.types) }

// Lookup finds the definition of an action by its exact name. Besides those
// listed by Scope it knows what every type of token adds: enroll<TYPE> for those
// that the role of the scope may enroll, <type>_otp_pin_minlength, …_maxlength
// and …_contents for users and administrators, <type>_challenge_text for
// authentication.
func (d *Definitions) Lookup(scope, action string) (Definition, bool) {
	if i, ok := d.index[[2]string{scope, action}]; ok {
		return d.lists[scope][i], true
	}
	return d.dynamic(scope, action)
}

// dynamic makes the definition of an action that a token type brings by rule.
func (d *Definitions) dynamic(scope, action string) (Definition, bool) {
	general := func(name string) (Definition, bool) {
		i, ok := d.index[[2]string{scope, name}]
		if !ok {
			return Definition{}, false
		}
		def := d.lists[scope][i]
		def.Action, def.TokenSpecific = action, true
		return def, true
	}
	kind, rest, found := strings.Cut(action, "_")
	if !found || !slices.ContainsFunc(d.types, func(t TokenType) bool { return t.Name == kind }) {
		return Definition{}, false
	}
	switch {
	case (scope == ScopeAdmin || scope == ScopeUser) &&
		(rest == ActionPINMinLength || rest == ActionPINMaxLength || rest == ActionPINContents):
		return general(rest)
	case scope == ScopeAuthentication && rest == ActionChallengeText:
		return general(rest)
	}
	return Definition{}, false
}

// Enrollable returns the types of tokens that the role, ScopeAdmin or ScopeUser,
// may enroll at all.
func (d *Definitions) Enrollable(role string) []string {
	var types []string
	for _, t := range d.types {
		if role == ScopeAdmin && t.Admin || role == ScopeUser && t.User {
			types = append(types, t.Name)
		}
	}
	return types
}

// EnrollAction is the action that allows to enroll a type of token: enroll and
// the type in capital letters.
func EnrollAction(tokenType string) string { return "enroll" + strings.ToUpper(tokenType) }
