package lint

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Language is what policies can use.
type Language struct {
	// Functions are all functions that there are, by name: those of OPA with the
	// ones behind operators, of us and of plugins. Names are those of them, and of
	// what they stand in ("plugin"), that no rule may have.
	Functions, Names map[string]bool
	// Missing says why a function that people look for is not there, and what to
	// use; empty for all others. May be nil.
	Missing func(function string) string
	// Literals checks the arguments of a function as they are written, and returns
	// an error or nil for each; nothing for functions without a check. An error that
	// is a Doubt is a warning. May be nil.
	Literals func(function string, args []*ast.Term) []error
	// Callable tells whether ak_call_policy can call something of this name that is
	// no policy of the modules. May be nil.
	Callable func(name string) bool
	// Data are the names of the documents below data that there are.
	Data []string
}

// Doubt says what an argument does that is probably not meant.
type Doubt string

// Error implements error.
func (d Doubt) Error() string { return string(d) }

// Modules looks at all modules of one directory or bundle; the keys are file
// names. The findings are in the order of files and lines. Warnings that a
// comment "# sallyport: ignore CODE" on their line silences are left out.
func Modules(modules map[string]*ast.Module, l Language) []Finding {
	p := newProgram(modules, l)
	for _, file := range slices.Sorted(maps.Keys(modules)) {
		u := &unit{program: p, Module: modules[file]}
		u.convention()
		u.references()
		u.calls()
		u.takenResults()
		u.warnings()
		p.found = append(p.found, u.heard(u.found)...)
	}
	p.defaults()
	return sorted(p.found)
}

// program is all modules, and what is known of them together.
type program struct {
	language Language
	modules  map[string]*ast.Module
	// rules are all rules of a package ("data.sallyport.lib.x") by name.
	rules map[string]map[string][]*ast.Rule
	// policies are the names of the policies of the modules, sorted.
	policies []string
	// called are the names of all functions that are called somewhere.
	called map[string]bool
	// giving are the rules whose value is a result of ak_call_policy, or holds
	// results so many steps below; byDNS are those that hold by answers of the DNS
	// alone.
	giving map[*ast.Rule]int
	byDNS  map[*ast.Rule]bool
	found  []Finding
}

// unit is one module at work.
type unit struct {
	*program
	*ast.Module
	found []Finding
}

func (u *unit) report(loc *ast.Location, severity Severity, code, text, hint string) {
	u.found = append(u.found, at(loc, severity, code, text, hint))
}

func newProgram(modules map[string]*ast.Module, l Language) *program {
	p := &program{language: l, modules: modules, rules: map[string]map[string][]*ast.Rule{}, called: map[string]bool{}}
	for _, m := range modules {
		eachCall(m, func(name string, _ *ast.Term, _ []*ast.Term) { p.called[name] = true })
		path := m.Package.Path.String()
		if p.rules[path] == nil {
			p.rules[path] = map[string][]*ast.Rule{}
		}
		for _, r := range m.Rules {
			p.rules[path][headName(r)] = append(p.rules[path][headName(r)], r)
		}
		if name, ok := PolicyName(m); ok {
			p.policies = append(p.policies, name)
		}
	}
	slices.Sort(p.policies)
	p.policies = slices.Compact(p.policies)
	if p.called[functionCallPolicy] {
		p.giving = fixpoint(p, (*unit).givesResult)
	}
	if p.asksDNS() {
		p.byDNS = fixpoint(p, func(u *unit, r *ast.Rule, known map[*ast.Rule]bool) (bool, bool) {
			holds := u.holdsByDNS(r, known)
			return holds, holds
		})
	}
	return p
}

func (p *program) asksDNS() bool { return p.called[functionResolveDNS] || p.called[functionReverseDNS] }

// fixpoint collects the rules that have a property, which may depend on other
// rules that have it.
func fixpoint[V any](p *program, has func(u *unit, r *ast.Rule, known map[*ast.Rule]V) (V, bool)) map[*ast.Rule]V {
	known := map[*ast.Rule]V{}
	for more := true; more; {
		more = false
		for _, m := range p.modules {
			u := &unit{program: p, Module: m}
			for _, r := range m.Rules {
				if _, ok := known[r]; ok {
					continue
				}
				if v, ok := has(u, r, known); ok {
					known[r], more = v, true
				}
			}
		}
	}
	return known
}

// resolve finds the rules that a whole reference means: a name of the package,
// of an imported one, or a path of data. Nothing for parts of a rule's value.
func (u *unit) resolve(v ast.Value) []*ast.Rule {
	var ref ast.Ref
	switch v := v.(type) {
	case ast.Var:
		ref = ast.Ref{ast.NewTerm(v)}
	case ast.Ref:
		ref = v
	}
	if len(ref) == 0 {
		return nil
	}
	head, ok := ref[0].Value.(ast.Var)
	if !ok {
		return nil
	}
	if rules := u.rules[u.Package.Path.String()][string(head)]; len(ref) == 1 && rules != nil {
		return rules
	}
	for _, i := range u.Imports {
		if path, ok := i.Path.Value.(ast.Ref); ok && i.Name() == head {
			ref = path.Concat(ref[1:])
			break
		}
	}
	if len(ref) < 2 {
		return nil
	}
	name, ok := ref[len(ref)-1].Value.(ast.String)
	if !ok {
		return nil
	}
	return u.rules[ref[:len(ref)-1].String()][string(name)]
}

// means tells whether a reference means a rule of a collection.
func (u *unit) means(v ast.Value, rules map[*ast.Rule]bool) bool {
	return slices.ContainsFunc(u.resolve(v), func(r *ast.Rule) bool { return rules[r] })
}
