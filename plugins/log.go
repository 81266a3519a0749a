package plugins

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

const (
	maxLine      = 1024 // bytes of a line that are logged
	linesBurst   = 100  // lines at once, and
	linesPerSec  = 20   // lines a second, of one stream of one program
	bytesBurst   = 4 << 20
	bytesPerSec  = 1 << 20 // that are read of one stream once the burst is used up
	cutMark      = "…"
	floodMessage = "plugin writes too much: lines left out"
)

// lineLog is a writer that logs what a program writes, line by line. Long lines
// are cut and floods are thinned: whatever a program writes is read, and costs a
// bounded amount of log. Who floods without end is read slowly, and so costs a
// bounded part of a processor, too.
type lineLog struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	line    []byte
	cut     bool // the line has more than maxLine bytes
	lastOne []byte
	tokens  float64
	bytes   float64 // that can be read at once; below zero they were
	filled  time.Time
	dropped int
}

func newLineLog(log *slog.Logger, now func() time.Time) *lineLog {
	return &lineLog{log: log, now: now, tokens: linesBurst, bytes: bytesBurst, filled: now()}
}

// Write takes a piece of the stream. It never fails.
func (l *lineLog) Write(p []byte) (int, error) {
	time.Sleep(l.take(p))
	return len(p), nil
}

// take logs a piece, and says how long to wait before the next one.
func (l *lineLog) take(p []byte) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fillLocked()
	for rest := p; len(rest) > 0; {
		piece, after, ended := bytes.Cut(rest, []byte{'\n'})
		if room := maxLine - len(l.line); len(piece) > room {
			l.cut = true
			piece = piece[:room]
		}
		l.line = append(l.line, piece...)
		if ended {
			l.emitLocked()
		}
		rest = after
	}
	l.bytes -= float64(len(p))
	return time.Duration(-l.bytes / bytesPerSec * float64(time.Second))
}

// fillLocked gives what may be logged and read since the last time.
func (l *lineLog) fillLocked() {
	now := l.now()
	since := now.Sub(l.filled).Seconds()
	l.filled = now
	l.tokens = min(linesBurst, l.tokens+since*linesPerSec)
	l.bytes = min(bytesBurst, l.bytes+since*bytesPerSec)
}

// flush logs what stands after the last end of a line, and what was left out.
func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emitLocked()
	l.reportDroppedLocked()
}

// last is the last line that was not empty.
func (l *lineLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return printable(string(l.lastOne))
}

func (l *lineLog) emitLocked() {
	line := bytes.TrimSpace(l.line)
	cut := l.cut
	l.line, l.cut = l.line[:0], false
	if len(line) == 0 {
		return
	}
	l.lastOne = append(l.lastOne[:0], line...)
	if cut {
		l.lastOne = append(l.lastOne, cutMark...)
	}
	if l.tokens < 1 {
		l.dropped++
		return
	}
	l.tokens--
	l.reportDroppedLocked()
	l.log.Info("plugin writes", "line", printable(string(l.lastOne)))
}

func (l *lineLog) reportDroppedLocked() {
	if l.dropped > 0 {
		l.log.Warn(floodMessage, "lines", l.dropped)
		l.dropped = 0
	}
}

// printable is a text of a program as one line, without what steers terminals.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		}
		return '?'
	}, text)
}

// bridge gives go-plugin's own messages to slog, all as debug: what matters of
// them the supervisor says in its words.
type bridge struct {
	hclog.Logger // the null logger: levels, names and writers that nobody uses
	log          *slog.Logger
}

func newBridge(log *slog.Logger) hclog.Logger { return bridge{hclog.NewNullLogger(), log} }

func (b bridge) debug(msg string, args []any) {
	b.log.Debug("go-plugin", append([]any{"message", msg}, args...)...)
}

// Log implements hclog.Logger, as the methods below do.
func (b bridge) Log(_ hclog.Level, msg string, args ...any) { b.debug(msg, args) }

// Debug logs at debug.
func (b bridge) Debug(msg string, args ...any) { b.debug(msg, args) }

// Info logs at debug.
func (b bridge) Info(msg string, args ...any) { b.debug(msg, args) }

// Warn logs at debug.
func (b bridge) Warn(msg string, args ...any) { b.debug(msg, args) }

// Error logs at debug.
func (b bridge) Error(msg string, args ...any) { b.debug(msg, args) }

// Named returns the logger itself: its records carry the plugin's name.
func (b bridge) Named(string) hclog.Logger { return b }

// With returns a logger that adds the pairs to each record.
func (b bridge) With(args ...any) hclog.Logger { return bridge{b.Logger, b.log.With(args...)} }
