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
	// reads are the places of the input that helper functions look at themselves;
	// document are those that are read through the input document.
	reads, document []policyengine.Path
	// sideEffects: it calls a function that has one, or may.
	sideEffects bool
	// never are reasons why its result cannot be kept.
	never []string
	calls []policyCall
	// faults are calls that would not do what they say.
	faults []error
}

// policyCall is a call of ak_call_policy.
type policyCall struct {
	// name is empty where it is computed.
	name string
	// keys are those of kwargs, as far as they are written down.
	keys []string
	at   *ast.Location
}

// analyzer walks the rules behind a reference and everything that they refer to.
// It may say too much (a rule that never fires counts) but never too little.
type analyzer struct {
	compiler *ast.Compiler
	builtins *builtins
	visited  map[*ast.Rule]bool
	// looks takes the functions that look at the login themselves, beside those
	// about a user, who is told to them; nil for nobody.
	looks func(function string)
	usage
}

func analyze(c *ast.Compiler, ref ast.Ref, builtins *builtins) usage {
	a := &analyzer{compiler: c, builtins: builtins, visited: map[*ast.Rule]bool{}}
	a.data(ref)
	a.reads, a.document = minimal(a.reads), minimal(a.document)
	slices.Sort(a.never)
	a.never = slices.Compact(a.never)
	return a.usage
}

// data follows a reference to rules.
func (a *analyzer) data(ref ast.Ref) {
	for _, rule := range rulesBehind(a.compiler, ref.ConstantPrefix()) {
		if !a.visited[rule] {
			a.visited[rule] = true
			a.rule(rule)
		}
	}
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

func (a *analyzer) rule(rule *ast.Rule) {
	a.walk(rule, aliasesOf(rule, a.builtins))
}

// walk looks at a rule or at a part of one.
func (a *analyzer) walk(x any, names *aliases) {
	ast.NewGenericVisitor(func(x any) bool {
		switch x := x.(type) {
		case *ast.Expr:
			if names.bound[x] {
				return true // the name stands for what is read through it
			}
			if operator := x.Operator(); operator != nil {
				a.function(operator, x.Operands(), names)
			}
			a.replaced(x.With)
			a.otherInput(x)
		case ast.Call:
			a.function(x[0].Value.(ast.Ref), x[1:], names)
		case ast.Ref:
			a.ref(x, names)
		}
		return false
	}).Walk(x)
}

// ref notes a reference: to the input, by whatever name, to data, or to a function
// that is not called here but put in the place of another one.
func (a *analyzer) ref(ref ast.Ref, names *aliases) {
	if path, ok := names.path(ref); ok {
		a.document = append(a.document, path)
		return
	}
	if ref[0].Equal(ast.DefaultRootDocument) {
		a.data(ref)
		return
	}
	name := ref.String()
	if clocks[name] {
		a.never = append(a.never, "it calls "+name)
	}
	b := a.builtins.byName[name]
	if b == nil {
		return
	}
	a.effects(b)
	if a.looks != nil && !b.whose && (b.name == callName || len(b.reads) > 0) {
		a.looks(b.name)
	}
}

// clocks are functions of OPA that answer differently at different times.
var clocks = map[string]bool{"time.now_ns": true}

func (a *analyzer) effects(b *builtin) {
	a.sideEffects = a.sideEffects || b.sideEffect()
	if why := b.uncacheable(); why != "" {
		a.never = append(a.never, "it calls "+b.name+": "+why)
	}
}

// function notes what a call with these operands reads besides them.
func (a *analyzer) function(operator ast.Ref, operands []*ast.Term, names *aliases) {
	b := a.builtins.byName[operator.String()]
	switch {
	case b == nil || len(operands) < len(b.args):
	case b.name == callName:
		a.calls = append(a.calls, calledPolicy(operands))
	case b.narrow != nil:
		a.reads = append(a.reads, b.narrow(operands)...)
	default:
		a.reads = append(a.reads, b.reads...)
	}
	if b == nil || !b.whose || len(operands) == 0 {
		return
	}
	if user, ok := names.user(operands[0]); ok {
		for _, key := range userKeys {
			a.document = append(a.document, user+"."+policyengine.Path(key))
		}
	}
}

// replaced notes the functions that are put in the place of others: their arguments
// are not known.
func (a *analyzer) replaced(with []*ast.With) {
	for _, w := range with {
		ref, ok := w.Value.Value.(ast.Ref)
		if !ok {
			continue
		}
		if b := a.builtins.byName[ref.String()]; b != nil {
			a.reads = append(a.reads, b.reads...)
			if b.name == callName {
				a.calls = append(a.calls, policyCall{at: w.Location})
			}
		}
	}
}

// calledPolicy reads the operands of ak_call_policy.
func calledPolicy(operands []*ast.Term) policyCall {
	c := policyCall{at: operands[0].Location}
	if name, ok := operands[0].Value.(ast.String); ok {
		c.name = string(name)
	}
	if kwargs, ok := operands[1].Value.(ast.Object); ok {
		kwargs.Foreach(func(k, _ *ast.Term) {
			if key, ok := k.Value.(ast.String); ok {
				c.keys = append(c.keys, string(key))
			}
		})
	}
	return c
}

var plainKey = regexp.MustCompile(`\A[A-Za-z_][A-Za-z0-9_]*\z`)

// below writes what follows the head of a reference as a path, up to the first
// part that is not a plain name.
func below(ref ast.Ref) policyengine.Path {
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

// join puts paths together.
func join(above, under policyengine.Path) policyengine.Path {
	switch wholeInput {
	case above:
		return under
	case under:
		return above
	}
	return above + "." + under
}

// within tells whether a path is another one, or below it.
func within(path, above policyengine.Path) bool {
	return above == wholeInput || path == above || strings.HasPrefix(string(path), string(above)+".")
}

// minimal sorts paths and leaves out those that another one contains.
func minimal(paths []policyengine.Path) []policyengine.Path {
	slices.Sort(paths)
	var out []policyengine.Path
	for _, p := range slices.Compact(paths) {
		if !slices.ContainsFunc(out, func(q policyengine.Path) bool { return within(p, q) }) {
			out = append(out, p)
		}
	}
	return out
}
