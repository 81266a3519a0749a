package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// TestNamesCannotWriteOnTerminals: whatever a name holds, its line is one line
// of what can be seen, in both formats.
func TestNamesCannotWriteOnTerminals(t *testing.T) {
	for _, name := range []string{"a\u009b31mx", "a\x1b[31mx", "a\nlevel=INFO msg=login user=root", "a\u202ex", "a\x7fx", "a\xffx"} {
		for format, handler := range map[string]func(*testenv.Log) slog.Handler{
			"text": func(l *testenv.Log) slog.Handler { return slog.NewTextHandler(l, nil) },
			"json": func(l *testenv.Log) slog.Handler { return slog.NewJSONHandler(l, nil) },
		} {
			log := &testenv.Log{}
			r := newRecorder(slog.New(handler(log)), prometheus.NewRegistry())
			r.Record(&proxy.Attempt{Username: name}, &proxy.Outcome{})
			line := strings.TrimSuffix(log.String(), "\n")
			if line == "" || strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c >= 0x7f && c <= 0x9f || c == '\u202e' }) {
				t.Errorf("%s, %q: %q", format, name, line)
			}
		}
	}
}

// TestRecorderTellsOfPolicies: one line for each event, note, failure and dry run,
// refused or not, and nothing besides.
func TestRecorderTellsOfPolicies(t *testing.T) {
	broken := &policyengine.Exception{Code: policyengine.ExceptionHelper, Policy: "partner", Location: "partner.rego:7:2", Err: errors.New("dc1 is\x1b[31m down")}
	evil := []policyengine.Event{{Action: "custom_evil", Policy: "dry"}}
	outcome := proxy.Outcome{
		Events: []policyengine.Event{{Action: "custom_missing", Policy: "partner", Context: map[string]any{
			"user": "a\x1b[31mx", "list": []any{"\u202e", 1.0}, "more": map[string]any{"\x9b": nil},
		}}},
		Trace: []proxy.StageRecord{{Stage: "authorize", Bindings: []policyengine.BindingRecord{
			{Name: "policy off", Skipped: "not enabled"},
			{Name: "group staff", Passing: true},
			{Name: "policy partner", Passing: true, Err: fmt.Errorf("policy partner: %w", broken)},
			{Name: "policy notes", Notes: []string{"seen\nbefore"}},
			{Name: "policy dry", DryRun: true, Messages: []string{"not\x1b you"}, Notes: []string{"never"}, Events: evil},
			{Name: "policy bad", DryRun: true, Err: fmt.Errorf("policy bad: %w", broken)},
		}}},
	}
	log := &testenv.Log{}
	r := newRecorder(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})), prometheus.NewRegistry())
	r.Record(&proxy.Attempt{ID: "r1", Application: "vpn"}, &outcome)
	_, got, _ := strings.Cut(log.String(), "\n") // after the line of the login
	want := `{"level":"WARN","msg":"policy exception","request_id":"r1","application":"vpn","binding":"policy partner","passing":true,"code":"helper_failed","policy":"partner","location":"partner.rego:7:2","error":"policy partner: partner.rego:7:2: dc1 is�[31m down"}
{"level":"INFO","msg":"policy note","request_id":"r1","application":"vpn","binding":"policy notes","text":"seen�before"}
{"level":"INFO","msg":"dry run","request_id":"r1","application":"vpn","binding":"policy dry","passing":false,"messages":["not� you"],"events":1}
{"level":"INFO","msg":"dry run","request_id":"r1","application":"vpn","binding":"policy bad","passing":false,"messages":[],"events":0,"error":"policy bad: partner.rego:7:2: dc1 is�[31m down"}
{"level":"INFO","msg":"policy event","request_id":"r1","application":"vpn","action":"custom_missing","policy":"partner","context":{"list":["�",1],"more":{"�":null},"user":"a�[31mx"}}
`
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("log (-want +got):\n%s", d)
	}
}
