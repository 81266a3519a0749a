package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// install builds examples of plugins into a directory, beside those that are there,
// and writes the manifest anew.
func install(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, name), "./examples/plugins/"+name)
		build.Dir = ".."
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	programs, err := filepath.Glob(filepath.Join(dir, "[a-z]*"))
	if err != nil {
		t.Fatal(err)
	}
	var sums strings.Builder
	for _, program := range programs {
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(program, 0o755); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(text), filepath.Base(program))
	}
	put(t, filepath.Join(dir, "SHA256SUMS"), sums.String())
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// told waits until a plugin was told of so many outcomes.
func (s *server) told(plugin string, outcomes int) {
	s.t.Helper()
	want := fmt.Sprintf("sallyport_plugin_outcomes_total{plugin=%q,result=\"told\"} %d\n", plugin, outcomes)
	s.eventually(want, 5*time.Second, func() bool {
		_, metrics := s.get("/metrics")
		return strings.Contains(metrics, want)
	})
}

// TestQuota: the helper counts accepted logins, those alone, and the next one finds
// the quota used up, through either protocol.
func TestQuota(t *testing.T) {
	config := change(t, quickstart(t), "- {policy: watchlist}", "- {policy: not_too_often}")
	config = change(t, config, "- {name: watchlist, args: [--names, erin]}", "- {name: watchlist}\n    - {name: quota, config: {limit: 2, window: 1h}}")
	dir := workspace(t, config)
	install(t, filepath.Join(dir, "bin/plugins"), "quota")
	put(t, filepath.Join(dir, "examples/quickstart/policies/rego/not_too_often.rego"), `package sallyport.policies.not_too_often

default allow := false

allow if plugin.quota.left() > 0

messages contains "Too many logins." if not allow
`)
	s := startIn(t, dir)
	for i, login := range []struct {
		protocol, user, password string
		accepted                 bool
	}{
		{"radius", "alice", "wrong", false},
		{"radius", "alice", "alice-pw", true},
		{"ldap", "alice", "alice-pw", true},
		{"radius", "alice", "alice-pw", false},
		{"ldap", "alice", "alice-pw", false},
		{"radius", "erin", "erin-pw", true},
	} {
		out, code := s.try(login.protocol, login.user, login.password)
		if (code == 0) != login.accepted {
			t.Errorf("login %d: exit code %d\n%s", i, code, out)
		}
		s.told("quota", i+1)
	}
	if out, code := s.sallyport("", "plugin", "call", "quota.left", "--user", "alice"); code != 0 || !strings.HasPrefix(out, "2  (") {
		t.Errorf("another process has counted nothing: %d\n%s", code, out)
	}
	if out, code := s.sallyport("", "plugin", "list"); code != 0 || !strings.Contains(out, "quota      ready  1.0.0    left, used, under") {
		t.Errorf("plugin list: %d\n%s", code, out)
	}
}

// positions writes a MaxMind file with the positions of networks.
func positions(t *testing.T, file string, networks map[string][2]float64) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", RecordSize: 24, BuildEpoch: 1_700_000_000, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	for text, at := range networks {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		place := mmdbtype.Map{"location": mmdbtype.Map{"latitude": mmdbtype.Float64(at[0]), "longitude": mmdbtype.Float64(at[1])}}
		if err := tree.Insert(network, place); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := tree.WriteTo(f); err != nil {
		t.Fatal(err)
	}
}

// TestImpossibleTravel: the helper remembers where somebody was let in, over a
// restart too.
func TestImpossibleTravel(t *testing.T) {
	need(t, "radclient")
	config := change(t, quickstart(t), "- {policy: watchlist}", "- {policy: no_teleports}")
	config = change(t, config, "- {name: watchlist, args: [--names, erin]}",
		"- {name: watchlist}\n    - {name: impossible_travel, config: {state: ../../var/travel.json}}") + "geoip: {city: ../../var/city.mmdb}\n"
	dir := workspace(t, config)
	install(t, filepath.Join(dir, "bin/plugins"), "impossible_travel")
	positions(t, filepath.Join(dir, "var/city.mmdb"), map[string][2]float64{"192.0.2.0/24": {52.52, 13.41}, "198.51.100.0/24": {-33.87, 151.21}})
	put(t, filepath.Join(dir, "examples/quickstart/policies/rego/no_teleports.rego"), `package sallyport.policies.no_teleports

default allow := false

allow if plugin.impossible_travel.possible(900)

messages contains "That was fast." if not allow
`)
	const berlin, sydney, office = "192.0.2.7", "198.51.100.7", "10.0.0.7"
	from := func(s *server, user, address, want string) {
		t.Helper()
		out, _ := s.radclient(pap(user, user+"-pw", fmt.Sprintf("Calling-Station-Id = %q", address)), "testing123")
		if !strings.Contains(out, "Received "+want) || (want == "Access-Reject") != strings.Contains(out, "That was fast.") {
			t.Errorf("%s from %s: want %s, got:\n%s", user, address, want, out)
		}
	}
	s := startIn(t, dir)
	from(s, "alice", berlin, "Access-Accept")
	s.told("impossible_travel", 1)
	from(s, "alice", sydney, "Access-Reject")
	from(s, "alice", office, "Access-Accept")
	from(s, "erin", sydney, "Access-Accept")
	from(s, "alice", berlin, "Access-Accept")
	s.told("impossible_travel", 5)
	if out, code := s.sallyport("", "plugin", "call", "impossible_travel.speed_kmh", "--user", "bob", "--client", berlin); code != 0 || !strings.HasPrefix(out, "0  (") {
		t.Errorf("plugin call: %d\n%s", code, out)
	}
	s.stop()
	s = startIn(t, dir)
	from(s, "alice", sydney, "Access-Reject")
	from(s, "erin", berlin, "Access-Reject")
	from(s, "erin", sydney, "Access-Accept")
}

// TestPluginReadmes checks the configurations and the policies of the examples'
// pages.
func TestPluginReadmes(t *testing.T) {
	names := []string{"calendar", "geofence", "impossible_travel", "quota"}
	dir := t.TempDir()
	programs := filepath.Join(dir, "plugins.d")
	if err := os.Mkdir(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	install(t, programs, names...)
	holidays, err := os.ReadFile("../examples/plugins/calendar/testdata/holidays.ics")
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "holidays.ics"), string(holidays))
	for _, name := range names {
		page, err := os.ReadFile(filepath.Join("../examples/plugins", name, "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```(yaml|rego)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
		if len(blocks) != 3 || blocks[1][1] != "rego" {
			t.Fatalf("%s: %d blocks, want settings, an expression policy and a scoped one", name, len(blocks))
		}
		checkPage(t, dir, name, blocks[0][2], blocks[1][2], blocks[2][2])
	}
}

// checkPage checks a configuration with the settings, the expression policy and the
// scoped policies of a page.
func checkPage(t *testing.T, dir, name, settings, expression, scoped string) {
	t.Helper()
	policies := filepath.Join(dir, name)
	if err := os.MkdirAll(policies, 0o755); err != nil {
		t.Fatal(err)
	}
	policy := regexp.MustCompile(`package sallyport\.policies\.(\w+)`).FindStringSubmatch(expression)
	put(t, filepath.Join(policies, policy[1]+".rego"), expression)
	put(t, filepath.Join(dir, name+"-scoped.yaml"), scoped)
	put(t, filepath.Join(dir, "users.csv"), "login,password,name,email,groups,disabled\nerin,erin-pw,,,network,\n")
	settings = strings.NewReplacer("/etc/sallyport/", dir+"/", "/var/lib/sallyport/", dir+"/").Replace(settings)
	put(t, filepath.Join(dir, "sallyport.yaml"), settings+fmt.Sprintf(`
store: sqlite:./users.db
listen: {radius: ["127.0.0.1:0"]}
realms: {example: {default: true, directories: [local]}}
directories: {local: {type: local, seed: users.csv}}
applications: {vpn: {radius: {clients: [127.0.0.1], secret: a-secret-of-the-tests}, policies: {bindings: [{policy: %s}]}}}
policies: {scoped: [%s-scoped.yaml], expressions: %s}
`, policy[1], name, name))
	if out, code := command(t, dir, "", nil, filepath.Join(built, "bin/sallyport"), "check"); code != 0 {
		t.Errorf("%s: %d\n%s", name, code, out)
	}
}

// TestPluginManual does what docs/plugins.md says: it builds the helper there, lists
// it, asks it, and checks the policies.
func TestPluginManual(t *testing.T) {
	page, err := os.ReadFile("../docs/plugins.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string][]string{}
	for _, b := range regexp.MustCompile("(?s)```(\\w+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		blocks[b[1]] = append(blocks[b[1]], b[2])
	}
	if len(blocks["go"]) != 2 || len(blocks["yaml"]) != 3 || len(blocks["rego"]) != 1 || len(blocks["console"]) != 1 {
		t.Fatalf("the page has other blocks: %q", blocks)
	}
	dir := t.TempDir()
	programs := filepath.Join(dir, "plugins.d")
	if err := os.Mkdir(programs, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "main.go"), blocks["go"][0])
	put(t, filepath.Join(dir, "oncall.txt"), "erin\n")
	put(t, filepath.Join(dir, "roster.token"), "a-secret-of-the-tests\n")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{
		filepath.Join(root, "examples/plugins/oncall_of_the_manual/main.go"): filepath.Join(dir, "main.go"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "overlay.json"), string(overlay))
	build := exec.Command("go", "build", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", filepath.Join(programs, "oncall"), "./examples/plugins/oncall_of_the_manual")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	install(t, programs)
	for _, settings := range blocks["yaml"][:2] {
		checkPage(t, dir, "oncall", settings, blocks["rego"][0], blocks["yaml"][2])
		for line := range strings.Lines(blocks["console"][0]) {
			args := strings.TrimPrefix(strings.TrimSpace(line), "$ sallyport ")
			out, code := command(t, dir, "", nil, "sh", "-c", filepath.Join(built, "bin/sallyport")+" "+args)
			if code != 0 || strings.Contains(args, " call ") && !strings.HasPrefix(out, "true  (") {
				t.Errorf("%s: %d\n%s", args, code, out)
			}
		}
	}
}
