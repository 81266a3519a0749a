package rego

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

var (
	policiesRef = ast.MustParseRef("data.sallyport.policies")
	libRef      = ast.MustParseRef("data.sallyport.lib")
	validName   = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,62}\z`)
)

// policyName returns the name of the policy that a module is part of; false for
// libraries and for modules that break the convention.
func policyName(m *ast.Module) (string, bool) {
	path := m.Package.Path
	if len(path) != len(policiesRef)+1 || !path.HasPrefix(policiesRef) {
		return "", false
	}
	name, ok := path[len(path)-1].Value.(ast.String)
	return string(name), ok && validName.MatchString(string(name))
}

func isLib(m *ast.Module) bool {
	return m.Package.Path.HasPrefix(libRef) && len(m.Package.Path) > len(libRef)
}

// checkModules holds the modules against the convention of expression policies.
func checkModules(modules map[string]*ast.Module, builtins *builtins, caps *ast.Capabilities) []error {
	var faults []error
	names := ruleNames(caps)
	withDefault := map[string]bool{}
	first := map[string]*ast.Module{}
	for _, file := range sortedKeys(modules) {
		m := modules[file]
		name, isPolicy := policyName(m)
		if !isPolicy && !isLib(m) {
			faults = append(faults, at(m.Package.Location, "package %s: a policy is package sallyport.policies.NAME (NAME: small letters, digits and _, at most 63), shared rules are package sallyport.lib.NAME",
				strings.TrimPrefix(m.Package.Path.String(), "data.")))
			continue
		}
		for _, rule := range m.Rules {
			faults = append(faults, checkRule(rule, names)...)
			if isPolicy && rule.Default && rule.Head.Name == "allow" {
				withDefault[name] = true
			}
		}
		if isPolicy {
			if first[name] == nil {
				first[name] = m
			}
			faults = append(faults, checkAllow(m)...)
		}
		faults = append(faults, checkImports(m)...)
		faults = append(faults, checkLiterals(m, builtins)...)
	}
	for _, name := range sortedKeys(first) {
		if !withDefault[name] {
			faults = append(faults, at(first[name].Package.Location, "policy %s has no default for allow: add a line\n\tdefault allow := false", name))
		}
	}
	return faults
}

// checkRule refuses rules that hide a function.
func checkRule(rule *ast.Rule, builtins map[string]bool) []error {
	if name := headName(rule); builtins[name] {
		return []error{at(rule.Location, "rule %s has the name of a built-in function: give it another one", name)}
	}
	return nil
}

// checkAllow demands that every allow is a rule with a boolean, as far as that
// can be seen without evaluating it.
func checkAllow(m *ast.Module) []error {
	var faults []error
	for _, rule := range m.Rules {
		if headName(rule) != "allow" {
			continue
		}
		for r := rule; r != nil; r = r.Else {
			switch {
			case len(r.Head.Args) > 0 || r.Head.Key != nil || len(r.Head.Ref()) > 1:
				faults = append(faults, at(r.Location, "allow must be a plain rule with a boolean: allow if …"))
			case r.Head.Value != nil && r.Head.Value.IsGround() && !isBoolean(r.Head.Value):
				faults = append(faults, at(r.Location, "allow is %s: it must be true or false", ast.ValueName(r.Head.Value.Value)))
			}
		}
	}
	return faults
}

func isBoolean(t *ast.Term) bool {
	switch t.Value.(type) {
	case ast.Boolean, ast.Ref, ast.Call, ast.Var:
		return true // the last three are known when they are evaluated
	}
	return false
}

func headName(rule *ast.Rule) string {
	if ref := rule.Head.Ref(); len(ref) > 0 {
		if v, ok := ref[0].Value.(ast.Var); ok {
			return string(v)
		}
	}
	return string(rule.Head.Name)
}

// checkImports looks at imports apart from references, since an import that
// nothing uses leaves no reference.
func checkImports(m *ast.Module) []error {
	var faults []error
	for _, i := range m.Imports {
		if ref, ok := i.Path.Value.(ast.Ref); ok {
			if err := checkData(m, ref); err != nil {
				faults = append(faults, at(i.Location, "%w", err))
			}
		}
	}
	return faults
}

// checkReferences looks at every reference of compiled modules, where aliases
// and imports are resolved.
func checkReferences(c *ast.Compiler) []error {
	var faults []error
	for _, file := range sortedKeys(c.Modules) {
		m := c.Modules[file]
		for _, rule := range m.Rules {
			ast.WalkTerms(rule, func(t *ast.Term) bool {
				if ref, ok := t.Value.(ast.Ref); ok {
					if err := checkData(m, ref); err != nil {
						loc := t.Location
						if loc == nil || loc.File == "" {
							loc = rule.Location
						}
						faults = append(faults, at(loc, "%w", err))
					}
				}
				return false
			})
		}
	}
	return faults
}

// checkData refuses references to what a module may not see: a policy sees
// itself and libraries, a library sees libraries.
func checkData(m *ast.Module, ref ast.Ref) error {
	if len(ref) == 0 || !ref[0].Equal(ast.DefaultRootDocument) {
		return nil
	}
	prefix := ref.ConstantPrefix()
	switch {
	case prefix.HasPrefix(libRef) && len(prefix) > len(libRef):
		return nil
	case prefix.HasPrefix(m.Package.Path):
		return nil
	case prefix.HasPrefix(policiesRef) && len(prefix) > len(policiesRef):
		return fmt.Errorf("%s belongs to another policy: move what both need into package sallyport.lib.NAME", ref)
	}
	return fmt.Errorf("%s: policies see their own rules and data.sallyport.lib.NAME, nothing else of data", ref)
}

// checkLiterals checks the arguments of helpers that are written down in the
// policy: patterns, networks, filters.
func checkLiterals(m *ast.Module, builtins *builtins) []error {
	var faults []error
	check := func(operator *ast.Term, operands []*ast.Term) {
		b := builtins.byName[operator.String()]
		if b == nil || b.literal == nil || len(operands) < len(b.args) {
			return
		}
		for i, err := range b.literal(operands[:len(b.args)]) {
			if err != nil {
				faults = append(faults, at(operands[i].Location, "%s: %w", b.name, err))
			}
		}
	}
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			if terms, ok := x.Terms.([]*ast.Term); ok && len(terms) > 0 {
				check(terms[0], terms[1:])
			}
		case ast.Call:
			check(x[0], x[1:])
		}
		return false
	}).Walk(m)
	return faults
}
