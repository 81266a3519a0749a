package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// userCmd is "sallyport user". A running server sees its changes at the next
// login.
type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add a user. The password is asked for, or read from standard input."`
	Passwd  userPasswdCmd  `cmd:"" help:"Set a user's password."`
	List    userListCmd    `cmd:"" help:"List all users."`
	Show    userShowCmd    `cmd:"" help:"Show one user, with the groups."`
	Disable userDisableCmd `cmd:"" help:"Refuse all logins of a user."`
	Enable  userEnableCmd  `cmd:"" help:"Let a disabled user log in again."`
	Delete  userDeleteCmd  `cmd:"" help:"Delete a user and all memberships."`
	Import  userImportCmd  `cmd:"" help:"Bring users and groups in from a CSV or LDIF file."`
}

// withStore runs f with the store that the configuration names, which must
// exist: a new one would hide that the configuration names the wrong file.
func withStore(ctx context.Context, env *environment, f func(cfg *config.Config, s *store.Store) error) error {
	return openStore(ctx, env, f, store.MustExist())
}

// withNewStore is withStore for the commands that may come first.
func withNewStore(ctx context.Context, env *environment, f func(cfg *config.Config, s *store.Store) error) error {
	return openStore(ctx, env, f)
}

func openStore(ctx context.Context, env *environment, f func(cfg *config.Config, s *store.Store) error, opts ...store.Option) error {
	cfg, err := env.loadConfig()
	if err != nil {
		return err
	}
	s, err := store.Open(ctx, cfg.StoreFile(), opts...)
	if errors.Is(err, store.ErrMissing) {
		return fmt.Errorf("there is no store yet: %s; \"sallyport user add\" makes it, or start the server", absolute(cfg.StoreFile()))
	}
	if err != nil {
		return err
	}
	return errors.Join(f(cfg, s), s.Close())
}

// absolute is a path that tells more than a relative one, where it can be found.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// withUser runs f with the store and one user.
func withUser(ctx context.Context, env *environment, login string, f func(cfg *config.Config, s *store.Store, u store.User) error) error {
	return withStore(ctx, env, func(cfg *config.Config, s *store.Store) error {
		u, err := s.UserByLogin(ctx, login)
		if errors.Is(err, identity.ErrNotFound) {
			return fmt.Errorf("no such user %q; \"sallyport user list\" shows them", login)
		}
		if err != nil {
			return err
		}
		return f(cfg, s, u)
	})
}

// hasher makes hashes of the cost that the first local directory, by name, has.
func hasher(cfg *config.Config) (*local.Hasher, error) {
	var cost *config.Argon2
	names := make([]string, 0, len(cfg.Directories))
	for name, d := range cfg.Directories {
		if d.Type == "local" {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		cost = cfg.Directories[slices.Min(names)].Argon2
	}
	return local.NewHasher(cost)
}

// hashNewPassword asks for a password and hashes it.
func hashNewPassword(ctx context.Context, env *environment, cfg *config.Config, piped bool) (config.Secret, error) {
	h, err := hasher(cfg)
	if err != nil {
		return config.Secret{}, err
	}
	password, err := newPassword(ctx, env, piped)
	if err != nil {
		return config.Secret{}, err
	}
	return h.Hash(password)
}

type userAddCmd struct {
	Login         string   `arg:"" help:"Name to log in with, without realm. Case does not count."`
	Name          string   `help:"The name that people read."`
	Email         string   `help:"E-mail address."`
	Group         []string `placeholder:"NAME" sep:"none" help:"Group to put the user in; can be given several times."`
	Service       bool     `help:"The account belongs to a program."`
	Superuser     bool     `help:"The account belongs to an administrator."`
	Disabled      bool     `help:"Refuse all logins until the user is enabled."`
	PasswordStdin bool     `help:"Read the password from standard input even if it is a terminal."`
}

// Run adds the user.
func (c *userAddCmd) Run(ctx context.Context, env *environment) error {
	return withNewStore(ctx, env, func(cfg *config.Config, s *store.Store) error {
		u := store.User{
			Login: c.Login, Name: c.Name, Email: c.Email,
			Service: c.Service, Superuser: c.Superuser, Disabled: c.Disabled,
		}
		// What can be known to fail fails before anybody types a password.
		if err := errors.Join((store.NewUser{User: u, Groups: c.Group}).Check(), checkLogin(cfg, c.Login)); err != nil {
			return err
		}
		if err := checkNew(ctx, s, c.Login, c.Group); err != nil {
			return withHint(err)
		}
		var err error
		if u.PasswordHash, err = hashNewPassword(ctx, env, cfg, c.PasswordStdin); err != nil {
			return err
		}
		if u, err = s.AddUser(ctx, u, c.Group, time.Now()); err != nil {
			return withHint(err)
		}
		if env.json {
			return printUser(ctx, env, s, u)
		}
		return say(env, "added user %q", u.Login)
	})
}

// checkNew finds out whether the login is free and the groups exist.
func checkNew(ctx context.Context, s *store.Store, login string, groups []string) error {
	var errs []error
	switch taken, err := s.UserByLogin(ctx, login); {
	case err == nil:
		errs = append(errs, fmt.Errorf("user %q %w", taken.Login, store.ErrExists))
	case !errors.Is(err, identity.ErrNotFound):
		errs = append(errs, err)
	}
	for _, name := range groups {
		_, err := s.Group(ctx, name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

type userPasswdCmd struct {
	Login         string `arg:"" help:"The user's login."`
	PasswordStdin bool   `help:"Read the password from standard input even if it is a terminal."`
}

// Run sets the password.
func (c *userPasswdCmd) Run(ctx context.Context, env *environment) error {
	return withUser(ctx, env, c.Login, func(cfg *config.Config, s *store.Store, u store.User) error {
		hash, err := hashNewPassword(ctx, env, cfg, c.PasswordStdin)
		if err != nil {
			return err
		}
		if err := s.SetPassword(ctx, u.ID, hash, time.Now()); err != nil {
			return fmt.Errorf("user %q: %w", u.Login, err)
		}
		return printChanged(ctx, env, s, u, "set the password of user %q")
	})
}

type userListCmd struct{}

// Run lists the users.
func (userListCmd) Run(ctx context.Context, env *environment) error {
	return withStore(ctx, env, func(_ *config.Config, s *store.Store) error {
		users, err := s.Users(ctx)
		if err != nil {
			return err
		}
		if env.json {
			list := make([]userJSON, len(users))
			for i, u := range users {
				list[i] = newUserJSON(u)
			}
			return env.printJSON(list)
		}
		if len(users) == 0 {
			return say(env, "no users yet; \"sallyport user add LOGIN\" adds one")
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "LOGIN\tNAME\tSTATE\tPASSWORD CHANGED")
		for _, u := range users {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", u.Login, orDash(u.Name), state(u), date(u.PasswordChanged))
		}
		return table.Flush()
	})
}

type userShowCmd struct {
	Login string `arg:"" help:"The user's login."`
}

// Run shows the user.
func (c *userShowCmd) Run(ctx context.Context, env *environment) error {
	return withUser(ctx, env, c.Login, func(_ *config.Config, s *store.Store, u store.User) error {
		return printUser(ctx, env, s, u)
	})
}

type userDisableCmd struct {
	Login string `arg:"" help:"The user's login."`
}

// Run disables the user.
func (c *userDisableCmd) Run(ctx context.Context, env *environment) error {
	return setDisabled(ctx, env, c.Login, true, "disabled user %q; logins are refused from now on")
}

type userEnableCmd struct {
	Login string `arg:"" help:"The user's login."`
}

// Run enables the user.
func (c *userEnableCmd) Run(ctx context.Context, env *environment) error {
	return setDisabled(ctx, env, c.Login, false, "enabled user %q")
}

func setDisabled(ctx context.Context, env *environment, login string, disabled bool, done string) error {
	return withUser(ctx, env, login, func(_ *config.Config, s *store.Store, u store.User) error {
		if err := s.SetDisabled(ctx, u.ID, disabled, time.Now()); err != nil {
			return fmt.Errorf("user %q: %w", u.Login, err)
		}
		return printChanged(ctx, env, s, u, done)
	})
}

type userDeleteCmd struct {
	Login string `arg:"" help:"The user's login."`
}

// deletedUserJSON is a deleted user as --json prints it.
type deletedUserJSON struct {
	Deleted  string   `json:"deleted"`
	Bindings []orphan `json:"bindings"`
}

// Run deletes the user, and names the bindings that still ask for the login.
func (c *userDeleteCmd) Run(ctx context.Context, env *environment) error {
	return withUser(ctx, env, c.Login, func(cfg *config.Config, s *store.Store, u store.User) error {
		if err := s.DeleteUser(ctx, u.ID); err != nil {
			return fmt.Errorf("user %q: %w", u.Login, err)
		}
		bindings := userOrphans(cfg, u.Login)
		if env.json {
			return env.printJSON(deletedUserJSON{u.Login, bindings})
		}
		return errors.Join(say(env, "deleted user %q", u.Login), sayOrphans(env, cfg, bindings))
	})
}
