package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/sallyport-auth/sallyport/internal/directory"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap"
	"github.com/sallyport-auth/sallyport/internal/directory/ldap/upstream"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/proxy"
)

// source is an open directory.
type source interface {
	proxy.Directory
	searcher() directory.Searcher
	Close() error
}

var (
	_ source      = home{}
	_ source      = remote{}
	_ proxy.Decoy = remote{}
)

// openDirectories makes the directories. None needs the network for that: a
// server that is down is told by each login, not by refusing to start.
func (s *Snapshot) openDirectories(ctx context.Context, r resources) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Directories)) {
		open := s.openLocal
		if s.cfg.Directories[name].Type == "ldap" {
			open = s.openLDAP
		}
		if err := open(ctx, name, r); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// openLocal makes a directory of type local, and fills an empty store from its
// seed file.
func (s *Snapshot) openLocal(ctx context.Context, name string, r resources) error {
	path := "directories." + name
	dir, err := local.New(name, r.store, s.cfg.Directories[name], r.log)
	if err != nil {
		return s.cfg.Fault(path, "%w", err)
	}
	s.directories[name] = home{dir, directory.NewExact(dir, s.cfg.Login.Timeout)}
	if err := s.seed(ctx, name, r); err != nil {
		return err
	}
	return refuseDemoUsers(ctx, s.cfg, path, dir)
}

// seed fills an empty store from the seed file of a directory, if it has one.
func (s *Snapshot) seed(ctx context.Context, name string, r resources) error {
	cfg := s.cfg.Directories[name]
	if cfg.Seed == "" || !r.seed {
		return nil
	}
	count, err := local.SeedCSV(ctx, r.store, cfg.Argon2, cfg.Seed)
	if err != nil {
		return s.cfg.Fault("directories."+name+".seed", "%w", err)
	}
	if count > 0 {
		r.log.Info("store filled", "directory", name, "file", cfg.Seed, "users", count)
	}
	return nil
}

// realms resolves the names of the directories.
func (s *Snapshot) realms() []proxy.Realm {
	var realms []proxy.Realm
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Realms)) {
		cfg := s.cfg.Realms[name]
		realm := proxy.Realm{
			Name: name, Default: cfg.Default, Aliases: cfg.Aliases, UPNSuffixes: cfg.UPNSuffixes,
			NextOnOutage: cfg.OnOutage == "next",
		}
		for _, dir := range cfg.Directories {
			realm.Directories = append(realm.Directories, proxy.Source{
				Name: dir, Type: s.cfg.Directories[dir].Type, Directory: s.directories[dir],
			})
		}
		realms = append(realms, realm)
	}
	return realms
}

// directoryReadiness is the state of each directory, and whether at least one
// can be used.
func (s *Snapshot) directoryReadiness(store component) (states map[string]component, usable bool) {
	states = make(map[string]component, len(s.directories))
	for name, dir := range s.directories {
		state := store
		if r, ok := dir.(remote); ok {
			state = serversReadiness(r.servers.Status())
		}
		states[name] = state
		usable = usable || state.Ready
	}
	return states, usable || len(states) == 0
}

// serversReadiness is ready when one of the servers is not known to be down.
func serversReadiness(servers []ldap.ServerStatus) component {
	var c component
	for i, server := range servers {
		if i > 0 {
			c.Detail += "; "
		}
		c.Detail += server.URL + " " + server.State.String()
		if server.State == upstream.StateDown {
			c.Detail += ": " + server.Error
		}
		c.Ready = c.Ready || server.State != upstream.StateDown
	}
	return c
}
