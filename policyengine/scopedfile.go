package policyengine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

const (
	maxScopedFile  = 4 << 20 // octets of one file, as much as config.Decode takes
	maxScopedFiles = 1_000
)

// scopedFile is a file of scoped policies.
type scopedFile struct {
	Policies []scoped.Policy `yaml:"policies" doc:"Scoped policies."`
}

// LoadScoped reads the files that the patterns of policies.scoped name (as in
// filepath.Glob), each once and sorted within its pattern, and compiles their
// policies into one Set. A pattern that names no file is a fault: a mistyped one
// would lose the policies that refuse. The error joins all faults, each with
// file, line and column.
func LoadScoped(cfg *config.Config) (*scoped.Set, error) {
	files, err := expand(cfg)
	var (
		policies []scoped.Policy
		origins  []origin
		faults   []error
	)
	if err != nil {
		faults = append(faults, err)
	}
	for _, file := range files {
		doc, places, err := readScoped(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for i := range doc.Policies {
			doc.Policies[i].Origin = file
			policies = append(policies, doc.Policies[i])
			origins = append(origins, origin{places, i})
		}
	}
	set, err := scoped.Compile(policies, scoped.Options{})
	if err != nil {
		faults = append(faults, place(err, origins))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return set, nil
}

// expand turns the patterns into files.
func expand(cfg *config.Config) ([]string, error) {
	var (
		files  []string
		faults []error
	)
	for i, pattern := range cfg.Policies.Scoped {
		at := fmt.Sprintf("policies.scoped[%d]", i)
		found, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			faults = append(faults, cfg.Fault(at, "%s: %w", pattern, err))
		case len(found) == 0:
			faults = append(faults, cfg.Fault(at, "no file is named %s; write the name of one, or take it out", pattern))
		}
		slices.Sort(found)
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if len(files) > maxScopedFiles {
		return nil, errors.Join(append(faults, cfg.Fault("policies.scoped", "%d files, at most %d are allowed", len(files), maxScopedFiles))...)
	}
	return files, errors.Join(faults...)
}

// readScoped reads one file.
func readScoped(file string) (doc scopedFile, places config.Places, err error) {
	data, err := readLimited(file, maxScopedFile)
	if err != nil {
		return doc, places, err
	}
	places, err = config.Decode(file, data, &doc)
	return doc, places, err
}

// readLimited reads a file that must not be larger than limit octets.
func readLimited(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read scoped policies: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read scoped policies: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read scoped policies %s: more than %d octets", file, limit)
	}
	return data, nil
}

// origin is where a policy was written.
type origin struct {
	places config.Places
	index  int
}

// place puts file, line and column before the faults of scoped.Compile.
func place(err error, origins []origin) error {
	list, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var faults []error
	for _, err := range list.Unwrap() {
		var fault *scoped.Fault
		if !errors.As(err, &fault) {
			faults = append(faults, err)
			continue
		}
		o := origins[fault.Index]
		path := fmt.Sprintf("policies[%d].%s", o.index, fault.Attribute)
		if fault.Member >= 0 {
			path += fmt.Sprintf("[%d]", fault.Member)
		}
		faults = append(faults, o.places.Fault(path, "%w", fault))
	}
	return errors.Join(faults...)
}
