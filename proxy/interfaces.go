package proxy

import (
	"context"
	"net/netip"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Directory is a place where users live. A verdict is a value; an error means
// that the directory could not find out.
type Directory interface {
	// Lookup finds a user by login name, without realm. identity.ErrNotFound
	// means that there is none.
	Lookup(ctx context.Context, login string) (*identity.User, error)
	// Verify checks the credential of a user that this directory returned.
	Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error)
}

// Decoy is satisfied by a directory whose Verify takes so long that an unknown
// user could be told from a wrong password by the clock.
type Decoy interface {
	// VerifyNobody spends on a login that nobody has what Verify would have
	// spent, and returns an error in the same cases (overload, deadline).
	VerifyNobody(ctx context.Context, login string, c identity.Credential) error
}

// Decider is the policy engine.
type Decider interface {
	// Decide asks the bindings of the application for one stage. An error means
	// that there is no decision; the login is refused, and recorded with what the
	// Decision has of bindings and events all the same.
	Decide(ctx context.Context, stage policyengine.Stage, in *policyengine.Input) (policyengine.Decision, error)
	// Values returns what scoped policies set for an action.
	Values(ctx context.Context, in *policyengine.Input, scope, action string) (policyengine.Values, error)
}

// Locator says where addresses are and whose networks they belong to. It is asked
// in every login, so it must not wait for anything.
type Locator interface {
	Locate(addr netip.Addr) (policyengine.GeoFacts, policyengine.ASNFacts)
}

// Recorder is told of every login when it has ended. It must not keep the
// Attempt's credential and must not block.
type Recorder interface {
	Record(a *Attempt, o *Outcome)
}
