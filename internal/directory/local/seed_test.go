package local

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

func seedFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users.csv")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestSeedCSV(t *testing.T) {
	ctx, s := t.Context(), openStore(t)
	file := seedFile(t, "\ufeffgroups,Login,disabled,password,name,email\r\n"+
		"vpn-users; staff,alice,,\" al,ice \",Alice,alice@example.org\r\n"+
		"\r\n"+
		",carol,true,carol-pw,,\r\n")
	if n, err := SeedCSV(ctx, s, cheap(), file); err != nil || n != 2 {
		t.Fatalf("%d users, %v", n, err)
	}
	d := newDirectory(t, s)
	for _, c := range []struct {
		login, password string
		want            identity.Verdict
		groups          []string
	}{
		{"alice", " al,ice ", identity.Right, []string{"staff", "vpn-users"}},
		{"alice", "al,ice", identity.Wrong, []string{"staff", "vpn-users"}},
		{"carol", "carol-pw", identity.Disabled, nil},
	} {
		u, err := d.Lookup(ctx, c.login)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(u.Groups, c.groups) {
			t.Errorf("%s is in %q, want %q", c.login, u.Groups, c.groups)
		}
		if got, err := d.Verify(ctx, u, identity.NewPassword(c.password)); err != nil || got != c.want {
			t.Errorf("%s with %q: %v, %v; want %v", c.login, c.password, got, err, c.want)
		}
	}
	if alice, err := s.UserByLogin(ctx, "alice"); err != nil || alice.Name != "Alice" || alice.Email != "alice@example.org" ||
		!strings.Contains(alice.PasswordHash.Reveal(), "m=8,t=1,p=1") {
		t.Errorf("%+v, %v", alice, err)
	}
	// A second start does not even look at the file.
	if n, err := SeedCSV(ctx, s, cheap(), filepath.Join(t.TempDir(), "gone.csv")); err != nil || n != 0 {
		t.Errorf("filled store: %d users, %v", n, err)
	}
}

func TestSeedCSVRefuses(t *testing.T) {
	many := "login,password\n" + strings.Repeat("x,\n", maxSeedFaults+5)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{":1: the file is empty"}},
		{"no header", "alice,secret-pw\n", []string{":1: column 1 has none of the names login, password"}},
		{"unknown column", "login,password,shell\n", []string{":1: column 3"}},
		{"column twice", "login,password,login\n", []string{":1: column 3 is a second login"}},
		{"no password column", "login,name\n", []string{":1: there is no column password"}},
		{"no login column", "password\n", []string{":1: there is no column login"}},
		{"login twice", "login,password\nalice,secret-pw\nALICE,secret-pw\n", []string{":3: the login stands in line 2"}},
		{"empty password", "login,password\nbob,x\nalice,\n", []string{":3: the password is empty"}},
		{"empty login", "login,password\n,secret-pw\n", []string{":2: login is empty"}},
		{"too few fields", "login,password\nsecret-pw\n", []string{":2: 1 fields, but the first line names 2"}},
		{"too many fields", "login,password\nalice,x,secret-pw\n", []string{":2: 3 fields"}},
		{"disabled", "login,password,disabled\nalice,x,secret-pw\n", []string{":2: disabled is neither true nor false"}},
		{"bad group", "login,password,groups\nalice,x,a;b\x01\n", []string{":2: group name"}},
		{"bad quotes", "login,password\nalice,\"secret-pw\"x\n", []string{":2:17: "}},
		{"no end of quotes", "login,password\nalice,\"secret-pw\n", []string{":2"}},
		{"all at once", "login,password\n,\nx\nalice,secret-pw\n", []string{":2: login is empty; the password is empty\n", ":3: 1 fields"}},
		{"not UTF-8", "login,password\nalice,\xffsecret-pw\n", []string{":2: the password is not valid UTF-8"}},
		{"many faults", many, []string{":21: ", "not read further"}},
		{"too large", "login,password\n" + strings.Repeat("\n", maxSeedFile), []string{"larger than"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, file := openStore(t), seedFile(t, c.text)
			n, err := SeedCSV(t.Context(), s, cheap(), file)
			if err == nil || n != 0 {
				t.Fatalf("%d users, %v", n, err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if !strings.HasPrefix(err.Error(), file+":") {
				t.Errorf("%q does not begin with the file", err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("shows a password: %v", err)
			}
			if empty, err := s.Empty(t.Context()); err != nil || !empty {
				t.Errorf("not empty, %v", err)
			}
		})
	}
	if _, err := SeedCSV(t.Context(), openStore(t), cheap(), filepath.Join(t.TempDir(), "gone.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := SeedCSV(t.Context(), openStore(t), &config.Argon2{}, seedFile(t, "login,password\n")); err == nil {
		t.Error("took a cost of nothing")
	}
}

func FuzzSeedCSV(f *testing.F) {
	for _, s := range []string{
		"login,password,name,email,groups,disabled\nalice,alice-pw,Alice,a@example.org,vpn-users;staff,false\n",
		"\ufefflogin,password\r\n\"a,b\",\"x\"\"y\"\r\n",
		"password,login,disabled\nx,y,maybe\n",
		"login,password\nalice,\"x\n", "login,password\na,b\nA,b\n", "\n\n", "login\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		users, err := readSeed("users.csv", strings.NewReader(string(data)))
		if err != nil && users != nil {
			t.Error("users and an error")
		}
		seen := make(map[string]bool)
		for _, u := range users {
			if err := errors.Join(u.Check(), CheckPassword(u.password)); err != nil {
				t.Errorf("line %d: %v", u.line, err)
			}
			if seen[identity.Fold(u.Login)] {
				t.Errorf("line %d: %q twice", u.line, u.Login)
			}
			seen[identity.Fold(u.Login)] = true
		}
	})
}
