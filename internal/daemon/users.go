package daemon

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
)

// home is a directory of local users, with what it remembers of answers to policies.
type home struct {
	*local.Directory
	users *directory.Exact
}

// Close ends the look-ups at work, then the checks of passwords.
func (h home) Close() error { return errors.Join(h.users.Close(), h.Directory.Close()) }

// searcher is who policies ask for other users.
func (h home) searcher() directory.Searcher { return h.users }

func (r remote) searcher() directory.Searcher { return r.Cached }

// users are the directories in the order in which policies ask them for other users
// than the one who logs in: those of the default realm, then those of the other
// realms by name. A directory that no realm uses is not asked.
func (s *Snapshot) users() *directory.Set {
	var sources []directory.Source
	for _, name := range realmOrder(s.cfg.Realms) {
		for _, dir := range s.cfg.Realms[name].Directories {
			named := func(src directory.Source) bool { return src.Name == dir }
			if open, ok := s.directories[dir]; ok && !slices.ContainsFunc(sources, named) {
				sources = append(sources, directory.Source{Name: dir, Users: open.searcher()})
			}
		}
	}
	return directory.NewSet(sources)
}

// realmOrder lists the realms, the default one first.
func realmOrder(realms map[string]*config.Realm) []string {
	return slices.SortedFunc(maps.Keys(realms), func(a, b string) int {
		if realms[a].Default != realms[b].Default {
			if realms[a].Default {
				return -1
			}
			return 1
		}
		return cmp.Compare(a, b)
	})
}
