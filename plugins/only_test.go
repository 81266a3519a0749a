package plugins

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/config"
)

// TestOnly: of several programs one is opened, whatever is wrong with the others.
func TestOnly(t *testing.T) {
	t.Parallel()
	cfg := configFor(config.Plugin{Name: "missing"}, config.Plugin{Name: "watchlist", Args: []string{"--names", "erin"}})
	h, err := open(t.Context(), cfg, Options{Only: "watchlist"}, quick())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	if got, err := h.ask(t, "watchlist.listed", "erin"); got != true || len(h.Status()) != 1 {
		t.Errorf("%v, %v; %d programs", got, err, len(h.Status()))
	}
	if _, err := open(t.Context(), cfg, Options{Only: "missing"}, quick()); err == nil {
		t.Error("a program that is not there opens")
	}
}

func TestUnlisted(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"listed": 0o755, "stranger": 0o755, "notes.txt": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/bin/sh", filepath.Join(dir, "way_out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cfg := &config.Config{Plugins: config.Plugins{Directory: dir, Allow: []config.Plugin{{Name: "listed"}}}}
	got, err := Unlisted(cfg)
	if diff := cmp.Diff([]string{"stranger", "way_out"}, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := Unlisted(&config.Config{}); len(got) > 0 || err != nil {
		t.Errorf("without a directory: %v, %v", got, err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Unlisted(cfg); err == nil {
		t.Error("a directory that everybody can write is listed")
	}
}
