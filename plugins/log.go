package plugins

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

const (
	maxLine      = 1024 // bytes of a line that are logged
	linesBurst   = 100  // lines at once, and
	linesPerSec  = 20   // lines a second, of one stream of one program
	cutMark      = "…"
	floodMessage = "plugin writes too much: lines left out"
)

// lineLog is a writer that logs what a program writes, line by line. Long lines
// are cut and floods are thinned: whatever a program writes is read, so that it
// never blocks, and costs a bounded amount of log.
type lineLog struct {
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	line    []byte
	cut     bool // the line has more than maxLine bytes
	lastOne string
	tokens  float64
	filled  time.Time
	dropped int
}

func newLineLog(log *slog.Logger, now func() time.Time) *lineLog {
	return &lineLog{log: log, now: now, tokens: linesBurst, filled: now()}
}

// Write takes a piece of the stream. It never fails.
func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
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
	return len(p), nil
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
	return l.lastOne
}

func (l *lineLog) emitLocked() {
	text := strings.ToValidUTF8(strings.TrimSpace(string(l.line)), "?")
	if l.cut {
		text += cutMark
	}
	l.line, l.cut = l.line[:0], false
	if text == "" {
		return
	}
	l.lastOne = text
	now := l.now()
	l.tokens = min(linesBurst, l.tokens+now.Sub(l.filled).Seconds()*linesPerSec)
	l.filled = now
	if l.tokens < 1 {
		l.dropped++
		return
	}
	l.tokens--
	l.reportDroppedLocked()
	l.log.Info("plugin writes", "line", text)
}

func (l *lineLog) reportDroppedLocked() {
	if l.dropped > 0 {
		l.log.Warn(floodMessage, "lines", l.dropped)
		l.dropped = 0
	}
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
