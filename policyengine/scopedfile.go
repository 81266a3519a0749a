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
