package rego

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
)

// Warnings are what works in the policies and is probably not what was meant,
// each with its place.
func (s *Set) Warnings() []config.Warning { return slices.Clone(s.warnings) }

// Load reads the expression policies of a directory, or of a bundle (.tar.gz)
// whose signature is as o.Bundle wants it, and compiles them: every .rego file,
// except tests (_test.rego) and whatever begins with a dot, and the data files
// data.json, data.yaml and data.yml, each at the path of its directory. The error
// joins all faults, each with file, line and column.
func Load(ctx context.Context, name string, o Options) (*Set, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	src, err := read(name, o.Bundle, moduleFile, dataFile)
	if err != nil {
		return nil, err
	}
	builtins, err := newBuiltins(o)
	if err != nil {
		return nil, err
	}
	modules, err := parse(src.modules)
	documents, dataErr := src.documents()
	if err := errors.Join(err, dataErr); err != nil {
		return nil, err
	}
	return compile(ctx, modules, documents, builtins)
}

// read reads the files of wanted kinds of a directory, and all of a bundle.
func read(name string, b *config.Bundle, wanted ...fileKind) (*source, error) {
	if name == "" {
		return nil, errors.New("load expression policies: no directory is named")
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("load expression policies: %w", err)
	case info.IsDir() && b != nil:
		return nil, fmt.Errorf("load expression policies from %s: a directory has no signature, and a key to verify one is configured", name)
	case info.IsDir():
		return readDirectory(name, wanted...)
	case info.Mode().IsRegular() && strings.HasSuffix(name, config.BundleSuffix):
		return readBundle(name, b)
	}
	return nil, fmt.Errorf("load expression policies from %s: it is neither a directory nor a bundle (%s)", name, config.BundleSuffix)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
