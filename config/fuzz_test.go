package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzParse: no text makes the reader panic, a refusal is one fault per line,
// and what is accepted has its defaults.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/faults/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range append(files, fullExample) {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, seed := range []string{
		"", "a", "- - a", "{a: [b, {c: d}]}", "a: |\n  b\n\n c", "a: >-\n  b", "%YAML 1.2\n---\n", "? a\n? b", "&a *a", "a: !!binary x",
		"'a''b': \"\\u00e4\\x00\"", "[[[[", "}", "a:\n- b\n-", "---\n...\n---\n", "<<: *a", "a: 'b", ":", "::", "- :", "? :", "{?}", "[,]",
		"plugins: {allow: [{name: a, env: {B: c}}]}", "applications: {a: {radius: {clients: [\"::1\"], secret: {env: X}}}}",
		"login: {timeout: -1s}", "a: \r\n\tb", "\ufeff# x", "a: 1e999", "a: .inf", "a: -0x1", "\"\\", "a: # b\n  c",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := Parse("fuzz.yaml", data, fullEnv)
		switch {
		case (cfg == nil) != (err != nil):
			t.Fatalf("both or neither: %v, %v", cfg, err)
		case err == nil:
			if cfg.Login.Timeout <= 0 || cfg.StoreFile() == "" || cfg.RADIUS.Workers <= 0 {
				t.Fatalf("accepted without defaults: %+v", cfg)
			}
		default:
			if !utf8.ValidString(err.Error()) {
				t.Fatalf("not UTF-8: %q", err)
			}
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "fuzz.yaml:") {
					t.Fatalf("not a line for a fault: %q", line)
				}
			}
		}
	})
}
