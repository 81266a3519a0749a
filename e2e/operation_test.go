package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// try logs in with our own client and returns what it printed and its exit code.
func (s *server) try(protocol, user, password string) (string, int) {
	s.t.Helper()
	address := "--server=" + s.radius
	if protocol == "ldap" {
		address = "--url=ldap://" + s.ldap
	}
	return s.sallyport(password+"\n", "login", protocol, user, address)
}

func (s *server) get(path string) (int, string) {
	s.t.Helper()
	res, err := http.Get("http://" + s.http + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// TestWelcome runs the commands of the quick start's welcome text that need
// nothing but the program, and finds what the text promises.
func TestWelcome(t *testing.T) {
	s := start(t, quickstart(t))
	text, err := os.ReadFile("../examples/quickstart/welcome.txt")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		password, args, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "echo "), " | bin/sallyport -c "+s.config+" login ")
		if !ok {
			continue
		}
		ran++
		promise := strings.TrimSpace(lines[i+1])
		protocol, user, _ := strings.Cut(args, " ")
		out, code := s.try(protocol, user, password)
		if accepted := strings.HasPrefix(promise, "accepted"); accepted != (code == 0) {
			t.Errorf("%s: exit code %d, but the text promises %q:\n%s", line, code, promise, out)
		}
		if _, reply, ok := strings.Cut(promise, `"`); ok && !strings.Contains(out, strings.TrimSuffix(reply, `"`)) {
			t.Errorf("%s: the text promises %q, got:\n%s", line, promise, out)
		}
	}
	if ran < 5 {
		t.Errorf("only %d commands found in the welcome text", ran)
	}
}

func TestChangesActAtTheNextLogin(t *testing.T) {
	s := start(t, quickstart(t))
	must := func(stdin string, args ...string) {
		t.Helper()
		if out, code := s.sallyport(stdin, args...); code != 0 {
			t.Fatalf("sallyport %v: %d\n%s", args, code, out)
		}
	}
	expect := func(what, user, password string, accepted bool) {
		t.Helper()
		for _, protocol := range []string{"radius", "ldap"} {
			if out, code := s.try(protocol, user, password); (code == 0) != accepted {
				t.Errorf("%s, %s: exit code %d\n%s", what, protocol, code, out)
			}
		}
	}
	expect("before", "alice", "alice-pw", true)
	must("new-alice-pw\n", "user", "passwd", "alice")
	expect("old password", "alice", "alice-pw", false)
	expect("new password", "alice", "new-alice-pw", true)
	must("", "user", "disable", "alice")
	expect("disabled", "alice", "new-alice-pw", false)
	must("", "user", "enable", "alice")
	expect("enabled", "alice", "new-alice-pw", true)
	must("", "group", "members", "vpn-users", "--add-user", "bob")
	expect("now a member", "bob", "bob-pw", true)
	must("frank-pw\n", "user", "add", "frank")
	expect("not a member", "frank", "frank-pw", false)
	must("", "group", "add", "contractors")
	must("", "group", "members", "contractors", "--add-user", "frank")
	must("", "group", "members", "vpn-users", "--add-group", "contractors")
	expect("member of a nested group", "frank", "frank-pw", true)
	must("", "user", "delete", "frank")
	expect("deleted", "frank", "frank-pw", false)
}

func (s *server) hangup(done string) {
	s.t.Helper()
	before := len(s.find(func(l logLine) bool { return strings.HasPrefix(l.text("msg"), done) }))
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	s.eventually(done, 20*time.Second, func() bool {
		return len(s.find(func(l logLine) bool { return strings.HasPrefix(l.text("msg"), done) })) > before
	})
}

func TestReload(t *testing.T) {
	config := quickstart(t)
	s := start(t, config)
	writeConfig(t, s.dir, change(t, config, "policy: vpn_members", "policy: vpn_member"))
	s.hangup("reload failed")
	fault := s.waitLog("fault", time.Second, func(l logLine) bool { return strings.HasPrefix(l.text("msg"), "reload failed") })
	if text := fault.text("error"); !strings.Contains(text, "sallyport.yaml:") || !strings.Contains(text, "vpn_members") {
		t.Errorf("the fault has no place or no suggestion: %s", text)
	}
	if out, code := s.try("radius", "alice", "alice-pw"); code != 0 {
		t.Errorf("the old configuration does not go on: %d\n%s", code, out)
	}
	if code, body := s.get("/readyz"); code != 200 || !strings.Contains(body, "the last reload failed") {
		t.Errorf("readyz after a failed reload: %d %s", code, body)
	}
	helper := s.child("watchlist")
	writeConfig(t, s.dir, change(t, config, "- {policy: vpn_members}", "- {group: staff, message: For staff only.}"))
	s.hangup("reloaded")
	for _, protocol := range []string{"radius", "ldap"} {
		if out, code := s.try(protocol, "alice", "alice-pw"); code != 1 || !strings.Contains(out, "For staff only.") {
			t.Errorf("the new configuration does not act on %s: %d\n%s", protocol, code, out)
		}
	}
	if now := s.child("watchlist"); now != helper {
		t.Errorf("the helper was started anew (%d, then %d) although nothing about it changed", helper, now)
	}
	writeConfig(t, s.dir, change(t, config, "--names, erin", "--names, alice"))
	s.hangup("reloaded")
	for user, accepted := range map[string]bool{"alice": false, "erin": true} {
		if out, code := s.try("radius", user, user+"-pw"); (code == 0) != accepted {
			t.Errorf("%s after a reload with another list: %d\n%s", user, code, out)
		}
	}
	writeConfig(t, s.dir, change(t, config, `radius: ["127.0.0.1:0",`, `radius: ["127.0.0.1:9999",`))
	s.hangup("reload failed")
	fault = s.waitLog("fault", time.Second, func(l logLine) bool { return strings.HasPrefix(l.text("msg"), "reload failed") })
	if text := fault.text("error"); !strings.Contains(text, "listen") || !strings.Contains(text, "restart") {
		t.Errorf("a change of listen: %s", text)
	}
}

// TestHelperDies: a helper that is killed is back within a second. The best of
// three counts, because the machine may be busy with something else.
func TestHelperDies(t *testing.T) {
	s := start(t, quickstart(t))
	best := time.Hour
	for try := 0; try < 3 && best > time.Second; try++ {
		best = min(best, s.killHelper())
	}
	if best > time.Second {
		t.Errorf("the helper was never back in less than %s", best)
	}
	if out, code := s.try("radius", "alice", "alice-pw"); code != 0 {
		t.Errorf("after the restart: %d\n%s", code, out)
	}
	if out, code := s.try("radius", "erin", "erin-pw"); code != 1 || !strings.Contains(out, "watch list") {
		t.Errorf("after the restart: %d\n%s", code, out)
	}
}

// killHelper kills the helper and returns how long it took until another one
// was ready.
func (s *server) killHelper() time.Duration {
	s.t.Helper()
	pid := s.child("watchlist")
	began := time.Now()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("new helper", 10*time.Second, func() bool {
		code, _ := s.get("/readyz")
		now := s.child("watchlist")
		return code == 200 && now != pid && now != 0
	})
	return time.Since(began)
}

// TestHelperCannotRun: a helper that does not come back refuses everybody whom
// its policy is asked about.
func TestHelperCannotRun(t *testing.T) {
	s := start(t, quickstart(t))
	pid := s.child("watchlist")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if out, code := s.try("radius", "alice", "alice-pw"); code != 1 || !strings.Contains(out, "Access denied.") {
		t.Errorf("with a helper that hangs: %d\n%s", code, out)
	}
	s.lastLogin("alice", "reject", "policy_failed")
}

// child finds the process of a helper, 0 when there is none. Its parent must be
// the server itself.
func (s *server) child(name string) int {
	s.t.Helper()
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	if len(dirs) == 0 {
		s.t.Skip("no /proc on this system")
	}
	for _, path := range dirs {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended meanwhile
		}
		var pid, ppid int
		var comm, state string
		if _, err := fmt.Sscanf(string(stat), "%d %s %s %d", &pid, &comm, &state, &ppid); err != nil {
			continue
		}
		if ppid == s.cmd.Process.Pid && strings.Contains(comm, name) && state != "Z" {
			return pid
		}
	}
	return 0
}

// TestHelperDiesWithTheServer: a server that is killed leaves no helper behind.
func TestHelperDiesWithTheServer(t *testing.T) {
	s := start(t, quickstart(t))
	pid := s.child("watchlist")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	s.exited <- nil
	s.eventually("end of the helper", 5*time.Second, func() bool {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

func TestReadinessAndMetrics(t *testing.T) {
	s := start(t, quickstart(t))
	s.try("radius", "alice", "alice-pw")
	s.try("ldap", "bob", "bob-pw")
	if code, body := s.get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	code, body := s.get("/readyz")
	var ready struct {
		Ready      bool
		Components map[string]struct{ Ready bool }
	}
	if err := json.Unmarshal([]byte(body), &ready); err != nil || code != 200 || !ready.Ready {
		t.Fatalf("readyz: %d %s (%v)", code, body, err)
	}
	for _, name := range []string{"configuration", "listeners", "store", "directory local", "plugin watchlist"} {
		if !ready.Components[name].Ready {
			t.Errorf("component %s is not ready: %s", name, body)
		}
	}
	_, metrics := s.get("/metrics")
	for _, line := range []string{
		`sallyport_logins_total{application="demo",protocol="radius",reason="ok",verdict="accept"} 1`,
		`sallyport_logins_total{application="demo",protocol="ldap",reason="policy_denied",verdict="reject"} 1`,
		`sallyport_radius_answered_total{code="Access-Accept"} 1`,
		`sallyport_radius_discarded_total{cause="unknown_client"} 0`,
		`sallyport_plugin_ready{plugin="watchlist"} 1`,
		`sallyport_ldap_connections_open `,
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

// TestStop: SIGTERM ends at once, although LDAP connections are open and idle.
func TestStop(t *testing.T) {
	s := start(t, quickstart(t))
	idle := dial(t, s.ldap)
	began := time.Now()
	s.stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if err := idle.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(idle); err != nil && os.IsTimeout(err) {
		t.Error("the idle connection was left open")
	}
}

func TestStartFaults(t *testing.T) {
	busy := listen(t)
	_, port, _ := strings.Cut(busy, ":")
	for _, tt := range []struct {
		name, old, fresh string
		code             int
		want             []string
	}{
		{"port in use", `ldap:   ["127.0.0.1:0"]`, fmt.Sprintf(`ldap:   [%q]`, busy), 1, []string{port, "listen.ldap", "in use"}},
		{"non-loopback with a known secret", `radius: ["127.0.0.1:0", "[::1]:0?"]`, `radius: ["0.0.0.0:0"]`, 3, []string{"applications.demo.radius.secret", "sallyport.yaml:"}},
		{"unknown policy", "policy: watchlist", "policy: watchlists", 3, []string{"watchlist", "sallyport.yaml:"}},
		{"unknown key", "realms:", "realm:", 3, []string{`did you mean "realms"`}},
		{"no such helper", "name: watchlist", "name: watchlost", 3, []string{"watchlost"}},
		{"no such policy file", "policies/scoped.yaml", "policies/none.yaml", 3, []string{"none.yaml"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := workspace(t, change(t, quickstart(t), tt.old, tt.fresh))
			for _, verb := range []string{"serve", "check"} {
				if verb == "check" && tt.code == 1 {
					continue // check does not listen
				}
				out, code := command(t, dir, "", nil, filepath.Join(dir, "bin/sallyport"), "-c", "examples/quickstart/sallyport.yaml", verb)
				if code != tt.code {
					t.Errorf("%s: exit code %d, want %d:\n%s", verb, code, tt.code, out)
				}
				for _, want := range tt.want {
					if !strings.Contains(out, want) {
						t.Errorf("%s does not say %q:\n%s", verb, want, out)
					}
				}
			}
		})
	}
}

func TestHelperWithAWrongHash(t *testing.T) {
	dir := workspace(t, quickstart(t))
	f, err := os.OpenFile(filepath.Join(dir, "bin/plugins/watchlist"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, "x")
	f.Close()
	out, code := command(t, dir, "", nil, filepath.Join(dir, "bin/sallyport"), "-c", "examples/quickstart/sallyport.yaml", "serve")
	if code != 3 || !strings.Contains(out, "SHA-256") {
		t.Errorf("a changed helper: %d\n%s", code, out)
	}
}

func TestCheckAndVersion(t *testing.T) {
	dir := workspace(t, quickstart(t))
	bin := filepath.Join(dir, "bin/sallyport")
	if out, code := command(t, dir, "", nil, bin, "-c", "examples/quickstart/sallyport.yaml", "check"); code != 0 || !strings.Contains(out, "ok") {
		t.Errorf("check: %d\n%s", code, out)
	}
	if entries, _ := os.ReadDir(filepath.Join(dir, "var")); len(entries) > 0 {
		t.Errorf("check left something behind: %v", entries)
	}
	if out, code := command(t, dir, "", nil, bin, "version"); code != 0 || !strings.HasPrefix(out, "sallyport ") {
		t.Errorf("version: %d\n%s", code, out)
	}
	if out, code := command(t, dir, "", nil, bin, "serv"); code != 2 {
		t.Errorf("usage: %d\n%s", code, out)
	}
	if out, code := command(t, dir, "", nil, bin, "-c", "none.yaml", "check"); code != 3 || !strings.Contains(out, "none.yaml") {
		t.Errorf("no configuration: %d\n%s", code, out)
	}
}
