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
	// Notes are texts for the audit alone: messages with audience audit.
	Notes []string
	// Raw is what the policy wants to hand on (its raw_result): JSON-like
	// values. It never changes the verdict.
	Raw any
	// Events are what the policy, and those that it called, want in the audit. The
	// events of a policy that several of a decision call have the very same Context
	// in the results of all of them, and the decision has them once.
	Events []Event
}

// MaxEvents is how many events one decision can write into the audit.
const MaxEvents = 16

// Event is an entry for the audit that a policy asked for (ak_create_event).
type Event struct {
	// Action is the policy's word with "custom_" before it.
	Action string
	// Policy is the name of the expression policy that created it.
	Policy string
	// Context holds JSON values, with whatever looks like a credential masked.
	Context map[string]any
}

// ExceptionCode says in one word what kind of fault left a policy without a
// result. Audit and callers of ak_call_policy see it.
type ExceptionCode string

// The codes of exceptions.
const (
	// ExceptionHelper: a helper function failed: a directory is down, an argument
	// is wrong, a plugin died.
	ExceptionHelper ExceptionCode = "helper_failed"
	// ExceptionConflict: rules of the policy contradict each other.
	ExceptionConflict ExceptionCode = "conflict"
	// ExceptionResult: allow, messages or raw_result are not what they have to be.
	ExceptionResult ExceptionCode = "bad_result"
	// ExceptionTimeout: no answer in time.
	ExceptionTimeout ExceptionCode = "timeout"
	// ExceptionCanceled: whoever asked has gone.
	ExceptionCanceled ExceptionCode = "canceled"
	// ExceptionPanic: a fault of ours.
	ExceptionPanic ExceptionCode = "panic"
	// ExceptionInternal: the evaluator failed otherwise.
	ExceptionInternal ExceptionCode = "internal"
)

// Exception is the error of an Expression: why a policy has no result. It is for
// audit and log and never for the user.
type Exception struct {
	Code ExceptionCode
	// Policy is the name of the policy; Location is FILE:LINE:COLUMN there, empty
	// when no single place is to blame.
	Policy, Location string
	Err              error
}

// Error implements error.
func (e *Exception) Error() string {
	if e.Location == "" {
		return e.Err.Error()
	}
	return e.Location + ": " + e.Err.Error()
}

// Unwrap returns what went wrong.
func (e *Exception) Unwrap() error { return e.Err }

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
	// Events are what the policies that count want in the audit, in binding order,
	// whether the login is refused or not. Those beyond MaxEvents are only in
	// Bindings.
	Events []Event
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
	Err error
	// Took is zero for what was cached.
	Took time.Duration
	// Raw is the policy's raw_result.
	Raw any
	// Notes and Events are what the policy wants in the audit.
	Notes  []string
	Events []Event
}

// Path is a place in the policy input, such as "request.user.groups"; the empty
// path is the whole input.
type Path string

// PathMemberships is a place that the input document does not have: all that is
// known of the groups that the user is in, identity.User.Memberships.
const PathMemberships Path = "request.user#memberships"

// PathLogin is a place that the input document does not have: Input.Login, the name
// as it was typed.
const PathLogin Path = "request#login"

// Expression is a compiled expression policy; package rego makes them. Eval is
// safe for concurrent use. An error is a policy exception (an *Exception): the
// caller decides what it counts as. Look-ups beyond the input are noted as package
// fresh has it.
type Expression interface {
	Eval(ctx context.Context, in *Input) (Result, error)
	// Reads says what Eval can look at: what an exact cache key is made of.
	Reads() Reads
}

// Reads is what an expression policy can look at, found when it was loaded. It may
// say too much, and never too little.
type Reads struct {
	// Paths are places of the input, sorted, none below another one.
	Paths []Path
	// Uncacheable says why results cannot be kept: side effects, the clock. Empty
	// for a policy whose results can be.
	Uncacheable string
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
	// Reads are the places of the input that the call depends on besides its
	// arguments; the empty path is all of it.
	Reads []Path
	// TTL is how long a result may be kept by whoever calls, 0 for not at all.
	// Results of class D can be kept always, those of class W never.
	TTL time.Duration
	Condition
}
