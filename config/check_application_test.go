package config

import (
	"fmt"
	"strings"
	"testing"
)

// TestDomainWarnings: who takes binds of a domain is told when no realm knows it.
func TestDomainWarnings(t *testing.T) {
	const text = `
realms: {corp: {default: %v, directories: [local], aliases: [OLDCORP], upn_suffixes: [corp.example]}}
directories: {local: {type: local}}
listen: {ldaps: ["127.0.0.1:0"]}
tls: {self_signed: tls}
applications: {wiki: {ldap: {base_dn: dc=x, domains: ["%s"]}, policies: {bindings: [{group: a}]}}}
`
	for _, c := range []struct {
		domain, with, without string // the warning with a default realm and without
	}{
		{"CORP", "", ""},
		{"OldCorp", "", ""},
		{"Corp.Example", "", ""},
		{"*", "", ""},
		{"other.org", "", `"other.org", so that its users are refused`},
		{"CROP", `CROP\login is refused and login@CROP is a login of the default realm, did you mean "corp"?`, `did you mean "corp"?`},
	} {
		for fallback, want := range map[bool]string{true: c.with, false: c.without} {
			cfg, err := Parse("x.yaml", fmt.Appendf(nil, text, fallback, c.domain), tableEnv)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, w := range cfg.Warnings {
				if w.Path == "applications.wiki.ldap.domains[0]" {
					got = w.String()
				}
			}
			if (got == "") != (want == "") || !strings.Contains(got, want) {
				t.Errorf("%s, default %v: %q, want %q", c.domain, fallback, got, want)
			}
		}
	}
}
