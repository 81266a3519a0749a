package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// userConfig writes a configuration with a store and a cheap hash.
func userConfig(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	text := "store: sqlite:./users.db\n" +
		"realms: {example: {default: true, directories: [local]}}\n" +
		"directories: {local: {type: local, argon2: {memory: 8, iterations: 1, parallelism: 1}}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// stdin is a pipe with a text in it.
func stdin(t *testing.T, text string) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	if _, err := w.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

// sallyport runs a user or group command and returns what it printed.
func sallyport(t *testing.T, configPath, input string, asJSON bool, args ...string) (string, error) {
	t.Helper()
	var commands struct {
		User  userCmd  `cmd:""`
		Group groupCmd `cmd:""`
	}
	parser, err := kong.New(&commands)
	if err != nil {
		t.Fatal(err)
	}
	command, err := parser.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := &environment{stdin: stdin(t, input), stdout: &out, stderr: &out, configPath: configPath, json: asJSON}
	command.BindTo(t.Context(), (*context.Context)(nil))
	err = command.Run(env)
	if strings.Contains(out.String(), "argon2") {
		t.Errorf("%v prints a hash:\n%s", args, out.String())
	}
	return out.String(), err
}

// step is one command of a session.
type step struct {
	args  string
	input string
	want  []string // in what it prints, or in its error
	fails bool
}

func runSteps(t *testing.T, steps []step) string {
	t.Helper()
	file := userConfig(t)
	for _, s := range steps {
		out, err := sallyport(t, file, s.input, false, strings.Fields(s.args)...)
		if (err != nil) != s.fails {
			t.Errorf("%s: error %v, printed %q", s.args, err, out)
			continue
		}
		if err != nil {
			out += err.Error()
			if exitCode(err) != exitFailed {
				t.Errorf("%s: exit code %d", s.args, exitCode(err))
			}
		}
		for _, want := range s.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q does not say %q", s.args, out, want)
			}
		}
	}
	return file
}

func TestUserCommands(t *testing.T) {
	runSteps(t, []step{
		{args: "user list", fails: true, want: []string{"there is no store yet: /", `users.db; "sallyport user add" makes it, or start the server`}},
		{args: "group add staff", want: []string{`added group "staff"`}},
		{args: "user list", want: []string{"no users yet"}},
		{args: "user add alice --name=Alice --email=a@example.org --group=staff", input: "alice-pw\n", want: []string{`added user "alice"`}},
		{args: "user add bob@EXAMPLE", input: "x\n", fails: true, want: []string{`login "bob@EXAMPLE" ends with the realm "example"`}},
		{args: `user add example\bob`, input: "x\n", fails: true, want: []string{"has a backslash"}},
		{args: "user add ALICE", input: "x\n", fails: true, want: []string{`user "alice" exists already`}},
		{args: "user add bob --group=nope --group=staff --group=none", fails: true, want: []string{"group \"nope\": no such group\n", `group "none": no such group; "sallyport group list"`}}, // no password was read
		{args: "user add bob --group=nope", input: "x\n", fails: true, want: []string{`"nope": no such group`, "sallyport group list"}},
		{args: "user add bob", fails: true, want: []string{"the password is empty"}},
		{args: "user add bob", input: "\nx\n", fails: true, want: []string{"the password is empty"}},
		{args: "user add bob", input: strings.Repeat("x", 2000), fails: true, want: []string{"longer than 1024"}},
		{args: "user add bob", input: "\xff\n", fails: true, want: []string{"UTF-8"}},
		{args: "user add b\x01b", input: "x\n", fails: true, want: []string{"cannot be seen"}},
		{args: "user show bob", fails: true, want: []string{`no such user "bob"; "sallyport user list" shows them`}},
		{args: "user add bob --service --superuser --disabled --password-stdin", input: "bob-pw", want: []string{"added"}},
		{args: "user list", want: []string{"LOGIN  NAME   STATE ", "alice  Alice  enabled ", "bob    -      disabled, service, superuser  20"}},
		{args: "user show Alice", want: []string{"login             alice\n", "groups            staff\n", "nested groups     -\n", "state             enabled\n"}},
		{args: "user disable alice", want: []string{`disabled user "alice"`}},
		{args: "user show alice", want: []string{"state             disabled\n"}},
		{args: "user enable alice", want: []string{`enabled user "alice"`}},
		{args: "user show alice", want: []string{"state             enabled\n"}},
		{args: "user delete BOB", want: []string{`deleted user "bob"`}},
		{args: "user delete bob", fails: true, want: []string{`no such user "bob"`}},
		{args: "user passwd bob", input: "x\n", fails: true, want: []string{`no such user "bob"`}},
		{args: "user disable bob", fails: true, want: []string{`no such user "bob"`}},
		{args: "user enable bob", fails: true, want: []string{`no such user "bob"`}},
	})
}

func TestUserPasswd(t *testing.T) {
	file := userConfig(t)
	s, err := store.Open(t.Context(), filepath.Join(filepath.Dir(file), "users.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	cfg, err := (&environment{configPath: file}).loadConfig()
	if err != nil {
		t.Fatal(err)
	}
	d, err := local.New("local", s, cfg.Directories["local"], nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for _, c := range []struct{ command, input, password string }{
		{"add", "first\n", "first"},
		{"passwd", "second\r\nnot read\n", "second"},
		{"passwd", " with blanks ", " with blanks "},
		{"passwd", strings.Repeat("x", local.MaxPassword) + "\r\n", strings.Repeat("x", local.MaxPassword)},
	} {
		if out, err := sallyport(t, file, c.input, false, "user", c.command, "alice"); err != nil {
			t.Fatalf("%s: %v, %s", c.command, err, out)
		}
		// The server's store is another one on the same file.
		u, err := d.Lookup(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := d.Verify(t.Context(), u, identity.NewPassword(c.password)); err != nil || got != identity.Right {
			t.Errorf("%s %q: %v, %v", c.command, c.password, got, err)
		}
	}
	u, err := s.UserByLogin(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(u.PasswordHash.Reveal(), "$m=8,t=1,p=1$") {
		t.Errorf("the hash has not the configured cost: %s", u.PasswordHash.Reveal())
	}
}

func TestUserJSON(t *testing.T) {
	file := userConfig(t)
	run := func(v any, args ...string) {
		t.Helper()
		out, err := sallyport(t, file, "pw\n", true, args...)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(out), v); err != nil {
			t.Fatalf("%v: %v in %s", args, err, out)
		}
	}
	var list []userJSON
	var group groupJSON
	run(&group, "group", "add", "staff")
	run(&list, "user", "list")
	if list == nil || len(list) != 0 {
		t.Errorf("no users: %v", list)
	}
	var user userGroupsJSON
	run(&user, "user", "add", "alice")
	if user.Login != "alice" || user.ID == "" || user.PasswordChanged == nil || user.Groups == nil || user.NestedGroups == nil {
		t.Errorf("added %+v", user)
	}
	run(&group, "group", "add", "all")
	run(&group, "group", "members", "staff", "--add-user=alice")
	run(&group, "group", "members", "all", "--add-group=staff")
	if group.Name != "all" || len(group.Users) != 0 || strings.Join(group.Groups, " ") != "staff" {
		t.Errorf("members %+v", group)
	}
	run(&user, "user", "disable", "alice")
	if !user.Disabled || strings.Join(user.Groups, " ") != "staff" || strings.Join(user.NestedGroups, " ") != "all" {
		t.Errorf("disabled %+v", user)
	}
	run(&list, "user", "list")
	if len(list) != 1 || !list[0].Disabled {
		t.Errorf("users %+v", list)
	}
	var groups []groupJSON
	run(&groups, "group", "list")
	if len(groups) != 2 || groups[0].Name != "all" {
		t.Errorf("groups %+v", groups)
	}
	var deleted struct{ Deleted string }
	run(&deleted, "user", "delete", "ALICE")
	if deleted.Deleted != "alice" {
		t.Errorf("deleted %+v", deleted)
	}
	run(&deleted, "group", "delete", "all")
}

func TestUserWithoutStore(t *testing.T) {
	file := userConfig(t)
	for _, args := range []string{
		"user list", "user show alice", "user passwd alice", "user disable alice", "user enable alice", "user delete alice",
		"group list", "group members staff", "group members staff --add-user=alice", "group delete staff",
	} {
		_, err := sallyport(t, file, "x\n", false, strings.Fields(args)...)
		if err == nil || !strings.Contains(err.Error(), "there is no store yet") {
			t.Errorf("%s: %v", args, err)
		}
		if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
			t.Fatalf("%s: made a file: %v, %v", args, entries, err)
		}
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(file), "users.db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := sallyport(t, file, "", false, "user", "list"); err == nil || !strings.Contains(err.Error(), "open store") {
		t.Errorf("%v", err)
	}
	_, err := sallyport(t, filepath.Join(t.TempDir(), "none.yaml"), "", false, "user", "list")
	if exitCode(err) != exitConfig {
		t.Errorf("without configuration: exit code %d, %v", exitCode(err), err)
	}
}
