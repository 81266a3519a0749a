package pyregex

import (
	"context"
	"strings"
)

// Replace puts what the template says in the place of every match, also of empty
// ones beside others: x* in "abxd" with - gives "-a-b--d-". The value can have
// 64 KiB, the result 256 KiB; beyond, and if the search took too long, it is an
// error.
func (p *Pattern) Replace(value string, t *Template) (string, error) {
	return p.ReplaceContext(context.Background(), value, t)
}

// ReplaceContext is Replace with a deadline, as MatchContext has it.
func (p *Pattern) ReplaceContext(ctx context.Context, value string, t *Template) (string, error) {
	if t.groups > p.groups {
		return "", &Error{Class: BadTemplate, Reason: "made for another pattern", Offset: -1}
	}
	if some, err := p.MatchContext(ctx, value); err != nil {
		return "", err
	} else if !some {
		return value, nil
	}
	find := p.finder(ctx, value)
	out := result{}
	last, empty := 0, false
	for {
		m, err := find(empty)
		if err != nil {
			return "", err
		}
		if m == nil {
			break
		}
		out.add(value[last:m[0]])
		t.expand(&out, value, m)
		last, empty = m[1], m[0] == m[1]
		if out.full {
			return "", tooLarge("the result has more than %d octets", maxResult)
		}
	}
	if out.add(value[last:]); out.full {
		return "", tooLarge("the result has more than %d octets", maxResult)
	}
	return out.String(), nil
}

// result is a text that ends at maxResult.
type result struct {
	strings.Builder
	full bool
}

func (r *result) add(s string) {
	if r.full = r.full || r.Len()+len(s) > maxResult; !r.full {
		r.WriteString(s)
	}
}
