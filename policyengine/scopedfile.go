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

// LoadScoped reads the files that the patterns name (as in filepath.Glob), each
// once and sorted within its pattern, and compiles their policies into one Set.
// A pattern without * ? or [ must name a file that is there. The error joins all
// faults, each with file, line and column where they are known.
func LoadScoped(patterns []string) (*scoped.Set, error) {
	files, err := expand(patterns)
	if err != nil {
		return nil, err
	}
	var (
		policies []scoped.Policy
		origins  []origin
		faults   []error
	)
	for _, file := range files {
		doc, places, err := readScoped(file)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		for i := range doc.Policies {
			policies = append(policies, doc.Policies[i])
			origins = append(origins, origin{places, i})
		}
	}
	set, err := scoped.Compile(policies)
	if err != nil {
		faults = append(faults, place(err, origins))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return set, nil
}

// expand turns the patterns into files.
func expand(patterns []string) ([]string, error) {
	var (
		files  []string
		faults []error
	)
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			faults = append(faults, fmt.Errorf("find scoped policies %s: %w", pattern, err))
			continue
		}
		if len(found) == 0 && !hasMeta(pattern) {
			found = []string{pattern} // reading it says what is wrong
		}
		slices.Sort(found)
		for _, f := range found {
			if !slices.Contains(files, f) {
				files = append(files, f)
			}
		}
	}
	if len(files) > maxScopedFiles {
		faults = append(faults, fmt.Errorf("find scoped policies: %d files, at most %d are allowed", len(files), maxScopedFiles))
	}
	return files, errors.Join(faults...)
}

func hasMeta(pattern string) bool {
	return slices.ContainsFunc([]byte(pattern), func(b byte) bool { return b == '*' || b == '?' || b == '[' })
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
