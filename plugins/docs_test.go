package plugins

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const manual = "../docs/plugins.md"

// TestManualCompiles builds and runs the Go code of the manual, its test included, as a package of
// this module that exists only in an overlay.
func TestManualCompiles(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(text, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of Go, want the helper and its test", len(blocks))
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir, replace := t.TempDir(), make(map[string]string)
	for i, name := range []string{"main.go", "main_test.go"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, blocks[i][1], 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, "examples", "plugins", "oncall_of_the_manual", name)] = file
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "oncall.test")
	compile := exec.Command("go", "test", "-vet=off", "-c", "-o", binary, "-overlay", path, "./examples/plugins/oncall_of_the_manual")
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(binary).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestManualListsFacts compares the manual's table with the code.
func TestManualListsFacts(t *testing.T) {
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "| fact | what it is |")
	section, _, _ = strings.Cut(section, "\n## ")
	documented := make(map[string]bool)
	for line := range strings.Lines(section) {
		cells := strings.Split(line, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z_.]+)`").FindAllStringSubmatch(cells[1], -1) {
			documented[m[1]] = true
		}
	}
	for _, f := range allFacts() {
		if !documented[f.name] {
			t.Errorf("the manual does not have the fact %s", f.name)
		}
		delete(documented, f.name)
	}
	for name := range documented {
		t.Errorf("the manual has the fact %s, which does not exist", name)
	}
}
