package daemon

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSelfSignedIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	files, err := ensureSelfSigned(dir)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(files.certificate)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(files.key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", info.Mode(), err)
	}
	if _, err := ensureSelfSigned(dir); err != nil {
		t.Fatal(err)
	}
	if second, _ := os.ReadFile(files.certificate); !bytes.Equal(first, second) {
		t.Error("the certificate was made anew although it is good")
	}
	if err := os.WriteFile(files.key, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ensureSelfSigned(dir); err == nil || !strings.Contains(err.Error(), "remove the directory") {
		t.Errorf("a damaged key: %v", err)
	}
}

// TestSelfSignedKeepsKey lets somebody else be at the directory first.
func TestSelfSignedKeepsKey(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(t.TempDir(), "theirs")
	if err := os.Symlink(theirs, filepath.Join(dir, "server.key.new")); err != nil {
		t.Fatal(err)
	}
	files, err := ensureSelfSigned(dir)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(files.key); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key is %v, error %v", info.Mode(), err)
	}
	if _, err := os.Stat(theirs); err == nil {
		t.Error("the key was written where a link of somebody else led")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*-*")); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := ensureSelfSigned(dir); err == nil || !strings.Contains(err.Error(), "chmod o-w") {
		t.Errorf("a directory that everybody can write to: %v", err)
	}
}
