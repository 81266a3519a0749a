package radius

import (
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// key is what a retransmission has in common with the request that it repeats
// (RFC 5080 section 2.2.2).
type key struct {
	src, dst   netip.AddrPort
	identifier byte
	code       byte
}

// entry is a login in flight or its answer. Its fields but key and digest
// belong to the duplicates that it is in.
type entry struct {
	key    key
	digest [sha256.Size]byte // of the whole datagram, padding included
	answer []byte
	until  time.Time
}

// admission is what duplicates say of a request.
type admission uint8

const (
	fresh    admission = iota // a login that was not seen before
	joined                    // its login is in flight and will be answered once
	replayed                  // its login has ended; the same answer is due
)

// duplicates remembers the logins in flight and the answers given lately. The
// same key with other bytes is another login, which takes the place of the
// older one; the older one is answered nevertheless.
//
// Logins in flight are never forgotten: the queue and the workers bound them.
// Answers are forgotten after the window, or earlier, oldest first, when there
// are too many.
type duplicates struct {
	window time.Duration

	mu       sync.Mutex
	inFlight map[key]*entry
	// answered is used as a queue in order of until, which simplelru keeps as
	// long as nothing is read with Get.
	answered *simplelru.LRU[key, *entry]
}

// newDuplicates remembers up to limit answers, at least one.
func newDuplicates(window time.Duration, limit int) *duplicates {
	answered, _ := simplelru.NewLRU[key, *entry](max(limit, 1), nil) // fails for sizes below 1 only
	return &duplicates{window: window, inFlight: make(map[key]*entry), answered: answered}
}

// admit says what a request is. A fresh one is in flight from now on, until
// finish or forget is called with its entry; a replayed one comes with its
// answer, which is empty when the login ended in deliberate silence.
func (d *duplicates) admit(k key, digest [sha256.Size]byte, now time.Time) (*entry, admission) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e := d.inFlight[k]; e != nil && e.digest == digest {
		return e, joined
	}
	if e, ok := d.answered.Peek(k); ok {
		if e.digest == digest && now.Before(e.until) {
			return e, replayed
		}
		d.answered.Remove(k)
	}
	e := &entry{key: k, digest: digest}
	d.inFlight[k] = e
	return e, fresh
}

// finish ends a login and keeps its answer for the window.
func (d *duplicates) finish(e *entry, answer []byte, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, old, ok := d.answered.GetOldest(); ok && !now.Before(old.until); _, old, ok = d.answered.GetOldest() {
		d.answered.RemoveOldest()
	}
	if d.inFlight[e.key] != e {
		return // other bytes took its place
	}
	delete(d.inFlight, e.key)
	e.answer, e.until = answer, now.Add(d.window)
	d.answered.Add(e.key, e)
}

// forget ends a login as if it had never been: the next retransmission is a
// fresh one.
func (d *duplicates) forget(e *entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inFlight[e.key] == e {
		delete(d.inFlight, e.key)
	}
}

// sizes returns how many logins are in flight and how many answers are kept.
func (d *duplicates) sizes() (inFlight, answered int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.inFlight), d.answered.Len()
}
