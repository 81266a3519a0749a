package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Import is what to put into the store: users, and groups that are named by
// somebody else than a user.
type Import struct {
	Users []NewUser
	// Groups are made even if nobody is in them.
	Groups []string
	// Nested are groups to put into groups. Both are made as needed.
	Nested []Nesting
	// Update changes users who exist: a name, an address and a hash that are
	// given replace the old ones, groups are added, Disabled disables. What is
	// empty stays, nobody is enabled, Service and Superuser stay. Without Update
	// users who exist are left alone.
	Update bool
	// Partial stores what can be stored when something else cannot. Without it,
	// one fault is enough to store nothing.
	Partial bool
	// DryRun stores nothing, whatever happens.
	DryRun bool
}

// Nesting is a group that becomes a member of another one.
type Nesting struct{ Group, Member string }

// Outcome is what became of one item of an Import.
type Outcome uint8

// The outcomes. The zero one goes with an error.
const (
	Faulty    Outcome = iota
	Added             // was not there
	Updated           // was there, was changed
	Unchanged         // was there, just like that
	Skipped           // was there, was left alone
)

// String returns the name of the outcome.
func (o Outcome) String() string {
	names := [...]string{"fault", "added", "updated", "unchanged", "skipped"}
	if int(o) < len(names) {
		return names[o]
	}
	return "invalid"
}

// Result is what became of one item, and what it changed in a user or group that
// was there. Err is set with Faulty alone.
type Result struct {
	Outcome Outcome
	Changed []string
	Err     error
}

// Imported is what became of an Import, item by item.
type Imported struct {
	Users, Groups, Nested []Result
	// Made are the names of the groups that were not there, in the order in
	// which they were needed.
	Made []string
	// Stored is false when all of it was undone: in a dry run, and after a fault
	// without Partial. The results are then what would have been.
	Stored bool
}

// errUndo ends a transaction that shall leave nothing behind.
var errUndo = errors.New("undone on purpose")

// Import puts users and groups into the store in one transaction. An error means
// that nothing was stored and nothing is known of the items.
func (s *Store) Import(ctx context.Context, in Import, now time.Time) (Imported, error) {
	var done Imported
	err := s.change(ctx, func(tx *sql.Tx) error {
		im := importer{tx: &prepared{tx, make(map[string]*sql.Stmt)}, in: in, now: now, groups: make(map[string]groupKey), made: make(map[string]bool)}
		if err := im.run(ctx); err != nil {
			return err
		}
		done = im.done
		if in.DryRun || im.faulty && !in.Partial {
			return errUndo
		}
		return nil
	})
	if errors.Is(err, errUndo) {
		return done, nil
	}
	if err != nil {
		return Imported{}, fmt.Errorf("import: %w", err)
	}
	done.Stored = true
	return done, nil
}

// importer carries out one Import.
type importer struct {
	tx     querier
	in     Import
	now    time.Time
	groups map[string]groupKey // by folded name
	made   map[string]bool     // by ID: groups of this import
	faulty bool
	done   Imported
}

func (im *importer) run(ctx context.Context) error {
	for _, u := range im.in.Users {
		r, err := im.user(ctx, u)
		if err != nil {
			return fmt.Errorf("user %q: %w", clip(u.Login), err)
		}
		im.done.Users = im.add(im.done.Users, r)
	}
	for _, name := range im.in.Groups {
		r, err := im.emptyGroup(ctx, name)
		if err != nil {
			return err
		}
		im.done.Groups = im.add(im.done.Groups, r)
	}
	for _, n := range im.in.Nested {
		r, err := im.nest(ctx, n)
		if err != nil {
			return err
		}
		im.done.Nested = im.add(im.done.Nested, r)
	}
	return nil
}

func (im *importer) add(list []Result, r Result) []Result {
	im.faulty = im.faulty || r.Outcome == Faulty
	return append(list, r)
}

// faulty is the result of an item that a check refuses.
func faulty(err error) (Result, bool) { return Result{Err: err}, err != nil }

// user adds or changes one user. What is wrong with the user is the Result's
// error; the other one ends the import.
func (im *importer) user(ctx context.Context, u NewUser) (Result, error) {
	if r, bad := faulty(u.Check()); bad {
		return r, nil
	}
	old, err := scanUser(im.tx.QueryRowContext(ctx, selectUser+` WHERE login_folded = ?`, identity.Fold(u.Login)))
	switch {
	case errors.Is(err, identity.ErrNotFound):
		stored, err := insertUser(ctx, im.tx, u.User, im.now)
		if err != nil {
			return Result{}, err
		}
		_, err = im.join(ctx, stored.ID, u.Groups)
		return Result{Outcome: Added}, err
	case err != nil:
		return Result{}, err
	case !im.in.Update:
		return Result{Outcome: Skipped}, nil
	}
	changed, err := im.update(ctx, old, u.User)
	if err != nil {
		return Result{}, err
	}
	joined, err := im.join(ctx, old.ID, u.Groups)
	if changed = append(changed, joined...); len(changed) == 0 {
		return Result{Outcome: Unchanged}, err
	}
	return Result{Outcome: Updated, Changed: changed}, err
}

// update changes what u has and old has not, and returns what that is.
func (im *importer) update(ctx context.Context, old, u User) ([]string, error) {
	var changed []string
	set := func(what string, old *string, value string) {
		if value != "" && value != *old {
			*old = value
			changed = append(changed, what)
		}
	}
	set("name", &old.Name, u.Name)
	set("email", &old.Email, u.Email)
	if hash := u.PasswordHash.Reveal(); hash != "" && hash != old.PasswordHash.Reveal() {
		old.PasswordHash, old.PasswordChanged = config.NewSecret(hash), im.now
		changed = append(changed, "password")
	}
	if u.Disabled && !old.Disabled {
		old.Disabled = true
		changed = append(changed, "disabled")
	}
	if len(changed) == 0 {
		return nil, nil
	}
	_, err := im.tx.ExecContext(ctx, `UPDATE users SET name = ?, email = ?, disabled = ?, password_hash = ?, password_changed = ?,
		updated = ? WHERE id = ?`, old.Name, old.Email, old.Disabled, old.PasswordHash.Reveal(), millis(old.PasswordChanged),
		millis(im.now), old.ID)
	return changed, err
}

// join puts a user into groups, and returns those that the user was not in.
func (im *importer) join(ctx context.Context, userID string, groups []string) ([]string, error) {
	var joined []string
	for _, name := range groups {
		g, err := im.group(ctx, name)
		if err != nil {
			return nil, err
		}
		res, err := im.tx.ExecContext(ctx,
			`INSERT INTO group_users (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, g.id, userID)
		if err != nil {
			return nil, err
		}
		switch n, err := res.RowsAffected(); {
		case err != nil:
			return nil, err
		case n > 0:
			joined = append(joined, "group "+g.name)
		}
	}
	return joined, nil
}

// group finds or makes a group.
func (im *importer) group(ctx context.Context, name string) (groupKey, error) {
	folded := identity.Fold(name)
	if g, ok := im.groups[folded]; ok {
		return g, nil
	}
	g, err := groupByName(ctx, im.tx, name)
	if errors.Is(err, ErrNoGroup) {
		if g, err = addGroup(ctx, im.tx, name, im.now); err == nil {
			im.made[g.id] = true
			im.done.Made = append(im.done.Made, g.name)
		}
	}
	if err != nil {
		return g, err
	}
	im.groups[folded] = g
	return g, nil
}

func (im *importer) emptyGroup(ctx context.Context, name string) (Result, error) {
	if r, bad := faulty(checkName("group name", name)); bad {
		return r, nil
	}
	g, err := im.group(ctx, name)
	if err != nil || !im.made[g.id] {
		return Result{Outcome: Unchanged}, err
	}
	return Result{Outcome: Added}, nil
}

// nest puts a group into a group. That changes the users of the member, so that
// without Update the member has to be new.
func (im *importer) nest(ctx context.Context, n Nesting) (Result, error) {
	if r, bad := faulty(errors.Join(checkName("group name", n.Group), checkName("group name", n.Member))); bad {
		return r, nil
	}
	g, err := im.group(ctx, n.Group)
	if err != nil {
		return Result{}, err
	}
	member, err := im.group(ctx, n.Member)
	if err != nil {
		return Result{}, err
	}
	var there bool
	err = im.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM group_groups WHERE group_id = ? AND member_id = ?)`,
		g.id, member.id).Scan(&there)
	switch {
	case err != nil:
		return Result{}, err
	case there:
		return Result{Outcome: Unchanged}, nil
	case !im.in.Update && !im.made[member.id]:
		return Result{Outcome: Skipped}, nil
	}
	err = addGroupToGroup(ctx, im.tx, g, member)
	if errors.Is(err, ErrCycle) {
		return Result{Err: err}, nil
	}
	return Result{Outcome: Updated, Changed: []string{"group " + member.name}}, err
}
