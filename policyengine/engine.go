package policyengine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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
	// Cache keeps results of expressions; nil means NoCache.
	Cache Cache
	// Log is told of bindings that could not be evaluated and of dry runs; nil
	// discards that.
	Log *slog.Logger
}

// Engine decides. It is immutable and safe for concurrent use.
type Engine struct {
	applications map[string]*application
	native       *Native
	cache        Cache
	log          *slog.Logger
}

// application is what is decided about.
type application struct {
	mode    Mode
	message string
	timeout time.Duration
	stages  map[Stage]*asked
}

// asked are the bindings of one stage, in the order in which they are asked.
type asked struct {
	bindings []*binding
	// timed: one of them needs time, and so the stage a deadline and a place for
	// what expressions share.
	timed bool
}

// New compiles the bindings of every application. The error joins all faults,
// each with its place in the configuration.
func New(cfg *config.Config, o Options) (*Engine, error) {
	e := &Engine{
		applications: make(map[string]*application, len(cfg.Applications)),
		native:       NewNative(cfg, o.Scoped, o.Helpers),
		cache:        o.Cache,
		log:          o.Log,
	}
	if e.cache == nil {
		e.cache = NoCache{}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
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
// whole, or ctx ended. Everything that goes wrong with a single binding is part
// of the Decision instead.
func (e *Engine) Decide(ctx context.Context, stage Stage, in *Input) (Decision, error) {
	if in == nil || in.User == nil {
		return Decision{}, errors.New("decide: no user to decide about")
	}
	app, ok := e.applications[in.Application]
	if !ok {
		return Decision{}, fmt.Errorf("decide: there is no application %q", in.Application)
	}
	if stage != StageAdmission && stage != StageAccess {
		return Decision{}, fmt.Errorf("decide: there is no stage %q", stage)
	}
	if err := ctx.Err(); err != nil {
		return Decision{}, fmt.Errorf("decide for application %s: %w", in.Application, err)
	}
	asked := app.stages[stage]
	if asked == nil {
		return Decision{Allowed: true}, nil
	}
	records := e.ask(ctx, app, asked, in)
	if err := ctx.Err(); err != nil {
		return Decision{}, fmt.Errorf("decide for application %s: %w", in.Application, err)
	}
	return combine(app, asked.bindings, records), nil
}

// ask evaluates every binding, in order and one after the other: no message and
// no side effect is lost by stopping early, and a trace is always whole.
func (e *Engine) ask(ctx context.Context, app *application, asked *asked, in *Input) []BindingRecord {
	var deadline time.Time
	if asked.timed {
		ctx, deadline = withShared(ctx), time.Now().Add(app.timeout)
	}
	records := make([]BindingRecord, len(asked.bindings))
	for i, b := range asked.bindings {
		records[i] = e.evaluate(ctx, b, in, deadline)
		e.report(ctx, in, &records[i])
	}
	return records
}

// report logs what nobody would see otherwise: failures, also those that count
// as passing, and dry runs.
func (e *Engine) report(ctx context.Context, in *Input, r *BindingRecord) {
	if r.Err != nil {
		e.log.LogAttrs(ctx, slog.LevelWarn, "binding could not be evaluated",
			slog.String("request_id", in.RequestID), slog.String("application", in.Application),
			slog.String("binding", r.Name), slog.Bool("passing", r.Passing), slog.Any("error", r.Err))
	}
	if r.DryRun && r.Skipped == "" {
		e.log.LogAttrs(ctx, slog.LevelInfo, "dry run",
			slog.String("request_id", in.RequestID), slog.String("application", in.Application),
			slog.String("binding", r.Name), slog.Bool("passing", r.Passing), slog.Any("messages", r.Messages))
	}
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
