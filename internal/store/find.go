package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

const selectUserRevision = `SELECT revision FROM user_revision WHERE id = 1`

// UsersRevision returns the revision of users and groups: another one after each
// change of them, whoever made it, but for a new hash of the same password. It is
// cheap enough to be asked at each login.
func (s *Store) UsersRevision(ctx context.Context) (int64, error) {
	err := s.opened.check(ctx)
	var revision int64
	if err == nil {
		err = s.userRevision.QueryRowContext(ctx).Scan(&revision)
	}
	if err != nil {
		return 0, fmt.Errorf("read revision of users: %w", plainly(err))
	}
	return revision, nil
}

// UserQuery narrows which users to go through. A list that is nil does not; of
// others, one item must be the user's. Texts are compared octet by octet, logins
// without regard to case.
type UserQuery struct {
	IDs, Logins, Names, Emails []string
	// Groups are IDs of groups that the user is in, perhaps through others.
	Groups []string
	// NoGroup asks for users who are in no group at all.
	NoGroup bool
}

// EachUser calls f for the users of a query, ordered by login, until it returns
// false. PasswordHash, Created and Updated are not filled in. All users are of one
// moment. f must not ask the store: it could wait for the connection that it keeps.
func (s *Store) EachUser(ctx context.Context, q UserQuery, f func(User) (more bool, err error)) error {
	if err := s.opened.check(ctx); err != nil {
		return err
	}
	query, args := q.sql()
	enough := false
	var u User
	var changed int64
	dest := []any{&u.ID, &u.Login, &u.Name, &u.Email, &u.Service, &u.Superuser, &u.Disabled, &changed}
	err := each(func(r row) error {
		if err := r.Scan(dest...); err != nil {
			return err
		}
		u.PasswordChanged = instant(changed)
		more, err := f(u)
		if err == nil && !more {
			enough, err = true, errEnough
		}
		return err
	})(s.read.QueryContext(ctx, query, args...))
	if err != nil && !enough {
		return fmt.Errorf("go through users: %w", plainly(err))
	}
	return nil
}

// errEnough ends a walk before its end.
var errEnough = errors.New("no more is wanted")

// sql is the query in the database's words.
func (q UserQuery) sql() (query string, args []any) {
	conditions := []string{"1 = 1"}
	oneOf := func(condition string, list []string, form func(string) string) {
		if list == nil {
			return
		}
		for _, v := range list {
			args = append(args, form(v))
		}
		conditions = append(conditions, strings.Replace(condition, "(?)", "("+strings.TrimSuffix(strings.Repeat("?, ", len(list)), ", ")+")", 1))
	}
	plain := func(v string) string { return v }
	oneOf("id IN (?)", q.IDs, plain)
	oneOf("login_folded IN (?)", q.Logins, identity.Fold)
	oneOf("name IN (?)", q.Names, plain)
	oneOf("email IN (?)", q.Emails, plain)
	oneOf(`id IN (WITH RECURSIVE inside (id) AS (
			SELECT id FROM groups WHERE id IN (?)
			UNION
			SELECT g.member_id FROM group_groups g JOIN inside i ON g.group_id = i.id)
		SELECT m.user_id FROM group_users m JOIN inside i ON m.group_id = i.id)`, q.Groups, plain)
	if q.NoGroup {
		conditions = append(conditions, "id NOT IN (SELECT user_id FROM group_users)")
	}
	return strings.Join([]string{
		`SELECT id, login, name, email, service, superuser, disabled, password_changed FROM users WHERE`,
		strings.Join(conditions, " AND "), `ORDER BY login_folded`,
	}, " "), args
}

// GroupNames returns ID and name of all groups, ordered by name.
func (s *Store) GroupNames(ctx context.Context) ([]identity.Membership, error) {
	err := s.opened.check(ctx)
	var list []identity.Membership
	if err == nil {
		list, err = memberships(s.read.QueryContext(ctx, `SELECT id, name FROM groups`))
	}
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", plainly(err))
	}
	return list, nil
}
