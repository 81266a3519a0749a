package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// NewUser is a user to begin with, and the groups to put the user in.
type NewUser struct {
	User
	Groups []string
}

// Check reports, all at once, what keeps the user from being stored. Whether the
// login is free shows only when the user is.
func (u NewUser) Check() error {
	errs := []error{checkUser(u.User)}
	for _, name := range u.Groups {
		errs = append(errs, checkName("group name", name))
	}
	return errors.Join(errs...)
}

// Empty reports whether the store holds neither users nor groups.
func (s *Store) Empty(ctx context.Context) (bool, error) {
	err := s.opened.check(ctx)
	var empty bool
	if err == nil {
		empty, err = isEmpty(ctx, s.read)
	}
	if err != nil {
		return false, fmt.Errorf("look whether the store is empty: %w", err)
	}
	return empty, nil
}

func isEmpty(ctx context.Context, q querier) (bool, error) {
	var empty bool
	err := q.QueryRowContext(ctx,
		`SELECT NOT EXISTS (SELECT 1 FROM users) AND NOT EXISTS (SELECT 1 FROM groups)`).Scan(&empty)
	return empty, err
}

// Fill puts the users into an empty store, all or none, and makes the groups
// that they name. It returns how many users it stored: none, without an error,
// if the store was not empty.
func (s *Store) Fill(ctx context.Context, users []NewUser, now time.Time) (int, error) {
	n := 0
	err := s.change(ctx, func(tx *sql.Tx) error {
		if empty, err := isEmpty(ctx, tx); err != nil || !empty {
			return err
		}
		for _, u := range users {
			if err := fillUser(ctx, tx, u, now); err != nil {
				return fmt.Errorf("user %q: %w", clip(u.Login), err)
			}
		}
		n = len(users)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("fill store: %w", err)
	}
	return n, nil
}

func fillUser(ctx context.Context, tx querier, u NewUser, now time.Time) error {
	stored, err := addUser(ctx, tx, u.User, now)
	if err != nil {
		return err
	}
	for _, name := range u.Groups {
		g, err := groupByName(ctx, tx, name)
		if errors.Is(err, ErrNoGroup) {
			g, err = addGroup(ctx, tx, name, now)
		}
		if err != nil {
			return err
		}
		if err := addUserToGroup(ctx, tx, g.id, stored.ID); err != nil {
			return err
		}
	}
	return nil
}
