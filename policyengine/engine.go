package policyengine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// Options are what an Engine decides with. The zero value knows no policies.
type Options struct {
	// Scoped are the scoped policies; nil means none.
	Scoped *scoped.Set
	// Helpers are what conditions of scoped policies can call; Scoped.CheckHelpers
	// tells beforehand whether all of them are there.
	Helpers []Helper
	// Expressions are the expression policies by name.
	Expressions map[string]Expression
}

// Engine decides. It is immutable and safe for concurrent use.
type Engine struct {
	applications map[string]*application
	native       *Native
	// questions are the expression policies that bindings ask, by name.
	questions map[string]*question
	cache     *cache
}

// application is what is decided about.
type application struct {
	mode    Mode
	message string
	timeout time.Duration
	// admission and access are the bindings of these stages, in the order in which
	// they are asked.
	admission, access []*binding
}

// New compiles the bindings of every application. The error joins all faults,
// each with its place in the configuration.
func New(cfg *config.Config, o Options) (*Engine, error) {
	e := &Engine{
		applications: make(map[string]*application, len(cfg.Applications)),
		native:       NewNative(cfg, o.Scoped, o.Helpers),
		questions:    make(map[string]*question, len(o.Expressions)),
		cache:        newCache(cfg.Policies.Cache),
	}
	var faults []error
	for _, key := range sortedKeys(cfg.Applications) {
		app, err := e.compile(cfg, key, o)
		if err != nil {
			faults = append(faults, err)
		}
		e.applications[key] = app
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return e, nil
}

// Decide asks the bindings of the input's application for one stage. An error
// means that there is no decision: the application is unknown, the input is not
// whole, or ctx ended; in the last case the Decision has what the bindings said
// all the same, for the record. Everything that goes wrong with a single binding is
// part of the Decision instead.
func (e *Engine) Decide(ctx context.Context, stage Stage, in *Input) (Decision, error) {
	app, bindings, err := e.find(ctx, stage, in)
	if err != nil {
		return Decision{}, err
	}
	if len(bindings) == 0 {
		return Decision{Allowed: true}, nil
	}
	d := combine(app, bindings, e.ask(ctx, app, bindings, in, nil))
	if err := ctx.Err(); err != nil {
		d = Decision{Events: d.Events, Bindings: d.Bindings}
		return d, fmt.Errorf("decide for application %s: %w", in.Application, err)
	}
	return d, nil
}

// find finds the bindings that are to be asked about a login.
func (e *Engine) find(ctx context.Context, stage Stage, in *Input) (*application, []*binding, error) {
	if in == nil || in.User == nil {
		return nil, nil, errors.New("decide: no user to decide about")
	}
	app, ok := e.applications[in.Application]
	if !ok {
		return nil, nil, fmt.Errorf("decide: there is no application %q", in.Application)
	}
	if stage != StageAdmission && stage != StageAccess {
		return nil, nil, fmt.Errorf("decide: there is no stage %q", stage)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("decide for application %s: %w", in.Application, err)
	}
	if stage == StageAdmission {
		return app, app.admission, nil
	}
	return app, app.access, nil
}

// Values returns what the scoped policies set for an action of a scope. Policies
// of equal priority that disagree are an error.
func (e *Engine) Values(ctx context.Context, in *Input, scope, action string) (Values, error) {
	if in == nil || in.User == nil {
		return Values{}, errors.New("look up values: no user to look them up for")
	}
	if err := ctx.Err(); err != nil {
		return Values{}, fmt.Errorf("look up %s in scope %s: %w", action, scope, err)
	}
	q := e.native.query(ctx, in)
	q.Scope, q.Action = scoped.Is(scope), scoped.Is(action)
	values, err := e.native.set.GetActionValues(&q, scoped.ValueOptions{Unique: true, AllowWhiteSpace: true})
	if err != nil {
		return Values{}, fmt.Errorf("look up %s in scope %s: %w", action, scope, err)
	}
	var v Values
	for _, value := range values {
		if !value.Absent {
			v.Set = append(v.Set, Setting{Value: value.Value, Policies: value.Policies})
		}
	}
	return v, nil
}
