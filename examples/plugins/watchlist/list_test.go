package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

// listed asks the function as Sallyport would.
func listed(t *testing.T, l *list, login string) (any, error) {
	t.Helper()
	return sdktest.Start(t, plugin(l), nil).Try("listed", nil, login)
}

func TestListed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, []byte("# suspects\n\nGrace \r\nzoë\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newList("erin, Frank,", file)
	tests := map[string]bool{
		"erin": true, "ERIN": true, "frank": true, "grace": true, "ZOË": true, " erin ": true,
		"alice": false, "": false, "eri": false, "# suspects": false,
	}
	for login, want := range tests {
		if got, err := listed(t, l, login); err != nil || got != want {
			t.Errorf("listed(%q) = %v, %v; want %v", login, got, err, want)
		}
	}
}

func TestFileChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	l := newList("", file)
	if got, err := listed(t, l, "heidi"); err == nil {
		t.Fatalf("without the file: %v, want an error", got)
	}
	for i, step := range []struct {
		text string
		want bool
	}{{"heidi\n", true}, {"judy\n", false}, {"heidi\n", true}} {
		if err := os.WriteFile(file, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(1_700_000_000+int64(i), 0)
		if err := os.Chtimes(file, when, when); err != nil {
			t.Fatal(err)
		}
		if got, err := listed(t, l, "heidi"); err != nil || got != step.want {
			t.Errorf("step %d: %v, %v; want %v", i, got, err, step.want)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got, err := listed(t, l, "heidi"); err == nil {
		t.Errorf("after the file is gone: %v, want an error", got)
	}
}

func TestFileTooLong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(file, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := listed(t, newList("erin", file), "erin"); err == nil {
		t.Errorf("%v, want an error", got)
	}
}
