package policystore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// Origin is the scoped.Policy.Origin of every policy that comes from the store.
const Origin = "store"

// ErrInFile says that a policy is one of a file, and has to be changed there.
var ErrInFile = errors.New("it comes from a file")

// Read returns the stored policies in the order of their creation, and the
// revision that they are of. They have not been compiled.
func Read(ctx context.Context, st *store.Store) ([]scoped.Policy, int64, error) {
	stored, revision, err := st.Policies(ctx)
	if err != nil {
		return nil, 0, err
	}
	policies, err := decodeAll(stored)
	if err != nil {
		return nil, 0, fmt.Errorf("read scoped policies of the store: %w", err)
	}
	return policies, revision, nil
}

func decodeAll(stored []store.Policy) ([]scoped.Policy, error) {
	policies := make([]scoped.Policy, len(stored))
	var faults []error
	for i := range stored {
		var err error
		policies[i], err = decode(stored[i])
		faults = append(faults, err)
	}
	return policies, errors.Join(faults...)
}

// Change changes the stored policies in one transaction. edit gets them in the
// order of their creation and returns what they shall be: a policy that is not
// among those any more is deleted, one of a new name is added behind all others,
// and only those that differ are written. An error of edit changes nothing.
//
// Nothing is stored unless all of it compiles together with files, the policies
// of the files, under the options: names are unique over both, and a policy of a
// file cannot be changed here (ErrInFile).
//
// Nobody else can change the store while edit runs; see store.ChangePolicies.
func Change(ctx context.Context, st *store.Store, now time.Time, files []scoped.Policy, o scoped.Options,
	edit func(stored []scoped.Policy) ([]scoped.Policy, error),
) error {
	_, err := st.ChangePolicies(ctx, now, func(current []store.Policy) (store.PolicyChange, error) {
		stored, err := decodeAll(current)
		if err != nil {
			return store.PolicyChange{}, err
		}
		edited, err := edit(stored)
		if err != nil {
			return store.PolicyChange{}, err
		}
		if err := validate(files, edited, o); err != nil {
			return store.PolicyChange{}, err
		}
		return difference(current, edited)
	})
	return err
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

// difference is what to write.
func difference(current []store.Policy, edited []scoped.Policy) (store.PolicyChange, error) {
	var change store.PolicyChange
	texts := make(map[string]string, len(current))
	for _, p := range current {
		texts[p.Name] = p.Text
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
