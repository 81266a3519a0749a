package config

import (
	"strings"
	"testing"
)

func TestBundle(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"expressions: p.tar.gz", "policies.expressions: "},
		{"expressions: p\n  bundle: {public_key: k.pem}", "policies.bundle: is for bundles"},
		{"bundle: {public_key: k.pem}", "policies.bundle: is for bundles"},
		{"expressions: p.tar.gz\n  bundle: {}", "policies.bundle: names no key"},
		{"expressions: p.tar.gz\n  bundle: {public_key: k.pem, secret: 0123456789abcdef}", "policies.bundle.secret: does not go together"},
		{"expressions: p.tar.gz\n  bundle: {public_key: k.pem, unsigned: true}", "policies.bundle.unsigned: does not go together"},
		{"expressions: p.tar.gz\n  bundle: {secret: short}", "policies.bundle.secret: is shorter than 16"},
		{"expressions: p.tar.gz\n  bundle: {public_key: k.pem, algorithm: HS256}", "policies.bundle.algorithm: HS256 needs secret"},
		{"expressions: p.tar.gz\n  bundle: {secret: abcdef0123456789, algorithm: RS256}", "policies.bundle.algorithm: RS256 needs public_key"},
		{"expressions: p.tar.gz\n  bundle: {public_key: k.pem, algorithm: none}", `policies.bundle.algorithm: "none" is not one of`},
		{"expressions: p.tar.gz\n  bundle: {public_key: k.pem}", ""},
		{"expressions: p.tar.gz\n  bundle: {secret: abcdef0123456789}", ""},
		{"expressions: p.tar.gz\n  bundle: {unsigned: true}", ""},
		{"expressions: p", ""},
	} {
		cfg, err := Parse("x.yaml", []byte("policies:\n  "+tt.text+"\n"), tableEnv)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.text, err, tt.want)
		case err == nil && strings.Contains(tt.text, "unsigned") != hasWarning(cfg, "policies.bundle.unsigned"):
			t.Errorf("%s: warnings %v", tt.text, cfg.Warnings)
		}
	}
	cfg, err := Parse("x.yaml", []byte("policies: {expressions: p.tar.gz, bundle: {secret: abcdef0123456789}}"), tableEnv)
	if err != nil || cfg.Policies.Bundle.Algorithm != "HS256" {
		t.Errorf("algorithm of a secret: %+v, %v", cfg, err)
	}
}

func hasWarning(cfg *Config, path string) bool {
	for _, w := range cfg.Warnings {
		if w.Path == path {
			return true
		}
	}
	return false
}
