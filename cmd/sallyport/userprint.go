package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// userJSON is a user as --json prints it. It has no hash.
type userJSON struct {
	ID              string     `json:"id"`
	Login           string     `json:"login"`
	Name            string     `json:"name"`
	Email           string     `json:"email"`
	Service         bool       `json:"service"`
	Superuser       bool       `json:"superuser"`
	Disabled        bool       `json:"disabled"`
	PasswordChanged *time.Time `json:"password_changed"` // null without a password
	Created         time.Time  `json:"created"`
	Updated         time.Time  `json:"updated"`
}

// userGroupsJSON is a user with the groups that list the user, and with those
// that contain such a group.
type userGroupsJSON struct {
	userJSON
	Groups       []string `json:"groups"`
	NestedGroups []string `json:"nested_groups"`
}

func newUserJSON(u store.User) userJSON {
	j := userJSON{
		ID: u.ID, Login: u.Login, Name: u.Name, Email: u.Email,
		Service: u.Service, Superuser: u.Superuser, Disabled: u.Disabled,
		Created: u.Created, Updated: u.Updated,
	}
	if !u.PasswordChanged.IsZero() {
		j.PasswordChanged = &u.PasswordChanged
	}
	return j
}

// printUser prints everything about a user but the password.
func printUser(ctx context.Context, env *environment, s *store.Store, u store.User) error {
	direct, err := s.DirectGroupsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	all, err := s.GroupsOf(ctx, u.ID)
	if err != nil {
		return err
	}
	nested := slices.DeleteFunc(all, func(name string) bool { return slices.Contains(direct, name) })
	if env.json {
		return env.printJSON(userGroupsJSON{newUserJSON(u), orEmpty(direct), orEmpty(nested)})
	}
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"login", u.Login},
		{"name", orDash(u.Name)},
		{"e-mail", orDash(u.Email)},
		{"state", state(u)},
		{"password changed", date(u.PasswordChanged)},
		{"groups", orDash(strings.Join(direct, ", "))},
		{"nested groups", orDash(strings.Join(nested, ", "))},
		{"created", date(u.Created)},
		{"id", u.ID},
	} {
		fmt.Fprintf(table, "%s\t%s\n", line[0], line[1])
	}
	return table.Flush()
}

// printChanged tells that a user was changed: in JSON the user as it is now,
// else the text with the login.
func printChanged(ctx context.Context, env *environment, s *store.Store, u store.User, done string) error {
	if !env.json {
		return say(env, done, u.Login)
	}
	u, err := s.UserByID(ctx, u.ID)
	if err != nil {
		return err
	}
	return printUser(ctx, env, s, u)
}

// say prints one line.
func say(env *environment, format string, args ...any) error {
	_, err := fmt.Fprintf(env.stdout, format+"\n", args...)
	return err
}

// withHint adds where to look for what was not found.
func withHint(err error) error {
	switch {
	case errors.Is(err, identity.ErrNotFound):
		return fmt.Errorf("%w; \"sallyport user list\" shows them", err)
	case errors.Is(err, store.ErrNoGroup):
		return fmt.Errorf("%w; \"sallyport group list\" shows them", err)
	}
	return err
}

func state(u store.User) string {
	words := []string{"enabled"}
	if u.Disabled {
		words[0] = "disabled"
	}
	if u.Service {
		words = append(words, "service")
	}
	if u.Superuser {
		words = append(words, "superuser")
	}
	return strings.Join(words, ", ")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04 MST")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// orEmpty makes JSON print an empty list as [] and not as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
