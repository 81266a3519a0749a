package policyengine

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

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
		found, err := glob(pattern)
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

// glob lists the names that a pattern fits, as filepath.Glob does. But it fails
// when a directory on the way cannot be read: the policies in there would be lost,
// those that refuse among them. What is not there, or is no directory, holds
// nothing.
func glob(pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, err
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return exists(pattern)
	}
	dir, last := filepath.Split(pattern)
	if short := strings.TrimRight(dir, string(filepath.Separator)); short != "" {
		dir = short // else it is the root, or the current directory
	}
	dirs := []string{dir}
	if strings.ContainsAny(dir, `*?[\`) {
		var err error
		if dirs, err = glob(dir); err != nil {
			return nil, err
		}
	}
	var found []string
	for _, dir := range dirs {
		names, err := inside(dir, last)
		if err != nil {
			return nil, err
		}
		found = append(found, names...)
	}
	return found, nil
}

// inside lists what in a directory a pattern without separators fits.
func inside(dir, pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, `*?[\`) {
		return exists(filepath.Join(dir, pattern))
	}
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil, unlessAbsent(err)
	}
	var found []string
	for _, e := range entries {
		ok, err := filepath.Match(pattern, e.Name())
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}

// exists lists the file itself, if it is there.
func exists(file string) ([]string, error) {
	if _, err := os.Lstat(file); err != nil {
		return nil, unlessAbsent(err)
	}
	return []string{file}, nil
}

func unlessAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	}
	return err
}

// readScoped reads one file.
func readScoped(file string) (doc scopedFile, places config.Places, err error) {
	f, err := os.Open(file)
	if err != nil {
		return doc, places, fmt.Errorf("read scoped policies: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxScopedFile+1))
	if err != nil {
		return doc, places, fmt.Errorf("read scoped policies: %w", err)
	}
	if len(data) > maxScopedFile {
		return doc, places, fmt.Errorf("read scoped policies %s: more than %d octets", file, maxScopedFile)
	}
	places, err = config.Decode(file, data, &doc)
	return doc, places, err
}
