package local

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

const (
	// maxRenewals bounds the new hashes that wait to be written. What finds no
	// place is made again at the user's next login.
	maxRenewals = 256
	// renewalTime bounds the writing of one.
	renewalTime = 10 * time.Second
)

// renewal is a new hash of a password that was right.
type renewal struct {
	userID, login string
	old, renewed  config.Secret
}

// renewer writes new hashes to the store one after the other, so that no login
// waits for the disk or for another program that is writing.
type renewer struct {
	users     Users
	log       *slog.Logger
	directory string

	mu      sync.Mutex
	waiting []renewal
	working bool
	closed  bool

	running sync.WaitGroup
}

// add has a hash replaced soon.
func (r *renewer) add(n renewal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(r.waiting) == maxRenewals {
		return
	}
	r.waiting = append(r.waiting, n)
	if !r.working {
		r.working = true
		r.running.Go(r.work)
	}
}

// work writes until nothing waits.
func (r *renewer) work() {
	for n, ok := r.next(); ok; n, ok = r.next() {
		r.write(n)
	}
}

func (r *renewer) next() (renewal, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		r.working, r.waiting = false, nil
		return renewal{}, false
	}
	n := r.waiting[0]
	r.waiting = r.waiting[1:]
	return n, true
}

// write replaces one hash, unless the password was changed since it was read.
func (r *renewer) write(n renewal) {
	ctx, cancel := context.WithTimeout(context.Background(), renewalTime)
	defer cancel()
	switch replaced, err := r.users.RenewHash(ctx, n.userID, n.old, n.renewed); {
	case err != nil:
		r.log.WarnContext(ctx, "the hash of a password could not be replaced by one of the configured cost; the next login tries again",
			"directory", r.directory, "user", n.login, "error", err)
	case replaced:
		r.log.DebugContext(ctx, "hash of a password replaced by one of the configured cost", "directory", r.directory, "user", n.login)
	}
}

// close drops what waits, waits for what is being written, and takes no more.
func (r *renewer) close() {
	r.mu.Lock()
	r.closed, r.waiting = true, nil
	r.mu.Unlock()
	r.running.Wait()
}
