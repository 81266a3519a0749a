package policyengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// helpersByName makes the table that conditions of scoped policies look into.
func helpersByName(helpers []Helper) map[string]Helper {
	byName := make(map[string]Helper, len(helpers))
	for _, h := range helpers {
		byName[h.Name] = h
	}
	return byName
}

// CheckHelpers finds conditions of section helper that call what is not there, or
// with arguments that it does not take, each at its place. Engines refuse a login
// that comes to such a condition. Policies that are not active are not looked at:
// nothing asks them, and they may wait for their helper.
func (s *Scoped) CheckHelpers(helpers []Helper) error {
	byName := helpersByName(helpers)
	var faults []error
	for i := range s.Policies {
		if !s.Policies[i].Active {
			continue
		}
		for j := range s.Policies[i].Conditions {
			c := &s.Policies[i].Conditions[j]
			if !asksHelper(c, s.Options.Semantics) {
				continue
			}
			call, err := scoped.ParseCall(c.Key)
			if err == nil {
				_, _, err = findHelper(byName, call)
			}
			if err != nil {
				faults = append(faults, &scoped.Fault{Index: i, Policy: s.Policies[i].Name, Attribute: "conditions", Member: j, Err: err})
			}
		}
	}
	return s.place(errors.Join(faults...))
}

// MissingPlugins finds conditions of a policy that call a helper of a program that
// plugins.allow of the configuration does not name. It starts none: whether a
// program has such a helper is known to CheckHelpers alone.
func (s *Scoped) MissingPlugins(p *scoped.Policy) error {
	var faults []error
	for i := range p.Conditions {
		c := &p.Conditions[i]
		if !asksHelper(c, s.Options.Semantics) {
			continue
		}
		call, err := scoped.ParseCall(c.Key)
		if err != nil {
			continue // a fault of scoped.Compile
		}
		allowed := slices.ContainsFunc(s.cfg.Plugins.Allow, func(a config.Plugin) bool { return strings.HasPrefix(call.Name, a.Name+".") })
		if !allowed {
			plugin, _, _ := strings.Cut(call.Name, ".")
			faults = append(faults, fmt.Errorf("policy %q: conditions: member %d calls %s, and plugins.allow of the configuration does not name the helper program %q",
				p.Name, i+1, call.Name, plugin))
		}
	}
	return errors.Join(faults...)
}

// asksHelper reports whether a condition calls a helper. Compat has no such
// section.
func asksHelper(c *scoped.Condition, semantics scoped.Semantics) bool {
	return c.Section == scoped.SectionHelper && c.Active && semantics != scoped.Compat
}

// callsHelper reports whether a policy has a condition that calls a helper, and so
// needs time.
func callsHelper(set *scoped.Set, name string) bool {
	p, ok := set.Get(name)
	return ok && slices.ContainsFunc(p.Conditions, func(c scoped.Condition) bool { return asksHelper(&c, set.Semantics()) })
}

// askHelper calls a helper for a condition. No answer is an error, and fails the login
// whatever the condition says of missing values.
func (n *Native) askHelper(ctx context.Context, in *Input, call scoped.Call) (any, error) {
	h, args, err := findHelper(n.helpers, call)
	if err != nil {
		return nil, err
	}
	if h.Class == SideEffect && !Effects(ctx) {
		return nil, fmt.Errorf("%s was not called: it has side effects", h.Name)
	}
	calls, traced := ctx.Value(callsKey{}).(*[]HelperCall)
	if !traced {
		return h.Check(ctx, in, args)
	}
	ctx, cached := WatchRemembered(ctx)
	began := time.Now()
	v, err := h.Check(ctx, in, args)
	c := HelperCall{Name: h.Name, Result: masked(v), Err: err, Took: time.Since(began), Cached: cached.Load()}
	for _, a := range args {
		c.Args = append(c.Args, masked(a))
	}
	*calls = append(*calls, c)
	return v, err
}

type callsKey struct{}

// traceCalls returns a context under which the conditions of scoped policies write
// down which helpers they call.
func traceCalls(ctx context.Context) (context.Context, *[]HelperCall) {
	calls := new([]HelperCall)
	return context.WithValue(ctx, callsKey{}, calls), calls
}

// masked is a value for an administrator.
func masked(v Value) Value {
	const key = "value"
	return event.Context(map[string]any{key: v})[key]
}

// findHelper finds the helper of a call, and makes what it declares of the arguments.
func findHelper(helpers map[string]Helper, call scoped.Call) (Helper, []Value, error) {
	h, ok := helpers[call.Name]
	if !ok {
		return h, nil, fmt.Errorf("there is no condition helper %q%s", call.Name, config.DidYouMean(call.Name, sortedKeys(helpers)))
	}
	if len(call.Args) != len(h.Args) {
		return h, nil, fmt.Errorf("%s takes %s, and not %d", h.Name, count(h.Args), len(call.Args))
	}
	args := make([]Value, len(call.Args))
	for i, text := range call.Args {
		var err error
		if args[i], err = literal(text, h.Args[i]); err != nil {
			return h, nil, fmt.Errorf("%s: argument %d: %w", h.Name, i+1, err)
		}
	}
	return h, args, nil
}

// count is "no arguments" or "2 arguments (string, number)".
func count(types []ValueType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	switch list := strings.Join(names, ", "); len(types) {
	case 0:
		return "no arguments"
	case 1:
		return "1 argument (" + list + ")"
	default:
		return fmt.Sprintf("%d arguments (%s)", len(types), list)
	}
}

// literal reads an argument: a text as it stands, and anything else as JSON has it.
func literal(text string, want ValueType) (Value, error) {
	if want == TypeString {
		return text, nil
	}
	var v Value
	if err := json.Unmarshal([]byte(text), &v); err != nil || TypeOf(v) != want {
		return nil, fmt.Errorf("%.40q is no %s", text, want)
	}
	return v, nil
}
