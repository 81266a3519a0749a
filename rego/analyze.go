package rego

import (
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// wholeInput is the path of the input document itself.
const wholeInput policyengine.Path = ""

// usage is what a policy does, found by looking at every rule that it can
// reach.
type usage struct {
	// reads are all places of the input; document are those among them that are
	// read through the input document, and not by a helper function.
	reads, document []policyengine.Path
	sideEffects     bool
}

// analyze walks the rules behind ref and everything that they refer to. It may
// say too much (a rule that never fires counts) but never too little.
func analyze(c *ast.Compiler, ref ast.Ref, builtins *builtins) usage {
	var (
		u       usage
		visited = map[*ast.Rule]bool{}
		visit   func(ref ast.Ref)
	)
	visit = func(ref ast.Ref) {
		for _, rule := range rulesBehind(c, ref.ConstantPrefix()) {
			if visited[rule] {
				continue
			}
			visited[rule] = true
			ast.WalkRefs(rule, func(r ast.Ref) bool {
				switch {
				case r[0].Equal(ast.InputRootDocument):
					u.document = append(u.document, inputPath(r))
				case r[0].Equal(ast.DefaultRootDocument):
					visit(r)
				default:
					if b := builtins.byName[r.String()]; b != nil {
						u.reads = append(u.reads, b.reads...)
						u.sideEffects = u.sideEffects || b.sideEffect
					}
				}
				return false
			})
		}
	}
	visit(ref)
	u.document = minimal(u.document)
	u.reads = minimal(append(u.reads, u.document...))
	return u
}

// rulesBehind returns every rule that can add to what a constant reference finds:
// those at it, below it and on the way to it. The compiler's own GetRules ends
// at the first rule on the way, though a[k] does not keep the evaluator from
// looking at a.b too.
func rulesBehind(c *ast.Compiler, ref ast.Ref) []*ast.Rule {
	rules := c.GetRulesWithPrefix(ref)
	for n := 1; n < len(ref); n++ {
		rules = append(rules, c.GetRulesExact(ref[:n])...)
	}
	return rules
}

var plainKey = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// inputPath writes a reference as a path, up to the first part that is not a
// plain name.
func inputPath(ref ast.Ref) policyengine.Path {
	var parts []string
	for _, t := range ref[1:] {
		key, ok := t.Value.(ast.String)
		if !ok || !plainKey.MatchString(string(key)) {
			break
		}
		parts = append(parts, string(key))
	}
	return policyengine.Path(strings.Join(parts, "."))
}

// minimal sorts paths and leaves out those that another one contains.
func minimal(paths []policyengine.Path) []policyengine.Path {
	slices.Sort(paths)
	var out []policyengine.Path
	for _, p := range slices.Compact(paths) {
		if slices.ContainsFunc(out, func(q policyengine.Path) bool {
			return q == wholeInput || strings.HasPrefix(string(p), string(q)+".")
		}) {
			continue
		}
		out = append(out, p)
	}
	return out
}
