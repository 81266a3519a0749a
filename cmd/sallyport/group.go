package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// groupCmd is "sallyport group". A running server sees its changes at the next
// login.
type groupCmd struct {
	Add     groupAddCmd     `cmd:"" help:"Add a group."`
	List    groupListCmd    `cmd:"" help:"List all groups with their direct members."`
	Members groupMembersCmd `cmd:"" help:"Show or change the direct members of a group."`
	Delete  groupDeleteCmd  `cmd:"" help:"Delete a group. Its members stay."`
}

// groupJSON is a group as --json prints it.
type groupJSON struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Users  []string `json:"users"`
	Groups []string `json:"groups"`
}

func newGroupJSON(g identity.Group) groupJSON {
	return groupJSON{g.ID, g.Name, orEmpty(g.Users), orEmpty(g.Groups)}
}

// printGroup prints a group: in JSON, or as the given text.
func printGroup(ctx context.Context, env *environment, s *store.Store, name, text string) error {
	g, err := s.Group(ctx, name)
	if err != nil {
		return withHint(err)
	}
	if env.json {
		return env.printJSON(newGroupJSON(g))
	}
	if text != "" {
		return say(env, text, g.Name)
	}
	table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "group\t%s\n", g.Name)
	fmt.Fprintf(table, "users\t%s\n", orDash(strings.Join(g.Users, ", ")))
	fmt.Fprintf(table, "groups\t%s\n", orDash(strings.Join(g.Groups, ", ")))
	return table.Flush()
}

type groupAddCmd struct {
	Name string `arg:"" help:"Name of the group. Policies compare it exactly; a second group of the same name in another case is refused."`
}

// Run adds the group, and warns of bindings that all but name it.
func (c *groupAddCmd) Run(ctx context.Context, env *environment) error {
	return withNewStore(ctx, env, func(cfg *config.Config, s *store.Store) error {
		if err := s.AddGroup(ctx, c.Name, time.Now()); err != nil {
			return err
		}
		warnMisspelled(env, cfg, c.Name)
		return printGroup(ctx, env, s, c.Name, "added group %q")
	})
}

type groupListCmd struct{}

// Run lists the groups.
func (groupListCmd) Run(ctx context.Context, env *environment) error {
	return withStore(ctx, env, func(_ *config.Config, s *store.Store) error {
		groups, err := s.Groups(ctx)
		if err != nil {
			return err
		}
		if env.json {
			list := make([]groupJSON, len(groups))
			for i, g := range groups {
				list[i] = newGroupJSON(g)
			}
			return env.printJSON(list)
		}
		if len(groups) == 0 {
			return say(env, "no groups yet; \"sallyport group add NAME\" adds one")
		}
		table := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "GROUP\tUSERS\tGROUPS")
		for _, g := range groups {
			fmt.Fprintf(table, "%s\t%s\t%s\n", g.Name, orDash(strings.Join(g.Users, ", ")), orDash(strings.Join(g.Groups, ", ")))
		}
		return table.Flush()
	})
}

type groupMembersCmd struct {
	Name        string   `arg:"" help:"Name of the group."`
	AddUser     []string `placeholder:"LOGIN" sep:"none" help:"Put a user in; can be given several times, as the other options can."`
	RemoveUser  []string `placeholder:"LOGIN" sep:"none" help:"Take a user out."`
	AddGroup    []string `placeholder:"NAME" sep:"none" help:"Put another group in: its members become members of this one too."`
	RemoveGroup []string `placeholder:"NAME" sep:"none" help:"Take another group out."`
}

// Run changes the members as asked, all or none, and shows them.
func (c *groupMembersCmd) Run(ctx context.Context, env *environment) error {
	return withStore(ctx, env, func(_ *config.Config, s *store.Store) error {
		add := store.Members{Users: c.AddUser, Groups: c.AddGroup}
		remove := store.Members{Users: c.RemoveUser, Groups: c.RemoveGroup}
		if err := errors.Join(disjoint("user", c.AddUser, c.RemoveUser), disjoint("group", c.AddGroup, c.RemoveGroup)); err != nil {
			return err
		}
		if len(c.AddUser)+len(c.RemoveUser)+len(c.AddGroup)+len(c.RemoveGroup) > 0 {
			if err := s.ChangeMembers(ctx, c.Name, add, remove); err != nil {
				return withHint(err)
			}
		}
		return printGroup(ctx, env, s, c.Name, "")
	})
}

// disjoint refuses to both add and remove somebody.
func disjoint(what string, add, remove []string) error {
	for _, a := range add {
		for _, r := range remove {
			if identity.Fold(a) == identity.Fold(r) {
				return fmt.Errorf("%s %q is both to add and to remove; nothing was changed", what, a)
			}
		}
	}
	return nil
}

type groupDeleteCmd struct {
	Name string `arg:"" help:"Name of the group."`
}

// deletedGroupJSON is a deleted group as --json prints it.
type deletedGroupJSON struct {
	Deleted  string   `json:"deleted"`
	Members  int      `json:"members"`
	Bindings []orphan `json:"bindings"`
}

// Run deletes the group, and names the bindings that still ask for it.
func (c *groupDeleteCmd) Run(ctx context.Context, env *environment) error {
	return withStore(ctx, env, func(cfg *config.Config, s *store.Store) error {
		g, err := s.DeleteGroup(ctx, c.Name)
		if err != nil {
			return withHint(err)
		}
		members, bindings := len(g.Users)+len(g.Groups), groupOrphans(cfg, g.Name)
		if env.json {
			return env.printJSON(deletedGroupJSON{g.Name, members, bindings})
		}
		count := fmt.Sprintf("%d members", members)
		if members == 1 {
			count = "1 member"
		}
		return errors.Join(say(env, "deleted group %q, which had %s", g.Name, count), sayOrphans(env, cfg, bindings))
	})
}
