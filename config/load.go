package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Load reads the configuration file at path, the secrets that it refers to and
// nothing else. The error holds every fault of the file, one per line, each a
// *Fault. What works and should be known all the same is in Config.Warnings.
func Load(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, data, os.LookupEnv)
}

// readFile reads a file up to one byte more than the limit that Decode enforces.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// Parse is Load for a text and an environment that are there already. File is
// the name for faults; relative paths are taken from its directory.
func Parse(file string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	d := newDecoder(file, getenv)
	cfg := &Config{}
	if d.document(data, cfg) {
		c := &checker{decoder: d, cfg: cfg}
		c.check()
		d.faults = append(d.faults, c.found...)
	}
	if err := joinFaults(d.faults); err != nil {
		return nil, err
	}
	cfg.places = d.places
	cfg.complete(d)
	slices.SortStableFunc(d.warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	cfg.Warnings = d.warnings
	return cfg, nil
}

const sqliteScheme = "sqlite:"

// StoreFile is the file of the embedded store.
func (c *Config) StoreFile() string { return strings.TrimPrefix(c.Store, sqliteScheme) }

// complete gives the keys a value whose default is another value.
func (c *Config) complete(d *decoder) {
	c.Store = sqliteScheme + d.file(c.StoreFile())
	for name, app := range c.Applications {
		app.Name = cmp.Or(app.Name, name)
		if r := app.RADIUS; r != nil {
			r.MessageAuthenticator = cmp.Or(r.MessageAuthenticator, c.RADIUS.MessageAuthenticator)
			r.OnOutage = cmp.Or(r.OnOutage, c.RADIUS.OnOutage)
		}
	}
}
