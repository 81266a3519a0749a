package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/userimport"
)

const importedCSV = "login,password,password_hash,name,groups\n" +
	"alice,alice-pw,,Alice,staff\n" +
	"bob,,{SSHA}/0WQZMZOkjhl11ys9d1hGhlript0n5vn,Bob,staff\n"

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func wantOutput(t *testing.T, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s does not say %q:\n%s", what, w, got)
		}
	}
	for _, secret := range []string{"alice-pw", "/0WQZMZ", "argon2"} {
		if strings.Contains(got, secret) {
			t.Errorf("%s shows %q:\n%s", what, secret, got)
		}
	}
}

func TestUserImport(t *testing.T) {
	config, users := userConfig(t), writeFile(t, "users.csv", importedCSV)
	out, err := sallyport(t, config, "", false, "user", "import", "--dry-run", users)
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, "dry run", out, users+":2: alice: added\n", users+":3: bob: warning: SSHA", "dry run, nothing was stored")
	if entries, err := os.ReadDir(filepath.Dir(config)); err != nil || len(entries) != 1 {
		t.Fatalf("the dry run left %v, %v", entries, err)
	}

	out, err = sallyport(t, config, "", false, "user", "import", users)
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, "import", out, "groups added: staff\nusers: 2 added, 0 updated")
	out, err = sallyport(t, config, importedCSV+"carol,,,Carol,\n", false, "user", "import", "-n", "--format=csv", "-")
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, "dry run with a store", out, "standard input:2: alice: skipped: exists\n", "standard input:4: carol: added\n")
	if _, err := sallyport(t, config, "", false, "user", "show", "carol"); err == nil {
		t.Error("the dry run added carol")
	}

	out, err = sallyport(t, config, "", false, "user", "import", "--update", users)
	if err != nil {
		t.Fatal(err)
	}
	wantOutput(t, "update", out, "users: 0 added, 0 updated, 2 unchanged, 0 skipped")

	// What was imported can be logged in with, and the hash is replaced then.
	cfg, err := (&environment{configPath: config}).loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), cfg.StoreFile())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	d, err := local.New("local", s, cfg.Directories["local"], slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for login, password := range map[string]string{"alice": "alice-pw", "bob": "pässword"} {
		u, err := d.Lookup(t.Context(), login)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Verify(t.Context(), u, identity.NewPassword(password)); err != nil || got != identity.Right {
			t.Errorf("%s: %v, %v", login, got, err)
		}
	}
}

func TestUserImportFaults(t *testing.T) {
	config := userConfig(t)
	users := writeFile(t, "users.csv", importedCSV+"eve@EXAMPLE,,,Eve,\ndave,,{MD5}ICy5YqxZB1uWSwcVLSNLcA==,Dave,\n")
	out, err := sallyport(t, config, "", false, "user", "import", users)
	if exitCode(err) != exitFailed {
		t.Errorf("exit code %d, %v", exitCode(err), err)
	}
	wantOutput(t, "with faults", out, users+`:4: eve@EXAMPLE: fault: login: login "eve@EXAMPLE" ends with the realm`,
		users+":5: dave: fault: password_hash: MD5 is a hash without a salt", "nothing was stored because of the faults")
	if out, err := sallyport(t, config, "", false, "user", "list"); err != nil || !strings.Contains(out, "no users yet") {
		t.Errorf("%s, %v", out, err)
	}
	out, err = sallyport(t, config, "", false, "user", "import", "--partial", users)
	if exitCode(err) != exitFailed {
		t.Errorf("partial: exit code %d, %v", exitCode(err), err)
	}
	wantOutput(t, "partial", out, "\nusers: 2 added, ", "faults: 2\n")

	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{writeFile(t, "users.txt", importedCSV)}, exitUsage, "give it by --format=csv or --format=ldif"},
		{[]string{"-"}, exitUsage, "does not tell the format"},
		{[]string{filepath.Join(t.TempDir(), "none.csv")}, exitFailed, "no such file"},
		{[]string{writeFile(t, "u.csv", "login,pasword\n")}, exitFailed, `did you mean "password"?`},
		{[]string{writeFile(t, "u.ldif", "dn: uid=a,dc=x\nchangetype: delete\n")}, exitFailed, "u.ldif:2: changetype: the file holds changes"},
	} {
		_, err := sallyport(t, config, "", false, append([]string{"user", "import"}, c.args...)...)
		if exitCode(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: exit code %d, %v", c.args, exitCode(err), err)
		}
	}
}

func TestUserImportJSON(t *testing.T) {
	config := userConfig(t)
	ldif := writeFile(t, "users.ldif", "dn: mail=alice@home,dc=x\nuid: alice\nmail: alice@home\n\ndn: dc=x\ndc: x\n")
	out, err := sallyport(t, config, "", true, "user", "import", "--login-attribute=employeeNumber", "--login-attribute=mail", ldif)
	if err != nil {
		t.Fatal(err)
	}
	var report userimport.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if !report.Stored || report.Users.Added != 1 || report.Ignored != 1 || report.GroupsAdded == nil || len(report.Lines) != 2 ||
		report.Lines[0].Name != "alice@home" || report.Lines[0].Result != "added" || len(report.Lines[0].Warnings) != 1 {
		t.Errorf("%+v", report)
	}
}

func TestHashProgress(t *testing.T) {
	var out strings.Builder
	now := time.Unix(0, 0)
	progress := progressTo(&out, func() time.Time { return now })
	for done := range 10 {
		now = now.Add(50 * time.Millisecond)
		progress(done+1, 10)
	}
	if want := "\rhashing passwords: 4 of 10\rhashing passwords: 8 of 10\r\x1b[K"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	if hashProgress(&out) != nil {
		t.Error("shows progress where there is no terminal")
	}
}
