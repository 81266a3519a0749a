package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// Searcher finds users of one directory, and notes for how long its answers stand.
type Searcher interface {
	UserByLogin(ctx context.Context, login string) (*identity.User, error)
	FindUser(ctx context.Context, f filter.Filter) (*identity.User, error)
}

var (
	_ Searcher = (*Cached)(nil)
	_ Searcher = (*Exact)(nil)
)

// Source is a directory of a Set.
type Source struct {
	Name  string
	Users Searcher
}

// Set is the directories of a configuration, in the order in which they are asked
// for users other than the one who logs in. Its methods may be called by several
// goroutines. Whatever goes wrong in a directory that had to be asked is an error:
// the user could have been there.
type Set struct {
	sources []Source
}

// NewSet makes a Set of directories, each named once.
func NewSet(sources []Source) *Set { return &Set{sources: sources} }

// UserByLogin finds a user by login in the named directory, or if no name is given
// in the first one that knows the login. It returns identity.ErrNotFound if there
// is none, and identity.ErrAmbiguous if a directory has several.
func (s *Set) UserByLogin(ctx context.Context, directory, login string) (*identity.User, error) {
	if directory != "" {
		return s.inOne(ctx, directory, login)
	}
	return s.first(func(src Source) (*identity.User, error) { return src.Users.UserByLogin(ctx, login) })
}

func (s *Set) inOne(ctx context.Context, directory, login string) (*identity.User, error) {
	for _, src := range s.sources {
		if src.Name == directory {
			return src.Users.UserByLogin(ctx, login)
		}
	}
	return nil, fmt.Errorf("look up %q: %w", login, s.unknown(ctx, directory))
}

// unknown is the error for a directory that is not in the Set.
func (s *Set) unknown(ctx context.Context, directory string) error {
	fresh.Never(ctx, "a look-up of a user failed")
	names := make([]string, len(s.sources))
	for i, src := range s.sources {
		names[i] = src.Name
	}
	return fmt.Errorf("no realm uses a directory %q%s", directory, config.DidYouMean(directory, names))
}

// FindUser finds the first user whom a filter fits: of the first directory that has
// any, the one with the least login. A directory that the filter excludes by its
// name is not asked. It returns identity.ErrNotFound if the filter fits nobody; a
// filter by the name of a directory that is not in the Set is an error, since
// whoever slips on a name must not read that there is nobody.
func (s *Set) FindUser(ctx context.Context, f filter.Filter) (*identity.User, error) {
	for _, t := range f.Terms() {
		if name, ok := s.stranger(t); ok {
			return nil, fmt.Errorf("find user: %w", s.unknown(ctx, name))
		}
	}
	return s.first(func(src Source) (*identity.User, error) {
		switch may, err := f.Source(src.Name); {
		case err != nil:
			return nil, err
		case !may:
			return nil, identity.ErrNotFound
		}
		return src.Users.FindUser(ctx, f)
	})
}

// stranger is a directory that a condition of a filter names, and that is not in the
// Set.
func (s *Set) stranger(t filter.Term) (name string, ok bool) {
	if t.Field != "source" || t.Lookup != "exact" && t.Lookup != "in" {
		return "", false
	}
	named, isList := t.Value.([]any)
	if !isList {
		named = []any{t.Value}
	}
	for _, v := range named {
		name, _ := v.(string)
		if !slices.ContainsFunc(s.sources, func(src Source) bool { return src.Name == name }) {
			return name, true
		}
	}
	return "", false
}

// first asks directory after directory until one has a user.
func (s *Set) first(ask func(Source) (*identity.User, error)) (*identity.User, error) {
	for _, src := range s.sources {
		u, err := ask(src)
		if !errors.Is(err, identity.ErrNotFound) {
			return u, err
		}
	}
	return nil, fmt.Errorf("in no directory: %w", identity.ErrNotFound)
}
