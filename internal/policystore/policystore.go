package policystore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// Origin is the scoped.Policy.Origin of every policy that comes from the store.
const Origin = "store"

// ErrInFile says that a policy is one of a file, and has to be changed there.
var ErrInFile = errors.New("it comes from a file")

// Unreadable is the scoped.Policy.Origin of what stands for a stored policy that
// this program cannot read, perhaps because a newer one wrote it. It has the
// name, and the reason as its description; it is not active and never compiled.
const Unreadable = "store, unreadable"

// Read returns the stored policies in the order of their creation, and the
// revision that they are of. They have not been compiled. One that cannot be read
// is an error: without it the others could allow what it refuses.
func Read(ctx context.Context, st *store.Store) ([]scoped.Policy, int64, error) {
	policies, revision, err := ReadAll(ctx, st)
	if err != nil {
		return nil, 0, err
	}
	_, unreadable := Split(policies)
	var faults []error
	for _, p := range unreadable {
		faults = append(faults, errors.New(p.Description))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, 0, fmt.Errorf("read scoped policies of the store: %w", err)
	}
	return policies, revision, nil
}

// ReadAll is Read for those who show or change policies: one that cannot be read
// is there as Unreadable. Nothing may be decided by what it returns.
func ReadAll(ctx context.Context, st *store.Store) ([]scoped.Policy, int64, error) {
	stored, revision, err := st.Policies(ctx)
	return decodeAll(stored), revision, err
}

// Split parts the policies that can be read from the Unreadable ones.
func Split(policies []scoped.Policy) (readable, unreadable []scoped.Policy) {
	for i := range policies {
		if policies[i].Origin == Unreadable {
			unreadable = append(unreadable, policies[i])
		} else {
			readable = append(readable, policies[i])
		}
	}
	return readable, unreadable
}

func decodeAll(stored []store.Policy) []scoped.Policy {
	policies := make([]scoped.Policy, len(stored))
	for i := range stored {
		var err error
		if policies[i], err = decode(stored[i]); err != nil {
			policies[i] = scoped.Policy{Name: stored[i].Name, Description: err.Error(), Origin: Unreadable}
		}
	}
	return policies
}

// Change changes the stored policies in one transaction. edit gets them in the
// order of their creation and returns what they shall be: a policy that is not
// among those any more is deleted, one of a new name is added behind all others,
// and only those that differ are written. An error of edit changes nothing.
//
// Nothing is stored unless all of it compiles together with files, the policies
// of the files, under the options: names are unique over both, and a policy of a
// file cannot be changed here (ErrInFile). An edit that only deletes is not
// checked: it makes nothing worse, and is the way out when what is stored does
// not compile any more.
//
// A policy that is Unreadable stays in the store as it is, unless edit leaves it
// out, or gives another policy as a whole in its place; to change it is refused.
//
// Nobody else can change the store while edit runs; see store.ChangePolicies.
func Change(ctx context.Context, st *store.Store, now time.Time, files []scoped.Policy, o scoped.Options,
	edit func(stored []scoped.Policy) ([]scoped.Policy, error),
) error {
	_, err := st.ChangePolicies(ctx, now, func(current []store.Policy) (store.PolicyChange, error) {
		stored := decodeAll(current)
		edited, err := edit(slices.Clone(stored))
		if err != nil {
			return store.PolicyChange{}, err
		}
		readable, unreadable := Split(edited)
		if err := unchanged(stored, unreadable); err != nil {
			return store.PolicyChange{}, err
		}
		change, err := difference(current, readable, unreadable)
		if err == nil && (len(change.Put) > 0 || len(change.Delete) == 0) {
			err = validate(files, readable, o)
		}
		return change, err
	})
	return err
}

// unchanged refuses what was made of policies of which only the name is known.
func unchanged(stored, unreadable []scoped.Policy) error {
	var faults []error
	for i := range unreadable {
		if !slices.ContainsFunc(stored, func(p scoped.Policy) bool { return reflect.DeepEqual(p, unreadable[i]) }) {
			faults = append(faults, fmt.Errorf("policy %q cannot be changed, as it cannot be read; delete it, or set it as a whole", unreadable[i].Name))
		}
	}
	return errors.Join(faults...)
}

// InFile returns an ErrInFile for each of the names that is a policy of the
// files: for those who want to say so before they look into the store.
func InFile(files []scoped.Policy, names ...string) error {
	var faults []error
	for _, name := range names {
		if i := slices.IndexFunc(files, func(p scoped.Policy) bool { return p.Name == name }); i >= 0 {
			faults = append(faults, fmt.Errorf("policy %q: %w, %s: change it there, or take another name", name, ErrInFile, files[i].Origin))
		}
	}
	return errors.Join(faults...)
}

// validate finds what is wrong with the policies as a whole.
func validate(files, stored []scoped.Policy, o scoped.Options) error {
	fromFile := make(map[string]int, len(files))
	for i := range files {
		fromFile[files[i].Name] = i
	}
	var faults []error
	for i := range stored {
		if at, ok := fromFile[stored[i].Name]; ok {
			faults = append(faults, InFile(files[at:at+1], stored[i].Name))
		}
	}
	if len(faults) > 0 {
		return errors.Join(faults...)
	}
	if o.Semantics == scoped.Hardened {
		faults = append(faults, scoped.CheckValues(stored))
	}
	_, err := scoped.Compile(slices.Concat(files, stored), o)
	return errors.Join(append(faults, err)...)
}

// difference is what to write; what is kept stays as it is.
func difference(current []store.Policy, edited, kept []scoped.Policy) (store.PolicyChange, error) {
	var change store.PolicyChange
	texts := make(map[string]string, len(current))
	for _, p := range current {
		texts[p.Name] = p.Text
	}
	for i := range kept {
		delete(texts, kept[i].Name)
	}
	var faults []error
	for i := range edited {
		p, err := encode(&edited[i])
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if text, ok := texts[p.Name]; !ok || text != p.Text {
			change.Put = append(change.Put, p)
		}
		delete(texts, p.Name)
	}
	for _, p := range current {
		if _, gone := texts[p.Name]; gone {
			change.Delete = append(change.Delete, p.Name)
		}
	}
	return change, errors.Join(faults...)
}
