package upstream

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
)

const (
	// maxPacket bounds one message from a server, and maxSearch all that may come
	// for one search on average, in octets.
	maxPacket = 16 << 20
	maxSearch = 64 << 20
	// maxNesting bounds how deep elements of a message are nested; the deepest
	// honest one has ten levels.
	maxNesting = 64
)

var limitOnce sync.Once

// limitLibrary sets what go-ldap's decoder accepts. It keeps its limits in
// variables of the package, 2 GiB and 1000 levels by default, and there is no
// other way to hand them in; so they are set once, before the first connection.
func limitLibrary() {
	limitOnce.Do(func() {
		ber.MaxPacketLengthBytes, ber.MaxNestingDepth = maxPacket, maxNesting
	})
}

var errTooMuch = errors.New("the server sent more than searches may bring")

// wire is what the library reads and writes on. The library bounds neither a
// write nor what comes in; and it tells of broken connections by text only, so
// the first error is remembered here.
type wire struct {
	*link
	timeout time.Duration
	budget  atomic.Int64 // octets that may still come
	first   atomic.Pointer[error]
}

// allow lets the answer to one more search in.
func (w *wire) allow() {
	// What earlier searches left over does not add up.
	if left := w.budget.Load(); left < maxInFlight*maxSearch {
		w.budget.Add(maxSearch)
	}
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.link.Read(b)
	if n > 0 && w.budget.Add(-int64(n)) < 0 {
		err = errTooMuch
	}
	return n, w.note(err)
}

// Write implements net.Conn. A peer that does not read holds it up for as long
// as an operation may take.
func (w *wire) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, w.note(err)
	}
	n, err := w.link.Write(b)
	return n, w.note(err)
}

func (w *wire) note(err error) error {
	if err != nil {
		w.first.CompareAndSwap(nil, &err)
	}
	return err
}

// broke returns the first error of the network, nil if there was none.
func (w *wire) broke() error {
	if e := w.first.Load(); e != nil && isNetwork(*e) {
		return *e
	}
	return nil
}
