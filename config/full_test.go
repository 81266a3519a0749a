package config

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	_ "time/tzdata" // the example names a time zone
)

// key is one key of the schema. In its path "*" stands for a name and "[]" for
// an item of a list.
type key struct {
	path string
	field
	typ reflect.Type
}

// schema lists the keys of a struct and of the sections below it.
func schema(t reflect.Type, path string) []key {
	var all []key
	for _, f := range fieldsOf(t) {
		typ := t.FieldByIndex(f.index).Type
		at := join(path, f.key)
		all = append(all, key{at, f, typ})
		section, at := inner(typ, at)
		if section != nil {
			all = append(all, schema(section, at)...)
		}
	}
	return all
}

// inner is the struct that a type consists of, if it is a section, several or a
// list of them.
func inner(t reflect.Type, path string) (reflect.Type, string) {
	switch {
	case t.Kind() == reflect.Pointer:
		return inner(t.Elem(), path)
	case t.Kind() == reflect.Map:
		return inner(t.Elem(), path+".*")
	case t.Kind() == reflect.Slice:
		return inner(t.Elem(), path+"[]")
	case t.Kind() == reflect.Struct && !isScalar(t) && t != secretType:
		return t, path
	}
	return nil, path
}

func configSchema() []key { return schema(reflect.TypeFor[Config](), "") }

var listIndex = regexp.MustCompile(`\[\d+\]`)

// schemaPath turns a path of a file into one of the schema.
func schemaPath(path string) string {
	path = strings.ReplaceAll(path, "corp.example", "corp")
	path = listIndex.ReplaceAllString(path, "[]")
	parts := strings.Split(path, ".")
	if len(parts) > 1 && slices.Contains([]string{"realms", "directories", "applications"}, parts[0]) {
		parts[1] = "*"
	}
	return strings.Join(parts, ".")
}

const fullExample = "../examples/sallyport.full.yaml"

// fullEnv is the environment of the example.
func fullEnv(name string) (string, bool) {
	return "a long enough secret", name == "WIFI_SECRET" || name == "DOMAIN_PASSWORD"
}

// parseFull loads the example, or a variation of it, from a directory that has
// the secrets it names.
func parseFull(t *testing.T, text string) *Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vpn", "branch", "bundle"} {
		if err := os.WriteFile(filepath.Join(dir, "secrets", name), []byte("correct horse battery\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := Parse(filepath.Join(dir, "sallyport.full.yaml"), []byte(text), fullEnv)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func readFull(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(fullExample)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFullExampleLoads(t *testing.T) {
	cfg := parseFull(t, readFull(t))
	if len(cfg.Warnings) > 0 {
		t.Errorf("warnings: %v", cfg.Warnings)
	}
	if got := cfg.Applications["vpn"].RADIUS.Secret.Reveal(); got != "correct horse battery" {
		t.Errorf("secret from a file: %q", got)
	}
	if got := cfg.Applications["wifi"].RADIUS.Secret.Reveal(); got != "a long enough secret" {
		t.Errorf("secret from the environment: %q", got)
	}
}

// TestFullExampleHasEveryOption also compares the defaults that its comments
// name with the schema's.
func TestFullExampleHasEveryOption(t *testing.T) {
	text := readFull(t)
	// These two ways to a certificate exclude each other, so that one is a comment.
	text = strings.Replace(text, "  # self_signed:", "  self_signed:", 1)
	text = regexp.MustCompile(`(?m)^  (certificate|key): .*$`).ReplaceAllString(text, "")
	text = bundled(text, "secret")
	cfg := parseFull(t, text)
	written := map[string][]place{}
	for _, c := range []*Config{cfg, parseFull(t, readFull(t)), parseFull(t, bundled(readFull(t), "public_key"))} {
		for path, at := range c.places.at {
			written[schemaPath(path)] = append(written[schemaPath(path)], at)
		}
	}
	lines := strings.Split(text, "\n")
	for _, k := range configSchema() {
		places := written[k.path]
		if len(places) == 0 {
			t.Errorf("%s is missing", k.path)
		}
		if k.hasDefault && !slices.ContainsFunc(places, func(p place) bool {
			return strings.Contains(commentAbove(lines, p.line), "Default: "+k.byDefault)
		}) {
			t.Errorf("%s: no comment says \"Default: %s\"", k.path, k.byDefault)
		}
		delete(written, k.path)
	}
	for path := range maps.Keys(written) {
		if path != "" && !strings.Contains(path, "secret.") && !strings.Contains(path, "password.") && !strings.HasSuffix(path, "]") &&
			!strings.HasSuffix(path, ".*") && !strings.Contains(path, ".env.") && !strings.HasPrefix(path, "plugins.allow[].config.") &&
			!strings.HasPrefix(path, "plugins.allow[].on_failure.") && !strings.HasPrefix(path, "policies.empty_scope.") {
			t.Errorf("%s is not in the schema", path)
		}
	}
}

// bundled is the example with a bundle of policies instead of a directory, and
// with one of the keys that exclude each other.
func bundled(text, key string) string {
	text = strings.Replace(text, "  expressions: policies/rego", "  expressions: policies.tar.gz", 1)
	before, after, _ := strings.Cut(text, "  # bundle:\n")
	text = before + "  bundle:\n"
	for line := range strings.Lines(after) {
		commented, ok := strings.CutPrefix(line, "  #   ")
		switch {
		case !ok:
			text += line
		case key == "secret" && (strings.HasPrefix(commented, "public_key:") || strings.HasPrefix(commented, "algorithm:")),
			key == "public_key" && strings.HasPrefix(commented, "secret:"):
		default:
			text += "    " + commented
		}
	}
	return text
}

// commentAbove is the comment directly above a line, counted from 1.
func commentAbove(lines []string, line int) string {
	var above []string
	for i := line - 2; i >= 0; i-- {
		text := strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(lines[i]), "- "))
		if !strings.HasPrefix(text, "#") {
			break
		}
		above = append(above, strings.TrimSpace(strings.TrimPrefix(text, "#")))
	}
	slices.Reverse(above)
	return strings.Join(above, " ")
}

// TestDefaults decodes each default and checks it against its own limits.
func TestDefaults(t *testing.T) {
	for _, k := range configSchema() {
		v := reflect.New(k.typ).Elem()
		if k.hasDefault {
			if err := k.setDefault(v); err != nil {
				t.Errorf("%s: default %q: %v", k.path, k.byDefault, err)
			}
		}
		if k.hasDefault && k.required {
			t.Errorf("%s is required and has a default", k.path)
		}
		if k.doc == "" {
			t.Errorf("%s has no doc", k.path)
		}
		for _, limit := range []string{k.min, k.max} {
			if limit == "" {
				continue
			}
			if err := setText(v, limit); err != nil {
				t.Errorf("%s: limit %q: %v", k.path, limit, err)
			}
		}
	}
}
