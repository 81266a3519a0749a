package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego/lint"
)

// compile checks all modules and prepares every policy.
func compile(ctx context.Context, modules map[string]*ast.Module, documents map[string]any, builtins *builtins) (*Set, error) {
	caps := capabilities()
	caps.Builtins = append(caps.Builtins, builtins.declarations()...)
	set := &Set{policies: map[string]*Policy{}, builtins: builtins, world: builtins.world}
	var engineFaults []error
	set.world.engines, engineFaults = engines(modules)
	findings := lint.Modules(modules, set.language(caps, sortedKeys(documents)))
	c := ast.NewCompiler().
		WithCapabilities(caps).
		WithDefaultRegoVersion(ast.RegoV1).
		WithEnablePrintStatements(true).
		SetErrorLimit(0)
	c.Compile(modules)
	var compileErr error
	if c.Failed() {
		compileErr = explain(file{}, c.Errors, findings)
	} else {
		findings = append(findings, lint.Compiled(c)...)
	}
	faults, warnings := split(findings)
	if err := errors.Join(slices.Concat(engineFaults, faults, []error{compileErr})...); err != nil {
		return nil, err
	}
	set.warnings = warnings
	usages, err := set.analyze(c, modules)
	if err != nil {
		return nil, err
	}
	return set, set.prepare(ctx, c, newStore(documents), usages)
}

// analyze finds the policies and what they do.
func (s *Set) analyze(c *ast.Compiler, modules map[string]*ast.Module) (map[string]usage, error) {
	usages, faults := map[string]usage{}, map[string]error{}
	for _, m := range modules {
		name, ok := lint.PolicyName(m)
		if !ok || s.policies[name] != nil {
			continue
		}
		s.policies[name] = &Policy{name: name, set: s}
		usages[name] = analyze(c, policyRef(name), s.builtins)
		for _, err := range usages[name].faults { // those of a library come with each policy that uses it
			faults[err.Error()] = err
		}
	}
	all := make([]error, 0, len(faults))
	for _, text := range sortedKeys(faults) {
		all = append(all, faults[text])
	}
	return usages, errors.Join(all...)
}

var policiesRef = ast.MustParseRef("data.sallyport.policies")

func policyRef(name string) ast.Ref { return policiesRef.Append(ast.StringTerm(name)) }

// prepare makes policies that can be evaluated.
func (s *Set) prepare(ctx context.Context, c *ast.Compiler, store storage.Store, usages map[string]usage) error {
	var paths []policyengine.Path
	for _, u := range usages {
		paths = append(paths, u.document...)
	}
	document := newDocument(minimal(paths)) // of what any policy can look at, so that a login's is made once
	options := append(s.builtins.implementations(),
		opa.Store(store),
		opa.Compiler(c),
		opa.SetRegoVersion(ast.RegoV1),
		opa.Capabilities(c.Capabilities()),
		opa.StrictBuiltinErrors(true),
		opa.EnablePrintStatements(true),
		opa.GenerateJSON(readRules),
	)
	together := reaching{set: s, usages: usages}
	for _, name := range sortedKeys(s.policies) {
		p := s.policies[name]
		query := ast.NewBody(ast.NewExpr(ast.NewTerm(policyRef(name))))
		prepared, err := opa.New(append(slices.Clip(options), opa.ParsedQuery(query))...).PrepareForEval(ctx)
		if err != nil {
			return fmt.Errorf("prepare expression policy %s: %w", name, err)
		}
		all := together.of(name)
		p.query, p.document, p.reads = prepared, document, all.reads()
		p.options = []opa.EvalOption{opa.EvalMetrics(metrics.NoOp())}
		if all.sideEffects { // all rules are run, where OPA would skip what cannot change the result
			p.options = append(p.options, opa.EvalRuleIndexing(false), opa.EvalEarlyExit(false))
		}
	}
	return nil
}

// engineKey is the annotation of a package that chooses the engine for its
// regular expressions.
const engineKey = "regex_engine"

// engines finds the files whose regular expressions are not for RE2: those of a
// package that has the annotation in one of its files.
func engines(modules map[string]*ast.Module) (map[string]pyregex.Engine, []error) {
	var faults []error
	backtracking := map[string]bool{} // by package
	for _, file := range sortedKeys(modules) {
		for _, a := range modules[file].Annotations {
			engine, ok := a.Custom[engineKey]
			switch {
			case !ok:
			case a.Scope != "package" && a.Scope != "subpackages":
				faults = append(faults, at(a.Location, "%s belongs to the package: put its comment right above the line with package", engineKey))
			case engine == "backtracking":
				backtracking[modules[file].Package.Path.String()] = true
			case engine != "re2":
				faults = append(faults, at(a.Location, "%s is %v: it must be re2 or backtracking", engineKey, engine))
			}
		}
	}
	files := map[string]pyregex.Engine{}
	for file, m := range modules {
		if backtracking[m.Package.Path.String()] {
			files[file] = pyregex.Backtracking
		}
	}
	return files, faults
}
