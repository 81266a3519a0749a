package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyImportCmd is "sallyport policy import".
type policyImportCmd struct {
	File    string `arg:"" help:"File with policies; \"-\" is standard input."`
	Format  string `enum:"auto,yaml,json,text" default:"auto" help:"Format of the file: yaml, json, text, or by what is in it (${default})."`
	DryRun  bool   `short:"n" help:"Say what would happen and store nothing."`
	Replace bool   `help:"Delete the stored policies that the file does not have. Without it they stay."`
	Into    string `enum:"store,yaml" default:"store" help:"Where to: store, or yaml, which prints a policy file and stores nothing (${default})."`
}

// Run imports the file and prints the report. Its exit code is 1 when a policy
// is refused; then nothing is stored.
func (c *policyImportCmd) Run(ctx context.Context, env *environment) error {
	if c.Into == "yaml" && (c.Replace || c.DryRun) {
		return &exitError{exitUsage, errors.New("--into=yaml stores nothing: --replace and --dry-run have no place there")}
	}
	cfg, err := env.loadConfig() // before a long file is read
	if err != nil {
		return err
	}
	given, err := readPolicyFile(env, c.File, c.Format)
	if err != nil {
		return err
	}
	var report *importReport
	edit := func(files *policyengine.Scoped, stored []scoped.Policy) (edited []scoped.Policy, err error) {
		edited, report = planImport(files, stored, given.Policies, c.Replace)
		return edited, report.refusal()
	}
	switch {
	case c.Into == "yaml":
		return c.intoYAML(ctx, env, given)
	case c.DryRun:
		var warnings []error
		err = tryChange(ctx, cfg, edit, &warnings)
		for _, w := range warnings {
			fmt.Fprintf(env.stderr, "warning: %v\n", legible(w))
		}
	default:
		_, err = changeStored(ctx, env, edit)
	}
	if err != nil && !errors.Is(err, errRefused) {
		return err
	}
	report.finish(given, c.DryRun, err == nil && !c.DryRun)
	if env.json {
		return errors.Join(env.printJSON(report), report.silent())
	}
	return errors.Join(report.print(env.stdout), report.silent())
}

// tryChange makes a change in a copy of the stored policies, which is thrown
// away.
func tryChange(ctx context.Context, cfg *config.Config, edit editPolicies, warnings *[]error) error {
	var stored []store.Policy
	err := readStore(ctx, cfg, func(s *store.Store) (err error) {
		stored, _, err = s.Policies(ctx)
		return err
	})
	if err != nil {
		return err
	}
	files, err := compilePolicies(cfg, nil)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sallyport-dry-run-")
	if err != nil {
		return fmt.Errorf("make a store for the dry run: %w", err)
	}
	err = withStoreIn(ctx, filepath.Join(dir, "dry-run.db"), func(s *store.Store) error {
		_, err := s.ChangePolicies(ctx, time.Now(), func([]store.Policy) (store.PolicyChange, error) {
			return store.PolicyChange{Put: stored}, nil
		})
		if err != nil {
			return err
		}
		return changeIn(ctx, s, cfg, files, checkPlugins(edit, warnings))
	})
	return errors.Join(err, os.RemoveAll(dir))
}

// intoYAML prints the policies as a policy file, and the report beside it.
func (c *policyImportCmd) intoYAML(ctx context.Context, env *environment, given *scoped.Imported) error {
	_, all, err := loadPolicies(ctx, env)
	if err != nil {
		return err
	}
	// All that there are count as stored: the new file may take the place of another.
	_, report := planImport(&policyengine.Scoped{Options: all.Options}, all.Policies, given.Policies, false)
	report.finish(given, false, false)
	for i := range given.Policies {
		if at := indexOf(all.Policies, given.Policies[i].Name); at >= 0 && all.Policies[at].Origin == policystore.Origin {
			report.Notes = append(report.Notes, fmt.Sprintf("%s: is in the store too; delete it there before the server gets the file", given.Policies[i].Name))
		}
	}
	if report.Refused == 0 {
		if report.YAML, err = exportPolicies(given.Policies, scoped.FormatYAML); err != nil {
			return err
		}
	}
	if env.json {
		return errors.Join(env.printJSON(report), report.silent())
	}
	if err := report.print(env.stderr); err != nil {
		return err
	}
	return errors.Join(say(env, "%s", report.YAML), report.silent())
}
