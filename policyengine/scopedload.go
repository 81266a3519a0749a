package policyengine

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// Scoped are the scoped policies of files and of the store, compiled together.
// In the hardened semantics the values of actions that matter at a login have
// been checked too: one that would fail every login is a fault of loading.
type Scoped struct {
	Set *scoped.Set
	// Policies are all of them in the order of their creation: those of the files
	// as they are written there, and then those of the store. The Origin of one of
	// a file is "file:line".
	Policies []scoped.Policy
	// Options are how they were compiled.
	Options scoped.Options

	cfg     *config.Config
	origins []origin
}

// origin is where a policy was written. The zero value is the store.
type origin struct {
	places config.Places
	path   string // of the policy in its file
}

// LoadScoped reads the files that the patterns of policies.scoped name (as in
// filepath.Glob), each once and sorted within its pattern, and compiles their
// policies and the stored ones behind them into one Set, as the configuration
// wants it. A pattern that names no file is a fault: a mistyped one would lose
// the policies that refuse. The error joins all faults, each with file, line and
// column, or the store.
//
// The policies of the files alone, with stored nil, are those that a change of
// the store has to get along with.
func LoadScoped(cfg *config.Config, stored []scoped.Policy) (*Scoped, error) {
	s := &Scoped{cfg: cfg}
	optionsErr := s.configure()
	files, err := expand(cfg)
	faults := []error{optionsErr, err}
	for _, file := range files {
		faults = append(faults, s.read(file))
	}
	for _, p := range stored {
		s.Policies, s.origins = append(s.Policies, p), append(s.origins, origin{})
	}
	s.Set, err = scoped.Compile(s.Policies, s.Options)
	faults = append(faults, s.place(err))
	if s.Options.Semantics == scoped.Hardened {
		faults = append(faults, s.place(scoped.CheckValues(s.Policies)))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// configure makes the options of what the configuration says.
func (s *Scoped) configure() error {
	if s.cfg.Policies.Semantics == scoped.Compat.String() {
		s.Options.Semantics = scoped.Compat
	}
	location, zoneErr := time.LoadLocation(s.cfg.Login.TimeZone)
	if zoneErr != nil {
		zoneErr = s.cfg.Fault("login.time_zone", "%w", zoneErr)
	}
	s.Options.Location = location
	defs, empty := scoped.NewDefinitions(), s.cfg.Policies.EmptyScope
	faults := []error{zoneErr}
	for _, scope := range slices.Sorted(maps.Keys(empty)) {
		if scope != config.AllScopes && !defs.KnownScope(scope) {
			faults = append(faults, s.cfg.Fault("policies.empty_scope."+scope, "there is no scope %q%s", scope, config.DidYouMean(scope, defs.Scopes())))
		}
	}
	s.Options.EmptyScope = map[string]scoped.EmptyScope{}
	for _, scope := range defs.Scopes() {
		if empty.Denies(scope) {
			s.Options.EmptyScope[scope] = scoped.EmptyDenies
		}
	}
	return errors.Join(faults...)
}

// read appends the policies of one file.
func (s *Scoped) read(file string) error {
	doc, places, err := readScoped(file)
	if err != nil {
		return err
	}
	for i := range doc.Policies {
		o := origin{places, fmt.Sprintf("policies[%d]", i)}
		doc.Policies[i].Origin = fmt.Sprintf("%s:%d", file, places.Warning(o.path, "").Line)
		s.Policies, s.origins = append(s.Policies, doc.Policies[i]), append(s.origins, o)
	}
	return nil
}

// place puts file, line and column, or the store, before the faults of
// scoped.Compile.
func (s *Scoped) place(err error) error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var faults []error
	for _, err := range list.Unwrap() {
		if fault, ok := errors.AsType[*scoped.Fault](err); ok {
			err = s.origins[fault.Index].fault(fault)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (o origin) fault(f *scoped.Fault) error {
	if o.path == "" {
		return fmt.Errorf("store: %w", f)
	}
	path := o.path + "." + f.Attribute
	if f.Member >= 0 {
		path += fmt.Sprintf("[%d]", f.Member)
	}
	return o.places.Fault(path, "%w", f)
}

// Warnings are what works and is probably not what was meant, each with its
// place: policies that can never match or whose values never count, scopes and
// actions that nothing asks for, scopes all of whose policies are inactive, and,
// in compat, what hardened would do otherwise. It takes longer than LoadScoped.
func (s *Scoped) Warnings() []config.Warning {
	defs := scoped.NewDefinitions()
	var found []config.Warning
	for _, w := range s.Set.Warnings(defs) {
		found = append(found, s.warning(w.Policy, w.Attribute, w.String()))
	}
	if s.Options.Semantics == scoped.Compat {
		for _, d := range scoped.Differences(s.Policies, defs) {
			found = append(found, s.warning(d.Policy, d.Attribute, d.String()))
		}
	}
	return found
}

// Advice names the scopes of logins that no policy speaks to and nobody decided
// about. Who has no scoped policies at all has nothing to decide; a scope whose
// policies are all inactive is a warning.
func (s *Scoped) Advice() []config.Warning {
	if len(s.Policies) == 0 {
		return nil
	}
	open := slices.DeleteFunc(s.Set.EmptyScopes(scoped.NewDefinitions()), func(scope string) bool {
		asked := scope == scoped.ScopeAuthentication || scope == scoped.ScopeAuthorization || scope == scoped.ScopeEnrollment
		return !asked || s.cfg.Policies.EmptyScope.Decides(scope) ||
			slices.ContainsFunc(s.Policies, func(p scoped.Policy) bool { return p.Scope == scope })
	})
	if len(open) == 0 {
		return nil
	}
	slices.Sort(open)
	return []config.Warning{s.cfg.Warning("policies", fmt.Sprintf(
		"write empty_scope: no scoped policy speaks to %s, so that whoever asks whether something is allowed there is told yes (no login asks that); deny makes it no, and allow says that this is meant",
		strings.Join(open, " and ")))}
}

// warning gives a warning its place.
func (s *Scoped) warning(policy, attribute, text string) config.Warning {
	i := slices.IndexFunc(s.Policies, func(p scoped.Policy) bool { return p.Name == policy })
	switch {
	case i < 0 || policy == "":
		return s.cfg.Warning("policies.scoped", text)
	case s.origins[i].path == "":
		return config.Warning{File: s.Policies[i].Origin, Text: text}
	}
	return s.origins[i].places.Warning(s.origins[i].path+"."+attribute, text)
}
