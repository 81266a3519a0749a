package regotest

import (
	"context"
	"fmt"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown"
)

// maxShown is how much of a value a failure shows, in octets.
const maxShown = 400

// Failure is where a test failed.
type Failure struct {
	// Location is FILE:LINE of the last line of the test that did not hold, Text
	// that line.
	Location, Text string
	// Values are what it was made of.
	Values []Value
}

// Value is a named value.
type Value struct{ Name, Text string }

// explainFailures runs the tests that failed again, with a trace: it costs so much
// that those that pass have none.
func (s *suite) explainFailures(ctx context.Context, report *Report, results []*tester.Result) error {
	failed := map[string]*Test{}
	var refs []ast.Ref
	for i, r := range results {
		if report.Tests[i].Verdict != Failed {
			continue
		}
		ref, err := ast.ParseRef(r.Package + "." + r.Name)
		if err != nil {
			continue // a name that is numbered, because there are several
		}
		failed[r.Package+"."+r.Name] = &report.Tests[i]
		refs = append(refs, ref)
	}
	if len(refs) == 0 {
		return nil
	}
	again, err := s.runner().EnableTracing(true).SetPrefixMatchers(refs...).RunTests(ctx, nil)
	if err != nil {
		return fmt.Errorf("run failed tests again: %w", err)
	}
	for r := range again {
		if t := failed[r.Package+"."+r.Name]; t != nil {
			t.Failure = failureOf(r)
		}
	}
	return nil
}

// failureOf finds where a traced test failed: the last of its own expressions that
// did not hold.
func failureOf(r *tester.Result) *Failure {
	first, last := r.Location.Row, r.Location.Row+strings.Count(string(r.Location.Text), "\n")
	var at *topdown.Event
	for _, e := range r.Trace {
		if e.Op != topdown.FailOp || e.Location == nil || e.Location.File != r.Location.File {
			continue
		}
		if row := e.Location.Row; row >= first && row <= last {
			at = e
		}
	}
	if at == nil {
		return nil
	}
	text, _, _ := strings.Cut(string(at.Location.Text), "\n")
	f := &Failure{Location: fmt.Sprintf("%s:%d", at.Location.File, at.Location.Row), Text: text}
	if x, ok := at.Node.(*ast.Expr); ok {
		f.Values = values(x, at)
	}
	return f
}

// values are those of the variables of an expression.
func values(x *ast.Expr, e *topdown.Event) []Value {
	var all []Value
	known := map[ast.Var]bool{}
	ast.WalkVars(x, func(v ast.Var) bool {
		if known[v] || e.Locals == nil {
			return false
		}
		known[v] = true
		value := e.Locals.Get(v)
		if value == nil {
			return false
		}
		name := "value"
		if m, ok := e.LocalMetadata[v]; ok && !strings.HasPrefix(string(m.Name), ast.WildcardPrefix) && !strings.HasPrefix(string(m.Name), "__local") {
			name = string(m.Name)
		}
		all = append(all, Value{name, cut(value.String())})
		return false
	})
	return all
}

func cut(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}
