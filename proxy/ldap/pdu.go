package ldap

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// Sizes of messages, in bytes. A bind needs a few hundred; the largest that
// anything here looks at is a search of the root DSE.
const (
	maxMessage   = 256 << 10 // content of one message
	smallMessage = 4 << 10   // up to here memory comes from the pool, free of charge
	firstBuffer  = 1 << 10
	readerSize   = 512 // what an idle connection keeps
	largeBudget  = 64 << 20
)

// pdu is one message with the buffer that it lives in.
type pdu struct {
	message
	buf    []byte
	budget *atomic.Int64 // where a large buffer was charged, else nil
	// late is set when the message arrived while others were outstanding.
	late bool
}

// pool lends the buffers of messages.
type pool struct {
	small sync.Pool
	// large is how many bytes the buffers above smallMessage hold together.
	large atomic.Int64
}

func (p *pool) get() *pdu {
	if m, ok := p.small.Get().(*pdu); ok {
		return m
	}
	return &pdu{buf: make([]byte, 0, firstBuffer)}
}

// put takes the message back. Its bytes are wiped: they may hold a password.
func (p *pool) put(m *pdu) {
	clear(m.buf)
	if m.budget != nil {
		m.budget.Add(-int64(cap(m.buf)))
		return
	}
	*m = pdu{buf: m.buf[:0]}
	p.small.Put(m)
}

// grow makes room for more of a message of size bytes. Memory follows what has
// arrived and never what a header announces.
func (p *pool) grow(m *pdu, size int) error {
	want := min(size, 2*cap(m.buf))
	if want > smallMessage {
		charge := int64(want)
		if m.budget != nil {
			charge -= int64(cap(m.buf))
		}
		if p.large.Add(charge) > largeBudget {
			p.large.Add(-charge)
			return errMemory
		}
		m.budget = &p.large
	}
	bigger := make([]byte, len(m.buf), want)
	copy(bigger, m.buf)
	clear(m.buf)
	m.buf = bigger
	return nil
}

// reader reads messages from a connection through a small buffer.
type reader struct {
	nc   net.Conn
	pool *pool
	// deadline sets the time by which a message that has begun must be complete;
	// armed is true once that has been done for the message at hand.
	deadline func() error
	armed    bool
	heard    bool // at least one message was read
	r, w     int  // buf[r:w] has been received and not consumed
	buf      [readerSize]byte
}

// buffered reports whether bytes were received that nobody has consumed.
func (r *reader) buffered() bool { return r.r < r.w }

// fill receives more. It returns a fault for the end of the connection or a
// deadline within a message.
func (r *reader) fill() error {
	switch {
	case r.r == r.w:
		r.r, r.w = 0, 0
	case r.w == len(r.buf):
		r.w = copy(r.buf[:], r.buf[r.r:r.w])
		r.r = 0
	}
	n, err := r.nc.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	return err
}

// header decodes the outer tag and length of a message, receiving as needed.
func (r *reader) header() (length int, err error) {
	for {
		b := r.buf[r.r:r.w]
		if b[0] != ber.TagSequence {
			if r.heard {
				return 0, ber.ErrMalformed
			}
			return 0, errNotLDAP // TLS, HTTP, a port scan
		}
		length, n, err := ber.LengthOctets(b[1:])
		if err != nil {
			return 0, err
		}
		if length > maxMessage {
			return 0, errTooLarge
		}
		if n > 0 {
			r.r += 1 + n
			return length, nil
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

// more receives the rest of a message that has begun.
func (r *reader) more() error {
	if err := r.arm(); err != nil {
		return err
	}
	return within(r.fill())
}

// within says what the end of the connection means inside a message.
func within(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	case errors.Is(err, io.EOF):
		return errTruncated
	}
	return err
}

// arm sets the deadline of a message, once however many pieces it comes in.
func (r *reader) arm() error {
	if r.armed {
		return nil
	}
	r.armed = true
	return r.deadline()
}

// message reads the rest of a message whose first octet has been received.
func (r *reader) message() (*pdu, error) {
	r.armed = false
	length, err := r.header()
	if err != nil {
		return nil, err
	}
	m := r.pool.get()
	if err := r.body(m, length); err != nil {
		r.pool.put(m)
		return nil, err
	}
	if m.message, err = parseMessage(m.buf); err != nil {
		r.pool.put(m)
		return nil, err
	}
	r.heard = true
	return m, nil
}

// body moves what has been received into m and receives the rest right there.
func (r *reader) body(m *pdu, length int) error {
	for len(m.buf) < length {
		if len(m.buf) == cap(m.buf) {
			if err := r.pool.grow(m, length); err != nil {
				return err
			}
		}
		have := len(m.buf)
		room := m.buf[have:min(length, cap(m.buf))]
		if r.buffered() {
			n := copy(room, r.buf[r.r:r.w])
			clear(r.buf[r.r : r.r+n]) // may be a password
			r.r += n
			m.buf = m.buf[:have+n]
			continue
		}
		if err := r.arm(); err != nil {
			return err
		}
		n, err := r.nc.Read(room)
		m.buf = m.buf[:have+n]
		if n == 0 && err != nil {
			return within(err)
		}
	}
	return nil
}
