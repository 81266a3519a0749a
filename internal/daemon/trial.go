package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
	"github.com/sallyport-auth/sallyport/proxy"
	"github.com/sallyport-auth/sallyport/rego"
)

// Trial is everything that a configuration decides, to be asked about logins that
// nobody makes. Directories and helpers are asked as in a login; the store is not
// changed.
type Trial struct {
	snapshot *Snapshot
	store    *store.Store
}

// OpenTrial builds what cfg describes. Where there is no store yet, one is made in
// the directory scratch, with the users that the first start would bring. The caller
// closes it.
func OpenTrial(ctx context.Context, cfg *config.Config, scratch string, log *slog.Logger) (*Trial, error) {
	return openTrial(ctx, *cfg, scratch, log, func(ctx context.Context) ([]scoped.Policy, int64, error) {
		list, err := storedPolicies(ctx, cfg.StoreFile())
		return list, 0, err
	})
}

// OpenDirectories is OpenTrial without policies and helpers: only who it is that logs
// in can be asked.
func OpenDirectories(ctx context.Context, cfg *config.Config, scratch string, log *slog.Logger) (*Trial, error) {
	bare := *cfg
	bare.Plugins.Allow = nil
	bare.Policies.Scoped, bare.Policies.Expressions, bare.Policies.Bundle = nil, "", nil
	bare.Applications = make(map[string]*config.Application, len(cfg.Applications))
	for name, app := range cfg.Applications {
		unbound := *app
		unbound.Policies.Bindings = nil
		bare.Applications[name] = &unbound
	}
	return openTrial(ctx, bare, scratch, log, func(context.Context) ([]scoped.Policy, int64, error) { return nil, 0, nil })
}

func openTrial(ctx context.Context, cfg config.Config, scratch string, log *slog.Logger, policies func(context.Context) ([]scoped.Policy, int64, error)) (*Trial, error) {
	users, err := store.Open(ctx, cfg.StoreFile(), store.ReadOnly())
	seed := errors.Is(err, store.ErrMissing)
	if seed {
		users, err = store.Open(ctx, filepath.Join(scratch, "trial.db"))
	}
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if cfg.TLS.SelfSigned != "" {
		cfg.TLS.SelfSigned = filepath.Join(scratch, "tls")
	}
	s, err := build(ctx, &cfg, resources{store: users, policies: policies, recorder: forgetful{}, seed: seed, trial: true, log: log})
	if err != nil {
		return nil, &ConfigurationError{errors.Join(err, users.Close())}
	}
	return &Trial{s, users}, nil
}

// Login is what policies would know of a login of somebody whom a directory knows.
func (t *Trial) Login(ctx context.Context, a *proxy.Attempt) (*policyengine.Input, error) {
	return t.snapshot.login.Preview(ctx, a)
}

// Now is the clock as policies see it.
func (t *Trial) Now() time.Time { return time.Now().In(t.snapshot.location) }

// Explain asks the bindings of both stages, without side effects.
func (t *Trial) Explain(ctx context.Context, in *policyengine.Input) ([]policyengine.StageExplanation, error) {
	return t.snapshot.engine.Explain(ctx, in)
}

// Expressions are the expression policies; nil if none are configured.
func (t *Trial) Expressions() *rego.Set { return t.snapshot.expressions }

// Close ends what was opened.
func (t *Trial) Close() error {
	t.snapshot.Close()
	return t.store.Close()
}
