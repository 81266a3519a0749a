package local

import (
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Register is what the directory finds users with, other than by login.
type Register interface {
	UsersRevision(ctx context.Context) (int64, error)
	EachUser(ctx context.Context, q store.UserQuery, f func(store.User) (more bool, err error)) error
	GroupNames(ctx context.Context) ([]identity.Membership, error)
}

// maxWalks bounds how many walks through the users are made at once. A walk through
// 50,000 users takes a tenth of a second of one processor.
const maxWalks = 2

// maxWanted bounds what one question to the store lists.
const maxWanted = 10_000

// Revision is another one after each change of users and groups.
func (d *Directory) Revision(ctx context.Context) (int64, error) {
	revision, err := d.users.UsersRevision(ctx)
	if err != nil {
		return 0, fmt.Errorf("directory %s: %w", d.name, err)
	}
	return revision, nil
}

// Find returns that user of those whom the filter fits whose login comes first;
// identity.ErrNotFound if it fits none. Letters count as the filter has them, exact
// included.
func (d *Directory) Find(ctx context.Context, f filter.Filter) (*identity.User, error) {
	u, err := d.find(ctx, f)
	if err == nil {
		err = d.complete(ctx, u)
	}
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.name, err)
	}
	return u, nil
}

// find returns a user without groups.
func (d *Directory) find(ctx context.Context, f filter.Filter) (*identity.User, error) {
	// What no local user has, and all have alike, needs no walk.
	alike := f.Only(func(t filter.Term) bool { return t.Field == "attributes" || t.Field == "dn" || t.Field == "source" })
	if may, err := alike.User(&identity.User{Directory: d.name}); err != nil || !may {
		return nil, orNotFound(err)
	}
	q, err := d.query(ctx, f)
	if err != nil {
		return nil, err
	}
	select {
	case d.walks <- struct{}{}:
		defer func() { <-d.walks }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	rest := f.Only(func(t filter.Term) bool { return t.Field != groupField })
	var found *identity.User
	err = d.users.EachUser(ctx, q, func(stored store.User) (more bool, err error) {
		u := d.user(stored)
		fits, err := rest.User(u)
		if fits {
			found = u
		}
		return !fits, err
	})
	if err != nil || found == nil {
		return nil, orNotFound(err)
	}
	return found, nil
}

func orNotFound(err error) error {
	if err != nil {
		return err
	}
	return identity.ErrNotFound
}

// groupField is the only one that is not looked at user by user.
const groupField = "groups__name"

// query says in the store's terms what can be said there: equality, which the walk
// checks again, and groups, which it does not.
func (d *Directory) query(ctx context.Context, f filter.Filter) (store.UserQuery, error) {
	var q store.UserQuery
	for _, t := range f.Terms() {
		wanted, ok := equality(t)
		switch {
		case !ok:
		case t.Field == "username":
			q.Logins = wanted
		case t.Lookup == "iexact":
		case t.Field == "id":
			q.IDs = wanted
		case t.Field == "name":
			q.Names = wanted
		case t.Field == "email":
			q.Emails = wanted
		}
	}
	err := d.groupQuery(ctx, f.Only(func(t filter.Term) bool { return t.Field == groupField }), &q)
	return q, err
}

// equality lists the texts one of which the field must be.
func equality(t filter.Term) ([]string, bool) {
	switch t.Lookup {
	case "exact", "iexact":
		text, ok := t.Value.(string)
		return []string{text}, ok
	case "in":
		list := []string{}
		for _, v := range t.Value.([]any) {
			text, ok := v.(string)
			if !ok {
				return nil, false
			}
			list = append(list, text)
		}
		return list, true
	}
	return nil, false
}

// groupQuery finds out which groups fit.
func (d *Directory) groupQuery(ctx context.Context, f filter.Filter, q *store.UserQuery) error {
	if len(f.Terms()) == 0 {
		return nil
	}
	var err error
	if q.NoGroup, err = f.User(&identity.User{}); err != nil || q.NoGroup {
		return err // what fits nobody in a group fits no group
	}
	all, err := d.users.GroupNames(ctx)
	if err != nil {
		return err
	}
	q.Groups = []string{}
	for _, g := range all {
		fits, err := f.User(&identity.User{Groups: []string{g.Name}})
		if err != nil {
			return err
		}
		if fits {
			q.Groups = append(q.Groups, g.ID)
		}
	}
	if len(q.Groups) > maxWanted {
		return fmt.Errorf("the filter fits %d groups, at most %d are allowed", len(q.Groups), maxWanted)
	}
	return nil
}
