package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// built is the directory with the programs, laid out as make build does:
// bin/sallyport and bin/plugins.
var built string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "sallyport-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	built = dir
	plugins := filepath.Join(dir, "bin", "plugins")
	if err := os.MkdirAll(plugins, 0o755); err != nil {
		return 0, err
	}
	for target, source := range map[string]string{
		filepath.Join(dir, "bin", "sallyport"): "./cmd/sallyport",
		filepath.Join(plugins, "watchlist"):    "./examples/plugins/watchlist",
	} {
		build := exec.Command("go", "build", "-o", target, source)
		build.Dir = ".."
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return 0, fmt.Errorf("build %s: %w\n%s", source, err, out)
		}
	}
	helper, err := os.ReadFile(filepath.Join(plugins, "watchlist"))
	if err != nil {
		return 0, err
	}
	sums := fmt.Sprintf("%x  watchlist\n", sha256.Sum256(helper))
	if err := os.WriteFile(filepath.Join(plugins, "SHA256SUMS"), []byte(sums), fs.FileMode(0o644)); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// need finds a program that is not ours. Without it the test is skipped on a
// developer's machine and fails in CI, where nothing may be left out silently.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is not installed; .ci/run installs it", program)
	}
	t.Skipf("%s is not installed (Debian: freeradius-utils, ldap-utils)", program)
	return ""
}
