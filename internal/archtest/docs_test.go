package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestGettingStarted loads the configurations of docs/getting-started.md, with
// the secret in a file of the test's.
func TestGettingStarted(t *testing.T) {
	page := read(t, "docs/getting-started.md")
	blocks := regexp.MustCompile("(?s)<!-- test: (\\S+) -->\n```yaml\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) < 2 {
		t.Fatalf("%d configurations in the page", len(blocks))
	}
	secret := filepath.Join(t.TempDir(), "vpn.secret")
	if err := os.WriteFile(secret, []byte("a-long-shared-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		text := strings.ReplaceAll(b[2], "/etc/sallyport/vpn.secret", secret)
		cfg, err := config.Parse(b[1], []byte(text), os.LookupEnv)
		if err != nil {
			t.Errorf("%s: %v", b[1], err)
			continue
		}
		for _, w := range cfg.Warnings {
			t.Errorf("%s: the page promises no warnings: %v", b[1], w)
		}
	}
}

// TestDependencies: each direct dependency has its reason in the page.
func TestDependencies(t *testing.T) {
	page, mod := read(t, "docs/dependencies.md"), read(t, "go.mod")
	direct, _, _ := strings.Cut(mod, "\n)")
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(direct, -1) {
		if !strings.Contains(page, m[1]) {
			t.Errorf("docs/dependencies.md has no reason for %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\| ([a-z][^|]*) \|`).FindAllStringSubmatch(page, -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			if strings.Contains(name, "/") && !strings.Contains(direct, name+" ") {
				t.Errorf("docs/dependencies.md speaks of %s, which go.mod does not require", name)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

// TestLinks: every link from a page to a file of the repository leads somewhere.
func TestLinks(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}
