package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

// runLine runs a whole command line and returns what it printed.
func runLine(t *testing.T, input string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files[i] = f
	}
	code = run(t.Context(), args, stdin(t, input), files[0], files[1])
	var texts [2]string
	for i, f := range files {
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return code, texts[0], texts[1]
}

// TestStepOnScreen: what a certificate says does not reach the terminal as it is.
func TestStepOnScreen(t *testing.T) {
	var out strings.Builder
	const evil = "CN=C\u00f6rp\x1b]0;owned\a\n\u202eCA"
	for _, r := range []stepReport{{Step: "TLS", Tried: evil, Error: evil, Advice: evil}, {Step: "TLS", OK: true, Tried: evil, Got: evil}} {
		r.print(&environment{stdout: &out})
	}
	if text := out.String(); strings.ContainsAny(text, "\x1b\a\u202e") || strings.Count(text, "\n") != 5 || strings.Count(text, "CN=C\u00f6rp\ufffd]0;owned") != 5 {
		t.Errorf("%q", text)
	}
}

// directoryConfig writes a configuration with a directory on slapd; change
// replaces a part of it.
func directoryConfig(t *testing.T, s *testenv.Slapd, change ...string) string {
	t.Helper()
	text := fmt.Sprintf(`realms: {corp: {default: true, directories: [corp, local]}}
directories:
  local: {type: local}
  corp:
    type: ldap
    urls: [%q]
    tls: {ca: %q}
    base_dn: %q
    bind_dn: %q
    bind_password: %q
`, s.LDAPURL, s.CAFile, s.BaseDN, s.ServiceDN, s.ServicePassword)
	if len(change) > 0 {
		text = strings.NewReplacer(change...).Replace(text)
	}
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDirectoryTest(t *testing.T) {
	slapd := testenv.StartSlapd(t, testenv.SlapdOptions{})
	foreign := testenv.NewAuthority(t)
	for _, tt := range []struct {
		name   string
		change []string
		input  string
		args   string
		code   int
		want   []string
	}{
		{
			name: "all is well", input: "alice-pw\n", args: "corp --user alice",
			want: []string{
				slapd.LDAPURL + "\n", "connect       ok", "StartTLS", "TLS 1.3", "service bind  ok", "OpenLDAP",
				"user alice\n", "(uid=alice)", "uid=alice,ou=people", "groups        ok", `"staff"`, "user bind     ok", "the password is right",
			},
		},
		{name: "no user", args: "corp", want: []string{"root DSE      ok"}},
		{name: "no password", input: "\n", args: "corp --user alice", want: []string{"groups        ok"}},
		{name: "told not to ask", args: "corp --user alice --no-password", want: []string{"groups        ok"}},
		{
			name: "wrong password", input: "x\n", args: "corp --user alice", code: exitFailed,
			want: []string{"user bind     FAILED", "the login is refused: wrong"},
		},
		{
			name: "unknown user", input: "x\n", args: "corp --user nobody", code: exitFailed,
			want: []string{"search        FAILED", "no such user", "user_filter"},
		},
		{
			name: "wrong service password", change: []string{slapd.ServicePassword, "other"}, args: "corp", code: exitFailed,
			want: []string{"service bind  FAILED", "bind_password"},
		},
		{
			name: "unknown authority", change: []string{slapd.CAFile, foreign.File}, args: "corp", code: exitFailed,
			want: []string{"TLS           FAILED", "tls.ca"},
		},
		{
			name: "nobody listens", change: []string{slapd.LDAPURL, "ldap://127.0.0.1:1"}, args: "corp", code: exitFailed,
			want: []string{"connect       FAILED", "connection refused"},
		},
		{name: "not a remote directory", args: "local", code: exitFailed, want: []string{"is of type local"}},
		{name: "no such directory", args: "crop", code: exitFailed, want: []string{`there is no directory "crop"`, "corp, local"}},
		{
			name: "configuration at fault", change: []string{"urls:", "bind: x\n    urls:"}, args: "corp", code: exitConfig,
			want: []string{"unknown key"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := directoryConfig(t, slapd, tt.change...)
			code, stdout, stderr := runLine(t, tt.input, append([]string{"-c", file, "directory", "test"}, strings.Fields(tt.args)...)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			for _, want := range tt.want {
				if !strings.Contains(stdout+stderr, want) {
					t.Errorf("does not say %q", want)
				}
			}
			if strings.Contains(stdout+stderr, slapd.ServicePassword) || strings.Contains(stdout, "alice-pw") {
				t.Error("a password is printed")
			}
			if t.Failed() {
				t.Logf("%s%s", stdout, stderr)
			}
		})
	}
}

func TestDirectoryTestJSON(t *testing.T) {
	slapd := testenv.StartSlapd(t, testenv.SlapdOptions{})
	code, stdout, stderr := runLine(t, "wrong\n", "--json", "-c", directoryConfig(t, slapd), "directory", "test", "corp", "--user", "alice")
	var steps []stepReport
	if err := json.Unmarshal([]byte(stdout), &steps); err != nil || code != exitFailed || stderr != "" {
		t.Fatalf("exit code %d, %v:\n%s%s", code, err, stdout, stderr)
	}
	var names []string
	for i, s := range steps {
		names = append(names, s.Step)
		if s.OK != (i < len(steps)-1) || (s.Error == "") != s.OK {
			t.Errorf("step %+v", s)
		}
	}
	if got := strings.Join(names, " "); got != "connect TLS service bind root DSE search groups user bind" {
		t.Errorf("steps: %s", got)
	}
	if steps[0].Server != slapd.LDAPURL {
		t.Errorf("server %q", steps[0].Server)
	}
}
