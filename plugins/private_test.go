package plugins

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

func TestPrivateDir(t *testing.T) {
	cfg := &config.Config{Plugins: config.Plugins{Sockets: filepath.Join(shortDir(t), "run")}}
	old := time.Now().Add(-time.Hour)
	newDir := func() *privateDir {
		t.Helper()
		d, err := newPrivateDir(cfg)
		if err == nil {
			err = os.Chtimes(d.path, old, old)
		}
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	exists := func(d *privateDir) bool { _, err := os.Stat(d.path); return err == nil }

	killed, alive := newDir(), newDir()
	if info, err := os.Stat(alive.path); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v; want mode 0700", info.Mode(), err)
	}
	_ = killed.lock.Close() // as the end of its process does
	if err := os.Chtimes(killed.path, old, old); err != nil {
		t.Fatal(err)
	}
	next := newDir()
	if exists(killed) {
		t.Error("what a killed process left is still there")
	}
	if !exists(alive) || !exists(next) {
		t.Error("a directory in use was removed")
	}
	alive.remove()
	next.remove()
	if left, _ := os.ReadDir(cfg.Plugins.Sockets); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// shortDir is a directory of mode 0700 for sockets, whose paths must be short.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "s") //nolint:usetesting // whose are long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
