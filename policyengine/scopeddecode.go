package policyengine

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/goccy/go-yaml"

	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// places puts the file's name before a fault.
type places struct{ file string }

// Fault makes an error about the value at a path.
func (p places) Fault(path string, err error) error {
	return fmt.Errorf("%s: %s: %w", p.file, path, err)
}

// yamlAction takes the shapes that an action can have.
type yamlAction struct{ scoped.Action }

// UnmarshalYAML implements yaml.InterfaceUnmarshaler.
func (a *yamlAction) UnmarshalYAML(decode func(any) error) error {
	var v any
	if err := decode(&v); err != nil {
		return err
	}
	return a.DecodeYAML(v)
}

func readScoped(file string) ([]scoped.Policy, places, error) {
	at := places{file}
	data, err := readLimited(file, maxScopedFile)
	if err != nil {
		return nil, at, err
	}
	var doc struct {
		Policies []struct {
			Name     string     `yaml:"name"`
			Scope    string     `yaml:"scope"`
			Action   yamlAction `yaml:"action"`
			Realm    []string   `yaml:"realm"`
			User     []string   `yaml:"user"`
			Client   []string   `yaml:"client"`
			Active   *bool      `yaml:"active"`
			Priority *int       `yaml:"priority"`
		} `yaml:"policies"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(data), yaml.Strict()).Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		return nil, at, fmt.Errorf("%s: %w", file, err)
	}
	list := make([]scoped.Policy, len(doc.Policies))
	for i, p := range doc.Policies {
		list[i] = scoped.Policy{
			Name: p.Name, Scope: p.Scope, Action: p.Action.Action, Realm: p.Realm, User: p.User, Client: p.Client,
			Active: p.Active == nil || *p.Active, Priority: 1,
		}
		if p.Priority != nil {
			list[i].Priority = *p.Priority
		}
	}
	return list, at, nil
}
