package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/plugins"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
	"github.com/sallyport-auth/sallyport/proxy/ldap"
	"github.com/sallyport-auth/sallyport/proxy/radius"
	"github.com/sallyport-auth/sallyport/rego"
)

// Snapshot is everything that one configuration decides: directories, policies,
// helpers, and the tables of the front-ends. It never changes; Close ends its
// helpers when no login uses it any more.
type Snapshot struct {
	cfg    *config.Config
	radius *radius.Table
	ldap   *ldap.Table
	// directories are the local ones, the only type so far, by name.
	directories map[string]*local.Directory
	plugins     *plugins.Host
	loaded      time.Time
}

// resources outlive a Snapshot: what a reload must not lose.
type resources struct {
	store    *store.Store
	recorder proxy.Recorder
	log      *slog.Logger
}

// build makes a Snapshot. Whatever it has started when something fails is ended
// again. The error joins the faults of each part.
func build(ctx context.Context, cfg *config.Config, r resources) (_ *Snapshot, err error) {
	s := &Snapshot{cfg: cfg, directories: make(map[string]*local.Directory), loaded: time.Now()}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if err := s.openDirectories(ctx, r); err != nil {
		return nil, err
	}
	if s.plugins, err = plugins.Open(ctx, cfg, plugins.Options{Log: r.log}); err != nil {
		return nil, err
	}
	engine, err := s.loadPolicies(ctx, r.log)
	if err != nil {
		return nil, err
	}
	location, err := time.LoadLocation(cfg.Login.TimeZone)
	if err != nil {
		return nil, cfg.Fault("login.time_zone", "%w", err)
	}
	login := proxy.New(proxy.Options{
		Realms: s.realms(), Decider: engine, Recorder: r.recorder,
		Timeout: cfg.Login.Timeout, Location: location,
	})
	if err := s.buildTables(login, r.log); err != nil {
		return nil, err
	}
	return s, nil
}

// openDirectories makes the directories and fills an empty store from their seed
// file.
func (s *Snapshot) openDirectories(ctx context.Context, r resources) error {
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Directories)) {
		cfg := s.cfg.Directories[name]
		path := "directories." + name
		dir, err := local.New(name, r.store, cfg, r.log)
		if err != nil {
			faults = append(faults, s.cfg.Fault(path, "%w", err))
			continue
		}
		s.directories[name] = dir
		if err := s.seed(ctx, name, r); err != nil {
			faults = append(faults, err)
			continue
		}
		if err := refuseDemoUsers(ctx, s.cfg, path, dir); err != nil {
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// seed fills an empty store from the seed file of a directory, if it has one.
func (s *Snapshot) seed(ctx context.Context, name string, r resources) error {
	cfg := s.cfg.Directories[name]
	if cfg.Seed == "" {
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

// loadPolicies compiles both kinds of policies and the bindings.
func (s *Snapshot) loadPolicies(ctx context.Context, log *slog.Logger) (*policyengine.Engine, error) {
	scopedSet, scopedErr := policyengine.LoadScoped(s.cfg.Policies.Scoped)
	expressions := map[string]policyengine.Expression{}
	var regoErr error
	if dir := s.cfg.Policies.Expressions; dir != "" {
		set, err := rego.Load(ctx, dir, rego.Options{Helpers: s.plugins.Helpers(), Log: log})
		if regoErr = err; err == nil {
			expressions = set.Expressions()
		}
	}
	if err := errors.Join(scopedErr, regoErr); err != nil {
		return nil, err
	}
	return policyengine.New(s.cfg, policyengine.Options{Scoped: scopedSet, Expressions: expressions, Log: log})
}

// realms resolves the names of the directories.
func (s *Snapshot) realms() []proxy.Realm {
	var realms []proxy.Realm
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Realms)) {
		realm := proxy.Realm{Name: name, Default: s.cfg.Realms[name].Default}
		for _, dir := range s.cfg.Realms[name].Directories {
			realm.Directories = append(realm.Directories, proxy.Source{
				Name: dir, Type: s.cfg.Directories[dir].Type, Directory: s.directories[dir],
			})
		}
		realms = append(realms, realm)
	}
	return realms
}

// buildTables makes the tables of the front-ends.
func (s *Snapshot) buildTables(login *proxy.Proxy, log *slog.Logger) error {
	tlsConfig, tlsErr := loadTLS(s.cfg, log)
	var radiusErr, ldapErr error
	s.radius, radiusErr = radius.NewTable(s.cfg, login)
	s.ldap, ldapErr = ldap.NewTable(s.cfg, login, tlsConfig)
	return errors.Join(tlsErr, radiusErr, ldapErr)
}

// Close ends the helpers and the directories' work. Logins that still use the
// Snapshot are refused.
func (s *Snapshot) Close() {
	if s.plugins != nil {
		s.plugins.Close()
	}
	for _, dir := range s.directories {
		dir.Close()
	}
}

// Check builds everything that cfg describes without listening and without
// touching what is kept: the store and a self-signed certificate are made anew
// in the directory scratch, which the caller throws away. The error has every
// fault that was found.
func Check(ctx context.Context, cfg *config.Config, scratch string, log *slog.Logger) error {
	empty, err := store.Open(ctx, filepath.Join(scratch, "check.db"))
	if err != nil {
		return fmt.Errorf("make a store to check with: %w", err)
	}
	defer empty.Close()
	trial := *cfg
	if trial.TLS.SelfSigned != "" {
		trial.TLS.SelfSigned = filepath.Join(scratch, "tls")
	}
	s, err := build(ctx, &trial, resources{store: empty, recorder: forgetful{}, log: log})
	if err != nil {
		return err
	}
	s.Close()
	return nil
}

// forgetful records nothing: a check has no logins.
type forgetful struct{}

func (forgetful) Record(*proxy.Attempt, *proxy.Outcome) {}
