package plugins

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestFingerprint(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("SHA256SUMS", "sums")
	write("one", "program one")
	cfg := func(change func(*config.Plugin)) *config.Config {
		p := config.Plugin{Name: "one", Args: []string{"-a"}, Env: map[string]string{"A": "1", "B": "2"}}
		if change != nil {
			change(&p)
		}
		return &config.Config{Plugins: config.Plugins{Directory: dir, Manifest: "SHA256SUMS", Allow: []config.Plugin{p}}}
	}
	fingerprint := func(c *config.Config) [32]byte {
		t.Helper()
		sum, err := Fingerprint(c)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	first := fingerprint(cfg(nil))
	if fingerprint(cfg(nil)) != first {
		t.Error("the same helpers have two fingerprints")
	}
	for name, change := range map[string]func(*config.Plugin){
		"args":    func(p *config.Plugin) { p.Args = []string{"-b"} },
		"env":     func(p *config.Plugin) { p.Env = map[string]string{"A": "1", "B": "3"} },
		"timeout": func(p *config.Plugin) { p.Timeout = 1 },
		"sha256":  func(p *config.Plugin) { p.SHA256 = "00" },
	} {
		if fingerprint(cfg(change)) == first {
			t.Errorf("changed %s: the same fingerprint", name)
		}
	}
	for name, text := range map[string]string{"one": "program two", "SHA256SUMS": "other sums"} {
		old, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, text)
		if fingerprint(cfg(nil)) == first {
			t.Errorf("changed file %s: the same fingerprint", name)
		}
		write(name, string(old))
	}
	if _, err := Fingerprint(cfg(func(p *config.Plugin) { p.Name = "none" })); err == nil {
		t.Error("a program that is not there has a fingerprint")
	}
	if fingerprint(&config.Config{}) == first {
		t.Error("no helpers: the same fingerprint")
	}
}
