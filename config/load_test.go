package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	_ "time/tzdata" // the tables name time zones
)

// tableEnv is the environment of the files under testdata.
func tableEnv(name string) (string, bool) {
	return "", name == "EMPTY"
}

// TestFaults loads each file of testdata/faults and compares the whole error
// with the text beside it.
func TestFaults(t *testing.T) {
	t.Chdir("testdata/faults")
	files, err := filepath.Glob("*.yaml")
	if err != nil || len(files) < 20 {
		t.Fatal(len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".yaml"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			cfg, err := Parse(file, data, tableEnv)
			if err == nil || cfg != nil {
				t.Fatalf("accepted: %+v", cfg)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", err.Error()+"\n")
		})
	}
}

// TestBadBytes has what does not look like a file of text.
func TestBadBytes(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"empty":           {"", "x.yaml:1:1: the file is empty"},
		"blank":           {" \n\n", "x.yaml:1:1: the file is empty"},
		"null":            {"~\n", "x.yaml:1:1: has no value; write one, or remove the key"},
		"not UTF-8":       {"log:\n  level: \xff\n", "x.yaml:2:10: is not valid UTF-8"},
		"NUL":             {"log: \x00\n", "x.yaml:1:6: has the control character U+0000; remove it, or write it as an escape in double quotes"},
		"escape":          {"log: \x1b[31m\n", "x.yaml:1:6: has the control character U+001B; remove it, or write it as an escape in double quotes"},
		"lone CR":         {"log:\rx\n", "x.yaml:1:5: has the control character U+000D; remove it, or write it as an escape in double quotes"},
		"CRLF":            {"log:\r\n  level: x\r\n", `x.yaml:2:10: log.level: "x" is not one of debug, info, warn, error`},
		"byte order mark": {"\ufefflog: {level: x}\n", `x.yaml:1:14: log.level: "x" is not one of debug, info, warn, error`},
		"wide characters": {"log: {format: \"äöü\", level: x}\n", "x.yaml:1:15: log.format: \"äöü\" is not one of text, json\nx.yaml:1:29: log.level: \"x\" is not one of debug, info, warn, error"},
		"too large":       {"store: " + strings.Repeat("x", maxFile), "x.yaml:1:1: the file has more than 4194304 bytes"},
		"long key":        {strings.Repeat("k", maxKey+1) + ": x", "x.yaml:1:1: the key has more than 256 bytes"},
		"deep flow":       {"log: " + strings.Repeat("[", 1<<17), "x.yaml:1:38: is nested deeper than 32 levels"},
		"deep flow maps":  {"log: " + strings.Repeat("{a: ", 1<<15), "x.yaml:1:134: is nested deeper than 32 levels"},
		"deep lists":      {strings.Repeat("- ", 1<<17) + "x", "x.yaml:1:129: is nested deeper than 32 levels"},
		"too many tokens": {"a: [" + strings.Repeat("x,", maxTokens/2), "x.yaml:1:1048578: the file is too large; split it"},
		"too many keys":   {strings.Repeat("x: y\n", 11_000), "x.yaml:10954:1: the file has too many keys; split it, or write a list"},
		"too many absent": {strings.Repeat("-\n", 40_000), "x.yaml:25001:1: the file has too many keys or entries without a value"},
		"absent in flow":  {"a: {" + strings.Repeat("x:,", 40_000) + "}", "x.yaml:1:25005: the file has too many keys or entries without a value"},
		"lonely key":      {"log: {level, format: x}", "x.yaml:1:7: a key without a value; is a colon missing, or the blank after it?"},
		"lonely last key": {"log: {format: x, level # why\n}", "x.yaml:1:18: a key without a value; is a colon missing, or the blank after it?"},
		"after the end":   {"log: {}\n...\nlog: {}\n", "x.yaml:3:1: a second document begins here; a file has only one"},
		"two headers":     {"---\n---\nlog: {}\n", "x.yaml:2:1: a second document begins here; a file has only one"},
		"deep block":      {deepBlock(2000), "x.yaml:65:65: is nested deeper than 32 levels"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(test.text), tableEnv)
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func deepBlock(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, "%sk:\n", strings.Repeat(" ", i))
	}
	return b.String()
}

func TestFaultsAreCapped(t *testing.T) {
	_, err := Parse("x.yaml", []byte(strings.Repeat("a: x\n", 1000)), tableEnv)
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxFaults+1 || lines[maxFaults] != "x.yaml: and 900 more faults" {
		t.Errorf("%d lines, the last %q", len(lines), lines[len(lines)-1])
	}
	var f *Fault
	if !errors.As(err, &f) || f.Line != 1 || f.Path != "a" || f.File != "x.yaml" {
		t.Errorf("first fault: %+v", f)
	}
}

const small = `
realms:
  corp: {default: true, directories: [local]}
directories:
  local: {type: local, seed: users.csv}
applications:
  vpn:
    radius: {clients: [10.0.0.7, 127.0.0.1], secret: {file: vpn.secret}}
    policies: {bindings: [{group: vpn-users}]}
policies: {scoped: [a/*.yaml, /etc/b.yaml]}
listen: {radius: ["127.0.0.1:1812", "[::1]:0?"], http: "off"}
`

// write puts a file into a directory.
func write(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "sallyport.yaml", small, 0o644)
	write(t, dir, "vpn.secret", "correct horse battery\r\n", 0o640)
	cfg, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	vpn, local := cfg.Applications["vpn"], cfg.Directories["local"]
	for _, test := range []struct {
		what      string
		got, want any
	}{
		{"warnings", len(cfg.Warnings), 0},
		{"secret", vpn.RADIUS.Secret.Reveal(), "correct horse battery"},
		{"single address", vpn.RADIUS.Clients[0].String(), "10.0.0.7/32"},
		{"name", vpn.Name, "vpn"},
		{"inherited Message-Authenticator", vpn.RADIUS.MessageAuthenticator, "limit"},
		{"inherited outage", vpn.RADIUS.OnOutage, "silence"},
		{"default in a list", vpn.Policies.Bindings[0].Timeout.String(), "2s"},
		{"default true in a list", vpn.Policies.Bindings[0].Enabled, true},
		{"default section", cfg.LDAP.MaxConnections, 16384},
		{"default cost", *local.Argon2, Argon2{19456, 2, 1}},
		{"store", cfg.StoreFile(), filepath.Join(dir, "sallyport.db")},
		{"seed", local.Seed, filepath.Join(dir, "users.csv")},
		{"relative pattern", cfg.Policies.Scoped[0], filepath.Join(dir, "a/*.yaml")},
		{"absolute pattern", cfg.Policies.Scoped[1], "/etc/b.yaml"},
		{"manifest stays relative to its directory", cfg.Plugins.Manifest, "SHA256SUMS"},
		{"HTTP off", cfg.Listen.HTTP, ListenAddr{}},
		{"not optional", cfg.Listen.RADIUS[0].Optional, false},
		{"optional", cfg.Listen.RADIUS[1].Optional, true},
		{"port 0", cfg.Listen.RADIUS[1].String(), "[::1]:0"},
		{"exposed", cfg.Listen.Exposed(), false},
	} {
		if test.got != test.want {
			t.Errorf("%s: %v, want %v", test.what, test.got, test.want)
		}
	}
	got := cfg.Fault("applications.vpn.policies.bindings[0].policy", "no %q", "x").Error()
	if want := file + `:9:27: applications.vpn.policies.bindings[0].policy: no "x"`; got != want {
		t.Errorf("fault %s, want %s", got, want)
	}
	if got := (&Config{}).Fault("realms", "odd").Error(); got != "realms: odd" {
		t.Errorf("fault without places: %s", got)
	}
}

func TestLoadRefusesSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := write(t, dir, "sallyport.yaml", small, 0o644)
	for text, want := range map[string]string{
		"":                               "is empty",
		"\n":                             "is empty",
		strings.Repeat("x", maxSecret+1): "has more than 65536 bytes",
	} {
		write(t, dir, "vpn.secret", text, 0o600)
		if _, err := Load(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d bytes: %v", len(text), err)
		}
	}
	if _, err := Load(filepath.Join(dir, "missing.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "vpn.secret", "0123456789abcdef", 0o644)
	cfg, err := Parse(filepath.Join(dir, "x.yaml"), []byte(`
listen: {ldap: ["192.0.2.1:389"], http: "0.0.0.0:9312"}
radius: {message_authenticator: off}
realms: {corp: {directories: [local]}}
directories: {local: {type: local}, spare: {type: local}}
applications:
  vpn: {radius: {clients: [10.0.0.0/8], secret: {file: vpn.secret}, message_authenticator: off}}
  home: {radius: {clients: [127.0.0.0/8], secret: short}, policies: {bindings: [{group: a, enabled: false}]}}
  wifi: {radius: {clients: ["::/0"], secret: short}, policies: {bindings: [{group: a}, {user: a@CORP}, {user: a@crop, negate: true}, {user: a@example.org}]}}
`), tableEnv)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, w := range cfg.Warnings {
		got.WriteString(strings.ReplaceAll(w.String(), dir+string(filepath.Separator), "") + "\n")
	}
	golden(t, "testdata/warnings.txt", got.String())
	if !cfg.Listen.Exposed() {
		t.Error("not exposed")
	}
}

// TestKnownSecret: the quick start's secret is good for this machine alone.
func TestKnownSecret(t *testing.T) {
	const text = `
listen: {radius: ["%s"]}
realms: {corp: {directories: [local]}}
directories: {local: {type: local}}
applications: {vpn: {radius: {clients: [127.0.0.1], secret: testing123}}}
`
	for addr, refused := range map[string]bool{
		"127.0.0.1:1812": false, "[::1]:1812?": false, "127.9.9.9:1812": false,
		"0.0.0.0:1812": true, "[::]:1812": true, "10.0.0.1:1812": true, "10.0.0.1:1812?": true,
	} {
		_, err := Parse("x.yaml", fmt.Appendf(nil, text, addr), tableEnv)
		if (err != nil) != refused || refused && !strings.HasPrefix(err.Error(), "x.yaml:5:61: applications.vpn.radius.secret: is the secret of the quick start") {
			t.Errorf("%s: %v", addr, err)
		}
	}
}
