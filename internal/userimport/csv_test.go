package userimport_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/userimport"
)

// Hashes of the password "pässword", made by slappasswd and libxcrypt.
const (
	ssha   = "{SSHA}/0WQZMZOkjhl11ys9d1hGhlript0n5vn"
	sha512 = "$6$rounds=1000$saltsalt$GRg0cJEHso4LJZYmvs6cl1YziCrkl3pvdLeF58R.fERGV/fOgD8w6F4Ljko0wttVnHPN.v.Sy4JUmYierjxw6/"
	bcrypt = "$2y$04$abcdefghijklmnopqrstuum174eFeoTj0DHmtuueFaS3Wde4P7wHG"
)

func read(t *testing.T, format userimport.Format, text string, o userimport.Options) *userimport.File {
	t.Helper()
	f, err := userimport.Read("file", strings.NewReader(text), format, o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// show writes what was found in a file, one line for each record.
func show(f *userimport.File) []string {
	var lines []string
	for _, u := range f.Users {
		s := fmt.Sprintf("%d user %s", u.Line, u.Login)
		for _, part := range []struct{ name, value string }{
			{"name", u.Name},
			{"email", u.Email},
			{"groups", strings.Join(u.Groups, "|")},
			{"password", u.Password.Reveal()},
			{"hash", u.PasswordHash.Reveal()},
		} {
			if part.value != "" {
				s += fmt.Sprintf(" %s=%s", part.name, part.value)
			}
		}
		for name, set := range map[string]bool{" disabled": u.Disabled, " service": u.Service, " superuser": u.Superuser} {
			if set {
				s += name
			}
		}
		for _, w := range u.Warnings {
			s += " warning: " + w[:10]
		}
		lines = append(lines, s)
	}
	for _, g := range f.Groups {
		s := fmt.Sprintf("%d group %s", g.Line, g.Name)
		if len(g.Members) > 0 {
			s += " members=" + strings.Join(g.Members, "|")
		}
		for _, w := range g.Warnings {
			s += " warning: " + w
		}
		lines = append(lines, s)
	}
	for _, n := range f.Faults {
		lines = append(lines, fmt.Sprintf("%d fault %s: %s", n.Line, n.Name, n.Text))
	}
	for _, n := range f.Ignored {
		lines = append(lines, fmt.Sprintf("%d ignored %s: %s", n.Line, n.Name, n.Text))
	}
	return lines
}

func TestCSV(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{
			"all columns",
			"login,password,password_hash,name,email,groups,disabled,service,superuser\n" +
				"alice,alice-pw,,Alice Adams,alice@example.org,vpn-users; staff;VPN-USERS,,,\n" +
				"bob,," + ssha + ",,,,no,0,false\n" +
				"carol,,,,,,true,,\n" + "robot,,,,,,,yes,\n" + "root,,,,,,,,1\n",
			[]string{
				"2 user alice name=Alice Adams email=alice@example.org groups=vpn-users|staff password=alice-pw",
				"3 user bob hash=" + ssha + " warning: SSHA hashe",
				"4 user carol disabled",
				"5 user robot service",
				"6 user root superuser",
			},
		},
		{"byte order mark, CRLF, other order", "\ufeffNAME , Login\r\nAlice,alice\r\n", []string{"2 user alice name=Alice"}},
		{"semicolons", "login;name;groups\nalice;Adams, Alice;\"a;b\"\n", []string{"2 user alice name=Adams, Alice groups=a|b"}},
		{"tabs", "login\tname\nalice\tAlice\n", []string{"2 user alice name=Alice"}},
		{"only logins", "login\nalice\n\nbob\n", []string{"2 user alice", "4 user bob"}},
		{"text over lines", "login,name\n\"alice\",\"Alice \"\"A\"\"\"\n\"b\nc\",x\nbob,y\n", []string{
			"2 user alice name=Alice \"A\"", "5 user bob name=y",
			"3 fault b\nc: login \"b\\nc\" has a character that cannot be seen (U+000A)",
		}},
		{"no user", "login,name\n", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, show(read(t, userimport.CSV, c.text, userimport.Options{}))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestCSVFaults(t *testing.T) {
	const header = "login,password,password_hash,name,email,groups,disabled,service,superuser\n"
	f := read(t, userimport.CSV, header+strings.Join([]string{
		"good,,,,,,,,",
		",,,,,,,,",
		"short,line",
		"long,,,,,,,,,",
		"both,secret," + ssha + ",,,,,,",
		"plain,,secret,,,,,,",
		"sha,,{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=,,,,,,",
		"des,,abRy4/6THFs9U,,,,,,",
		"locked,,!$6$secret,,,,,,",
		"dear,,$2b$31$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC,,,,,,",
		"hashed," + sha512 + ",,,,,,,",
		"nul,a\x00b,,,,,,,",
		"large," + strings.Repeat("secret", 200) + ",,,,,,,",
		"flags,,,,,,perhaps,2,x",
		"mail,,,,a\x01b,,,,",
		"groups,,,,,a\x01b,,,",
		"many,,,,," + manyGroups() + ",,,",
		"GOOD,,,,,,,,",
		"end,,,,,,,,",
	}, "\n"), userimport.Options{})
	if len(f.Users) != 2 || f.Users[0].Login != "good" || f.Users[1].Login != "end" {
		t.Errorf("users %v", show(f))
	}
	want := []string{
		"3 fault : login is empty",
		"4 fault : 2 fields, but the first line names 9 columns",
		"5 fault : 10 fields, but the first line names 9 columns",
		"6 fault both: password: there is a password_hash too",
		"7 fault plain: password_hash: not a hash of a scheme that is known here",
		"8 fault sha: password_hash: SHA is a hash without a salt",
		"9 fault des: password_hash: DES is broken",
		"10 fault locked: password_hash: the mark of a locked account",
		"11 fault dear: password_hash: bcrypt: the cost is 31, not between 4 and 16",
		"12 fault hashed: password: looks like a hash; hashes stand in the column password_hash",
		"13 fault nul: password: the password has a NUL character",
		"14 fault large: password: the password is longer than 1024 octets",
		"15 fault flags: disabled: neither true nor false; service: neither true nor false; superuser: neither true nor false",
		"16 fault mail: email \"a\\x01b\" has a control character",
		"17 fault groups: group name \"a\\x01b\" has a character that cannot be seen",
		"18 fault many: groups: in more than 4096 groups",
		"19 fault GOOD: login: stands in line 2 already (case does not count)",
	}
	got := show(f)[2:]
	for i, line := range got {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("got %s", line)
		}
		if strings.Contains(line, "secret") || strings.Contains(line, "saltsalt") || strings.Contains(line, "EfatjsU") {
			t.Errorf("shows a secret: %s", line)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d faults, want %d", len(got), len(want))
	}
}

func manyGroups() string {
	var b strings.Builder
	for i := range 4097 {
		fmt.Fprintf(&b, "g%d;", i)
	}
	return b.String()
}

func TestCSVRefused(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "file:1: the file is empty; its first line names the columns: login,password,"},
		{"no header", "alice,secret\n", "file:1: column 1 has none of the names login, password, "},
		{"unknown column", "login,pasword_hash\n", `, did you mean "password_hash"?`},
		{"columns without end", strings.Repeat(",", 100_000), "file:1: 100001 columns; there are only login, "},
		{"no login", "name,email\n", "file:1: there is no column login"},
		{"column twice", "login,name,Name\n", "file:1: column 3 is a second name"},
		{"quote", "login,name\nalice,\"Al\"ice\n", "file:2:"},
		{"quote without end", "login,name\nalice,x\nbob,\"Bob\ncarol,y\n", "file:"},
		{"Latin-1", "login,name\nalice,Alice\njoerg,J\xf6rg\n", "file: line 3 is not valid UTF-8; save the file as UTF-8"},
		{"UTF-16", "\xff\xfel\x00o\x00", "file: it is encoded in UTF-16; save it as UTF-8"},
	} {
		_, err := userimport.Read("file", strings.NewReader(c.text), userimport.CSV, userimport.Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: shows a secret: %v", c.name, err)
		}
	}
}

// endless is a file that does not end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p) // zeros are as good as anything
	return len(p), nil
}

func TestFileTooLarge(t *testing.T) {
	r := &endless{}
	_, err := userimport.Read("file", r, userimport.CSV, userimport.Options{})
	if err == nil || err.Error() != "file: larger than 64 MiB; split it" || r.read > 2*userimport.MaxSize {
		t.Errorf("%v after %d octets", err, r.read)
	}
}

func TestFormatOf(t *testing.T) {
	for name, want := range map[string]userimport.Format{
		"a.csv": userimport.CSV, "b.LDIF": userimport.LDIF, "c.ldf": userimport.LDIF, "d.txt": "", "csv": "", "-": "",
	} {
		if got := userimport.FormatOf(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{
		"login,password_hash,groups\nalice," + ssha + ",a;b\n", "login;name\nx;y", "\ufefflogin\t\n", "login\n\"", "login,password\na,b\nA,b\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { fuzz(t, userimport.CSV, text) })
}

// fuzz reads a file and looks whether what was found can be stored.
func fuzz(t *testing.T, format userimport.Format, text string) {
	t.Helper()
	f, err := userimport.Read("file", strings.NewReader(text), format, userimport.Options{})
	if (f == nil) == (err == nil) {
		t.Fatalf("%v, %v", f, err)
	}
	if err != nil {
		return
	}
	lines := strings.Count(text, "\n") + 1
	for _, u := range f.Users {
		if err := u.Check(); err != nil || u.Line < 1 || u.Line > lines {
			t.Errorf("line %d: %v", u.Line, err)
		}
		if !u.Password.Empty() && u.PasswordHash.Reveal() != "" {
			t.Errorf("line %d: a password and a hash", u.Line)
		}
	}
	for _, n := range f.Faults {
		if n.Text == "" || strings.Contains(n.Text, "\n") || n.Line < 1 || n.Line > lines {
			t.Errorf("fault %+v", n)
		}
	}
}
