package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// policyCmd is "sallyport policy": scoped policies are looked after here, those
// in expressions are tested and asked. It reads the files and the store itself; a
// running server takes its changes over within a second or two.
type policyCmd struct {
	List    policyListCmd    `cmd:"" help:"List the scoped policies of the files and of the store."`
	Show    policyShowCmd    `cmd:"" help:"Show all of one scoped policy, with what is odd about it."`
	Match   policyMatchCmd   `cmd:"" help:"Say which scoped policies match a login, why the others do not, and which values hold. Exit code 1 if none matches."`
	Test    policyTestCmd    `cmd:"" help:"Run the tests of expression policies (_test.rego). Exit code 4 if one fails."`
	Eval    policyEvalCmd    `cmd:"" help:"Ask one expression policy about a login, and show how it came to its result. Exit code 1 if it refuses."`
	Explain policyExplainCmd `cmd:"" help:"Say for a login what each binding of its application says, and why. Exit code 1 if it would be refused."`
	Set     policySetCmd     `cmd:"" help:"Add a scoped policy to the store, or change one there."`
	Enable  policyEnableCmd  `cmd:"" help:"Make a stored policy active."`
	Disable policyDisableCmd `cmd:"" help:"Make a stored policy inactive: it is kept, and matches nothing."`
	Delete  policyDeleteCmd  `cmd:"" help:"Delete a stored policy."`
	Export  policyExportCmd  `cmd:"" help:"Write scoped policies to standard output, as YAML, JSON or text."`
	Import  policyImportCmd  `cmd:"" help:"Bring scoped policies in: YAML, or what privacyIDEA exports."`
}

// takenOver ends the reports of changes.
const takenOver = "a running server takes it over within a second or two, if it loads; /readyz tells"

// loadPolicies reads the policies of the files and the stored ones; without a
// store there are none of those.
func loadPolicies(ctx context.Context, env *environment) (*config.Config, *policyengine.Scoped, error) {
	cfg, err := env.loadConfig()
	if err != nil {
		return nil, nil, err
	}
	stored, err := readStored(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	all, err := compilePolicies(cfg, stored)
	return cfg, all, err
}

// compilePolicies compiles the policies of the files with stored ones.
func compilePolicies(cfg *config.Config, stored []scoped.Policy) (*policyengine.Scoped, error) {
	all, err := policyengine.LoadScoped(cfg, stored)
	if err != nil {
		return nil, &exitError{exitConfig, err}
	}
	return all, nil
}

// readStored reads the stored policies and leaves the store as it is. There need
// not be one yet: policies of files can be looked at without.
func readStored(ctx context.Context, cfg *config.Config) (stored []scoped.Policy, err error) {
	err = readStore(ctx, cfg, func(s *store.Store) error {
		stored, _, err = policystore.Read(ctx, s)
		return err
	})
	return stored, err
}

// readStore lets read look into the store, if there is one.
func readStore(ctx context.Context, cfg *config.Config, read func(*store.Store) error) error {
	if noStore(cfg) {
		return nil
	}
	s, err := store.Open(ctx, cfg.StoreFile(), store.ReadOnly())
	if errors.Is(err, store.ErrOldSchema) {
		return fmt.Errorf("%w; start the server, which brings it up to date", err)
	}
	if err != nil {
		return err
	}
	return errors.Join(read(s), s.Close())
}

// noStore reports whether the file of the store, or its directory, is missing.
func noStore(cfg *config.Config) bool {
	_, err := os.Stat(cfg.StoreFile())
	return errors.Is(err, fs.ErrNotExist)
}

// editPolicies makes of the stored policies what they shall be; files are those
// that cannot be changed.
type editPolicies func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error)

// changeStored changes the stored policies in one transaction, and returns all
// policies as they are then. If these do not load, as can be after a change
// that only deletes, that is a warning, and the result has those of the files.
func changeStored(ctx context.Context, env *environment, edit editPolicies) (after *policyengine.Scoped, err error) {
	cfg, err := env.loadConfig()
	if err != nil {
		return nil, err
	}
	// Without the stored ones: a policy that has got into a file too can be deleted
	// from the store, or nothing could be changed any more.
	files, err := compilePolicies(cfg, nil)
	if err != nil {
		return nil, err
	}
	var warnings []error
	edit = checkPlugins(edit, &warnings)
	if noStore(cfg) { // what is refused does not make one
		if _, err := edit(files, nil); err != nil {
			return nil, err
		}
	}
	err = withNewStore(ctx, env, func(cfg *config.Config, s *store.Store) error {
		if err := changeIn(ctx, s, cfg, files, edit); err != nil {
			return err
		}
		stored, _, err := policystore.ReadAll(ctx, s)
		if err != nil {
			return err
		}
		readable, unreadable := policystore.Split(stored)
		for _, p := range unreadable {
			warnings = append(warnings, notLoading(p))
		}
		if after, err = compilePolicies(cfg, readable); err != nil {
			after, warnings = files, append(warnings, fmt.Errorf("what is stored still does not load: %w", err))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, w := range warnings {
		fmt.Fprintf(env.stderr, "warning: %v\n", legible(w))
	}
	return after, nil
}

// notLoading says of a policy that cannot be read what it does to a server.
func notLoading(p scoped.Policy) error {
	return fmt.Errorf("%s until it is deleted, or set as a whole, a server takes no stored policies over, and does not start", p.Description)
}

// checkPlugins refuses policies that edit adds or changes and that call helpers
// of programs that are not allowed: the server would not load them. Those that
// are not active get a warning.
func checkPlugins(edit editPolicies, warnings *[]error) editPolicies {
	return func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error) {
		edited, err := edit(files, stored)
		if err != nil {
			return nil, err
		}
		*warnings = nil
		before := places(stored)
		var faults []error
		for i := range edited {
			if at, ok := before[edited[i].Name]; ok && reflect.DeepEqual(edited[i], stored[at]) {
				continue
			}
			missing := files.MissingPlugins(&edited[i])
			switch {
			case missing == nil:
			case edited[i].Active:
				faults = append(faults, missing)
			default:
				*warnings = append(*warnings, missing)
			}
		}
		return edited, errors.Join(faults...)
	}
}

// changeIn changes the policies of one store. A policy that a binding asks for
// must stay: without it the server would not take the others over, nor start.
func changeIn(ctx context.Context, s *store.Store, cfg *config.Config, files *policyengine.Scoped, edit editPolicies) error {
	return policystore.Change(ctx, s, time.Now(), files.Policies, files.Options, func(stored []scoped.Policy) ([]scoped.Policy, error) {
		edited, err := edit(files, stored)
		if err != nil {
			return nil, err
		}
		var faults []error
		for path, b := range bindings(cfg) {
			if b.Scoped != "" && indexOf(stored, b.Scoped) >= 0 && indexOf(edited, b.Scoped) < 0 && indexOf(files.Policies, b.Scoped) < 0 {
				faults = append(faults, fmt.Errorf("policy %q cannot be deleted: %w", b.Scoped,
					cfg.Fault(path, "asks for it; take that out first, or disable the policy")))
			}
		}
		return edited, errors.Join(faults...)
	})
}

func indexOf(policies []scoped.Policy, name string) int {
	return slices.IndexFunc(policies, func(p scoped.Policy) bool { return p.Name == name })
}

// inStore refuses a policy that is not stored, and says where it is instead.
func inStore(name string, files *policyengine.Scoped, stored []scoped.Policy) error {
	if indexOf(stored, name) >= 0 {
		return nil
	}
	if err := policystore.InFile(files.Policies, name); err != nil {
		return err
	}
	return noPolicy(name)
}

func noPolicy(name string) error {
	return fmt.Errorf("no such policy %q; \"sallyport policy list --all\" shows them", name)
}

// setPolicy changes one of the stored policies, or adds it. What the change does
// not speak of stays, in both semantics.
func setPolicy(stored []scoped.Policy, c scoped.Change, o scoped.Options) ([]scoped.Policy, error) {
	if i := indexOf(stored, c.Name); i >= 0 && stored[i].Origin == policystore.Unreadable {
		return nil, fmt.Errorf("%s delete it, or set it as a whole by --file", stored[i].Description)
	}
	if o.Semantics == scoped.Compat {
		keep := scoped.Policy{Active: true}
		if i := indexOf(stored, c.Name); i >= 0 {
			keep = stored[i]
		}
		c.Active = orElse(c.Active, keep.Active)
		c.CheckAllResolvers = orElse(c.CheckAllResolvers, keep.CheckAllResolvers)
		c.UserCaseInsensitive = orElse(c.UserCaseInsensitive, keep.UserCaseInsensitive)
		c.Action = orElse(c.Action, keep.Action)
	}
	return scoped.Editor{Options: o}.Set(stored, c)
}

// orElse is p, or a pointer to what else counts.
func orElse[T any](p *T, otherwise T) *T {
	if p != nil {
		return p
	}
	return &otherwise
}

type policyEnableCmd struct {
	Name string `arg:"" help:"Name of the policy."`
}

// Run makes the policy active.
func (c *policyEnableCmd) Run(ctx context.Context, env *environment) error {
	return setActive(ctx, env, c.Name, true, "enabled policy %q; "+takenOver)
}

type policyDisableCmd struct {
	Name string `arg:"" help:"Name of the policy."`
}

// Run makes the policy inactive.
func (c *policyDisableCmd) Run(ctx context.Context, env *environment) error {
	return setActive(ctx, env, c.Name, false, "disabled policy %q; "+takenOver)
}

func setActive(ctx context.Context, env *environment, name string, active bool, done string) error {
	after, err := changeStored(ctx, env, func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error) {
		if err := inStore(name, files, stored); err != nil {
			return nil, err
		}
		return setPolicy(stored, scoped.Change{Name: name, Active: &active}, files.Options)
	})
	if err != nil {
		return err
	}
	return printStored(env, after, warningsOf(after), name, done)
}

type policyDeleteCmd struct {
	Name string `arg:"" help:"Name of the policy."`
}

// Run deletes the policy.
func (c *policyDeleteCmd) Run(ctx context.Context, env *environment) error {
	_, err := changeStored(ctx, env, func(files *policyengine.Scoped, stored []scoped.Policy) ([]scoped.Policy, error) {
		if err := inStore(c.Name, files, stored); err != nil {
			return nil, err
		}
		return scoped.Editor{}.Delete(stored, c.Name)
	})
	if err != nil {
		return err
	}
	if env.json {
		return env.printJSON(map[string]string{"deleted": c.Name})
	}
	return say(env, "deleted policy %q; %s", c.Name, takenOver)
}
