package lint

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
)

// calls checks the functions that are called, and their arguments as far as they
// are written down.
func (u *unit) calls() {
	for _, r := range u.Rules {
		eachCall(r, func(name string, operator *ast.Term, args []*ast.Term) {
			loc := place(operator, r.Location)
			if u.unknown(operator) {
				u.unknownFunction(loc, name)
				return
			}
			if u.language.Literals != nil {
				for i, err := range u.language.Literals(name, args) {
					if err != nil {
						u.literal(place(args[i], loc), name, err)
					}
				}
			}
			u.wordBoundary(name, operator, args)
			if name == functionCallPolicy && len(args) > 0 {
				u.policyName(place(args[0], loc), args[0])
			}
		})
	}
}

func (u *unit) literal(loc *ast.Location, function string, err error) {
	severity, code := Error, BadLiteral
	if _, ok := errors.AsType[Doubt](err); ok {
		severity, code = Warning, DoubtfulLiteral
	}
	u.report(loc, severity, code, function+": "+err.Error(), "")
}

// unknown tells whether there is no such function: none of the language and none
// of the module. Those of libraries are known to the compiler.
func (u *unit) unknown(operator *ast.Term) bool {
	ref, ok := operator.Value.(ast.Ref)
	if !ok || len(ref) == 0 || u.language.Functions[ref.String()] {
		return false
	}
	head, ok := ref[0].Value.(ast.Var)
	if !ok || head == "data" || head == "input" || u.rules[u.Package.Path.String()][string(head)] != nil {
		return false
	}
	return !slices.ContainsFunc(u.Imports, func(i *ast.Import) bool { return i.Name() == head })
}

func (u *unit) unknownFunction(loc *ast.Location, name string) {
	text := "undefined function " + name
	if u.language.Missing != nil {
		if why := u.language.Missing(name); why != "" {
			u.report(loc, Error, UnknownFunction, text, why)
			return
		}
	}
	known := slices.DeleteFunc(slices.Sorted(maps.Keys(u.language.Functions)), func(f string) bool { return strings.HasPrefix(f, "internal.") })
	meant, hint := config.DidYouMean(name, known), ""
	if meant == "" && strings.HasPrefix(name, "ak_") { // authentik's, perhaps
		hint = "docs/policies/expressions.md lists those that there are"
	}
	u.report(loc, Error, UnknownFunction, text+meant, hint)
}

// policyName checks a literal name for ak_call_policy.
func (u *unit) policyName(loc *ast.Location, t *ast.Term) {
	name, ok := t.Value.(ast.String)
	switch {
	case !ok:
	case u.language.Callable != nil && u.language.Callable(string(name)):
	case !slices.Contains(u.policies, string(name)):
		u.report(loc, Error, UnknownPolicy, fmt.Sprintf("%s: there is no policy %q%s", functionCallPolicy, string(name), config.DidYouMean(string(name), u.policies)), "")
	}
}
