package policyengine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// binding is a compiled config.Binding.
type binding struct {
	name   string // kind and target, "group vpn-users"
	target string
	check  check
	// question is the expression policy that is asked; nil for other targets.
	question *question
	order    int
	negate   bool
	enabled  bool
	timeout  time.Duration
	// failed is what counts when the check fails.
	failed  bool
	dryRun  bool
	message string
	// pure bindings look only at the input: they need no time, and their answer
	// is never too late.
	pure bool
}

// check answers for one binding.
type check func(ctx context.Context, in *Input) (Result, error)

// compile makes the bindings of one application, sorted by order and then as
// written.
func (e *Engine) compile(cfg *config.Config, key string, o Options) (*application, error) {
	p := &cfg.Applications[key].Policies
	path := "applications." + key + ".policies"
	app := &application{
		mode:    Mode(cmp.Or(p.Mode, string(ModeAll))),
		message: cmp.Or(p.Message, "Access denied."),
		timeout: p.Timeout,
	}
	var faults []error
	if app.mode != ModeAll && app.mode != ModeAny {
		faults = append(faults, cfg.Fault(path+".mode", "%q is no mode: write all or any", p.Mode))
	}
	if app.timeout <= 0 {
		faults = append(faults, cfg.Fault(path+".timeout", "must be longer than nothing"))
	}
	for i := range p.Bindings {
		at := fmt.Sprintf("%s.bindings[%d]", path, i)
		b, stage, err := e.bind(cfg, at, &p.Bindings[i], o)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if stage == StageAdmission {
			app.admission = append(app.admission, b)
		} else {
			app.access = append(app.access, b)
		}
	}
	for _, bindings := range [][]*binding{app.admission, app.access} {
		slices.SortStableFunc(bindings, func(a, b *binding) int { return cmp.Compare(a.order, b.order) })
	}
	return app, errors.Join(faults...)
}

// bind compiles one binding; at is its path in the configuration. A binding that
// is not enabled is checked like any other, so that switching it on cannot fail.
func (e *Engine) bind(cfg *config.Config, at string, c *config.Binding, o Options) (*binding, Stage, error) {
	b := &binding{
		order: c.Order, negate: c.Negate, enabled: c.Enabled, timeout: c.Timeout,
		failed: c.FailureResult == "pass", dryRun: c.DryRun, message: c.Message,
	}
	var faults []error
	if c.FailureResult != "refuse" && c.FailureResult != "pass" {
		faults = append(faults, cfg.Fault(at+".failure_result", "%q is no result: write refuse or pass", c.FailureResult))
	}
	stage := Stage(c.Stage)
	if stage != StageAdmission && stage != StageAccess {
		faults = append(faults, cfg.Fault(at+".stage", "%q is no stage: write admission or access", c.Stage))
	}
	if c.Timeout <= 0 {
		faults = append(faults, cfg.Fault(at+".timeout", "must be longer than nothing"))
	}
	if err := e.target(cfg, at, b, c, o); err != nil {
		faults = append(faults, err)
	}
	return b, stage, errors.Join(faults...)
}

// target finds what a binding asks.
func (e *Engine) target(cfg *config.Config, at string, b *binding, c *config.Binding, o Options) error {
	given := slices.DeleteFunc([]string{kind("group", c.Group), kind("user", c.User), kind("policy", c.Policy), kind("scoped", c.Scoped)},
		func(s string) bool { return s == "" })
	if len(given) != 1 {
		what := "nothing to ask"
		if len(given) > 1 {
			what = strings.Join(given, " and ") + " at once"
		}
		return cfg.Fault(at, "%s: a binding has exactly one of group, user, policy and scoped", what)
	}
	b.name, b.target, b.pure = given[0], c.Group+c.User+c.Policy+c.Scoped, c.Policy == ""
	switch {
	case c.Group != "":
		b.check = groupCheck(c.Group)
	case c.User != "":
		b.check = userCheck(c.User, cfg.Realms)
	case c.Policy != "":
		expression, ok := o.Expressions[c.Policy]
		if !ok {
			return cfg.Fault(at+".policy", "there is no expression policy %q%s", c.Policy, config.DidYouMean(c.Policy, sortedKeys(o.Expressions)))
		}
		b.question = e.question(c.Policy, expression)
		b.check = expression.Eval
	case c.Scoped != "":
		if !o.Scoped.Has(c.Scoped) {
			return cfg.Fault(at+".scoped", "there is no scoped policy %q%s", c.Scoped, config.DidYouMean(c.Scoped, o.Scoped.Names()))
		}
		b.check, b.pure = e.native.check(c.Scoped), !callsHelper(o.Scoped, c.Scoped)
	}
	return nil
}

func kind(name, target string) string {
	if target == "" {
		return ""
	}
	return name + " " + target
}

// groupCheck passes for members of the group of exactly this name, as the
// directory spells it.
func groupCheck(group string) check {
	return func(_ context.Context, in *Input) (Result, error) {
		return Result{Passing: in.User.InGroup(group)}, nil
	}
}

// userCheck passes for one login, "alice" in any realm or "alice@corp" in that
// one, compared without case as local logins are. It reads the name as a user
// name is read when somebody logs in: where there is a realm corp, somebody of
// another realm whose login is "alice@corp" is not meant.
func userCheck(user string, realms map[string]*config.Realm) check {
	login, realm := identity.Fold(user), ""
	for name := range realms {
		if before, ok := strings.CutSuffix(login, "@"+identity.Fold(name)); ok {
			login, realm = before, identity.Fold(name)
			break
		}
	}
	return func(_ context.Context, in *Input) (Result, error) {
		passing := identity.Fold(in.User.Login) == login && (realm == "" || identity.Fold(in.Realm) == realm)
		return Result{Passing: passing}, nil
	}
}

// question is the one of an expression policy, however many bindings ask it.
func (e *Engine) question(name string, x Expression) *question {
	q, ok := e.questions[name]
	if !ok {
		q = newQuestion(uint32(len(e.questions)), name, x) //nolint:gosec // a number of policies
		e.questions[name] = q
	}
	return q
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
