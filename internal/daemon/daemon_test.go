package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/ldapclient"
	"github.com/sallyport-auth/sallyport/internal/radiusclient"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const minimal = `
listen:
  radius: ["127.0.0.1:0"]
  ldap: ["127.0.0.1:0"]
  ldaps: ["127.0.0.1:0"]
  http: "127.0.0.1:0"
tls: {self_signed: tls}
realms: {corp: {default: true, directories: [local]}}
directories:
  local: {type: local, seed: users.csv, argon2: {memory: 64, iterations: 1}}
applications:
  vpn:
    radius: {clients: [127.0.0.1], secret: a-secret-of-the-tests}
    ldap: {base_dn: dc=corp}
    policies: {bindings: [{group: staff, message: For staff only.}]}
`

const people = "login,password,groups\nalice,alice-pw,staff\nbob,bob-pw,\n"

// running is a daemon in this process.
type running struct {
	t      *testing.T
	dir    string
	reload chan struct{}
	addrs  Addresses
	cancel context.CancelFunc
	done   chan error
	log    *testenv.Log
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func start(t *testing.T, text string) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), reload: make(chan struct{}), done: make(chan error, 1), log: &testenv.Log{}}
	write(t, r.dir, "users.csv", people)
	write(t, r.dir, "sallyport.yaml", text)
	cfg, err := r.load()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	ready := make(chan Addresses, 1)
	level := &slog.LevelVar{}
	go func() {
		r.done <- Run(ctx, cfg, Options{
			Load: r.load, Reload: r.reload, Log: r.log.Logger(level), Level: level,
			Ready: func(a Addresses) { ready <- a },
		})
	}()
	select {
	case r.addrs = <-ready:
	case err := <-r.done:
		cancel()
		t.Fatalf("did not start: %v", err)
	}
	t.Cleanup(r.stop)
	return r
}

func (r *running) load() (*config.Config, error) {
	return config.Load(filepath.Join(r.dir, "sallyport.yaml"))
}

func (r *running) stop() {
	r.cancel()
	select {
	case err := <-r.done:
		if err != nil {
			r.t.Errorf("ended with %v", err)
		}
	case <-time.After(10 * time.Second):
		r.t.Error("did not end")
	}
	http.DefaultClient.CloseIdleConnections()
}

func (r *running) radius(user, password string) string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	res, err := radiusclient.Exchange(ctx, r.addrs.RADIUS[0], config.NewSecret("a-secret-of-the-tests"),
		radiusclient.Request{Username: user, Password: password})
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.log)
	}
	return res.Code.String() + strings.Join(res.Messages, " ")
}

func (r *running) ldap(url, user, password string, o ldapclient.Options) ldapclient.Result {
	r.t.Helper()
	res, err := ldapclient.Bind(r.t.Context(), url, o, "uid="+user+",ou=users,dc=corp", config.NewSecret(password))
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r.log)
	}
	return res
}

func (r *running) get(path string) (int, string) {
	r.t.Helper()
	res, err := http.Get("http://" + r.addrs.HTTP + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// hangup asks for a reload and waits for what the log says of it.
func (r *running) hangup(want string) {
	r.t.Helper()
	before := strings.Count(r.log.String(), want)
	r.reload <- struct{}{}
	for end := time.Now().Add(10 * time.Second); strings.Count(r.log.String(), want) == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("the log does not say %q:\n%s", want, r.log)
		}
	}
}

func TestLoginsThroughBothProtocols(t *testing.T) {
	r := start(t, minimal)
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Errorf("alice: %s", got)
	}
	if got := r.radius("bob", "bob-pw"); got != "Access-RejectFor staff only." {
		t.Errorf("bob: %s", got)
	}
	ca := ldapclient.Options{CAFile: filepath.Join(r.dir, "tls/ca.pem")}
	for _, tt := range []struct {
		url      string
		startTLS bool
	}{{"ldap://" + r.addrs.LDAP[0], false}, {"ldap://" + r.addrs.LDAP[0], true}, {"ldaps://" + r.addrs.LDAP[1], false}} {
		ca.StartTLS = tt.startTLS
		if res := r.ldap(tt.url, "alice", "alice-pw", ca); res.Code != 0 {
			t.Errorf("%+v alice: %+v", tt, res)
		}
		if res := r.ldap(tt.url, "bob", "bob-pw", ca); res.Code != 49 || res.Message != "For staff only." {
			t.Errorf("%+v bob: %+v", tt, res)
		}
	}
	if !strings.Contains(r.log.String(), "ca_file="+ca.CAFile) {
		t.Errorf("the log does not name the authority's file:\n%s", r.log)
	}
	if n := strings.Count(r.log.String(), "msg=login"); n != 8 {
		t.Errorf("%d lines for 8 logins:\n%s", n, r.log)
	}
}

func TestReload(t *testing.T) {
	r := start(t, minimal)
	for _, broken := range []string{
		strings.Replace(minimal, "realms:", "realm:", 1),
		strings.Replace(minimal, "dc=corp", "nonsense", 1),
		strings.Replace(minimal, `ldap: ["127.0.0.1:0"]`, `ldap: ["127.0.0.1:3890"]`, 1),
	} {
		write(t, r.dir, "sallyport.yaml", broken)
		r.hangup("reload failed")
		if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
			t.Errorf("after a reload that failed: %s", got)
		}
	}
	if code, body := r.get("/readyz"); code != 200 || !strings.Contains(body, "the last reload failed") {
		t.Errorf("readyz %d: %s", code, body)
	}
	write(t, r.dir, "sallyport.yaml", strings.Replace(minimal, "group: staff", "user: bob", 1)+"log: {level: debug}\n")
	r.hangup("msg=reloaded")
	if got := r.radius("bob", "bob-pw"); got != "Access-Accept" {
		t.Errorf("the new configuration does not act: %s", got)
	}
	if !strings.Contains(r.log.String(), "level=DEBUG msg=stage") {
		t.Error("the new log level does not act")
	}
	if code, body := r.get("/readyz"); code != 200 || strings.Contains(body, "failed") {
		t.Errorf("readyz %d: %s", code, body)
	}
}

// TestSeedIsForTheStart: a reload does not bring back the users of the seed file.
func TestSeedIsForTheStart(t *testing.T) {
	r := start(t, minimal)
	users, err := store.Open(t.Context(), filepath.Join(r.dir, "sallyport.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer users.Close()
	all, err := users.Users(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("%d users, %v", len(all), err)
	}
	for _, u := range all {
		if err := users.DeleteUser(t.Context(), u.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := users.DeleteGroup(t.Context(), "staff"); err != nil {
		t.Fatal(err)
	}
	r.hangup("msg=reloaded")
	if empty, err := users.Empty(t.Context()); err != nil || !empty {
		t.Errorf("after the reload: empty %v, %v", empty, err)
	}
}

// TestLoginsDuringReloads: whatever is reloaded meanwhile, each login gets the
// answer of one configuration.
func TestLoginsDuringReloads(t *testing.T) {
	r := start(t, minimal)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case r.reload <- struct{}{}:
			}
		}
	}()
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 20 {
				if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
					t.Errorf("alice: %s", got)
					return
				}
			}
		})
	}
	clients.Wait()
	close(stop)
	<-ended
	if t.Failed() {
		t.Log(r.log)
	}
}

func TestPortInUse(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for setting, old := range map[string]string{
		"listen.ldap":  `ldap: ["127.0.0.1:0"]`,
		"listen.ldaps": `ldaps: ["127.0.0.1:0"]`,
		"listen.http":  `http: "127.0.0.1:0"`,
	} {
		dir := t.TempDir()
		write(t, dir, "users.csv", people)
		write(t, dir, "sallyport.yaml", strings.Replace(minimal, old, strings.Replace(old, "127.0.0.1:0", busy.Addr().String(), 1), 1))
		cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		err = Run(t.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler)})
		_, port, _ := net.SplitHostPort(busy.Addr().String())
		if err == nil || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), port) {
			t.Errorf("%s in use: %v", setting, err)
		}
		if _, ok := errors.AsType[*ConfigurationError](err); ok {
			t.Errorf("%s in use is no fault of the configuration: %v", setting, err)
		}
	}
}

func TestCheckLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "sallyport.yaml", minimal)
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("check left something: %v", entries)
	}
	write(t, dir, "users.csv", "login,password\nalice,\n")
	if _, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "users.csv") {
		t.Errorf("a seed file without a password: %v", err)
	}
}

// TestDoesNotStart: starts that must not happen are reported as faults of the
// configuration, with their place.
func TestDoesNotStart(t *testing.T) {
	for name, change := range map[string]func(string) string{
		"no directory for the store": func(s string) string { return s + "store: sqlite:none/sallyport.db\n" },
		"no certificate": func(s string) string {
			return strings.Replace(s, "{self_signed: tls}", "{certificate: none.pem, key: none.key}", 1)
		},
		"a helper that is not there": func(s string) string {
			return s + "plugins: {directory: ., allow: [{name: none}]}\n"
		},
		"a policy that is not there": func(s string) string {
			return strings.Replace(s, "group: staff", "policy: staff", 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "users.csv", people)
			write(t, dir, "sallyport.yaml", change(minimal))
			cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			err = Run(t.Context(), cfg, Options{Log: slog.New(slog.DiscardHandler)})
			if _, ok := errors.AsType[*ConfigurationError](err); !ok || !strings.Contains(err.Error(), "sallyport.yaml:") {
				t.Errorf("want a fault with its place, got %v", err)
			}
		})
	}
}

// TestFaultsAtOnce: one part that cannot be built does not hide another's
// faults.
func TestFaultsAtOnce(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "broken.rego", "package sallyport.policies.broken\n")
	text := strings.NewReplacer("{self_signed: tls}", "{certificate: none.pem, key: none.key}", "seed: users.csv", "seed: none.csv").Replace(minimal)
	write(t, dir, "sallyport.yaml", text+"policies: {scoped: [none/*.yaml], expressions: .}\n")
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"none.pem", "none.csv", "policies.scoped[0]", "broken.rego:1:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %s in:\n%v", want, err)
		}
	}
}
