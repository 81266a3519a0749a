package policyengine

import (
	"context"
	"time"
)

// Stage says when a binding is asked.
type Stage string

// The stages. Admission bindings are asked before any credential is looked at,
// access bindings once it was found right.
const (
	StageAdmission Stage = "admission"
	StageAccess    Stage = "access"
)

// Mode says how the results of several bindings make one decision.
type Mode string

// The engine modes: every binding must pass, or one of them is enough.
const (
	ModeAll Mode = "all"
	ModeAny Mode = "any"
)

// Result is what one policy says.
type Result struct {
	Passing bool
	// Messages are texts for the user, in the policy's order.
	Messages []string
	// Raw is what the policy wants to hand on (its raw_result): JSON-like
	// values. It never changes the verdict.
	Raw any
}

// Decision is what the engine says of a login at one stage.
type Decision struct {
	Allowed bool
	// Messages are texts for the user in binding order. A refusal has at least
	// one.
	Messages []string
	// Policy names the binding that decided ("policy office_hours", "group
	// vpn-users"); empty when there was nothing to decide, and when several had
	// to agree and did.
	Policy string
	// Failed is true when the refusal comes from something that broke (an error,
	// a timeout, a dead helper) and not from a policy that said no.
	Failed bool
	// Bindings is the trace: one record per binding of the stage, in order.
	Bindings []BindingRecord
}

// BindingRecord is what one binding contributed, for logs and explanations.
type BindingRecord struct {
	// Name is the binding's kind and target, as in Decision.Policy.
	Name string
	// Passing is the result after negate and failure_result.
	Passing  bool
	Messages []string
	// Skipped is set for a binding that was not asked, and says why.
	Skipped string
	// DryRun marks a result that had no effect.
	DryRun bool
	Cached bool
	// Err is why the binding could not be evaluated; nil otherwise.
	Err  error
	Took time.Duration
	// Raw is the policy's raw_result.
	Raw any
}

// Path is a place in the policy input, such as "request.user.groups"; the empty
// path is the whole input.
type Path string

// Expression is a compiled expression policy; package rego makes them. Eval is
// safe for concurrent use. An error is a policy exception: the caller decides
// what it counts as.
type Expression interface {
	Eval(ctx context.Context, in *Input) (Result, error)
	// Reads lists the places of the input that Eval can look at: what an exact
	// cache key is made of.
	Reads() []Path
}

// Value is an argument or a result of a condition helper: nil, bool, float64,
// string, []Value or map[string]Value (the types of JSON).
type Value = any

// Condition is a condition helper, a function that somebody else wrote; package
// plugins makes them. An error means that there is no answer.
type Condition interface {
	Check(ctx context.Context, in *Input, args []Value) (Value, error)
}

// ValueType is the declared type of a helper's argument or result.
type ValueType string

// The types that a condition helper can declare.
const (
	TypeString  ValueType = "string"
	TypeNumber  ValueType = "number"
	TypeBoolean ValueType = "boolean"
	TypeList    ValueType = "list"
	TypeObject  ValueType = "object"
)

// TypeOf is the type of a helper's value; empty for one that has none, such as nil.
func TypeOf(v Value) ValueType {
	switch v.(type) {
	case string:
		return TypeString
	case float64:
		return TypeNumber
	case bool:
		return TypeBoolean
	case []any:
		return TypeList
	case map[string]any:
		return TypeObject
	}
	return ""
}

// Class says how far the result of a helper can be relied on later. The letters
// are the ones that helper authors write.
type Class string

// The determinism classes of helpers.
const (
	Deterministic Class = "D" // the same arguments give the same result, always
	ReadsState    Class = "S" // reads stored or upstream state
	ReadsNetwork  Class = "N" // reads the network or the clock
	SideEffect    Class = "W" // changes something; never cached, never retried
)

// Helper describes a condition helper and how to call it.
type Helper struct {
	// Name is "<plugin>.<function>".
	Name   string
	Doc    string
	Args   []ValueType
	Result ValueType
	Class  Class
	Condition
}

// Cache keeps the results of expression policies. An implementation must be
// exact: what Get returns is what Eval would return now. NoCache is the
// implementation that never remembers.
type Cache interface {
	Get(policy string, in *Input) (Result, bool)
	Put(policy string, in *Input, r Result)
}

// NoCache is a Cache that is always empty.
type NoCache struct{}

// Get finds nothing.
func (NoCache) Get(string, *Input) (Result, bool) { return Result{}, false }

// Put forgets the result.
func (NoCache) Put(string, *Input, Result) {}

var _ Cache = NoCache{}
