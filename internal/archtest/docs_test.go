package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
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

var (
	link    = regexp.MustCompile(`\]\(([^)#\s]*)(?:#([^)\s]*))?\)`)
	code    = regexp.MustCompile("(?s)```.*?```")
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	target  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	dropped = regexp.MustCompile(`[^\w\- ]`)
)

// TestLinks: every link from a page to a file of the repository, and to a heading
// there, leads somewhere.
func TestLinks(t *testing.T) {
	pages := []string{"README.md", "examples/cookbook/README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/policies/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range found {
			page, err = filepath.Rel(root, page)
			if err != nil {
				t.Fatal(err)
			}
			pages = append(pages, page)
		}
	}
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(read(t, page), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to := page
			if m[1] != "" {
				to = filepath.Join(filepath.Dir(page), m[1])
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if m[2] != "" && strings.HasSuffix(to, ".md") && !slices.Contains(anchors(read(t, to)), m[2]) {
				t.Errorf("%s links to #%s of %s, and there is no such heading", page, m[2], to)
			}
		}
	}
}

// anchors are the names of a page's headings, as the web interfaces of repositories
// make them.
func anchors(page string) []string {
	var all []string
	for _, m := range heading.FindAllStringSubmatch(code.ReplaceAllString(page, ""), -1) {
		text := dropped.ReplaceAllString(strings.ToLower(target.ReplaceAllString(m[1], "$1")), "")
		all = append(all, strings.ReplaceAll(text, " ", "-"))
	}
	return all
}
