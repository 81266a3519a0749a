package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

const (
	formatAuto    = "auto"
	maxPolicyFile = 64 << 20 // octets, as much as an import takes
)

// readPolicyFile reads policies in any of the formats; "-" is standard input.
func readPolicyFile(env *environment, file, format string) (*scoped.Imported, error) {
	name, r := "standard input", io.Reader(env.stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read policies: %w", err)
		}
		defer f.Close()
		name, r = file, f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxPolicyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	if len(data) > maxPolicyFile {
		return nil, fmt.Errorf("read policies from %s: more than %d octets", name, maxPolicyFile)
	}
	given, err := parsePolicies(name, data, format)
	if err != nil {
		return nil, legible(fmt.Errorf("read policies from %s: %w", name, err))
	}
	if len(given.Policies) == 0 {
		return nil, fmt.Errorf("read policies from %s: there are none in it", name)
	}
	return &given, nil
}

func parsePolicies(name string, data []byte, format string) (scoped.Imported, error) {
	if format != formatAuto {
		return parseFormat(name, data, scoped.Format(format))
	}
	detected := scoped.DetectFormat(data)
	if detected == scoped.FormatYAML {
		return parseYAML(name, data)
	}
	// YAML can begin with a bracket too. All JSON is YAML, but YAML forgets the order
	// of actions, so JSON has the first try; the text is no YAML unless it is empty.
	given, err := parseFormat(name, data, detected)
	if detected == scoped.FormatJSON && err == nil {
		return given, nil
	}
	if yaml, yamlErr := parseYAML(name, data); yamlErr == nil {
		return yaml, nil
	}
	return given, err
}

func parseFormat(name string, data []byte, format scoped.Format) (scoped.Imported, error) {
	switch format {
	case scoped.FormatJSON:
		return scoped.ImportJSON(data)
	case scoped.FormatText:
		return scoped.ImportText(string(data))
	}
	return parseYAML(name, data)
}

// parseYAML reads a policy file of ours, strictly, and besides what ImportJSON
// takes, written as YAML.
func parseYAML(name string, data []byte) (scoped.Imported, error) {
	var plain any
	if _, err := config.Decode(name, data, &plain); err != nil {
		return scoped.Imported{}, err
	}
	if doc, ok := plain.(map[string]any); ok && doc["policies"] != nil {
		var file struct {
			Policies []scoped.Policy `yaml:"policies"`
		}
		_, err := config.Decode(name, data, &file)
		return scoped.Imported{Policies: file.Policies}, err
	}
	return scoped.ImportPlain(plain)
}

// legible is an error that a terminal can show whatever was in the file.
func legible(err error) error {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = onScreen(lines[i])
	}
	return errors.New(strings.Join(lines, "\n"))
}
