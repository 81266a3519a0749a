package daemon

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/plugins"
)

// helpers is a plugin host that Snapshots share for as long as nothing about the
// helpers changes, so that a reload does not start them anew.
type helpers struct {
	*plugins.Host
	fingerprint [sha256.Size]byte
	users       atomic.Int32 // Snapshots that hold it
}

// openHelpers returns the present helpers if they are what cfg describes and all
// of them answer, or starts what it does describe. The caller releases them.
func openHelpers(ctx context.Context, cfg *config.Config, present *helpers, log *slog.Logger) (*helpers, error) {
	fingerprint, err := plugins.Fingerprint(cfg)
	if err == nil && present != nil && present.fingerprint == fingerprint && present.ready() {
		present.users.Add(1)
		return present, nil
	}
	// What Fingerprint cannot read, Open reports in the administrator's terms.
	host, err := plugins.Open(ctx, cfg, plugins.Options{Log: log})
	if err != nil {
		return nil, err
	}
	h := &helpers{Host: host, fingerprint: fingerprint}
	h.users.Add(1)
	return h, nil
}

// ready reports whether all helpers answer: one that does not gets a new start by
// a reload.
func (h *helpers) ready() bool {
	return !slices.ContainsFunc(h.Status(), func(s plugins.Status) bool { return s.State != plugins.Ready })
}

// release gives the helpers up; the last one who holds them ends them.
func (h *helpers) release() {
	if h != nil && h.users.Add(-1) == 0 {
		h.Close()
	}
}
