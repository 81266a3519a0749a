package rego

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Limits of a directory of policies.
const (
	maxFileSize  = 1 << 20
	maxTotalSize = 64 << 20
	maxFiles     = 10_000
)

// Load reads every .rego file under dir, except tests (_test.rego) and whatever
// begins with a dot, and compiles them. The error joins all faults, each with
// file, line and column.
func Load(ctx context.Context, dir string, o Options) (*Set, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := findFiles(dir)
	if err != nil {
		return nil, err
	}
	builtins, err := newBuiltins(o)
	if err != nil {
		return nil, err
	}
	modules, err := parseFiles(files)
	if err != nil {
		return nil, err
	}
	return compile(ctx, modules, builtins)
}

// findFiles lists the policy files under dir, sorted. Links to files are
// followed, and dir itself may be a link; links to directories within are not.
func findFiles(dir string) ([]string, error) {
	var files []string
	dir, err := directory(dir)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path != dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() || !strings.HasSuffix(path, ".rego") || strings.HasSuffix(path, "_test.rego") {
			return nil
		}
		if len(files) == maxFiles {
			return fmt.Errorf("more than %d files", maxFiles)
		}
		files = append(files, path)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load expression policies from %s: %w", dir, err)
	}
	slices.Sort(files)
	return files, nil
}

// directory returns the directory behind a name that may be a link.
func directory(name string) (string, error) {
	if name == "" {
		return "", errors.New("load expression policies: no directory is named")
	}
	dir, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", fmt.Errorf("load expression policies: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("load expression policies: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("load expression policies from %s: it is no directory", name)
	}
	return dir, nil
}

// parseFiles reads and parses all files; the keys of the result are their names.
func parseFiles(files []string) (map[string]*ast.Module, error) {
	var (
		modules = make(map[string]*ast.Module, len(files))
		total   int
		faults  []error
	)
	for _, file := range files {
		text, err := readLimited(file, maxFileSize)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if total += len(text); total > maxTotalSize {
			return nil, fmt.Errorf("load expression policies: more than %d octets in all files together", maxTotalSize)
		}
		m, err := ast.ParseModuleWithOpts(file, string(text), ast.ParserOptions{
			RegoVersion:  ast.RegoV1,
			Capabilities: capabilities(),
			// The engine of regular expressions is one.
			ProcessAnnotation: true,
		})
		switch {
		case err != nil:
			faults = append(faults, explain(file, err, nil))
		case m == nil:
			faults = append(faults, fmt.Errorf("%s: empty file: a policy begins with its package", file))
		default:
			modules[file] = m
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return modules, nil
}

func readLimited(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("load expression policy: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("load expression policy: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("load expression policy %s: more than %d octets", file, limit)
	}
	return text, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
