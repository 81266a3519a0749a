package plugins

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestLineLog(t *testing.T) {
	buffer := &testenv.Log{}
	now := time.Unix(0, 0)
	l := newLineLog(buffer.Logger(slog.LevelInfo), func() time.Time { return now })
	for _, piece := range []string{"one\ntw", "o\r\n\n", strings.Repeat("z", 3*maxLine), strings.Repeat("z", maxLine) + "\n", "bad \xff\n", "red \x1b[31m\ttext\n", "rest"} {
		if n, err := l.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	l.flush()
	text := buffer.String()
	for _, want := range []string{"line=one\n", "line=two\n", "line=" + strings.Repeat("z", maxLine) + cutMark + "\n", `line="bad ?"`, `line="red ?[31m text"`, "line=rest\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the log", want)
		}
	}
	if n := strings.Count(text, "plugin writes"); n != 6 || l.last() != "rest" {
		t.Errorf("%d records, want 6; last line %q", n, l.last())
	}
}

func TestLineLogThinsFloods(t *testing.T) {
	buffer := &testenv.Log{}
	now := time.Unix(0, 0)
	l := newLineLog(buffer.Logger(slog.LevelInfo), func() time.Time { return now })
	write := func(lines int) { _, _ = l.Write([]byte(strings.Repeat("x\n", lines))) }
	write(1000)
	if n := strings.Count(buffer.String(), "line=x"); n != linesBurst {
		t.Errorf("%d lines of a flood, want %d", n, linesBurst)
	}
	now = now.Add(time.Second)
	write(1000)
	if n := strings.Count(buffer.String(), "line=x"); n != linesBurst+linesPerSec {
		t.Errorf("%d lines a second later, want %d", n, linesBurst+linesPerSec)
	}
	if !strings.Contains(buffer.String(), "lines=900") {
		t.Errorf("the log does not count what was left out:\n%s", buffer)
	}
	l.flush()
	if !strings.Contains(buffer.String(), "lines=980") {
		t.Error("the end of the flood is not counted")
	}
}

// TestLineLogSlowsFloods: what floods without end is read at a bounded pace.
func TestLineLogSlowsFloods(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLineLog(slog.New(slog.DiscardHandler), time.Now)
		begin, piece := time.Now(), []byte(strings.Repeat("x", 32<<10) + "\n")[1:]
		write := func(bytes int) {
			for range bytes / len(piece) {
				_, _ = l.Write(piece)
			}
		}
		write(bytesBurst)
		if took := time.Since(begin); took > 0 {
			t.Errorf("a burst took %s", took)
		}
		write(10 * bytesPerSec)
		if took := time.Since(begin).Round(time.Second); took != 10*time.Second {
			t.Errorf("ten seconds' worth took %s", took)
		}
		time.Sleep(time.Minute)
		begin = time.Now()
		write(bytesBurst)
		if took := time.Since(begin); took > 0 {
			t.Errorf("a burst after a pause took %s", took)
		}
	})
}
