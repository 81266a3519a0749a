package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// ErrNoGroup says that there is no group of this name.
var ErrNoGroup = errors.New("no such group")

// maxGroups is how many groups one user may be in, nested ones counted. Beyond
// it the question is refused: a shortened answer could satisfy a policy that
// asks who is not in a group.
const maxGroups = 4096

// Groups that a user is in. UNION keeps each group once, so the recursion ends
// even if the file holds a cycle.
const selectGroupsOfUser = `WITH RECURSIVE member_of (id) AS (
		SELECT group_id FROM group_users WHERE user_id = ?
		UNION
		SELECT g.group_id FROM group_groups g JOIN member_of m ON g.member_id = m.id)
	SELECT g.id, g.name FROM groups g JOIN member_of m ON g.id = m.id LIMIT ?`

type groupKey struct{ id, name string }

// groupByName finds a group in any case.
func groupByName(ctx context.Context, q querier, name string) (groupKey, error) {
	var g groupKey
	if !plausible(name) {
		return g, fmt.Errorf("group %q: %w", clip(name), ErrNoGroup)
	}
	err := q.QueryRowContext(ctx, `SELECT id, name FROM groups WHERE name_folded = ?`, identity.Fold(name)).Scan(&g.id, &g.name)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNoGroup
	}
	if err != nil {
		return g, fmt.Errorf("group %q: %w", name, err)
	}
	return g, nil
}

// GroupsOf returns the names of all groups that a user is in, nested ones
// resolved, sorted, each once. An ID that nobody has is in none.
func (s *Store) GroupsOf(ctx context.Context, userID string) ([]string, error) {
	groups, err := s.MembershipsOf(ctx, userID)
	if err != nil || len(groups) == 0 {
		return nil, err
	}
	names := make([]string, len(groups))
	for i := range groups {
		names[i] = groups[i].Name
	}
	return names, nil
}

// MembershipsOf returns ID and name of the groups of GroupsOf, in the same order.
func (s *Store) MembershipsOf(ctx context.Context, userID string) ([]identity.Membership, error) {
	groups, err := s.membershipsOf(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("find groups of user with ID %q: %w", clip(userID), err)
	}
	return groups, nil
}

func (s *Store) membershipsOf(ctx context.Context, userID string) ([]identity.Membership, error) {
	if err := s.opened.check(ctx); err != nil {
		return nil, err
	}
	groups, err := memberships(s.groupsOfUser.QueryContext(ctx, userID, maxGroups+1))
	if err == nil && len(groups) > maxGroups {
		err = fmt.Errorf("in more than %d groups", maxGroups)
	}
	return groups, err
}

// DirectGroupsOf returns the names of the groups that list the user themselves,
// sorted.
func (s *Store) DirectGroupsOf(ctx context.Context, userID string) ([]string, error) {
	groups, err := names(s.read.QueryContext(ctx,
		`SELECT g.name FROM groups g JOIN group_users m ON g.id = m.group_id WHERE m.user_id = ?`, userID))
	if err != nil {
		return nil, fmt.Errorf("find groups of user with ID %q: %w", clip(userID), err)
	}
	return groups, nil
}

// Group returns a group, found in any case, with its direct members; ErrNoGroup
// if there is none.
func (s *Store) Group(ctx context.Context, name string) (identity.Group, error) {
	key, err := groupByName(ctx, s.read, name)
	if err != nil {
		return identity.Group{}, err
	}
	g, err := withMembers(ctx, s.read, key)
	if err != nil {
		return identity.Group{}, fmt.Errorf("find members of group %q: %w", key.name, err)
	}
	return g, nil
}

func withMembers(ctx context.Context, q querier, key groupKey) (identity.Group, error) {
	g := identity.Group{ID: key.id, Name: key.name}
	var err error
	if g.Users, err = names(q.QueryContext(ctx,
		`SELECT u.login FROM users u JOIN group_users m ON u.id = m.user_id WHERE m.group_id = ?`, key.id)); err != nil {
		return g, err
	}
	if g.Groups, err = names(q.QueryContext(ctx,
		`SELECT g.name FROM groups g JOIN group_groups m ON g.id = m.member_id WHERE m.group_id = ?`, key.id)); err != nil {
		return g, err
	}
	return g, nil
}

// Groups returns all groups with their direct members, ordered by name.
func (s *Store) Groups(ctx context.Context) ([]identity.Group, error) {
	var keys []groupKey
	err := each(func(r row) error {
		var k groupKey
		err := r.Scan(&k.id, &k.name)
		keys = append(keys, k)
		return err
	})(s.read.QueryContext(ctx, `SELECT id, name FROM groups ORDER BY name_folded`))
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	groups := make([]identity.Group, len(keys))
	for i, k := range keys {
		if groups[i], err = withMembers(ctx, s.read, k); err != nil {
			return nil, fmt.Errorf("list groups: members of %q: %w", k.name, err)
		}
	}
	return groups, nil
}

// AddGroup stores a new group without members. ErrExists means that the name is
// taken, perhaps in another case.
func (s *Store) AddGroup(ctx context.Context, name string, now time.Time) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		_, err := addGroup(ctx, tx, name, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("add group: %w", err)
	}
	return nil
}

func addGroup(ctx context.Context, tx querier, name string, now time.Time) (groupKey, error) {
	if err := checkName("group name", name); err != nil {
		return groupKey{}, err
	}
	switch g, err := groupByName(ctx, tx, name); {
	case err == nil:
		return g, fmt.Errorf("group %q %w", g.name, ErrExists)
	case !errors.Is(err, ErrNoGroup):
		return g, err
	}
	g := groupKey{id: rand.Text(), name: name}
	_, err := tx.ExecContext(ctx, `INSERT INTO groups (id, name, name_folded, created) VALUES (?, ?, ?, ?)`,
		g.id, g.name, identity.Fold(name), millis(now))
	return g, err
}

// DeleteGroup removes a group; its members stay. It returns the group as it was,
// with its direct members; ErrNoGroup if there is none.
func (s *Store) DeleteGroup(ctx context.Context, name string) (identity.Group, error) {
	var g identity.Group
	err := s.change(ctx, func(tx *sql.Tx) error {
		key, err := groupByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if g, err = withMembers(ctx, tx, key); err != nil {
			return err
		}
		return one(ErrNoGroup)(tx.ExecContext(ctx, `DELETE FROM groups WHERE id = ?`, key.id))
	})
	if err != nil {
		return identity.Group{}, fmt.Errorf("delete group: %w", err)
	}
	return g, nil
}
