package plugins

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// programs is the directory with the freshly built helpers and their manifest.
var programs string

func TestMain(m *testing.M) {
	if role := os.Getenv("SALLYPORT_TEST_ROLE"); role != "" {
		playRole(role)
		return
	}
	if slices.Contains(os.Args, "-test.fuzzworker") {
		os.Exit(m.Run()) // needs no programs, and is killed without cleaning up
	}
	dir, err := os.MkdirTemp("", "sallyport-test-")
	if err == nil {
		err = build(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	programs = dir
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

func build(dir string) error {
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir+"/",
		"github.com/sallyport-auth/sallyport/examples/plugins/watchlist",
		"github.com/sallyport-auth/sallyport/plugins/testdata/faulty",
		"github.com/sallyport-auth/sallyport/plugins/testdata/sampled")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	for _, name := range []string{"second", "third"} { // more programs of one kind
		if err := os.Link(filepath.Join(dir, "faulty"), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	var manifest strings.Builder
	for _, name := range []string{"watchlist", "faulty", "sampled", "second", "third"} {
		path := filepath.Join(dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, 0o755); err != nil {
			return err
		}
		fmt.Fprintf(&manifest, "%x  %s\n", sha256.Sum256(text), name)
	}
	if err := os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(manifest.String()), 0o644); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755)
}

// configFor lists programs of the built directory.
func configFor(allow ...config.Plugin) *config.Config {
	for i := range allow {
		a := &allow[i] // as the schema's defaults are
		a.Timeout, a.Concurrency, a.Queue = cmp.Or(a.Timeout, 5*time.Second), cmp.Or(a.Concurrency, 64), cmp.Or(a.Queue, 256)
		a.Memory, a.Files, a.Transport = cmp.Or(a.Memory, 512), cmp.Or(a.Files, 256), cmp.Or(a.Transport, "tls")
	}
	return &config.Config{Plugins: config.Plugins{Directory: programs, Manifest: "SHA256SUMS", Allow: allow}}
}

func faulty(args ...string) config.Plugin { return config.Plugin{Name: "faulty", Args: args} }

// quick are intervals for tests.
func quick() timing {
	t := defaultTiming()
	t.grace = 500 * time.Millisecond
	return t
}

// openHost opens a host that is closed with the test.
func openHost(t testing.TB, cfg *config.Config, tm timing) (*Host, *testenv.Log) {
	t.Helper()
	return openBeside(t, cfg, nil, tm)
}

// openBeside opens the next configuration's host beside the present one.
func openBeside(t testing.TB, cfg *config.Config, present *Host, tm timing) (*Host, *testenv.Log) {
	t.Helper()
	buffer := &testenv.Log{}
	h, err := open(t.Context(), cfg, Options{Log: buffer.Logger(slog.LevelInfo), Present: present}, tm)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h, buffer
}

func (h *Host) helper(t testing.TB, name string) policyengine.Helper {
	t.Helper()
	for _, f := range h.Helpers() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no helper %s", name)
	return policyengine.Helper{}
}

// ask calls a helper about erin's login.
func (h *Host) ask(t *testing.T, name string, args ...policyengine.Value) (policyengine.Value, error) {
	t.Helper()
	return h.helper(t, name).Check(t.Context(), erin(), args)
}

func erin() *policyengine.Input {
	return &policyengine.Input{
		RequestID: "r1", Protocol: "radius", Operation: "auth", Application: "vpn", Login: "erin@corp", Realm: "corp",
		User:     &identity.User{ID: "5", Login: "erin", Email: "erin@corp.example", Groups: []string{"staff", "vpn-users"}},
		ClientIP: netip.MustParseAddr("198.51.100.7"), ClientIPKnown: true, Now: time.Unix(1_700_000_000, 0).UTC(),
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, within time.Duration, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s: not yet %s", within, what)
		}
	}
}

// isReady waits for a host's first program to be ready.
func isReady(t *testing.T, h *Host) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); h.Status()[0].State != Ready; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %+v", h.Status()[0])
		}
	}
}

// gone reports whether a process has ended; a zombie counts as ended.
func gone(pid int) bool {
	if pid == 0 { // which would be ourselves
		return true
	}
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

// playRole is what the test binary does when a test starts it again: it starts a
// helper, prints its process number and waits to be killed.
func playRole(role string) {
	programs = os.Getenv("SALLYPORT_TEST_PROGRAMS")
	switch role {
	case "host", "frozen": // three helpers, each with a child of its own
		h, err := Open(context.Background(), configFor(faulty(), config.Plugin{Name: "second"}, config.Plugin{Name: "third"}), Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		var pids []any
		for i, s := range h.Status() {
			forks := slices.IndexFunc(h.Helpers(), func(f policyengine.Helper) bool { return f.Name == s.Name+".forks" })
			child, err := h.Helpers()[forks].Check(context.Background(), erin(), []any{false})
			if err == nil && role == "frozen" && i == 0 {
				err = syscall.Kill(s.PID, syscall.SIGSTOP)
			}
			if err != nil {
				fmt.Println(err)
				return
			}
			pids = append(pids, s.PID, child)
		}
		fmt.Println(pids...)
	case "deaf": // the helper ignores whatever it can
		h, err := Open(context.Background(), configFor(faulty("deaf")), Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(h.Status()[0].PID)
	case "parent": // starts a helper as somebody without Pdeathsig would
		cmd := exec.Command(filepath.Join(programs, "watchlist"))
		cmd.Env = []string{"SALLYPORT_PLUGIN=condition-helper", "PLUGIN_PROTOCOL_VERSIONS=1"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err == nil {
			_, err = out.Read(make([]byte, 1)) // it serves, and watches us
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(cmd.Process.Pid)
	}
	if os.Getenv("SALLYPORT_TEST_END") == "panic" {
		_, _ = os.Stdin.Read(make([]byte, 1))
		panic("as asked for")
	}
	select {}
}
