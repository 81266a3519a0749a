package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/daemon"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego/regotest"
)

// policyEvalCmd is "sallyport policy eval". With --dir it needs no configuration,
// and asks nobody but the fixture.
type policyEvalCmd struct {
	loginQuestion `embed:""`

	Name    string `arg:"" placeholder:"NAME" help:"Name of the expression policy."`
	Input   string `placeholder:"FILE" help:"An input document in JSON instead of --user, or - for standard input. What it leaves out is as in a login by password over RADIUS."`
	Dir     string `placeholder:"DIR" help:"A directory of expression policies, instead of the configuration's."`
	Fixture string `placeholder:"FILE" help:"With --dir: the users, the clock and the answers that policies get. Default: users.yaml in the directory, if it is there."`
}

// Run evaluates the policy without side effects and prints how it came to its
// result. Its exit code is 0 when the policy passes, and 1 when it refuses or fails.
func (c *policyEvalCmd) Run(ctx context.Context, env *environment) error {
	if (c.User == "") == (c.Input == "") {
		return &exitError{exitUsage, errors.New("say by --user who logs in, or give the whole input by --input")}
	}
	if c.Input != "" && (c.Application+c.Protocol+c.Time != "" || c.Client.IsValid() || c.Peer.IsValid() || len(c.Set) > 0) {
		return &exitError{exitUsage, errors.New("--input is the whole input: leave the other options about the login out")}
	}
	if c.Dir != "" {
		return c.inDirectory(ctx, env)
	}
	if c.Fixture != "" {
		return &exitError{exitUsage, errors.New("--fixture belongs to --dir")}
	}
	return withTrial(ctx, env, daemon.OpenTrial, func(cfg *config.Config, trial *daemon.Trial) error {
		set := trial.Expressions()
		if set == nil {
			return &exitError{exitConfig, cfg.Fault("policies.expressions", "there are no expression policies")}
		}
		if c.Input == "" {
			l, err := c.login(ctx, cfg, trial)
			if err != nil {
				return err
			}
			return c.explain(ctx, env, set, l)
		}
		l, err := c.given(env, regotest.Empty(trial.Now()))
		if err != nil {
			return &exitError{exitUsage, err}
		}
		return c.explain(ctx, env, set, l)
	})
}

// inDirectory asks a policy of a directory in the world of a fixture.
func (c *policyEvalCmd) inDirectory(ctx context.Context, env *environment) error {
	fixture, err := readFixture(c.Fixture)
	if err != nil {
		return err
	}
	set, fixture, err := regotest.Load(ctx, c.Dir, fixture)
	if err != nil {
		return &exitError{exitConfig, legible(err)}
	}
	for _, w := range set.Warnings() {
		fmt.Fprintln(env.stderr, "warning:", onScreen(w.String()))
	}
	ask := c.fixtureLogin
	if c.Input != "" {
		ask = func(f *regotest.Fixture) (*regotest.Login, error) { return c.given(env, f) }
	}
	l, err := ask(fixture)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	return c.explain(ctx, env, set, l)
}

// given is the login that --input describes, at the time of a fixture.
func (c *policyEvalCmd) given(env *environment, f *regotest.Fixture) (*regotest.Login, error) {
	document, err := readDocument(env, c.Input)
	if err != nil {
		return nil, err
	}
	return f.Given(document)
}

func (c *policyEvalCmd) explain(ctx context.Context, env *environment, set regotest.Explainer, l *regotest.Login) error {
	x, err := set.ExplainDocument(ctx, c.Name, l.Input, l.Document)
	var exception *policyengine.Exception
	if err != nil && !errors.As(err, &exception) {
		return &exitError{exitUsage, err}
	}
	j := newExplanationJSON(c.Name, &x, exception)
	return env.report(j, func() error { return j.print(env, askedAbout(l.Input)) }, j.Passing)
}
