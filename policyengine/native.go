package policyengine

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// Native asks scoped policies about logins, by name: for bindings, and for
// expression policies that call them like one of their own. It is immutable and
// safe for concurrent use.
type Native struct {
	set *scoped.Set
	// node is this server's name.
	node string
	// resolvers are the directories of each realm, by its folded name.
	resolvers map[string][]string
	helpers   map[string]Helper
}

// NewNative makes one of scoped policies, nil for none, and of the helpers that
// their conditions call.
func NewNative(cfg *config.Config, set *scoped.Set, helpers []Helper) *Native {
	n := &Native{
		set: set, node: cfg.Policies.Node,
		resolvers: make(map[string][]string, len(cfg.Realms)),
		helpers:   helpersByName(helpers),
	}
	for name, realm := range cfg.Realms {
		n.resolvers[identity.Fold(name)] = realm.Directories
	}
	return n
}

// Has reports whether there is a scoped policy of this name, active or not.
func (n *Native) Has(name string) bool { return n.set.Has(name) }

// Applies reports whether the scoped policy of this name is active and matches the
// login, whatever its scope and its actions are. No answer of a helper, a name
// that does not exist and everything else that goes wrong is an error.
func (n *Native) Applies(ctx context.Context, name string, in *Input) (bool, error) {
	q := n.query(ctx, in)
	return n.set.Applies(name, &q)
}

// Reads says what Applies looks at for a policy of this name. The clock and
// conditions (which see names as they were typed, and ask helpers) make it
// uncacheable.
func (n *Native) Reads(name string) Reads {
	p, ok := n.set.Get(name)
	switch {
	case !ok || !p.Active:
		return Reads{}
	case p.Time != "":
		return Reads{Uncacheable: fmt.Sprintf("scoped policy %s has a time", name)}
	case slices.ContainsFunc(p.Conditions, func(c scoped.Condition) bool { return c.Active }):
		return Reads{Uncacheable: fmt.Sprintf("scoped policy %s has conditions", name)}
	}
	return Reads{Paths: []Path{"client_ip", "request.obj.name", "request.user.source", "request.user.username"}}
}

// check is Applies for a binding.
func (n *Native) check(name string) check {
	return func(ctx context.Context, in *Input) (Result, error) {
		ok, err := n.Applies(ctx, name, in)
		return Result{Passing: ok}, err
	}
}
