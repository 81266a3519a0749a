package rego

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Limits of a directory or bundle of policies.
const (
	maxFileSize  = 1 << 20  // octets of a policy
	maxDataSize  = 8 << 20  // octets of a data file
	maxTotalSize = 64 << 20 // octets of all files together
	maxFiles     = 10_000
)

// file is one file of a directory or bundle.
type file struct {
	// name is for texts; path is its name below the root, with slashes.
	name, path string
	text       []byte
}

// source is everything that a directory or a bundle has, each kind sorted.
type source struct {
	modules, tests, data []file
	// decode reads a data file.
	decode func(file) (*tree, error)
}

// fileKind is what a file is by its name.
type fileKind int

const (
	otherFile fileKind = iota
	moduleFile
	testFile
	dataFile
)

func kindOfFile(name string) fileKind {
	switch base := path.Base(name); {
	case strings.HasSuffix(base, "_test.rego"):
		return testFile
	case strings.HasSuffix(base, ".rego"):
		return moduleFile
	case base == "data.json", base == "data.yaml", base == "data.yml":
		return dataFile
	}
	return otherFile
}

// limit is how large a file of a kind may be.
func (k fileKind) limit() int64 {
	if k == dataFile {
		return maxDataSize
	}
	return maxFileSize
}

// add puts a file where its kind belongs; other kinds are left out.
func (s *source) add(f file) {
	switch kindOfFile(f.path) {
	case moduleFile:
		s.modules = append(s.modules, f)
	case testFile:
		s.tests = append(s.tests, f)
	case dataFile:
		s.data = append(s.data, f)
	}
}

// readDirectory reads the files below dir whose kind is wanted, sorted. What
// begins with a dot is left out. Links to files are followed, and dir itself may
// be a link; links to directories within are not. The error joins the faults of
// all files.
func readDirectory(dir string, wanted ...fileKind) (*source, error) {
	names, err := findFiles(dir, wanted)
	if err != nil {
		return nil, err
	}
	s := &source{decode: decodeFile}
	var total int
	var faults []error
	for _, f := range names {
		f.text, err = readLimited(f.name, kindOfFile(f.path).limit())
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if total += len(f.text); total > maxTotalSize {
			return nil, fmt.Errorf("load expression policies: more than %d octets in all files together", maxTotalSize)
		}
		s.add(f)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return s, nil
}

func findFiles(name string, wanted []fileKind) ([]file, error) {
	dir, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, fmt.Errorf("load expression policies: %w", err)
	}
	var files []file
	err = filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if at != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !slices.Contains(wanted, kindOfFile(filepath.ToSlash(at))) {
			return nil
		}
		if len(files) == maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		below, err := filepath.Rel(dir, at)
		files = append(files, file{name: at, path: filepath.ToSlash(below)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load expression policies from %s: %w", name, err)
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.name, b.name) })
	return files, nil
}

func readLimited(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("load expression policies: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("load expression policies: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("load expression policies: %s: more than %d octets", file, limit)
	}
	return text, nil
}

// parse parses files; the keys of the result are their names. The error joins the
// faults of all files.
func parse(files []file) (map[string]*ast.Module, error) {
	modules := make(map[string]*ast.Module, len(files))
	// The engine of regular expressions is an annotation.
	options := ast.ParserOptions{RegoVersion: ast.RegoV1, Capabilities: capabilities(), ProcessAnnotation: true}
	var faults []error
	for _, f := range files {
		m, err := ast.ParseModuleWithOpts(f.name, string(f.text), options)
		switch {
		case m == nil && (err == nil || emptyModule(err)):
			faults = append(faults, fmt.Errorf("%s:1:1: empty file: a policy begins with its package", f.name))
		case err != nil:
			faults = append(faults, explain(f, err, nil))
		default:
			modules[f.name] = m
		}
	}
	return modules, errors.Join(faults...)
}

// emptyModule reports whether the parser found nothing but comments.
func emptyModule(err error) bool {
	var e *ast.Error
	return errors.As(err, &e) && e.Message == "empty module"
}
