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

// policyExplainCmd is "sallyport policy explain".
type policyExplainCmd struct {
	loginQuestion `embed:""`
}

// Run asks the bindings of both stages about a login, without side effects, and
// prints what each says and why. Its exit code is 1 when one of the stages refuses.
func (c *policyExplainCmd) Run(ctx context.Context, env *environment) error {
	return withTrial(ctx, env, daemon.OpenTrial, func(cfg *config.Config, trial *daemon.Trial) error {
		l, err := c.login(ctx, cfg, trial)
		if err != nil {
			return err
		}
		if !regotest.Made(l) {
			return &exitError{exitUsage, errors.New("--set: bindings are asked about logins, and no login has that: ask the policy alone, by policy eval")}
		}
		stages, err := trial.Explain(ctx, l.Input)
		if err != nil {
			return err
		}
		report := newStagesJSON(stages)
		return env.report(report, func() error { return report.print(env, askedAbout(l.Input)) }, report.Allowed)
	})
}

// stagesJSON is what the bindings of both stages say, for --json.
type stagesJSON struct {
	Allowed bool        `json:"allowed"`
	Stages  []stageJSON `json:"stages"`
}

type stageJSON struct {
	Stage    string        `json:"stage"`
	Allowed  bool          `json:"allowed"`
	Policy   string        `json:"policy,omitempty"` // the binding that decided
	Failed   bool          `json:"failed,omitempty"`
	Messages []string      `json:"messages"`
	Bindings []bindingJSON `json:"bindings"`
}

// bindingJSON is what one binding says, after negate and failure_result.
type bindingJSON struct {
	Name        string           `json:"name"`
	Passing     bool             `json:"passing"`
	Skipped     string           `json:"skipped,omitempty"`
	DryRun      bool             `json:"dry_run,omitempty"`
	Cached      bool             `json:"cached,omitempty"` // its result is remembered at this moment
	Error       string           `json:"error,omitempty"`
	Messages    []string         `json:"messages"`
	TookMS      float64          `json:"took_ms"`
	Explanation *explanationJSON `json:"explanation,omitempty"`
}

func newStagesJSON(stages []policyengine.StageExplanation) *stagesJSON {
	all := &stagesJSON{Allowed: true}
	for _, s := range stages {
		d := &s.Decision
		j := stageJSON{
			Stage: string(s.Stage), Allowed: d.Allowed, Policy: d.Policy, Failed: d.Failed,
			Messages: orEmpty(d.Messages), Bindings: []bindingJSON{},
		}
		for i := range d.Bindings {
			b := &d.Bindings[i]
			binding := bindingJSON{
				Name: b.Name, Passing: b.Passing, Skipped: b.Skipped, DryRun: b.DryRun, Cached: b.Cached,
				Messages: orEmpty(b.Messages), TookMS: milliseconds(b.Took),
			}
			if b.Err != nil {
				binding.Error = b.Err.Error()
			}
			if x := s.Policies[i]; x != nil {
				var exception *policyengine.Exception
				_ = errors.As(b.Err, &exception)
				binding.Explanation = newExplanationJSON(policyOf(b.Name), x, exception)
			}
			j.Bindings = append(j.Bindings, binding)
		}
		all.Allowed = all.Allowed && d.Allowed
		all.Stages = append(all.Stages, j)
	}
	return all
}

// print prints stages, bindings, and what led to their results, as a tree.
func (s *stagesJSON) print(env *environment, about string) error {
	p := &tree{}
	p.line(0, "%s: %s", about, allowedOr(s.Allowed))
	for _, stage := range s.Stages {
		said := allowedOr(stage.Allowed)
		if stage.Policy != "" {
			said += " by " + stage.Policy
		}
		if len(stage.Bindings) == 0 {
			said += ", as it has no bindings"
		}
		p.line(0, "stage %s: %s", stage.Stage, said)
		for i := range stage.Bindings {
			stage.Bindings[i].write(p)
		}
	}
	return p.print(env)
}

func (b *bindingJSON) write(p *tree) {
	if b.Skipped != "" {
		p.line(1, "%s: %s", b.Name, b.Skipped)
		return
	}
	said := verb(b.Passing, "")
	if b.DryRun {
		said = "would have said " + said + ", but only tries (dry_run)"
	}
	if x := b.Explanation; x != nil && x.Error == "" && x.Passing != b.Passing {
		said += ", which negates that the policy " + verb(x.Passing, "")
	}
	p.line(1, "%s %s (%.1f ms)", b.Name, said, b.TookMS)
	if b.Explanation != nil {
		b.Explanation.write(p, 2)
		return
	}
	if b.Error != "" {
		p.line(2, "%s", b.Error)
	}
	for _, text := range b.Messages {
		p.line(2, "tells the user: %s", text)
	}
}

func allowedOr(allowed bool) string {
	if allowed {
		return "allowed"
	}
	return "refused"
}

// policyOf is the name of the policy that a binding asks.
func policyOf(binding string) string {
	var kind, name string
	if _, err := fmt.Sscanf(binding, "%s %s", &kind, &name); err != nil {
		return binding
	}
	return name
}
