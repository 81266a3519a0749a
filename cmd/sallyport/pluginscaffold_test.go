package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestScaffold runs the test of what is written, with this repository as the SDK.
func TestScaffold(t *testing.T) {
	t.Parallel() // it waits for the compiler
	dir := filepath.Join(t.TempDir(), "new", "greeter")
	code, stdout, stderr := runLine(t, "", "plugin", "scaffold", "greeter", "--dir", dir)
	if code != 0 || !strings.Contains(stdout, "wrote Makefile, README.md, go.mod, main.go, main_test.go to "+dir) {
		t.Fatalf("exit code %d, printed %q", code, stdout+stderr)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600); err != nil {
		t.Fatal(err)
	}
	appendRequirements(t, filepath.Join(dir, "go.mod"), filepath.Join(root, "go.mod"))
	goTool := func(args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
	}
	const sdk = "github.com/sallyport-auth/sallyport"
	goTool("mod", "edit", "-require="+sdk+"@v0.0.0", "-replace="+sdk+"="+root)
	goTool("vet", ".")
	goTool("test", ".")
	if out, err := exec.Command("gofmt", "-l", dir).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("gofmt: %v, %s", err, out)
	}
	makefile, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil || !strings.Contains(string(makefile), "grep -v '  greeter$$' SHA256SUMS") {
		t.Errorf("%v\n%s", err, makefile)
	}
}

// appendRequirements adds what the SDK requires, so that the tool need not look for
// it: "go mod tidy" would, and needs the network.
func appendRequirements(t *testing.T, file, from string) {
	t.Helper()
	mod, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	_, requirements, _ := strings.Cut(string(mod), "\nrequire (")
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("\nrequire (" + requirements); err != nil {
		t.Fatal(err)
	}
}

func TestScaffoldRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args string
		code int
		want string
	}{
		{"greeter --dir " + dir, 1, "nothing was written: " + filepath.Join(dir, "main.go") + " is there already"},
		{"greeter --dir " + filepath.Join(dir, "main.go"), 1, "main.go"},
		{"Greeter --dir " + dir, 2, "a small letter"},
		{"../greeter", 2, "a small letter"},
		{"my-greeter", 2, "a small letter"},
	} {
		code, stdout, stderr := runLine(t, "", append([]string{"plugin", "scaffold"}, words(tt.args)...)...)
		if code != tt.code || !strings.Contains(stdout+stderr, tt.want) {
			t.Errorf("%s: exit code %d, printed %q; want %d, %q", tt.args, code, stdout+stderr, tt.code, tt.want)
		}
	}
	entries, err := os.ReadDir(dir)
	text, readErr := os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil || readErr != nil || len(entries) != 1 || string(text) != "mine" {
		t.Errorf("%v, %q: something was written", entries, text)
	}
}

// TestScaffoldVersion: a released program asks for the SDK that is like it.
func TestScaffoldVersion(t *testing.T) {
	for version, want := range map[string]string{
		"v1.2.3": "\nrequire github.com/sallyport-auth/sallyport v1.2.3\n", "v1.2.3-rc.1": "sallyport v1.2.3-rc.1\n",
		"devel": "\ngo 1.26.0\n", "v1.2.3-4-gabcdef-dirty": "\ngo 1.26.0\n", "v1.2.3-dirty": "\ngo 1.26.0\n",
	} {
		files, err := scaffoldFiles("greeter", version)
		if err != nil {
			t.Fatal(err)
		}
		mod := string(files["go.mod"])
		if !strings.HasSuffix(mod, want) || strings.HasPrefix(want, "\ngo ") == strings.Contains(mod, "require") {
			t.Errorf("%s: %q", version, mod)
		}
	}
}
