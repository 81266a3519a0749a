package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// ErrCycle says that a group would have become a member of itself.
var ErrCycle = errors.New("the group would contain itself")

// Members lists users by login and groups by name.
type Members struct {
	Users, Groups []string
}

// ChangeMembers adds and removes direct members of a group, all or none.
// Adding a member twice, or removing one who is not in it, changes nothing.
// ErrNoGroup, identity.ErrNotFound and ErrCycle tell what is wrong.
func (s *Store) ChangeMembers(ctx context.Context, group string, add, remove Members) error {
	err := s.change(ctx, func(tx *sql.Tx) error {
		g, err := groupByName(ctx, tx, group)
		if err != nil {
			return err
		}
		if err := removeMembers(ctx, tx, g, remove); err != nil {
			return err
		}
		return addMembers(ctx, tx, g, add)
	})
	if err != nil {
		return fmt.Errorf("change members of group %q: %w", clip(group), err)
	}
	return nil
}

func addMembers(ctx context.Context, tx querier, g groupKey, m Members) error {
	for _, login := range m.Users {
		id, err := userID(ctx, tx, login)
		if err != nil {
			return err
		}
		if err := addUserToGroup(ctx, tx, g.id, id); err != nil {
			return err
		}
	}
	for _, name := range m.Groups {
		member, err := groupByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := addGroupToGroup(ctx, tx, g, member); err != nil {
			return err
		}
	}
	return nil
}

func removeMembers(ctx context.Context, tx querier, g groupKey, m Members) error {
	for _, login := range m.Users {
		id, err := userID(ctx, tx, login)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM group_users WHERE group_id = ? AND user_id = ?`, g.id, id); err != nil {
			return err
		}
	}
	for _, name := range m.Groups {
		member, err := groupByName(ctx, tx, name)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM group_groups WHERE group_id = ? AND member_id = ?`, g.id, member.id); err != nil {
			return err
		}
	}
	return nil
}

func userID(ctx context.Context, q querier, login string) (string, error) {
	var id string
	err := identity.ErrNotFound
	if plausible(login) {
		err = q.QueryRowContext(ctx, `SELECT id FROM users WHERE login_folded = ?`, identity.Fold(login)).Scan(&id)
	}
	if errors.Is(err, sql.ErrNoRows) {
		err = identity.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("user %q: %w", clip(login), err)
	}
	return id, nil
}

func addUserToGroup(ctx context.Context, tx querier, groupID, userID string) error {
	_, err := tx.ExecContext(ctx,
		`INSERT INTO group_users (group_id, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, groupID, userID)
	return err
}

// addGroupToGroup refuses to close a circle: member must not be group itself or
// one of the groups that contain it.
func addGroupToGroup(ctx context.Context, tx querier, group, member groupKey) error {
	var circles int
	err := tx.QueryRowContext(ctx, `WITH RECURSIVE around (id) AS (
			SELECT id FROM groups WHERE id = ?
			UNION
			SELECT g.group_id FROM group_groups g JOIN around a ON g.member_id = a.id)
		SELECT COUNT(*) FROM around WHERE id = ?`, group.id, member.id).Scan(&circles)
	if err != nil {
		return err
	}
	if circles > 0 {
		return fmt.Errorf("add group %q to group %q: %w", member.name, group.name, ErrCycle)
	}
	_, err = tx.ExecContext(ctx,
		`INSERT INTO group_groups (group_id, member_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, group.id, member.id)
	return err
}
