package rego

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/sallyport-auth/sallyport/config"
)

const (
	maxBundleSize = 16 << 20 // octets of the packed bundle
	manifestName  = ".manifest"
	signatureName = ".signatures.json"
)

var errUnpacked = fmt.Errorf("it has more than %d octets unpacked", maxTotalSize)

// readBundle reads a bundle as opa build makes it: a packed archive of policies,
// data files, a manifest and a signature. Nothing in it is parsed before its
// signature is verified, but the archive and the signature themselves.
func readBundle(name string, b *config.Bundle) (*source, error) {
	if b == nil {
		return nil, fmt.Errorf("load expression policies: %s: nothing says who must have signed the bundle", name)
	}
	packed, err := readLimited(name, maxBundleSize)
	if err != nil {
		return nil, err
	}
	files, err := unpack(name, packed)
	if err != nil {
		return nil, fmt.Errorf("load expression policies: %s: %w", name, err)
	}
	if err := verify(files, b); err != nil {
		return nil, fmt.Errorf("load expression policies: %s: %w", name, err)
	}
	s := &source{decode: decodeSigned}
	for _, f := range files {
		s.add(f)
	}
	return s, nil
}

// unpack reads the files of an archive, sorted. It refuses what is no policy and
// no data, and stops at the limits, whatever the archive says of itself.
func unpack(name string, packed []byte) ([]file, error) {
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("it is no bundle (.tar.gz): %w", err)
	}
	limited := &io.LimitedReader{R: unzipped, N: maxTotalSize + 1}
	archive := tar.NewReader(limited)
	var files []file
	seen := map[string]bool{}
	for {
		header, err := archive.Next()
		if limited.N <= 0 {
			return nil, errUnpacked
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		if header.Typeflag == tar.TypeDir {
			continue
		}
		below, err := entryName(header)
		if err != nil {
			return nil, err
		}
		if seen[below] {
			return nil, fmt.Errorf("%s is in it twice", below)
		}
		seen[below] = true
		if len(files) == maxFiles {
			return nil, fmt.Errorf("it has more than %d files", maxFiles)
		}
		limit := kindOfFile(below).limit()
		text, err := io.ReadAll(io.LimitReader(archive, limit+1))
		switch {
		case limited.N <= 0:
			return nil, errUnpacked
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", below, err)
		case int64(len(text)) > limit:
			return nil, fmt.Errorf("%s has more than %d octets", below, limit)
		}
		files = append(files, file{name: name + "/" + below, path: below, text: text})
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Compare(a.path, b.path) })
	return files, nil
}

// entryName is the name of a file in a bundle, without the slash before it.
func entryName(h *tar.Header) (string, error) {
	name := strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "/")
	switch {
	case h.Typeflag != tar.TypeReg:
		return "", fmt.Errorf("%q is no plain file", h.Name)
	case name == "" || path.Clean("/"+name) != "/"+name || strings.ContainsRune(name, '\\'):
		return "", fmt.Errorf("%q is no proper file name", h.Name)
	case name == manifestName || name == signatureName || kindOfFile(name) != otherFile:
		return name, nil
	case path.Base(name) == "policy.wasm" || path.Base(name) == "plan.json":
		return "", fmt.Errorf("%s: compiled policies are not supported; build the bundle with target rego", name)
	case path.Base(name) == "patch.json":
		return "", fmt.Errorf("%s: changes to another bundle are not supported; build a whole one", name)
	}
	return "", fmt.Errorf("%s is neither a policy (.rego) nor data (data.json, data.yaml): take it out", name)
}

// checkManifest refuses what we cannot do and files outside of the roots.
func checkManifest(files []file) error {
	i := slices.IndexFunc(files, func(f file) bool { return f.path == manifestName })
	if i < 0 {
		return nil
	}
	var m bundle.Manifest
	if err := util.UnmarshalJSON(files[i].text, &m); err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	if len(m.WasmResolvers) > 0 {
		return fmt.Errorf("%s: compiled policies are not supported", manifestName)
	}
	if m.RegoVersion != nil && *m.RegoVersion != 1 {
		return fmt.Errorf("%s: rego_version is %d: policies are in version 1", manifestName, *m.RegoVersion)
	}
	m.Init()
	if slices.Contains(*m.Roots, "") { // everything
		return nil
	}
	for _, f := range files {
		paths, err := placesIn(f)
		if err != nil {
			return err
		}
		for _, p := range paths {
			if !bundle.RootPathsContain(*m.Roots, p) {
				return fmt.Errorf("%s: /%s is outside of the roots %q of the manifest", f.path, p, *m.Roots)
			}
		}
	}
	return nil
}

// placesIn are the places in data that a file takes: the package of a policy, or
// the values of a data file. What does not parse is told where it is read.
func placesIn(f file) ([]string, error) {
	switch kindOfFile(f.path) {
	case moduleFile, testFile:
		m, err := ast.ParseModuleWithOpts(f.name, string(f.text), ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil || m == nil {
			return nil, explain(f, err, nil)
		}
		var keys []string
		for _, t := range m.Package.Path[1:] {
			key, _ := t.Value.(ast.String)
			keys = append(keys, string(key))
		}
		return []string{strings.Join(keys, "/")}, nil
	case dataFile:
		t, err := decodeSigned(f)
		if err != nil {
			return nil, err
		}
		return t.mounted(f).leaves(""), nil
	}
	return nil, nil
}

// leaves are the paths of all values that are no objects.
func (t *tree) leaves(at string) []string {
	if t.object == nil {
		return []string{at}
	}
	var all []string
	for _, key := range sortedKeys(t.object) {
		all = append(all, t.object[key].leaves(strings.TrimPrefix(at+"/"+key, "/"))...)
	}
	return all
}

// decodeSigned reads a data file of a bundle as the signature's hash does, so
// that what was signed is what is used. The manifest's roots are checked on it.
func decodeSigned(f file) (*tree, error) {
	var v any
	if err := util.Unmarshal(f.text, &v); err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	return treeOf(v, "", func(string) position { return position{file: f.name} }), nil
}
