package daemon

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHelpers: helpers are told of logins, are counted, go on over reloads that do
// not change them, are swapped by those that do, and stay when the new one refuses
// its settings.
func TestHelpers(t *testing.T) {
	bin := t.TempDir()
	if err := os.Chmod(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "sampled")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "../../plugins/testdata/sampled").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	settings := func(config string) string {
		return minimal + fmt.Sprintf("plugins: {directory: %s, allow: [{name: sampled, sha256: %x, config: %s}]}\n", bin, sha256.Sum256(text), config)
	}
	r := start(t, settings("{greeting: hello}"))
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Errorf("alice: %s", got)
	}
	r.radius("nobody", "nobody-pw")
	has := func(line string) func() bool {
		return func() bool { _, page := r.get("/metrics"); return strings.Contains(page, line+"\n") }
	}
	const told = `sallyport_plugin_outcomes_total{plugin="sampled",result="told"} `
	r.eventually("both logins were told", has(told+"2"))
	for _, line := range []string{
		`sallyport_plugin_ready{plugin="sampled"} 1`, `sallyport_plugin_state{plugin="sampled",state="ready"} 1`,
		`sallyport_plugin_calls_total{plugin="sampled"} 0`, `sallyport_plugin_call_duration_seconds_count{plugin="sampled"} 0`,
	} {
		if !has(line)() {
			t.Errorf("no metric %s", line)
		}
	}

	r.hangup("msg=reloaded")
	if !has(told + "2")() {
		t.Error("a reload that changes nothing started the helper anew")
	}
	write(t, r.dir, "sallyport.yaml", settings("{greeting: hello, tone: loud}"))
	r.hangup("reload failed")
	if status, page := r.get("/readyz"); status != 200 || !strings.Contains(page, "config.tone: plugin sampled says: unknown key") || !has(told+"2")() {
		t.Errorf("after a reload that the helper refused: %d %s", status, page)
	}
	write(t, r.dir, "sallyport.yaml", settings("{greeting: good morning}"))
	r.hangup("msg=reloaded")
	if !has(told + "0")() {
		t.Error("a reload with other settings kept the helper")
	}
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Errorf("alice: %s", got)
	}
	r.eventually("the new one was told", has(told+"1"))
}
