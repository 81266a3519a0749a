package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pluginConfig builds the sample plugin and the watch list, and writes a
// configuration that lists them, and one that is not there.
func pluginConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	programs := filepath.Join(dir, "plugins")
	if err := os.Mkdir(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", programs+"/", "../../plugins/testdata/sampled", "../../examples/plugins/watchlist")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var sums strings.Builder
	for _, name := range []string{"sampled", "watchlist"} {
		path := filepath.Join(programs, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), name)
	}
	for name, text := range map[string]string{
		"plugins/SHA256SUMS": sums.String(),
		"users.csv":          "login,password,name,email,groups,disabled\nerin,erin-pw,Erin Evans,erin@example.org,staff,\n",
		"sallyport.yaml": `store: sqlite:./users.db
realms: {example: {default: true, directories: [local]}}
directories: {local: {type: local, seed: users.csv}}
applications: {wiki: {ldap: {base_dn: "dc=example,dc=org"}, policies: {bindings: [{policy: nowhere}]}}}
login: {time_zone: Europe/Berlin}
plugins:
  directory: plugins
  allow:
    - {name: sampled, config: {greeting: hello}}
    - {name: missing}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "sallyport.yaml")
}

func TestPluginCommands(t *testing.T) {
	t.Parallel() // it waits for the linker and for processes that start
	file := pluginConfig(t)
	call := func(function string, more ...string) []string {
		return append([]string{"plugin", "call", "sampled." + function}, more...)
	}
	for _, s := range []policyStep{
		{
			args: words("plugin list"), code: 1,
			want: []string{"NAME ", "sampled    ready       1.2.3    join, count,", "missing    failed      -        -", "watchlist  not listed  -        -", `plugins.allow[1].name: "missing" has no line in SHA256SUMS`},
		},
		{args: words("plugin describe sampled"), want: []string{
			"calls itself  sample", "version       1.2.3", "observes      how logins end; facts: user.login",
			"plugin.sampled.join(texts: list, by: string) -> string", "  answers  join(texts, by) is all texts in one.", "  by       what stands between",
			"  class    D, always the same", "  kept     as long as there is room", "plugin.sampled.recent() -> number", "  class    S, reads stored", "  kept     for 1m0s",
			"  facts    client_ip, user.login", "  class    W, changes something", "  kept     not at all", "  timeout  50ms", "  class    N, reads the network",
		}},
		{args: words("plugin describe watchlist"), code: 1, want: []string{`no plugin "watchlist" in plugins.allow`, "there are: sampled, missing"}},
		{args: words("plugin describe sample"), code: 1, want: []string{`did you mean "sampled"?`}},
		{args: words("plugin describe missing"), code: 3, want: []string{"sallyport.yaml:10:", "plugins.allow[1].name"}},
		{args: call("join", `--args=[["a","b"],"+"]`), want: []string{`"a+b"  (`}},
		{args: call("greet"), want: []string{`"hello"`}},
		{args: call("who", `--set=request.user.username="erin"`, `--set=request.user.groups=["staff"]`), want: []string{`{"email":null,"groups":["staff"],"login":"erin"}`}},
		{args: call("who", "--user=erin"), want: []string{`{"email":null,"groups":["staff"],"login":"erin"}`}},
		{args: call("who", "--user=erin@example", `--set=request.user.groups=[]`), want: []string{`{"email":null,"groups":[],"login":"erin"}`}},
		{args: call("who", "--user=mallory"), code: 1, want: []string{`find user "mallory" in realm example: no such user`}},
		{args: call("who"), want: []string{`{"email":null,"groups":[],"login":""}`}},
		{args: call("recent", "--user=erin", "--client=192.0.2.1", "--time=2026-01-31T08:00", "--protocol=ldap"), want: []string{"1  ("}},
		{args: call("fail"), code: 1, want: []string{"call helper sampled.fail: no idea"}},
		{args: call("hang"), code: 1, want: []string{"call helper sampled.hang: "}},
		{args: call("panic"), code: 1, want: []string{"panic: oh dear"}, not: []string{"goroutine"}},
		{args: call("panic", "--verbose"), code: 1, want: []string{"plugin is ready", "goroutine"}},
		{args: call("add", "--args=[5]"), code: 1, want: []string{"sampled.add changes something (class W), for real and at once: say --yes"}},
		{args: call("add", "--args=[5]", "--yes"), want: []string{"5  ("}},
		{args: call("join"), code: 1, want: []string{"0 arguments, want 2"}},
		{args: call("joint"), code: 1, want: []string{`there is no function sampled.joint, did you mean "sampled.join"?`}},
		{args: call("join", "--args=5"), code: 2, want: []string{"--args: it must be a list in JSON"}},
		{args: call("join", "--args=[] []"), code: 2, want: []string{"something stands behind the list"}},
		{args: words("plugin call sampled"), code: 2, want: []string{`"sampled" is not NAME.FUNCTION`}},
		{args: words("plugin call watchlist.listed"), code: 1, want: []string{`no plugin "watchlist"`}},
		{args: call("who", "--user=erin@nowhere", "--application=vpn"), code: 2, want: []string{`there is no application "vpn"`}},
		{args: call("who", "--application=vpn"), code: 2, want: []string{`there is no application "vpn"`}},
		{args: call("who", "--time=soon"), code: 2, want: []string{`--time "soon"`}},
		{args: call("who", "--set=geoip.latitude=5"), code: 2, want: []string{"--set: the input has no geoip.latitude"}},
		{args: call("who", "--set=context.min=1"), code: 2, want: []string{"no login has that"}},
		{args: call("who", "--set=geoip.lat"), code: 2, want: []string{"write it as PATH=VALUE"}},
	} {
		code, stdout, stderr := runLine(t, "", append([]string{"-c", file}, s.args...)...)
		out := stdout + stderr
		if code != s.code {
			t.Errorf("%q: exit code %d, want %d, printed %q", s.args, code, s.code, out)
		}
		for _, want := range s.want {
			if !strings.Contains(out, want) {
				t.Errorf("%q does not say %q: %.600q", s.args, want, out)
			}
		}
		for _, not := range s.not {
			if strings.Contains(out, not) {
				t.Errorf("%q: %q says %q", s.args, out, not)
			}
		}
	}
	testPluginJSON(t, file)
}

// testPluginJSON reads what the commands print for programs.
func testPluginJSON(t *testing.T, file string) {
	decode := func(wantCode int, into any, args ...string) {
		t.Helper()
		code, stdout, stderr := runLine(t, "", append([]string{"-c", file, "--json", "plugin"}, args...)...)
		if err := json.Unmarshal([]byte(stdout), into); err != nil || code != wantCode {
			t.Fatalf("%q: exit code %d, %v, printed %q", args, code, err, stdout+stderr)
		}
	}
	var list pluginListJSON
	decode(1, &list, "list")
	if len(list.Plugins) != 2 || list.Plugins[0].State != "ready" || len(list.Plugins[0].Functions) != 11 || list.Plugins[1].Error == "" || list.Unlisted[0] != "watchlist" {
		t.Errorf("list: %+v", list)
	}
	var described pluginJSON
	decode(0, &described, "describe", "sampled")
	if f := described.Functions[0]; f.Args[1] != (argumentJSON{"by", "string", "what stands between"}) || f.Class != "D" || f.Result != "string" || !described.Observes {
		t.Errorf("describe: %+v", described)
	}
	var answer answerJSON
	decode(0, &answer, "call", "sampled.join", `--args=[["a"],""]`)
	if answer.Value != "a" || answer.Function != "sampled.join" || answer.TookMS <= 0 {
		t.Errorf("call: %+v", answer)
	}
}

func TestNoPlugins(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	if err := os.WriteFile(file, []byte("store: sqlite:./users.db\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"plugin list": "no plugins; plugins.allow in the configuration lists those", "plugin describe geo": "the configuration lists no plugins",
	} {
		if _, stdout, stderr := runLine(t, "", append([]string{"-c", file}, words(line)...)...); !strings.Contains(stdout+stderr, want) {
			t.Errorf("%s: %q, want %q", line, stdout+stderr, want)
		}
	}
}

// TestCallMasks: what names in an answer give away as a secret is not shown, and
// nothing in it reaches the terminal as it is.
func TestCallMasks(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		var out strings.Builder
		value := map[string]any{"api_token": "hunter2", "name": "erin\x1b]0;owned"}
		if err := (&pluginCallCmd{Function: "a.b"}).print(&environment{stdout: &out, json: asJSON}, value, time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); strings.Contains(text, "hunter2") || strings.Contains(text, "\x1b") || !strings.Contains(text, "erin") {
			t.Errorf("%q", text)
		}
	}
}
