package local

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Users is what the directory reads, and where it puts new hashes of passwords;
// *store.Store satisfies it.
type Users interface {
	UserByLogin(ctx context.Context, login string) (store.User, error)
	UserByID(ctx context.Context, id string) (store.User, error)
	MembershipsOf(ctx context.Context, userID string) ([]identity.Membership, error)
	RenewHash(ctx context.Context, id string, old, renewed config.Secret) (bool, error)
	Register
}

var _ Users = (*store.Store)(nil)

// Directory checks the passwords of local users. Its methods may be called by
// several goroutines.
type Directory struct {
	name     string
	users    Users
	pool     *pool
	key      [32]byte // makes the keys of checks in flight unguessable
	hasher   *Hasher
	decoy    string // a hash that no password has
	renewals *renewer
	log      *overloadLog
	walks    chan struct{} // bounds who goes through all users
}

// New makes the directory that the configuration calls name. Close it in the
// end.
func New(name string, users Users, cfg *config.Directory, log *slog.Logger) (*Directory, error) {
	hasher, err := NewHasher(cfg.Argon2)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", name, err)
	}
	d := &Directory{
		name:     name,
		users:    users,
		pool:     newPool(runtime.GOMAXPROCS(0)),
		hasher:   hasher,
		decoy:    hasher.decoy(),
		renewals: &renewer{users: users, log: log, directory: name},
		log:      &overloadLog{log: log, directory: name},
		walks:    make(chan struct{}, maxWalks),
	}
	_, _ = rand.Read(d.key[:]) // never fails
	return d, nil
}

// Close refuses the checks that wait, waits for those that are being computed
// and for a hash that is being written, and refuses further ones.
func (d *Directory) Close() error {
	d.pool.close()
	d.renewals.close()
	return nil
}

// Lookup finds a user by login, in any case; identity.ErrNotFound if there is
// none.
func (d *Directory) Lookup(ctx context.Context, login string) (*identity.User, error) {
	u, err := d.users.UserByLogin(ctx, login)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.name, err)
	}
	known := d.user(u)
	if err := d.complete(ctx, known); err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.name, err)
	}
	return known, nil
}

// user is a stored user as others see it, without groups.
func (d *Directory) user(u store.User) *identity.User {
	return &identity.User{
		ID: u.ID, Login: u.Login, Directory: d.name,
		Name: u.Name, Email: u.Email,
		Active: !u.Disabled, Service: u.Service, Superuser: u.Superuser,
		PasswordChanged: u.PasswordChanged,
	}
}

// complete looks up a user's groups.
func (d *Directory) complete(ctx context.Context, u *identity.User) error {
	list, err := d.users.MembershipsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	u.Memberships = list
	for i := range list {
		u.Groups = append(u.Groups, list[i].Name)
	}
	return nil
}

// Verify checks a password against the hash that is stored now. Passwords that
// nobody can have (empty, longer than MaxPassword, with NUL) are wrong at no cost.
// A right one whose hash is no argon2id, or cheaper than the configured cost, gets
// a new hash, unless the password is changed meanwhile. The error is
// ErrOverloaded when too many checks were in front.
func (d *Directory) Verify(ctx context.Context, u *identity.User, c identity.Credential) (identity.Verdict, error) {
	password, ok := c.(identity.Password)
	if !ok {
		return identity.Unsupported, nil
	}
	if !possible(password) {
		return identity.Wrong, nil
	}
	stored, err := d.users.UserByID(ctx, u.ID)
	if errors.Is(err, identity.ErrNotFound) || err == nil && stored.PasswordHash.Reveal() == "" {
		return identity.Wrong, d.VerifyNobody(ctx, u.Login, c)
	}
	if err != nil {
		return identity.Wrong, fmt.Errorf("directory %s: %w", d.name, err)
	}
	right, renewed, err := d.check(ctx, u.ID, stored.PasswordHash.Reveal(), password)
	switch {
	case err != nil:
		return identity.Wrong, fmt.Errorf("directory %s: check password of %q: %w", d.name, stored.Login, err)
	case !right:
		return identity.Wrong, nil
	case stored.Disabled:
		return identity.Disabled, nil
	case renewed.Reveal() != "":
		d.renewals.add(renewal{u.ID, stored.Login, stored.PasswordHash, renewed})
	}
	return identity.Right, nil
}

// VerifyNobody spends on a password what Verify spends on that of a user whose
// hash has the configured cost. Equal checks in flight share one hash, as they do
// for a known user: per login, or answers that arrive together would tell which
// logins nobody has.
func (d *Directory) VerifyNobody(ctx context.Context, login string, c identity.Credential) error {
	password, ok := c.(identity.Password)
	if !ok || !possible(password) {
		return nil
	}
	if _, _, err := d.check(ctx, "nobody "+identity.Fold(login), d.decoy, password); err != nil {
		return fmt.Errorf("directory %s: check password of an unknown user: %w", d.name, err)
	}
	return nil
}

// check compares a password with a hash, together with whoever is doing just
// the same at this moment. Of those to whom it says that the password is right,
// one also gets the new hash to store, if there should be one.
func (d *Directory) check(ctx context.Context, userID, hash string, password identity.Password) (right bool, renewed config.Secret, err error) {
	stored, err := decode(hash)
	if err != nil {
		return false, config.Secret{}, fmt.Errorf("the stored hash: %w", err)
	}
	var made config.Secret // written before match returns right, or read by nobody
	right, err = d.pool.match(ctx, d.flightKey(userID, hash, password), func() bool {
		right := stored.Match(password.Reveal())
		if right && d.hasher.outdated(stored) {
			made, _ = d.hasher.hash(password.Reveal()) // fails only without random numbers; the next login tries again
		}
		return right
	})
	if errors.Is(err, ErrOverloaded) {
		d.log.dropped(ctx, time.Now())
	}
	if err != nil || !right {
		return false, config.Secret{}, err
	}
	return true, made, nil
}

// flightKey is equal for equal checks and tells nothing about what is checked.
func (d *Directory) flightKey(userID, hash string, password identity.Password) (key flightKey) {
	mac := hmac.New(sha256.New, d.key[:])
	for _, part := range []string{userID, hash, password.Reveal()} {
		// The length keeps two different lists from reading the same.
		_, _ = mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		_, _ = mac.Write([]byte(part))
	}
	mac.Sum(key[:0])
	return key
}
