package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyExportCmd is "sallyport policy export".
type policyExportCmd struct {
	Name   []string `arg:"" optional:"" help:"Policies to write. Default: all of them, those of the files first."`
	Format string   `enum:"yaml,json,text" default:"yaml" help:"yaml, a policy file; json and text, as privacyIDEA has them (${default}). --json is --format=json."`
}

// Run writes the policies.
func (c *policyExportCmd) Run(ctx context.Context, env *environment) error {
	_, all, err := loadPolicies(ctx, env)
	if err != nil {
		return err
	}
	policies, err := c.choose(all.Policies)
	if err != nil {
		return err
	}
	format := scoped.Format(c.Format)
	if env.json {
		format = scoped.FormatJSON
	}
	text, err := exportPolicies(policies, format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(env.stdout, text)
	return err
}

// choose finds the policies to write, in the order of their creation.
func (c *policyExportCmd) choose(all []scoped.Policy) ([]scoped.Policy, error) {
	if len(c.Name) == 0 {
		return all, nil
	}
	var faults []error
	for _, name := range c.Name {
		if indexOf(all, name) < 0 {
			faults = append(faults, noPolicy(name))
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(p scoped.Policy) bool { return !slices.Contains(c.Name, p.Name) })
	return chosen, errors.Join(faults...)
}

// exportPolicies writes policies. In YAML actions are a mapping, which has no
// order: they are sorted, so that the same policies make the same file.
func exportPolicies(policies []scoped.Policy, format scoped.Format) (string, error) {
	switch format {
	case scoped.FormatText:
		return scoped.ExportText(policies), nil
	case scoped.FormatJSON:
		data, err := scoped.ExportJSON(policies)
		return legibleJSON(data), err
	}
	sorted := slices.Clone(policies)
	for i := range sorted {
		sorted[i].Action = slices.SortedFunc(slices.Values(sorted[i].Action), func(a, b scoped.ActionItem) int {
			return strings.Compare(a.Name, b.Name)
		})
	}
	return scoped.ExportYAML(sorted)
}
