package plugins

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// TestRefusals: whatever is wrong with the files, nothing starts, and the fault
// names the place in the configuration and what to do.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const script = "#!/bin/sh\n"
	sum := digest(sha256.Sum256([]byte(script))).String()
	tests := []struct {
		name   string
		change func(t *testing.T, dir string, cfg *config.Config)
		want   []string
	}{
		{"no directory set", func(_ *testing.T, _ string, c *config.Config) { c.Plugins.Directory = "" }, []string{"plugins.allow", "no plugins.directory"}},
		{"directory missing", func(_ *testing.T, d string, c *config.Config) { c.Plugins.Directory = d + "x" }, []string{"plugins.directory", "no such file"}},
		{"directory is a file", func(_ *testing.T, d string, c *config.Config) { c.Plugins.Directory = d + "/tool" }, []string{"plugins.directory", "not a directory"}},
		{"directory writable by group", func(t *testing.T, d string, _ *config.Config) { chmod(t, d, 0o775) }, []string{"plugins.directory", "chmod go-w"}},
		{"directory of somebody else", func(t *testing.T, d string, _ *config.Config) { chown(t, d) }, []string{"plugins.directory", "belongs to user 12345"}},
		{"program missing", func(t *testing.T, d string, _ *config.Config) { remove(t, d, "tool") }, []string{"plugins.allow[0].name", "open program", "no such file"}},
		{"program writable by others", func(t *testing.T, d string, _ *config.Config) { chmod(t, d+"/tool", 0o757) }, []string{"plugins.allow[0].name", "chmod go-w"}},
		{"program of somebody else", func(t *testing.T, d string, _ *config.Config) { chown(t, d+"/tool") }, []string{"plugins.allow[0].name", "belongs to user 12345"}},
		{"program not executable", func(t *testing.T, d string, _ *config.Config) { chmod(t, d+"/tool", 0o644) }, []string{"plugins.allow[0].name", "chmod +x"}},
		{"program is a directory", func(t *testing.T, d string, _ *config.Config) {
			remove(t, d, "tool")
			if err := os.Mkdir(d+"/tool", 0o755); err != nil {
				t.Fatal(err)
			}
		}, []string{"plugins.allow[0].name", "not a regular file"}},
		{"program outside by symlink", func(t *testing.T, d string, _ *config.Config) {
			remove(t, d, "tool")
			if err := os.Symlink("/bin/sh", d+"/tool"); err != nil {
				t.Fatal(err)
			}
		}, []string{"plugins.allow[0].name", "escapes"}},
		{"program outside by name", func(_ *testing.T, _ string, c *config.Config) { c.Plugins.Allow[0].Name = "../tool" }, []string{"plugins.allow[0].name", "letters, digits"}},
		{"listed twice", func(_ *testing.T, _ string, c *config.Config) {
			c.Plugins.Allow = append(c.Plugins.Allow, c.Plugins.Allow[0])
		}, []string{"plugins.allow[1].name", "twice"}},
		{"manifest missing", func(t *testing.T, d string, _ *config.Config) { remove(t, d, "SHA256SUMS") }, []string{"plugins.manifest", "sha256sum"}},
		{"no manifest set", func(_ *testing.T, _ string, c *config.Config) { c.Plugins.Manifest = "" }, []string{"plugins.manifest", "no manifest"}},
		{"manifest writable by others", func(t *testing.T, d string, _ *config.Config) { chmod(t, d+"/SHA256SUMS", 0o666) }, []string{"plugins.manifest", "chmod go-w"}},
		{"manifest broken", func(t *testing.T, d string, _ *config.Config) { write(t, d+"/SHA256SUMS", "abc  tool\n", 0o644) }, []string{"plugins.manifest", "line 1"}},
		{"manifest too long", func(t *testing.T, d string, _ *config.Config) {
			write(t, d+"/SHA256SUMS", strings.Repeat("\n", maxManifest+1), 0o644)
		}, []string{"plugins.manifest", "longer than"}},
		{"not in manifest", func(t *testing.T, d string, _ *config.Config) { write(t, d+"/SHA256SUMS", sum+"  other\n", 0o644) }, []string{"plugins.allow[0].name", "no line in", "sha256sum tool >>SHA256SUMS"}},
		{"program changed", func(t *testing.T, d string, _ *config.Config) { write(t, d+"/tool", script+"#", 0o755) }, []string{"plugins.allow[0].name", "has the SHA-256", sum}},
		{"sha256 malformed", func(_ *testing.T, _ string, c *config.Config) { c.Plugins.Allow[0].SHA256 = "12" }, []string{"plugins.allow[0].sha256", "64 hex digits"}},
		{"sha256 wrong", func(_ *testing.T, _ string, c *config.Config) {
			c.Plugins.Allow[0].SHA256 = strings.Repeat("0", 64)
		}, []string{"plugins.allow[0].name", "has the SHA-256 " + sum}},
		{"variable of go-plugin", func(_ *testing.T, _ string, c *config.Config) {
			c.Plugins.Allow[0].Env = map[string]config.Secret{"PLUGIN_CLIENT_CERT": {}}
		}, []string{"plugins.allow[0].env", "PLUGIN_CLIENT_CERT"}},
		{"variable without a name", func(_ *testing.T, _ string, c *config.Config) {
			c.Plugins.Allow[0].Env = map[string]config.Secret{"A=B": {}}
		}, []string{"plugins.allow[0].env", "A=B"}},
		{"sockets open to others", func(t *testing.T, _ string, c *config.Config) {
			c.Plugins.Sockets = t.TempDir()
			chmod(t, c.Plugins.Sockets, 0o755)
		}, []string{"plugins.sockets", "chmod 0700"}},
		{"sockets too long", func(t *testing.T, d string, c *config.Config) {
			c.Plugins.Sockets = filepath.Join(t.TempDir(), strings.Repeat("s", 100))
		}, []string{"plugins.sockets", "too long", "103"}},
		{"all at once", func(_ *testing.T, _ string, c *config.Config) {
			c.Plugins.Allow = []config.Plugin{{Name: "a-b"}, {Name: "missing"}, {Name: "tool", SHA256: "zz"}}
		}, []string{"plugins.allow[0].name", "plugins.allow[1].name", "plugins.allow[2].sha256"}},
		{"exits before it talks", func(*testing.T, string, *config.Config) {}, []string{"plugins.allow[0]: plugin tool does not start", "exit status 0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "plugins")
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/tool", script, 0o755)
			write(t, dir+"/SHA256SUMS", sum+"  tool\n", 0o644)
			cfg := &config.Config{Plugins: config.Plugins{Directory: dir, Manifest: "SHA256SUMS", Allow: []config.Plugin{{Name: "tool"}}}}
			tt.change(t, dir, cfg)
			h, err := Open(t.Context(), cfg, Options{})
			if err == nil {
				h.Close()
				t.Fatal("it was started")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in the fault: %v", want, err)
				}
			}
		})
	}
}

// TestBadStarts: programs that are verified, but do not start as they should.
func TestBadStarts(t *testing.T) {
	tests := map[string]string{
		"exit":            "it ended by itself: exit status 3: cannot open the list",
		"garbage":         "hello, I am a program",
		"longline":        "too long",
		"hang":            "did not answer within",
		"version":         "version",
		"elsewhere":       `serves on tcp "127.0.0.1:9"`,
		"outside":         "not on a socket in the directory",
		"configure_hangs": "did not answer within",
	}
	tm := quick()
	tm.start = 2 * time.Second
	for mode, want := range tests {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			h, err := open(t.Context(), configFor(faulty(mode)), Options{}, tm)
			if err == nil {
				h.Close()
				t.Fatal("it was started")
			}
			if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "plugins.allow[0]") {
				t.Errorf("%q is not in the fault: %v", want, err)
			}
			if took := time.Since(begin); took > 6*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestOpenIsCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	h, err := Open(ctx, configFor(faulty("hang"), config.Plugin{Name: "watchlist"}), Options{})
	if err == nil {
		h.Close()
		t.Fatal("it was started")
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func chown(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Chown(path, 12345, -1); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode)
}
