package plugins

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// TestPython runs the example in Python, where its interpreter has grpcio.
func TestPython(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import grpc").CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("python3-grpcio is not installed; .ci/run installs it: %v %s", err, out)
		}
		t.Skipf("python3-grpcio is not installed: %v %s", err, out)
	}
	text, err := os.ReadFile("../examples/plugins/python_weekday/python_weekday")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "python_weekday"), string(text), 0o755)
	listed := config.Plugin{Name: "python_weekday", SHA256: shaOf(string(text)).String(), Transport: "plain", Memory: 1024}
	cfg := func(p config.Plugin) *config.Config {
		c := configFor(p)
		c.Plugins.Directory = dir
		return c
	}
	tm := quick()
	tm.ping = 100 * time.Millisecond
	h, log := openHost(t, cfg(listed), tm)
	is := h.helper(t, "python_weekday.is_day")
	if is.Class != policyengine.Deterministic || len(is.Reads) != 1 || is.Reads[0] != "now.weekday" {
		t.Errorf("described as %+v", is)
	}
	for _, tt := range []struct {
		days any
		want any
		err  string
	}{
		{[]any{"Monday", "Tuesday"}, true, ""}, // the day of erin's login
		{[]any{"Sunday"}, false, ""},
		{[]any{}, false, ""},
		{[]any{"Someday"}, nil, "'Someday' is not the name of a day"},
		{"Monday", nil, "want list"},
	} {
		got, err := is.Check(t.Context(), erin(), []policyengine.Value{tt.days})
		if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("is_day(%v): %v, %v; want %v, %q", tt.days, got, err, tt.want, tt.err)
		}
	}
	if answers, failed := logins(t, is, 20, 5*time.Second, []any{"Tuesday"}); failed > 0 || answers["true"] != 160 {
		t.Errorf("%v, %d failed", answers, failed)
	}
	pid := h.Status()[0].PID
	kill(t, h)
	eventually(t, 30*time.Second, "started again", func() bool { s := h.Status()[0]; return s.State == Ready && s.PID != pid })
	if got, err := is.Check(t.Context(), erin(), []policyengine.Value{[]any{"Wednesday"}}); err != nil || got != false {
		t.Errorf("after a restart: %v, %v\n%s", got, err, log)
	}
	pid = h.Status()[0].PID
	h.Close()
	if !gone(pid) {
		t.Error("it outlives the host")
	}

	wrong := listed
	wrong.Config = map[string]any{"zone": "UTC"}
	if _, err := open(t.Context(), cfg(wrong), Options{}, tm); err == nil || !strings.Contains(err.Error(), "config.zone: plugin python_weekday says: unknown key") {
		t.Errorf("settings: %v", err)
	}
	wrong = listed
	wrong.Transport = "tls"
	if _, err := open(t.Context(), cfg(wrong), Options{}, tm); err == nil || !strings.Contains(err.Error(), "transport: plain") {
		t.Errorf("TLS: %v", err)
	}
}
