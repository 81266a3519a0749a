package daemon

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-auth/sallyport/internal/testenv"
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
