package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

var (
	policiesRef = ast.MustParseRef("data.sallyport.policies")
	libRef      = ast.MustParseRef("data.sallyport.lib")
	validName   = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,62}\z`)
)

// PolicyName returns the name of the policy that a module is part of; false for
// libraries and for modules that break the convention.
func PolicyName(m *ast.Module) (string, bool) {
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

// convention checks the package, the names of rules, and allow.
func (u *unit) convention() {
	_, isPolicy := PolicyName(u.Module)
	if !isPolicy && !isLib(u.Module) {
		u.report(u.Package.Location, Error, WrongPackage,
			fmt.Sprintf("package %s", strings.TrimPrefix(u.Package.Path.String(), "data.")), packageHint(u.Module))
	}
	for _, i := range u.Imports {
		if name := string(i.Name()); u.language.Names[name] {
			u.report(i.Location, Error, RuleHidesFunction, fmt.Sprintf("import %s has the name of a built-in function", name), "give it another one with as")
		}
	}
	for _, r := range u.Rules {
		name := headName(r)
		if u.language.Names[name] {
			u.report(r.Location, Error, RuleHidesFunction, fmt.Sprintf("rule %s has the name of a built-in function", name), "give it another one")
		}
		if isPolicy && name == "allow" {
			u.allow(r)
		}
	}
}

// packageHint says what package a module may mean.
func packageHint(m *ast.Module) string {
	const rule = "a policy is package sallyport.policies.NAME (NAME: small letters, digits and _, beginning with a letter, at most 63), shared rules are package sallyport.lib.NAME"
	path := m.Package.Path
	if len(path) <= len(policiesRef) && !policiesRef.HasPrefix(path) && !libRef.HasPrefix(path) {
		if name, ok := path[len(path)-1].Value.(ast.String); ok && validName.MatchString(string(name)) {
			return rule + "; is sallyport.policies." + string(name) + " meant?"
		}
	}
	return rule
}

// allow demands that every allow is a rule with a boolean, as far as that can be
// seen in the text.
func (u *unit) allow(rule *ast.Rule) {
	for _, r := range chain(rule) {
		switch {
		case len(r.Head.Args) > 0 || r.Head.Key != nil || len(r.Head.Ref()) > 1:
			u.report(r.Location, Error, AllowNotBoolean, "allow must be a plain rule with a boolean", "allow if …")
		case r.Head.Value != nil && !canBeBoolean(r.Head.Value):
			u.report(r.Location, Error, AllowNotBoolean,
				fmt.Sprintf("allow is %s", ast.ValueName(r.Head.Value.Value)), "it must be true or false")
		}
	}
}

func canBeBoolean(t *ast.Term) bool {
	switch t.Value.(type) {
	case ast.Boolean, ast.Ref, ast.Call, ast.Var:
		return true // the last three are known to the compiler, or when they are evaluated
	}
	return false
}

// defaults demands that every policy has a default for allow.
func (p *program) defaults() {
	for path, rules := range p.rules {
		if slices.ContainsFunc(rules["allow"], func(r *ast.Rule) bool { return r.Default }) {
			continue
		}
		var first *ast.Module
		var name string
		for _, m := range p.modules {
			n, ok := PolicyName(m)
			if ok && m.Package.Path.String() == path && (first == nil || m.Package.Location.File < first.Package.Location.File) {
				first, name = m, n
			}
		}
		if first != nil {
			p.found = append(p.found, at(first.Package.Location, Error, NoDefault,
				fmt.Sprintf("policy %s has no default for allow", name), "add the line `default allow := false`"))
		}
	}
}
