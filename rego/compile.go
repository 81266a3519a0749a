package rego

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/metrics"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// compile checks all modules and prepares every policy.
func compile(ctx context.Context, modules map[string]*ast.Module, builtins *builtins) (*Set, error) {
	caps := capabilities()
	caps.Builtins = append(caps.Builtins, builtins.declarations()...)
	var faults []error
	builtins.world.engines, faults = engines(modules)
	faults = append(faults, checkModules(modules, builtins, caps)...)
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
	set := &Set{policies: map[string]*Policy{}, builtins: builtins, world: builtins.world}
	usages := map[string]usage{}
	for _, m := range modules {
		if name, ok := policyName(m); ok && set.policies[name] == nil {
			set.policies[name] = &Policy{name: name, set: set}
			usages[name] = analyze(c, policyRef(name), builtins)
		}
	}
	if faults := set.checkCalls(usages); len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return set, set.prepare(ctx, c, usages)
}

func policyRef(name string) ast.Ref { return policiesRef.Append(ast.StringTerm(name)) }

// checkCalls demands that the policies that others call by name are there.
func (s *Set) checkCalls(usages map[string]usage) []error {
	var faults []error
	for _, name := range sortedKeys(usages) {
		for _, call := range usages[name].calls {
			if call.name == "" {
				continue
			}
			if _, err := s.callee(call.name); err != nil {
				faults = append(faults, at(call.at, "%s: %w", callName, err))
			}
		}
	}
	return faults
}

// prepare makes policies that can be evaluated.
func (s *Set) prepare(ctx context.Context, c *ast.Compiler, usages map[string]usage) error {
	var paths []policyengine.Path
	for _, u := range usages {
		paths = append(paths, u.document...)
	}
	document := newDocument(minimal(paths)) // of what any policy can look at, so that a login's is made once
	options := append(s.builtins.implementations(),
		opa.Store(inmem.New()),
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
