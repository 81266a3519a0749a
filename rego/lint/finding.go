package lint

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Severity says whether policies with a finding can be used.
type Severity string

// The severities. A policy with an error is not loaded.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// The codes of findings. They are stable: comments name them to silence a
// warning.
const (
	WrongPackage      = "wrong-package"
	NoDefault         = "no-default"
	AllowNotBoolean   = "allow-not-boolean"
	RuleHidesFunction = "rule-hides-function"
	UnknownFunction   = "unknown-function"
	BadLiteral        = "bad-literal"
	UnknownPolicy     = "unknown-policy"
	OtherPolicy       = "other-policy"
	UnknownData       = "unknown-data"
	CallPolicyAsTruth = "call-policy-as-condition"

	NegatedUnknown     = "negated-unknown"
	MessageBeforeTest  = "message-before-test"
	WholeInput         = "whole-input"
	TimeNow            = "time-now"
	ASCIIWordBoundary  = "ascii-word-boundary"
	DoubtfulLiteral    = "doubtful-literal"
	DNSDecides         = "dns-decides"
	MessagesAlways     = "messages-always"
	NothingToBeIgnored = "ignore-unknown-code"
)

// The functions that the checks know by name.
const (
	functionCallPolicy = "ak_call_policy"
	functionMessage    = "ak_message"
	functionTimeNow    = "time.now_ns"
	functionResolveDNS = "resolve_dns"
	functionReverseDNS = "reverse_dns"
	functionRegexMatch = "regex_match"
)

// silenceable are the codes that a comment can silence.
var silenceable = []string{
	NegatedUnknown, MessageBeforeTest, WholeInput, TimeNow, ASCIIWordBoundary, DoubtfulLiteral, DNSDecides, MessagesAlways,
}

// Finding is one mistake.
type Finding struct {
	Severity Severity
	// Code is the stable short name of the kind of mistake.
	Code string
	// File, Line and Column (in octets, both from 1) are where it is.
	File         string
	Line, Column int
	// Text says what is wrong, Hint what to write instead; the hint may be empty.
	Text, Hint string
}

// Error is "file:line:column: text: hint [code]".
func (f Finding) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message())
}

// Message is "text: hint [code]", for those who show the place themselves.
func (f Finding) Message() string {
	hint := ""
	if f.Hint != "" {
		hint = ": " + f.Hint
	}
	return f.Text + hint + " [" + f.Code + "]"
}

var _ error = Finding{}

// at makes a finding about a place.
func at(loc *ast.Location, severity Severity, code, text, hint string) Finding {
	f := Finding{Severity: severity, Code: code, Text: text, Hint: hint}
	if loc != nil {
		f.File, f.Line, f.Column = loc.File, loc.Row, loc.Col
	}
	return f
}

// sorted puts findings in the order of files and lines, each once.
func sorted(all []Finding) []Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Code, b.Code), cmp.Compare(a.Text, b.Text))
	})
	return slices.Compact(all)
}
