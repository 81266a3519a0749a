package upstream

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	asn1 "github.com/go-asn1-ber/asn1-ber"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

const (
	// maxPacket bounds one message from a server, and maxSearch all that may come
	// for one search on average, in octets.
	maxPacket = 4 << 20
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
		asn1.MaxPacketLengthBytes, asn1.MaxNestingDepth = maxPacket, maxNesting
	})
}

var errTooMuch = errors.New("the server sent more than searches may bring")

// wire is what the library reads and writes on. The library bounds neither a
// write nor what comes in; and it tells of broken connections by text only, so
// the first error is remembered here.
type wire struct {
	*link
	timeout time.Duration
	frames  frames
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
		return 0, w.note(errTooMuch)
	}
	if bad := w.frames.follow(b[:n]); bad != nil {
		return 0, w.note(bad)
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

// frames follows where messages begin and end. The library passes over what is
// no message, and waits until it has as much of it as its second octet happens
// to say.
type frames struct {
	head [6]byte
	have int // octets of head
	left int // octets of the message that are still to come
}

func (f *frames) follow(b []byte) error {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			continue
		}
		f.head[f.have], b = b[0], b[1:]
		f.have++
		if f.head[0] != ber.TagSequence {
			return errMalformed
		}
		length, n, err := ber.LengthOctets(f.head[1:f.have])
		switch {
		case err != nil:
			return errMalformed
		case length > maxPacket:
			return errTooMuch
		case n > 0:
			f.have, f.left = 0, length
		}
	}
	return nil
}
