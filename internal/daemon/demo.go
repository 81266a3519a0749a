package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// demoLogins are the logins of the quick start; each one's password is the login
// with -pw behind it. Everybody knows them.
func demoLogins() []string { return []string{"alice", "bob", "carol", "dave", "erin"} }

// refuseDemoUsers reports the users who still have the password of the quick
// start while other machines can reach a listener. It costs a hash for each of
// these logins that exists.
func refuseDemoUsers(ctx context.Context, cfg *config.Config, path string, dir *local.Directory) error {
	if !cfg.Listen.Exposed() {
		return nil
	}
	var faults []error
	for _, login := range demoLogins() {
		user, err := dir.Lookup(ctx, login)
		if errors.Is(err, identity.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for users of the quick start: %w", err)
		}
		verdict, err := dir.Verify(ctx, user, identity.NewPassword(login+"-pw"))
		if err != nil {
			return fmt.Errorf("look for passwords of the quick start: %w", err)
		}
		if verdict == identity.Right || verdict == identity.Disabled {
			faults = append(faults, cfg.Fault(path, "user %s has the password of the quick start, which everybody knows, "+
				"and a listener is open to other machines: change it by sallyport user passwd %s, or delete the user", login, login))
		}
	}
	return errors.Join(faults...)
}
