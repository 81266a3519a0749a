package lint

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/open-policy-agent/opa/v1/ast"
)

// warnings finds what works and is probably not what was meant.
func (u *unit) warnings() {
	for _, r := range u.Rules {
		eachBody(r, nil, func(bodies []ast.Body) {
			u.negations(bodies)
			u.messageOrder(bodies[len(bodies)-1])
		})
		u.reads(r)
	}
	if _, isPolicy := PolicyName(u.Module); isPolicy {
		for _, rule := range u.Rules {
			u.messagesAlways(rule)
			u.decidedByDNS(rule)
		}
	}
}

// messageOrder finds texts that are told although the body then fails: the
// expressions behind ak_message are tests that may not hold.
func (u *unit) messageOrder(body ast.Body) {
	var said *ast.Expr
	for _, e := range body {
		name := ""
		if terms, ok := e.Terms.([]*ast.Term); ok && len(terms) > 0 {
			name = terms[0].String()
		}
		switch {
		case said == nil && name == functionMessage && !e.Negated:
			said = e
		case said != nil && !cannotFail(e, name):
			u.report(said.Location, Warning, MessageBeforeTest,
				fmt.Sprintf("the text is told even where `%s` behind it does not hold", written(e)),
				`put ak_message last, or write messages contains "…" if …`)
			return
		}
	}
}

// cannotFail tells whether an expression always holds, or is a plain false that
// ends the body on purpose.
func cannotFail(e *ast.Expr, function string) bool {
	if t, ok := e.Terms.(*ast.Term); ok {
		_, literal := t.Value.(ast.Boolean)
		return literal && !e.Negated
	}
	return !e.Negated && (function == functionMessage || function == "ak_create_event" || function == "print" || strings.HasPrefix(function, "ak_logger."))
}

// reads finds what makes a decision depend on everything, or on the very moment.
func (u *unit) reads(r *ast.Rule) {
	ast.NewGenericVisitor(func(n any) bool {
		switch n := n.(type) {
		case *ast.With:
			u.readsTerm(r, n.Value) // the target is replaced, not read
			return true
		case *ast.Term:
			u.read(r, n)
		}
		return false
	}).Walk(r)
}

func (u *unit) readsTerm(r *ast.Rule, t *ast.Term) {
	ast.WalkTerms(t, func(t *ast.Term) bool {
		u.read(r, t)
		return false
	})
}

func (u *unit) read(r *ast.Rule, t *ast.Term) {
	ref, ok := t.Value.(ast.Ref)
	switch {
	case !ok || len(ref) == 0:
	case ref.String() == functionTimeNow:
		u.report(place(t, r.Location), Warning, TimeNow, "a decision that reads time.now_ns is never cached", "compare with input.now.hour, input.now.minute or input.now.weekday")
	case ref[0].Equal(ast.InputRootDocument) && len(ref.ConstantPrefix()) == 1:
		u.report(place(t, r.Location), Warning, WholeInput, fmt.Sprintf("%s reads all of the input, so that no two logins can share a cached decision", ref), "name the fields, as in input.request.user.username")
	}
}

// wordBoundary finds \b beside letters that it does not know. What regex_replace
// makes shows more of that: its patterns have doubts of their own.
func (u *unit) wordBoundary(name string, operator *ast.Term, args []*ast.Term) {
	if name != functionRegexMatch || len(args) < 2 {
		return
	}
	pattern, ok := args[1].Value.(ast.String)
	if !ok || !hasWordBoundary(string(pattern)) {
		return
	}
	value, _ := args[0].Value.(ast.String)
	if !beyondASCII(string(pattern)) && !beyondASCII(string(value)) {
		return
	}
	u.report(place(args[1], operator.Location), Warning, ASCIIWordBoundary,
		`\b and \B know the letters of ASCII only, so that a word may end before or after an accented letter`, `write what may stand beside the word, as in (?:^|\W)`)
}

func hasWordBoundary(pattern string) bool {
	for i := 0; i+1 < len(pattern); i++ {
		if pattern[i] != '\\' {
			continue
		}
		if i++; pattern[i] == 'b' || pattern[i] == 'B' {
			return true
		}
	}
	return false
}

func beyondASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) >= 0
}

// messagesAlways finds texts that everybody gets.
func (u *unit) messagesAlways(r *ast.Rule) {
	if headName(r) != "messages" || r.Else != nil || len(r.Body) != 1 {
		return
	}
	if t, ok := r.Body[0].Terms.(*ast.Term); !ok || !t.Equal(ast.BooleanTerm(true)) || r.Body[0].Negated {
		return
	}
	if !hasText(r.Head.Key) && (r.Head.Value == nil || !hasText(r.Head.Value)) {
		return
	}
	u.report(r.Location, Warning, MessagesAlways, "everybody is told this, those who are let in too", `add a condition: messages contains "…" if not allow`)
}

// hasText tells whether a message, or a list of some, is written down.
func hasText(t *ast.Term) bool {
	if t == nil {
		return false
	}
	switch v := t.Value.(type) {
	case ast.String, ast.Object:
		return true
	case *ast.Array:
		return v.Len() > 0
	case ast.Set:
		return v.Len() > 0
	}
	return false
}

// written is an expression as it stands in the file, cut for a finding.
func written(e *ast.Expr) string {
	const limit = 60
	text := e.String()
	if e.Location != nil && len(e.Location.Text) > 0 {
		text = string(e.Location.Text)
	}
	r := []rune(strings.Join(strings.Fields(text), " "))
	if len(r) > limit {
		return string(slices.Concat(r[:limit], []rune("…")))
	}
	return string(r)
}
