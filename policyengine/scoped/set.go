package scoped

import (
	"fmt"
	"slices"
	"time"
)

// Semantics says how policies are read.
type Semantics uint8

// The two semantics. Hardened, the default, departs from Compat where that has
// traps; Compat is what the original does.
const (
	Hardened Semantics = iota
	Compat
)

// String is "hardened" or "compat".
func (s Semantics) String() string {
	if s == Compat {
		return "compat"
	}
	return "hardened"
}

// EmptyScope says what is allowed in a scope without any active policy.
type EmptyScope uint8

// EmptyAllows, the default, allows everything in a scope that nobody ever
// restricted; EmptyDenies allows nothing.
const (
	EmptyAllows EmptyScope = iota
	EmptyDenies
)

// Options say how a list of policies is compiled. The zero value is the default.
type Options struct {
	Semantics Semantics
	// Location is the time zone of the policies' times; nil takes the clock of a
	// query as it is.
	Location *time.Location
	// EmptyScope says, by scope, what Match.Allowed answers when the scope has no
	// active policy.
	EmptyScope map[string]EmptyScope
}

// Fault is what is wrong with one policy of a list.
type Fault struct {
	// Index is the place of the policy in the list given to Compile, from 0.
	Index int
	// Policy is its name, and Attribute the key that is wrong. Member is which
	// member of a list that is, from 0, and -1 for the attribute as a whole.
	Policy, Attribute string
	Member            int
	Err               error
}

// Error says which policy and which attribute, and what is wrong.
func (f *Fault) Error() string {
	return fmt.Sprintf("policy %q: %s: %v", f.Policy, f.Attribute, f.Err)
}

// Unwrap returns what is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Set is a compiled, immutable list of policies, safe for concurrent use. The
// nil Set is an empty one.
type Set struct {
	options Options
	// all is ordered by priority and then by creation; a policy's place in it is
	// its id.
	all    []compiled
	byName map[string]uint32
	active map[string]struct{} // scopes with an active policy
	index  index
	// What realms and users are folded by, where a list asks for it.
	foldRealms, foldUsers folding
	// asks says that a policy has conditions or looks at all resolvers.
	asks bool
	// fragile are the policies that can fail by themselves (Compat only), by id.
	fragile []uint32
}

// compiled is a policy with its attributes prepared.
type compiled struct {
	Policy
	created    int
	actions    patternList
	realm      patternList
	resolver   patternList
	user       patternList
	adminRealm patternList
	adminUser  patternList
	client     clientList
	agents     []string // folded
	time       timeList
	conditions []condition
}

// Semantics tells how the set was compiled.
func (s *Set) Semantics() Semantics {
	if s == nil {
		return Hardened
	}
	return s.options.Semantics
}

// compat reports whether the set was compiled for Compat.
func (s *Set) compat() bool { return s.options.Semantics == Compat }

// Len is the number of policies.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.all)
}

// Names returns the names of all policies, sorted.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	names := make([]string, 0, len(s.all))
	for i := range s.all {
		names = append(names, s.all[i].Name)
	}
	slices.Sort(names)
	return names
}

// Has reports whether there is a policy of this name, active or not.
func (s *Set) Has(name string) bool {
	_, ok := s.Get(name)
	return ok
}

// Get returns the policy of this name, which must not be changed.
func (s *Set) Get(name string) (*Policy, bool) {
	if s == nil {
		return nil, false
	}
	id, ok := s.byName[name]
	if !ok {
		return nil, false
	}
	return &s.all[id].Policy, true
}

// All returns all policies by priority, then in the order of their creation. They
// must not be changed.
func (s *Set) All() []*Policy {
	if s == nil {
		return nil
	}
	all := make([]*Policy, len(s.all))
	for i := range s.all {
		all[i] = &s.all[i].Policy
	}
	return all
}

// AsksWorld reports whether a policy has conditions or check_all_resolvers, and so
// asks for what World and User.Info answer. Without that, a query needs neither.
func (s *Set) AsksWorld() bool { return s != nil && s.asks }

// ScopeEmpty reports whether a scope has no active policy; without a scope,
// whether there is no active policy at all.
func (s *Set) ScopeEmpty(scope Arg) bool {
	if s == nil {
		return true
	}
	if !scope.Given {
		return len(s.active) == 0
	}
	_, active := s.active[scope.Value]
	return !active
}

// emptyScopeAllows reports whether a scope without active policies restricts
// nothing.
func (s *Set) emptyScopeAllows(scope string) bool {
	return s == nil || s.options.EmptyScope[scope] != EmptyDenies
}
