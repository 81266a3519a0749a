package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// ErrExists says that the name is taken, perhaps in another case.
var ErrExists = errors.New("exists already")

// User is a local user as it is stored.
type User struct {
	// ID is given by AddUser and never changes.
	ID string
	// Login is unique without regard to case.
	Login       string
	Name, Email string
	// Service, Superuser and Disabled are as in identity.User (Active).
	Service, Superuser, Disabled bool
	// PasswordHash is the hash of the password, in a form that the directory
	// knows; empty for a user who has none. It prints as "***".
	PasswordHash config.Secret
	// PasswordChanged is zero for a user without a password.
	PasswordChanged  time.Time
	Created, Updated time.Time
}

// row is what can be scanned: one row of a query.
type row interface{ Scan(dest ...any) error }

const selectUser = `SELECT id, login, name, email, service, superuser, disabled,
	password_hash, password_changed, created, updated FROM users`

func scanUser(r row) (User, error) {
	var u User
	var hash string
	var changed, created, updated int64
	err := r.Scan(&u.ID, &u.Login, &u.Name, &u.Email, &u.Service, &u.Superuser, &u.Disabled,
		&hash, &changed, &created, &updated)
	if errors.Is(err, sql.ErrNoRows) {
		return User{}, identity.ErrNotFound
	}
	if err != nil {
		return User{}, err
	}
	u.PasswordHash = config.NewSecret(hash)
	u.PasswordChanged, u.Created, u.Updated = instant(changed), instant(created), instant(updated)
	return u, nil
}

// UserByLogin finds a user by login, in any case; identity.ErrNotFound if there
// is none.
func (s *Store) UserByLogin(ctx context.Context, login string) (User, error) {
	if !plausible(login) {
		return User{}, fmt.Errorf("find user %q: %w", clip(login), identity.ErrNotFound)
	}
	u, err := s.readUser(ctx, s.userByLogin, identity.Fold(login))
	if err != nil {
		return User{}, fmt.Errorf("find user %q: %w", login, err)
	}
	return u, nil
}

// UserByID finds a user by ID; identity.ErrNotFound if there is none.
func (s *Store) UserByID(ctx context.Context, id string) (User, error) {
	u, err := s.readUser(ctx, s.userByID, id)
	if err != nil {
		return User{}, fmt.Errorf("find user with ID %q: %w", clip(id), err)
	}
	return u, nil
}

func (s *Store) readUser(ctx context.Context, stmt *sql.Stmt, key string) (User, error) {
	if err := s.opened.check(ctx); err != nil {
		return User{}, err
	}
	return scanUser(stmt.QueryRowContext(ctx, key))
}

// Users returns all users, ordered by login.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	var users []User
	err := each(func(r row) error {
		u, err := scanUser(r)
		users = append(users, u)
		return err
	})(s.read.QueryContext(ctx, selectUser+` ORDER BY login_folded`))
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// AddUser stores a new user as a direct member of the named groups, which must
// exist, and returns the user with ID and times filled in. ErrExists means that
// the login is taken.
func (s *Store) AddUser(ctx context.Context, u User, groups []string, now time.Time) (User, error) {
	err := s.change(ctx, func(tx *sql.Tx) (err error) {
		if u, err = addUser(ctx, tx, u, now); err != nil {
			return err
		}
		for _, name := range groups {
			g, err := groupByName(ctx, tx, name)
			if err != nil {
				return err
			}
			if err := addUserToGroup(ctx, tx, g.id, u.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return User{}, fmt.Errorf("add user %q: %w", clip(u.Login), err)
	}
	return u, nil
}

func checkUser(u User) error {
	return errors.Join(checkName("login", u.Login), checkText("name", u.Name), checkText("email", u.Email))
}

func addUser(ctx context.Context, tx querier, u User, now time.Time) (User, error) {
	if err := checkUser(u); err != nil {
		return u, err
	}
	var taken string
	err := tx.QueryRowContext(ctx, `SELECT login FROM users WHERE login_folded = ?`, identity.Fold(u.Login)).Scan(&taken)
	switch {
	case err == nil:
		return u, fmt.Errorf("user %q %w", taken, ErrExists)
	case !errors.Is(err, sql.ErrNoRows):
		return u, err
	}
	return insertUser(ctx, tx, u, now)
}

// insertUser stores a user who was checked and whose login is free.
func insertUser(ctx context.Context, tx querier, u User, now time.Time) (User, error) {
	u.ID = rand.Text()
	u.Created, u.Updated, u.PasswordChanged = now, now, time.Time{}
	if u.PasswordHash.Reveal() != "" {
		u.PasswordChanged = now
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, login, login_folded, name, email, service, superuser, disabled,
		password_hash, password_changed, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Login, identity.Fold(u.Login), u.Name, u.Email, u.Service, u.Superuser, u.Disabled,
		u.PasswordHash.Reveal(), millis(u.PasswordChanged), millis(now), millis(now))
	return u, err
}

// SetPassword replaces the hash of a user's password; the zero Secret takes the
// password away. identity.ErrNotFound means that no user has this ID.
func (s *Store) SetPassword(ctx context.Context, id string, hash config.Secret, now time.Time) error {
	changed := millis(now)
	if hash.Reveal() == "" {
		changed = 0
	}
	return s.changeUser(ctx, "set password",
		`UPDATE users SET password_hash = ?, password_changed = ?, updated = ? WHERE id = ?`,
		hash.Reveal(), changed, millis(now), id)
}

// RenewHash puts another hash of the same password in the place of the old one,
// and reports whether it did: not if the hash is another one meanwhile, or the
// user gone. Nothing else of the user changes, since the password does not.
func (s *Store) RenewHash(ctx context.Context, id string, old, renewed config.Secret) (bool, error) {
	replaced := false
	err := s.transact(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?`,
			renewed.Reveal(), id, old.Reveal())
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		replaced = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("renew hash: %w", err)
	}
	return replaced, nil
}

// SetDisabled switches a user off or on. identity.ErrNotFound means that no user
// has this ID.
func (s *Store) SetDisabled(ctx context.Context, id string, disabled bool, now time.Time) error {
	doing := "enable"
	if disabled {
		doing = "disable"
	}
	return s.changeUser(ctx, doing,
		`UPDATE users SET disabled = ?, updated = ? WHERE id = ?`, disabled, millis(now), id)
}

// DeleteUser removes a user and all memberships. identity.ErrNotFound means that
// no user has this ID.
func (s *Store) DeleteUser(ctx context.Context, id string) error {
	return s.changeUser(ctx, "delete", `DELETE FROM users WHERE id = ?`, id)
}

// changeUser runs a statement that must touch one user. Whoever asks knows the
// user by a better name than the ID and names it in the error.
func (s *Store) changeUser(ctx context.Context, doing, query string, args ...any) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		return one(identity.ErrNotFound)(tx.ExecContext(ctx, query, args...))
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
