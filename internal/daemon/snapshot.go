package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/plugins"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
	"github.com/sallyport-auth/sallyport/proxy"
	"github.com/sallyport-auth/sallyport/proxy/ldap"
	"github.com/sallyport-auth/sallyport/proxy/radius"
	"github.com/sallyport-auth/sallyport/rego"
)

// Snapshot is everything that one configuration decides: directories, policies,
// helpers, and the tables of the front-ends. It never changes; Close ends its
// helpers when no login uses it any more.
type Snapshot struct {
	cfg         *config.Config
	radius      *radius.Table
	ldap        *ldap.Table
	directories map[string]source // by name
	helpers     *plugins.Host
	engine      *policyengine.Engine
	outside     *outside
	scoped      *policyengine.Scoped
	login       *proxy.Proxy
	// location is the time zone of login.time_zone.
	location *time.Location
	// expressions are the expression policies; nil without any.
	expressions *rego.Set
	// warnings are those of the expression policies.
	warnings []config.Warning
	// revision is that of the stored policies in it.
	revision int64
	loaded   time.Time
}

// resources outlive a Snapshot: what a reload must not lose.
type resources struct {
	store *store.Store
	// policies reads the stored scoped policies and their revision.
	policies func(ctx context.Context) ([]scoped.Policy, int64, error)
	recorder proxy.Recorder
	// directories takes the numbers of directories; nil for nobody.
	directories *directoryMetrics
	// present is the Snapshot that is to be replaced, nil at the start.
	present *Snapshot
	// helpers are the present ones, nil at the start.
	helpers *plugins.Host
	// outside is the present one, nil at the start.
	outside *outside
	// seed is set at the start: an administrator who empties the store later does
	// not want the first users back.
	seed bool
	// trial is set where nothing but the configuration is to be looked at.
	trial bool
	log   *slog.Logger
}

// build makes a Snapshot. Whatever it has started when something fails is ended
// again. The error joins the faults of all parts; only what needs a part that
// failed is left out.
func build(ctx context.Context, cfg *config.Config, r resources) (*Snapshot, error) {
	s := &Snapshot{cfg: cfg, directories: make(map[string]source), loaded: time.Now()}
	directoryErr := s.openDirectories(ctx, r)
	var outsideErr error
	s.outside, outsideErr = openOutside(cfg, r)
	var policyErr error
	s.engine, policyErr = s.loadPolicies(ctx, r)
	tlsConfig, tlsErr := loadTLS(cfg)
	var zoneErr error
	s.location, zoneErr = time.LoadLocation(cfg.Login.TimeZone)
	if zoneErr != nil {
		zoneErr = cfg.Fault("login.time_zone", "%w", zoneErr)
	}
	s.login = proxy.New(proxy.Options{
		Realms: s.realms(), Decider: s.engine, Recorder: s.observed(r.recorder), Locator: s.outside.locator(),
		Timeout: cfg.Login.Timeout, Location: s.location,
	})
	var radiusErr, ldapErr error
	s.radius, radiusErr = radius.NewTable(cfg, s.login)
	s.ldap, ldapErr = ldap.NewTable(cfg, s.login, tlsConfig)
	if err := errors.Join(zoneErr, tlsErr, directoryErr, outsideErr, radiusErr, ldapErr, policyErr); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// loadPolicies starts the helpers and compiles both kinds of policies and the
// bindings. Expression policies cannot be judged without the helpers that they
// call, nor bindings without policies.
func (s *Snapshot) loadPolicies(ctx context.Context, r resources) (*policyengine.Engine, error) {
	scopedErr := s.loadScoped(ctx, r)
	var helperErr, regoErr error
	s.helpers, helperErr = plugins.Open(ctx, s.cfg, plugins.Options{Log: r.log, Present: r.helpers})
	if scopedErr == nil && helperErr == nil {
		scopedErr = s.scoped.CheckHelpers(s.helpers.Helpers())
	}
	expressions := map[string]policyengine.Expression{}
	if dir := s.cfg.Policies.Expressions; dir != "" && helperErr == nil {
		set, err := rego.Load(ctx, dir, s.expressionOptions(r.log))
		if regoErr = err; err == nil {
			s.expressions, expressions, s.warnings = set, set.Expressions(), set.Warnings()
		}
		for _, w := range s.warnings {
			if !r.trial {
				r.log.Warn("configuration", "warning", w.String())
			}
		}
	}
	if err := errors.Join(helperErr, scopedErr, regoErr); err != nil {
		return nil, err
	}
	return policyengine.New(s.cfg, policyengine.Options{
		Scoped: s.scoped.Set, Helpers: s.helpers.Helpers(), Expressions: expressions,
	})
}

// loadScoped compiles the scoped policies of the files and of the store.
func (s *Snapshot) loadScoped(ctx context.Context, r resources) error {
	stored, revision, err := r.policies(ctx)
	if err != nil {
		return s.cfg.Fault("store", "%w", err)
	}
	s.revision = revision
	s.scoped, err = policyengine.LoadScoped(s.cfg, stored)
	return err
}

// Close ends the helpers, the look-ups of policies and the directories' work.
// Logins that still use the Snapshot are refused.
func (s *Snapshot) Close() {
	s.helpers.Close()
	s.outside.release()
	for _, dir := range s.directories {
		dir.Close()
	}
}

// Check builds everything that cfg describes without listening and without
// touching what is kept: a store and a self-signed certificate are made anew in
// the directory scratch, which the caller throws away, and of the real store, if
// there is one, only the scoped policies are read. The error has every fault that
// was found; without one there are warnings of the policies, and advice.
func Check(ctx context.Context, cfg *config.Config, scratch string, log *slog.Logger) (warnings, advice []config.Warning, err error) {
	empty, err := store.Open(ctx, filepath.Join(scratch, "check.db"))
	if err != nil {
		return nil, nil, fmt.Errorf("make a store to check with: %w", err)
	}
	defer empty.Close()
	trial := *cfg
	if trial.TLS.SelfSigned != "" {
		trial.TLS.SelfSigned = filepath.Join(scratch, "tls")
	}
	policies := func(ctx context.Context) ([]scoped.Policy, int64, error) {
		list, err := storedPolicies(ctx, cfg.StoreFile())
		if errors.Is(err, store.ErrOldSchema) {
			warnings = append(warnings, cfg.Warning("store", fmt.Sprintf("the scoped policies in it were not looked at: %v; the start of the server changes that", err)))
			err = nil
		}
		return list, 0, err
	}
	s, err := build(ctx, &trial, resources{store: empty, policies: policies, recorder: forgetful{}, seed: true, trial: true, log: log})
	if err != nil {
		return warnings, nil, err
	}
	defer s.Close()
	warnings = append(warnings, s.outside.warnings(cfg)...)
	return slices.Concat(warnings, s.scoped.Warnings(), s.warnings), s.scoped.Advice(), nil
}

// storedPolicies reads the scoped policies of a store as it is; none if there is
// no store yet.
func storedPolicies(ctx context.Context, file string) ([]scoped.Policy, error) {
	st, err := store.Open(ctx, file, store.ReadOnly())
	if errors.Is(err, store.ErrMissing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, _, err := policystore.Read(ctx, st)
	return list, errors.Join(err, st.Close())
}

// forgetful records nothing: a check has no logins.
type forgetful struct{}

// Record forgets the login.
func (forgetful) Record(*proxy.Attempt, *proxy.Outcome) {}
