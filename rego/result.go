package rego

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// Limits of what a policy says.
const (
	maxMessages   = 32
	maxMessageLen = 512      // octets
	maxRaw        = 64 << 10 // octets of raw_result, about
	maxDepth      = 64       // objects and lists within each other
	nodeSize      = 16       // octets that count for each value
)

// rules are the three rules of a policy's evaluated package.
type rules struct {
	allow           bool
	messages, notes []string
	raw             any
}

// resultError says that a policy's result is not what it has to be.
type resultError struct{ error }

func badResult(format string, args ...any) error { return resultError{fmt.Errorf(format, args...)} }

// readRules reads the rules while the evaluator still has them, so that what else
// is in the package is not converted.
func readRules(t *ast.Term, _ *opa.EvalContext) (any, error) {
	o, ok := t.Value.(ast.Object)
	if !ok {
		return nil, badResult("the policy's package is %s", article(t.Value))
	}
	allow, ok := rule(o, "allow").(ast.Boolean)
	if !ok {
		return nil, badResult("allow is %s: it must be true or false", article(rule(o, "allow")))
	}
	r := &rules{allow: bool(allow), raw: bool(allow)}
	if err := r.readMessages(rule(o, "messages")); err != nil {
		return nil, resultError{err}
	}
	if raw := o.Get(ast.InternedTerm("raw_result")); raw != nil {
		v, err := plain(raw.Value, maxRaw)
		if err != nil {
			return nil, badResult("raw_result %w", err)
		}
		r.raw = v
	}
	return r, nil
}

// rule is the value of a rule; null if it has none.
func rule(o ast.Object, name string) ast.Value {
	if t := o.Get(ast.InternedTerm(name)); t != nil {
		return t.Value
	}
	return ast.NullValue
}

// plain is a value as JSON has it, sets being sorted lists, if it is not larger
// than about limit octets.
func plain(v ast.Value, limit int) (any, error) {
	left := limit
	if err := weigh(v, &left, maxDepth); err != nil {
		return nil, err
	}
	if left < 0 {
		return nil, fmt.Errorf("has more than %d octets", limit)
	}
	return ast.JSONWithOpt(v, ast.JSONOpt{SortSets: true})
}

// weigh takes the size of a value off from what is left, and ends where nothing
// is.
func weigh(v ast.Value, left *int, depth int) error {
	if *left -= nodeSize; *left < 0 {
		return nil
	}
	if depth == 0 {
		return fmt.Errorf("has more than %d objects and lists within each other", maxDepth)
	}
	item := func(t *ast.Term) error { return weigh(t.Value, left, depth-1) }
	switch v := v.(type) {
	case ast.String:
		*left -= len(v)
	case ast.Number:
		*left -= len(v)
	case *ast.Array:
		return v.Iter(item)
	case ast.Set:
		return v.Iter(item)
	case ast.Object:
		return v.Iter(func(k, t *ast.Term) error {
			if err := item(k); err != nil {
				return err
			}
			return item(t)
		})
	}
	return nil
}

// readMessages reads the rule messages: texts, or objects {"text", "audience"}
// of which those for the audit are not for the user.
func (r *rules) readMessages(v ast.Value) error {
	i := 0
	read := func(t *ast.Term) error {
		i++
		if i > maxMessages {
			return fmt.Errorf("more than %d messages", maxMessages)
		}
		if err := r.readMessage(t.Value); err != nil {
			return fmt.Errorf("messages: item %d: %w", i, err)
		}
		return nil
	}
	switch v := v.(type) {
	case ast.Null:
		return nil
	case *ast.Array:
		return v.Iter(read)
	case ast.Set:
		return v.Iter(read)
	}
	return fmt.Errorf("messages is %s: it must be a set or an array of texts", article(v))
}

func (r *rules) readMessage(item ast.Value) error {
	list := &r.messages
	text, ok := item.(ast.String)
	if !ok {
		o, isObject := item.(ast.Object)
		if !isObject {
			return fmt.Errorf("%s: it must be a string", article(item))
		}
		if text, ok = rule(o, "text").(ast.String); !ok {
			return fmt.Errorf("text is %s: it must be a string", article(rule(o, "text")))
		}
		switch audience := rule(o, "audience"); {
		case audience.Compare(ast.String("audit")) == 0:
			list = &r.notes
		case audience.Compare(ast.NullValue) != 0 && audience.Compare(ast.String("user")) != 0:
			return fmt.Errorf("audience is %.60v: it must be user or audit", audience)
		}
		for _, key := range o.Keys() {
			if k, _ := key.Value.(ast.String); k != "text" && k != "audience" {
				return fmt.Errorf("unknown key %.60v: a message has text and audience", key)
			}
		}
	}
	if len(text) > maxMessageLen {
		return fmt.Errorf("%d octets, at most %d are allowed", len(text), maxMessageLen)
	}
	*list = append(*list, string(text))
	return nil
}

// result joins what the rules say with what functions did: the texts of
// ak_message go first.
func (e *evaluation) result(r *rules) (policyengine.Result, error) {
	all := slices.Concat(e.messages, r.messages)
	if len(all) > maxMessages {
		return policyengine.Result{}, badResult("%d messages, at most %d are allowed", len(all), maxMessages)
	}
	return policyengine.Result{Passing: r.allow, Messages: all, Notes: r.notes, Raw: r.raw, Events: e.events}, nil
}
