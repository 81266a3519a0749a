package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// scaffold are the files of a new plugin.
//
//go:embed scaffold/*.tmpl
var scaffold embed.FS

// pluginName is what the name of a program can be.
var pluginName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// release is what a version looks like that the Go module can have.
var release = regexp.MustCompile(`^v\d+\.\d+\.\d+(-(alpha|beta|rc)[.0-9]*)?$`)

// pluginScaffoldCmd is "sallyport plugin scaffold". It needs no configuration.
type pluginScaffoldCmd struct {
	Name string `arg:"" help:"Name of the plugin: a small letter, then small letters, digits and underscores."`
	Dir  string `placeholder:"DIR" help:"The directory to write to; it is made if it is not there. Default: the name."`
}

// Run writes the files. None of them may be there.
func (c *pluginScaffoldCmd) Run(env *environment) error {
	if !pluginName.MatchString(c.Name) {
		return &exitError{exitUsage, fmt.Errorf("%q cannot be used in policies: name the plugin with a small letter, then small letters, digits and underscores", c.Name)}
	}
	dir := c.Dir
	if dir == "" {
		dir = c.Name
	}
	files, err := scaffoldFiles(c.Name, version)
	if err != nil {
		return err
	}
	names, err := writeNew(dir, files)
	if err != nil {
		return err
	}
	if env.json {
		return env.printJSON(map[string]any{"name": c.Name, "directory": dir, "files": names})
	}
	return say(env, "wrote %s to %s; \"make test\" there is next, and README.md tells the rest", strings.Join(names, ", "), dir)
}

// scaffoldFiles fills the templates in. The plugin requires the SDK of the version,
// if that is one of a release.
func scaffoldFiles(name, version string) (map[string][]byte, error) {
	// The language version of a plugin is that of the SDK.
	data := struct{ Name, Go, Release string }{Name: name, Go: "1.26.0"}
	if release.MatchString(version) { // else "go mod tidy" takes the latest one
		data.Release = version
	}
	all, err := template.New(name).Delims("<<", ">>").ParseFS(scaffold, "scaffold/*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("read the templates: %w", err)
	}
	files := make(map[string][]byte)
	for _, t := range all.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, data); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", t.Name(), err)
		}
		files[strings.TrimSuffix(t.Name(), ".tmpl")] = text.Bytes()
	}
	return files, nil
}

// writeNew writes files that are not there yet, all or none of them.
func writeNew(dir string, files map[string][]byte) (names []string, err error) {
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	var there []error
	for _, name := range names {
		path := filepath.Join(dir, name)
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			there = append(there, fmt.Errorf("%s is there already", path))
		}
	}
	if len(there) > 0 {
		return nil, fmt.Errorf("nothing was written: %w", errors.Join(there...))
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // sources, for whoever may read the directory above
		return nil, fmt.Errorf("make the directory: %w", err)
	}
	for _, name := range names {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // as above
		if err != nil {
			return nil, fmt.Errorf("write the plugin: %w", err)
		}
		_, err = f.Write(files[name])
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("write the plugin: %w", err)
		}
	}
	return names, nil
}
