package rego

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// compile checks all modules and prepares every policy.
func compile(ctx context.Context, modules map[string]*ast.Module, builtins *builtins, log *slog.Logger) (*Set, error) {
	caps := capabilities()
	caps.Builtins = append(caps.Builtins, builtins.declarations()...)
	faults := checkModules(modules, builtins, caps)
	c := ast.NewCompiler().
		WithCapabilities(caps).
		WithDefaultRegoVersion(ast.RegoV1).
		WithEnablePrintStatements(true).
		SetErrorLimit(0)
	c.Compile(modules)
	if c.Failed() {
		faults = append(faults, explain("", c.Errors, functionNames(caps)))
	} else {
		faults = append(faults, checkReferences(c)...)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	set := &Set{policies: map[string]*Policy{}}
	var reads []policyengine.Path
	store := inmem.New()
	for _, name := range policyNames(modules) {
		p, used, err := prepare(ctx, c, name, builtins, opa.Store(store))
		if err != nil {
			return nil, fmt.Errorf("prepare expression policy %s: %w", name, err)
		}
		p.log = log
		set.policies[name] = p
		reads = append(reads, used.document...)
	}
	document := newDocument(reads)
	for _, p := range set.policies {
		p.document = document
	}
	return set, nil
}

// prepare makes a policy that can be evaluated.
func prepare(ctx context.Context, c *ast.Compiler, name string, builtins *builtins, store func(*opa.Rego)) (*Policy, usage, error) {
	ref := ast.MustParseRef("data.sallyport.policies." + name)
	options := append(builtins.implementations(),
		store,
		opa.ParsedQuery(ast.NewBody(ast.NewExpr(ast.NewTerm(ref)))),
		opa.Compiler(c),
		opa.SetRegoVersion(ast.RegoV1),
		opa.Capabilities(c.Capabilities()),
		opa.StrictBuiltinErrors(true),
		opa.EnablePrintStatements(true),
	)
	query, err := opa.New(options...).PrepareForEval(ctx)
	if err != nil {
		return nil, usage{}, err
	}
	used := analyze(c, ref, builtins)
	p := &Policy{name: name, query: query, reads: used.reads}
	p.options = []opa.EvalOption{opa.EvalSortSets(true), opa.EvalMetrics(metrics.NoOp())}
	if used.sideEffects { // all rules are run, where OPA would skip what cannot change the result
		p.options = append(p.options, opa.EvalRuleIndexing(false), opa.EvalEarlyExit(false))
	}
	return p, used, nil
}

// policyNames returns the names of all policies of valid modules, sorted.
func policyNames(modules map[string]*ast.Module) []string {
	var names []string
	for _, m := range modules {
		if name, ok := policyName(m); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// explain turns errors of the parser and the compiler into lines with file, line
// and column, and adds what to do about it.
func explain(file string, err error, known []string) error {
	var list ast.Errors
	if !errors.As(err, &list) {
		if file == "" {
			return err
		}
		return fmt.Errorf("%s: %w", file, err)
	}
	faults := make([]error, 0, len(list))
	for _, e := range list {
		faults = append(faults, at(e.Location, "%s%s", e.Message, hint(e.Message, known)))
	}
	return errors.Join(faults...)
}

// hint says more about errors that administrators make often.
func hint(message string, known []string) string {
	name, ok := strings.CutPrefix(message, "undefined function ")
	if !ok {
		return ""
	}
	if why := missing(name); why != "" {
		return ": " + why
	}
	return config.DidYouMean(name, known)
}

// at makes an error about a place in a file.
func at(loc *ast.Location, format string, args ...any) error {
	what := fmt.Errorf(format, args...)
	if loc == nil || loc.File == "" {
		return what
	}
	return fmt.Errorf("%s:%d:%d: %w", loc.File, loc.Row, loc.Col, what)
}
