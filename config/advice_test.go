package config

import (
	"strings"
	"testing"
)

func TestAdvice(t *testing.T) {
	const text = `
realms: {r: {default: true, directories: [local]}}
directories: {local: {type: local}}
applications:
  a: {radius: {clients: [10.0.0.1], secret: {env: S}}}
  b: {radius: {clients: [10.0.0.2], secret: {env: S}, message_authenticator: require}}
  c: {radius: {clients: [10.0.0.3], secret: {env: S}, message_authenticator: "off"}}
  d: {ldap: {base_dn: dc=d}}
`
	env := func(string) (string, bool) { return "a-long-shared-secret", true }
	cfg, err := Parse("test.yaml", []byte(text), env)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range cfg.Advice() {
		got = append(got, a.String())
	}
	if len(got) != 2 || !strings.HasPrefix(got[0], "test.yaml:5:") || !strings.Contains(got[0], "it is limit") ||
		!strings.HasPrefix(got[1], "test.yaml:7:") || !strings.Contains(got[1], "it is off") {
		t.Errorf("advice: %q", got)
	}
	if cfg, err = Parse("test.yaml", []byte(text+"radius: {message_authenticator: require}\n"), env); err != nil {
		t.Fatal(err)
	}
	if got := cfg.Advice(); len(got) != 1 {
		t.Errorf("with require for all: %q", got)
	}
}
