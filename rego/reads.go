package rego

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// maxReach bounds how many calls of other policies are followed to find out what
// a policy reads. Beyond, it reads everything.
const maxReach = 256

// fleeting are the places of the input that differ at each login.
var fleeting = []policyengine.Path{"now.unix", "now.rfc3339", "request.id"}

// reach is what a policy does together with those that it calls.
type reach struct {
	paths       []policyengine.Path
	never       []string
	sideEffects bool
}

// reaching finds out what policies do together.
type reaching struct {
	set    *Set
	usages map[string]usage
}

// of follows the calls of a policy.
func (r *reaching) of(name string) reach {
	var all reach
	left := maxReach
	r.follow(&all, name, nil, nil, &left)
	if left <= 0 {
		all.paths = []policyengine.Path{wholeInput}
	}
	for i, p := range all.paths {
		// It is the same user.
		if rest, ok := strings.CutPrefix(string(p), "context.pending_user"); ok && (rest == "" || rest[0] == '.') {
			all.paths[i] = policyengine.Path("request.user" + rest)
		}
	}
	all.paths = minimal(all.paths)
	slices.Sort(all.never)
	all.never = slices.Compact(all.never)
	return all
}

// follow adds what a policy does in a context that has these keys of its callers.
func (r *reaching) follow(all *reach, name string, stack, given []string, left *int) {
	if *left--; *left <= 0 || slices.Contains(stack, name) || len(stack) > maxCallDepth {
		return // whoever calls in a circle, or too deep, fails
	}
	u, ok := r.usages[name]
	if !ok {
		r.other(all, name)
		return
	}
	stack = append(slices.Clip(stack), name)
	all.sideEffects = all.sideEffects || u.sideEffects
	all.never = append(all.never, u.never...)
	all.paths = append(all.paths, u.reads...)
	for _, p := range u.document {
		if !overlaidBy(p, given) {
			all.paths = append(all.paths, p)
		}
	}
	for _, c := range u.calls {
		if c.name == "" {
			all.paths = append(all.paths, wholeInput)
			all.never = append(all.never, "it calls policies by computed names")
			all.sideEffects = true
			continue
		}
		r.follow(all, c.name, stack, slices.Concat(given, c.keys), left)
	}
}

// overlaidBy tells whether a place of the context is one that callers give.
func overlaidBy(path policyengine.Path, given []string) bool {
	rest, ok := strings.CutPrefix(string(path), "context.")
	key, _, _ := strings.Cut(rest, ".")
	return ok && slices.Contains(given, key)
}

// other adds what a scoped policy or a function of a plugin does.
func (r *reaching) other(all *reach, name string) {
	if n := r.set.world.native; n != nil && n.Has(name) {
		reads := n.Reads(name)
		all.paths = append(all.paths, reads.Paths...)
		if reads.Uncacheable != "" {
			all.never = append(all.never, reads.Uncacheable)
		}
		return
	}
	if b := r.set.builtins.byName[name]; b != nil {
		all.paths = append(all.paths, b.reads...)
		all.sideEffects = all.sideEffects || b.sideEffect()
		if why := b.uncacheable(); why != "" {
			all.never = append(all.never, "it calls "+name+": "+why)
		}
	}
}

// reads says what the result of a policy depends on.
func (r reach) reads() policyengine.Reads {
	out := policyengine.Reads{Paths: r.paths}
	never := slices.Clone(r.never)
	for _, p := range r.paths {
		for _, f := range fleeting {
			switch {
			case p == wholeInput:
				never = append(never, "it can look at the whole input")
			case within(p, f):
				never = append(never, "it looks at input."+string(p))
			case within(f, p):
				never = append(never, fmt.Sprintf("it looks at all of input.%s, and so at input.%s", p, f))
			}
		}
	}
	if len(never) > 0 {
		out.Uncacheable = never[0]
	}
	return out
}
