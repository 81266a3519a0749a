package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestSecretIsNeverShown prints and encodes secrets in every way, also inside
// of other values, exported or not.
func TestSecretIsNeverShown(t *testing.T) {
	const hush = "hush-hush-53c237"
	s := NewSecret(hush)
	cfg := &Config{Applications: map[string]*Application{"vpn": {RADIUS: &ApplicationRADIUS{Secret: s}}}}
	hidden := struct{ secret Secret }{s}
	values := map[string]any{
		"secret": s, "pointer": &s, "list": []Secret{s}, "map": map[string]Secret{"a": s},
		"section": cfg.Applications["vpn"].RADIUS, "section by value": *cfg.Applications["vpn"].RADIUS,
		"config": cfg, "unexported": hidden, "pointer to unexported": &hidden,
		"error": fmt.Errorf("secret %v %s", s, s),
	}
	for name, v := range values {
		shown := map[string]string{}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%o", "%b", "%c", "%t", "%U", "%10.3v", "%p"} {
			shown[verb] = fmt.Sprintf(verb, v)
		}
		asJSON, err := json.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shown["json"] = string(asJSON)
		asYAML, err := yaml.Marshal(v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shown["yaml"] = string(asYAML)
		var text, lines bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("x", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&lines, nil)).Info("x", "v", v)
		shown["slog text"], shown["slog json"] = text.String(), lines.String()
		for how, got := range shown {
			for _, part := range []string{hush, hush[:8], fmt.Sprintf("%x", hush[:8]), fmt.Sprintf("%X", hush[:8]), "104 117 115"} {
				if strings.Contains(strings.ToLower(got), strings.ToLower(part)) {
					t.Errorf("%s, %s: %s", name, how, got)
				}
			}
		}
	}
	for _, verb := range []string{"%v", "%s", "%q", "%x", "%d", "%#v", "%+v"} {
		if got := fmt.Sprintf(verb, s); got != "***" {
			t.Errorf("%s: %s", verb, got)
		}
	}
	if s.Reveal() != hush || (Secret{}).Reveal() != "" {
		t.Error("Reveal does not return the text")
	}
}

// TestFaultsShowNoSecret: a secret in the wrong place of the right key, or of
// the wrong type, is not repeated.
func TestFaultsShowNoSecret(t *testing.T) {
	for _, secret := range []string{"[53237]", "53237", "{file: a, env: b, 53237: c}", "5.3237", "'53237", "\"53237\\q\"", "{53237"} {
		text := "applications: {a: {radius: {clients: [10.0.0.1], secret: " + secret + "}}}\n"
		_, err := Parse("x.yaml", []byte(text), tableEnv)
		if err == nil || strings.Contains(err.Error(), "3237") {
			t.Errorf("%s: %v", secret, err)
		}
	}
}
