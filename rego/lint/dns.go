package lint

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
)

// addresses are the facts that are compared with answers of the DNS and say
// nothing more about who logs in.
var addresses = []ast.Ref{ast.MustParseRef("input.client_ip"), ast.MustParseRef("input.peer_ip"), ast.MustParseRef("input.client_ip_known")}

// decidedByDNS finds bodies of allow in which nothing but the DNS decides.
func (u *unit) decidedByDNS(rule *ast.Rule) {
	if headName(rule) != "allow" || !u.asksDNS() {
		return
	}
	for _, r := range chain(rule) {
		if u.dnsAlone(whole(r), u.byDNS) {
			u.report(r.Location, Warning, DNSDecides, "the DNS alone decides here, and whoever owns a zone or can forge answers writes it",
				"demand something else too, such as a group or a network")
		}
	}
}

// holdsByDNS tells whether a rule is nothing but a question to the DNS.
func (u *unit) holdsByDNS(rule *ast.Rule, known map[*ast.Rule]bool) bool {
	if headName(rule) == "allow" {
		return false
	}
	for _, r := range chain(rule) {
		if u.dnsAlone(whole(r), known) {
			return true
		}
	}
	return false
}

// whole is a rule's body with its value behind it.
func whole(r *ast.Rule) ast.Body {
	value := r.Head.Value
	if value == nil {
		value = r.Head.Key
	}
	if value == nil {
		return r.Body
	}
	return append(slices.Clip(r.Body), ast.NewExpr(value))
}

// dnsAlone tells whether a body asks the DNS, and every other expression is about
// its answers, addresses and constants.
func (u *unit) dnsAlone(body ast.Body, rules map[*ast.Rule]bool) bool {
	answers := map[ast.Var]bool{}
	asked := false
	for range body { // until no more variables hold answers
		before := len(answers)
		for _, e := range body {
			if !u.isAnswer(e, answers, rules) {
				continue
			}
			asked = true
			for _, name := range bound(e) {
				answers[name] = true
			}
		}
		if len(answers) == before {
			break
		}
	}
	return asked && !slices.ContainsFunc(body, func(e *ast.Expr) bool { return u.otherFact(e, answers, rules) })
}

// isAnswer tells whether something within x is an answer of the DNS.
func (u *unit) isAnswer(x any, answers map[ast.Var]bool, rules map[*ast.Rule]bool) bool {
	found := false
	eachCall(x, func(name string, operator *ast.Term, _ []*ast.Term) {
		found = found || name == functionResolveDNS || name == functionReverseDNS || u.means(operator.Value, rules)
	})
	return found || anyTerm(x, func(t *ast.Term) bool {
		v, isVar := t.Value.(ast.Var)
		return isVar && answers[v] || u.means(t.Value, rules)
	})
}

// otherFact tells whether an expression is about something else: a fact of the
// input that is no address, another rule, or a function that reads the world.
func (u *unit) otherFact(e *ast.Expr, answers map[ast.Var]bool, rules map[*ast.Rule]bool) bool {
	other := false
	eachCall(e, func(name string, _ *ast.Term, _ []*ast.Term) {
		switch name {
		case "ak_is_group_member", "ak_user_by", "ak_user_has_authenticator", functionCallPolicy, "ip_in_network", "ip_in_any", "net.cidr_contains":
			other = true
		}
		other = other || len(name) > 7 && name[:7] == "plugin."
	})
	return other || anyTerm(e, func(t *ast.Term) bool {
		if ref, ok := t.Value.(ast.Ref); ok && len(ref) > 0 && ref[0].Equal(ast.InputRootDocument) {
			return !slices.ContainsFunc(addresses, func(a ast.Ref) bool { return ref.HasPrefix(a) })
		}
		if v, ok := t.Value.(ast.Var); ok && answers[v] {
			return false
		}
		defined := u.resolve(t.Value)
		return len(defined) > 0 && !slices.ContainsFunc(defined, func(r *ast.Rule) bool { return rules[r] })
	})
}

// bound are the variables that an expression gives a value: name := …, some name
// in ….
func bound(e *ast.Expr) []ast.Var {
	if name, _, ok := assignment(e); ok {
		return []ast.Var{name}
	}
	some, ok := e.Terms.(*ast.SomeDecl)
	if !ok {
		return nil
	}
	var names []ast.Var
	for _, s := range some.Symbols {
		call, ok := s.Value.(ast.Call)
		if !ok || len(call) < 3 {
			continue
		}
		for _, t := range call[1 : len(call)-1] {
			if v, ok := t.Value.(ast.Var); ok {
				names = append(names, v)
			}
		}
	}
	return names
}
