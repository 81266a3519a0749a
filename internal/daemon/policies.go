package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

const (
	// pollInterval is how often the store is asked whether its policies changed.
	pollInterval = time.Second
	// pollTimeout is how long the answer may take.
	pollTimeout = 5 * time.Second
	// retryInterval is how long a change that cannot be taken over waits for
	// another try: the reason may be outside of the store.
	retryInterval = 30 * time.Second
)

// storedPolicies reads the scoped policies of the daemon's store.
func (d *Daemon) storedPolicies(ctx context.Context) ([]scoped.Policy, int64, error) {
	return policystore.Read(ctx, d.store)
}

// policyPoll is what one poll of the stored policies tells the next.
type policyPoll struct {
	// failed is the revision that could not be taken over at the time tried; 0
	// when there is none, as the first change has revision 1.
	failed int64
	tried  time.Time
}

// pollPolicies looks whether the stored policies have changed, and if so builds a
// Snapshot with them beside the present one, of the configuration that is in
// force. One that cannot be built leaves everything as it is.
func (d *Daemon) pollPolicies(ctx context.Context, p *policyPoll) {
	present := d.snapshot.Load()
	asking, cancel := context.WithTimeout(ctx, pollTimeout)
	revision, err := d.store.PoliciesRevision(asking)
	cancel()
	switch {
	case err != nil:
		d.policiesStay(ctx, fmt.Errorf("whether they changed is not known: %w", err))
		return
	case revision == present.revision:
		*p = policyPoll{}
		d.policyFault.Store(nil)
		return
	case revision == p.failed && time.Since(p.tried) < retryInterval:
		return
	}
	if err := d.replace(ctx, present.cfg); err != nil {
		*p = policyPoll{revision, time.Now()}
		d.policiesStay(ctx, err)
		return
	}
	*p = policyPoll{}
	d.log.Info("stored policies taken over", "revision", d.snapshot.Load().revision)
}

// policiesStay notes why the stored policies are not those in force, and logs
// each reason once.
func (d *Daemon) policiesStay(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the daemon is ending
	}
	text := err.Error()
	if before := d.policyFault.Swap(&text); before == nil || *before != text {
		d.log.Error("the stored policies cannot be taken over, the ones before go on", "error", text)
	}
}
