package main

import (
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// orphan is a binding of the configuration that asks for what was deleted.
type orphan struct {
	Path   string `json:"path"`
	Effect string `json:"effect"`
}

// groupOrphans finds the bindings that name a group, as policies compare groups:
// exactly.
func groupOrphans(cfg *config.Config, name string) []orphan {
	return orphans(cfg, func(b *config.Binding) bool { return b.Group == name })
}

// userOrphans finds the bindings that name a user, as policies compare logins:
// without case, and perhaps with a realm.
func userOrphans(cfg *config.Config, login string) []orphan {
	names := []string{identity.Fold(login)}
	for realm := range cfg.Realms {
		names = append(names, identity.Fold(login)+"@"+identity.Fold(realm))
	}
	return orphans(cfg, func(b *config.Binding) bool { return b.User != "" && slices.Contains(names, identity.Fold(b.User)) })
}

func orphans(cfg *config.Config, asksFor func(*config.Binding) bool) []orphan {
	list := []orphan{} // JSON prints [], not null
	for path, b := range bindings(cfg) {
		if asksFor(b) {
			list = append(list, orphan{path, effect(b)})
		}
	}
	return list
}

// bindings yields the path of each binding, and the binding.
func bindings(cfg *config.Config) iter.Seq2[string, *config.Binding] {
	return func(yield func(string, *config.Binding) bool) {
		for _, name := range slices.Sorted(maps.Keys(cfg.Applications)) {
			for i := range cfg.Applications[name].Policies.Bindings {
				path := fmt.Sprintf("applications.%s.policies.bindings[%d]", name, i)
				if !yield(path, &cfg.Applications[name].Policies.Bindings[i]) {
					return
				}
			}
		}
	}
}

// warnMisspelled warns of bindings that name a group in another case, and so ask
// for one that there cannot be beside it.
func warnMisspelled(env *environment, cfg *config.Config, group string) {
	for path, b := range bindings(cfg) {
		if b.Group != group && identity.Fold(b.Group) == identity.Fold(group) {
			fmt.Fprintf(env.stderr, "warning: %v\n", cfg.Fault(path+".group",
				"asks for the group %q and not for %q: names of groups are compared exactly", b.Group, group))
		}
	}
}

// effect is what a binding does that asks for somebody or something gone.
func effect(b *config.Binding) string {
	switch {
	case !b.Enabled:
		return "it is not enabled"
	case b.Negate && b.DryRun:
		return "everybody passes it now (dry run)"
	case b.Negate:
		return "everybody passes it now"
	case b.DryRun:
		return "nobody passes it now (dry run)"
	}
	return "nobody passes it now"
}

// sayOrphans tells of the bindings, each with its place in the file.
func sayOrphans(env *environment, cfg *config.Config, list []orphan) error {
	for _, o := range list {
		if err := say(env, "%v", cfg.Fault(o.Path, "names it: %s", o.Effect)); err != nil {
			return err
		}
	}
	return nil
}
