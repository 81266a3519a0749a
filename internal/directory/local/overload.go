package local

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// overloadLog tells the administrator of dropped checks, once a minute at most:
// overload is when logging each one hurts.
type overloadLog struct {
	log       *slog.Logger
	directory string

	mu    sync.Mutex
	last  time.Time
	since int // dropped since last
}

func (l *overloadLog) dropped(ctx context.Context, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.since++
	if !l.last.IsZero() && now.Sub(l.last) < time.Minute {
		return
	}
	l.log.WarnContext(ctx, "more passwords to check than the processors can hash; logins were dropped (a lower argon2 cost or more processors help)",
		"directory", l.directory, "dropped", l.since)
	l.last, l.since = now, 0
}
