package proxy

import (
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Preview finds out who an attempt is about, and returns what policies of stage
// access would know of it had its password been right. No credential is looked at,
// no policy asked and nothing recorded. A user whom no directory of the realm knows
// is identity.ErrNotFound.
func (p *Proxy) Preview(ctx context.Context, a *Attempt) (*policyengine.Input, error) {
	who, end := p.identify(ctx, a, subject{})
	switch {
	case end.err != nil:
		return nil, fmt.Errorf("find user %q: %w", a.Username, end.err)
	case end.reason != "":
		return nil, fmt.Errorf("find user %q: %s: %s", a.Username, end.reason, end.note)
	case who.user == nil:
		return nil, fmt.Errorf("find user %q in realm %s: %w", a.Username, who.realm.Name, identity.ErrNotFound)
	}
	in := p.input(a, who)
	in.AuthMethod = "password"
	return in, nil
}
