package rego

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/policyengine"
)

type input = policyengine.Input

// part is a part of the input document under its key: a value made from what is
// known of the login, or an object of further parts.
type part struct {
	key   *ast.Term
	value func(in *input) ast.Value
	parts []part
	// unknown tells that the login has none of all parts. The object is then
	// blank, which is made once. May be nil.
	unknown func(in *input) bool
	blank   ast.Value
}

func value(key string, of func(in *input) ast.Value) part {
	return part{key: ast.StringTerm(key), value: of}
}

func constant(key string, v ast.Value) part {
	return value(key, func(*input) ast.Value { return v })
}

func object(key string, parts ...part) part {
	return part{key: ast.StringTerm(key), parts: parts}
}

// optional is an object that many logins have nothing of.
func optional(key string, unknown func(in *input) bool, parts ...part) part {
	return part{key: ast.StringTerm(key), parts: parts, unknown: unknown}
}

// newDocument prepares the document that policies know as input, with what can
// be looked at by whoever reads these places. Of that it is total: every key is
// there, and what is not known is null, since a missing key would make
// "not input.x == y" true.
func newDocument(reads []policyengine.Path) *part {
	whole := object("input", documentParts()...)
	document := whole.within(reads)
	return &document
}

// within leaves out the parts that no path leads to.
func (p part) within(reads []policyengine.Path) part {
	var parts []part
	for _, below := range p.parts {
		if rest := under(string(below.key.Value.(ast.String)), reads); len(rest) > 0 {
			parts = append(parts, below.within(rest))
		}
	}
	p.parts = parts
	if p.unknown != nil {
		p.blank = p.object(&input{})
	}
	return p
}

// under returns where the paths lead to below a key. One that ends above it
// leads to all that is below.
func under(key string, reads []policyengine.Path) []policyengine.Path {
	var rest []policyengine.Path
	for _, path := range reads {
		first, more, _ := strings.Cut(string(path), ".")
		if path == wholeInput || first == key {
			rest = append(rest, policyengine.Path(more))
		}
	}
	return rest
}

// of makes the part of one login.
func (p *part) of(in *input) ast.Value {
	switch {
	case p.value != nil:
		return p.value(in)
	case p.unknown != nil && p.unknown(in):
		return p.blank
	}
	return p.object(in)
}

func (p *part) object(in *input) ast.Value {
	var space [16][2]*ast.Term // as many as any object here has
	pairs, terms := space[:0], make([]ast.Term, len(p.parts))
	for i := range p.parts {
		terms[i].Value = p.parts[i].of(in)
		pairs = append(pairs, ast.Item(p.parts[i].key, &terms[i]))
	}
	return ast.NewObject(pairs...)
}

// text is null when there is none.
func text(s string) ast.Value {
	if s == "" {
		return ast.NullValue
	}
	return ast.String(s)
}

func address(a netip.Addr) ast.Value {
	if !a.IsValid() {
		return ast.NullValue
	}
	return ast.String(a.Unmap().String())
}

func instant(t time.Time) ast.Value {
	if t.IsZero() {
		return ast.NullValue
	}
	return ast.String(t.Format(time.RFC3339))
}

func number(n int64) ast.Value { return ast.Number(json.Number(strconv.FormatInt(n, 10))) }

func list(items []string) ast.Value {
	terms, values := make([]*ast.Term, len(items)), make([]ast.Term, len(items))
	for i, s := range items {
		values[i].Value = ast.String(s)
		terms[i] = &values[i]
	}
	return ast.NewArray(terms...)
}

func lists(m map[string][]string) ast.Value {
	if len(m) == 0 {
		return ast.InternedEmptyObjectValue
	}
	pairs := make([][2]*ast.Term, 0, len(m))
	for key, items := range m {
		pairs = append(pairs, ast.Item(ast.StringTerm(key), ast.NewTerm(list(items))))
	}
	return ast.NewObject(pairs...)
}
