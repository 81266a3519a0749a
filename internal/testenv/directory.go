package testenv

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// ErrDown is what a directory that is down answers.
var ErrDown = errors.New("connection refused")

// Directory is a directory in memory. Its fields are set before it is used.
type Directory struct {
	// Users by login in lower case; Passwords likewise.
	Users     map[string]*identity.User
	Passwords map[string]string
	// Down makes every question fail with ErrDown; Stuck makes it wait until its
	// context ends; Says overrides the verdict of a right password.
	Down, Stuck bool
	Says        identity.Verdict
	// Panics makes Verify panic.
	Panics bool

	// Lookups, Verified and Decoys count the questions.
	Lookups, Verified, Decoys atomic.Int64
}

// NewDirectory makes a directory from login → password. Every user is active
// and in the groups given behind a colon: "alice:vpn-users,staff".
func NewDirectory(users map[string]string) *Directory {
	d := &Directory{Users: map[string]*identity.User{}, Passwords: map[string]string{}, Says: identity.Right}
	for spec, password := range users {
		login, groups, _ := strings.Cut(spec, ":")
		u := &identity.User{ID: "id-" + login, Login: login, Active: true}
		if groups != "" {
			u.Groups = strings.Split(groups, ",")
		}
		d.Users[strings.ToLower(login)], d.Passwords[strings.ToLower(login)] = u, password
	}
	return d
}

func (d *Directory) mood(ctx context.Context) error {
	if d.Stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	if d.Down {
		return ErrDown
	}
	return nil
}

// Lookup finds a user without regard to case.
func (d *Directory) Lookup(ctx context.Context, login string) (*identity.User, error) {
	d.Lookups.Add(1)
	if err := d.mood(ctx); err != nil {
		return nil, err
	}
	if u := d.Users[strings.ToLower(login)]; u != nil {
		return u, nil
	}
	return nil, identity.ErrNotFound
}

// Verify compares passwords; it knows no other credential.
func (d *Directory) Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error) {
	d.Verified.Add(1)
	if d.Panics {
		panic("verify")
	}
	if err := d.mood(ctx); err != nil {
		return identity.Wrong, err
	}
	password, ok := c.(identity.Password)
	if !ok {
		return identity.Unsupported, nil
	}
	if password.Reveal() != d.Passwords[strings.ToLower(u.Login)] {
		return identity.Wrong, nil
	}
	return d.Says, nil
}

// VerifyNobody counts that it was asked.
func (d *Directory) VerifyNobody(ctx context.Context, _ string, _ identity.Credential) error {
	d.Decoys.Add(1)
	return d.mood(ctx)
}
