package ldap

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/ber"
)

// wire is a client that speaks raw bytes.
type wire struct {
	net.Conn
	tb   testing.TB
	rest []byte
}

func (r *rig) dial(tb testing.TB) *wire {
	tb.Helper()
	nc, err := net.Dial("tcp", r.plain)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	return &wire{Conn: nc, tb: tb}
}

func (r *rig) dialTLS(tb testing.TB) *wire {
	tb.Helper()
	nc, err := tls.Dial("tcp", r.tls, &tls.Config{RootCAs: r.ca})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nc.Close() })
	return &wire{Conn: nc, tb: tb}
}

// send writes; a server that has closed already is no fault of the test.
func (w *wire) send(b ...[]byte) {
	w.tb.Helper()
	_ = w.SetWriteDeadline(time.Now().Add(10 * time.Second))
	_, err := w.Write(bytes.Join(b, nil))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.tb.Fatal("a write was not taken for 10 s")
	}
}

// answer is a response as the tests look at it.
type answer struct {
	id   int32
	tag  byte
	code int
	text string
	rest []byte // what an extended response has beyond an LDAPResult
	body []byte
}

// closed stands for the end of the connection.
var closed = answer{tag: 0xff}

// receive reads one response, or closed.
func (w *wire) receive() answer {
	w.tb.Helper()
	return w.receiveWithin(10 * time.Second)
}

func (w *wire) receiveWithin(d time.Duration) answer {
	w.tb.Helper()
	_ = w.SetReadDeadline(time.Now().Add(d))
	var buf [4096]byte
	for {
		if len(w.rest) >= 2 {
			length, n, err := ber.LengthOctets(w.rest[1:])
			if err != nil || w.rest[0] != ber.TagSequence {
				w.tb.Fatalf("the server sent % x", w.rest)
			}
			if n > 0 && len(w.rest) >= 1+n+length {
				m := w.rest[1+n : 1+n+length]
				w.rest = w.rest[1+n+length:]
				return w.parse(m)
			}
		}
		n, err := w.Read(buf[:])
		w.rest = append(w.rest, buf[:n]...)
		if n > 0 {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.tb.Fatalf("no answer within %s", d)
		}
		if len(w.rest) > 0 && errors.Is(err, io.EOF) {
			w.tb.Fatalf("the connection ends within a message: % x", w.rest)
		}
		return closed
	}
}

func (w *wire) parse(m []byte) answer {
	w.tb.Helper()
	id, rest, err := ber.Integer(m, ber.TagInteger)
	if err != nil {
		w.tb.Fatal(err)
	}
	tag, body, rest, err := ber.Element(rest)
	if err != nil || len(rest) > 0 {
		w.tb.Fatalf("response % x: %v", m, err)
	}
	a := answer{id: id, tag: tag, body: body}
	if tag == respEntry {
		return a
	}
	code, rest, err := ber.Integer(body, ber.TagEnumerated)
	if err != nil {
		w.tb.Fatal(err)
	}
	_, rest, err = ber.Expect(rest, ber.TagOctetString)
	if err != nil {
		w.tb.Fatal(err)
	}
	text, rest, err := ber.Expect(rest, ber.TagOctetString)
	if err != nil {
		w.tb.Fatal(err)
	}
	a.code, a.text, a.rest = int(code), string(text), rest
	return a
}

// expect reads one response and checks it.
func (w *wire) expect(id int32, tag byte, code int) answer {
	w.tb.Helper()
	a := w.receive()
	if a.id != id || a.tag != tag || a.code != code {
		w.tb.Fatalf("got id %d, tag %#x, code %d (%s); want id %d, tag %#x, code %d", a.id, a.tag, a.code, a.text, id, tag, code)
	}
	return a
}

// expectNotice reads a notice of disconnection and the end of the connection.
func (w *wire) expectNotice(code int) {
	w.tb.Helper()
	a := w.expect(0, respExtended, code)
	name, rest, err := ber.Expect(a.rest, tagResponseName)
	if err != nil || len(rest) > 0 || string(name) != noticeOfDisconnection {
		w.tb.Fatalf("notice with %q, %v", name, err)
	}
	w.expectClosed()
}

func (w *wire) expectClosed() {
	w.tb.Helper()
	if a := w.receive(); a.tag != closed.tag {
		w.tb.Fatalf("got %+v, want the end of the connection", a)
	}
}

// tlv encodes one element.
func tlv(tag byte, parts ...[]byte) []byte {
	var e encoder
	start := e.Open(tag)
	for _, p := range parts {
		e.B = append(e.B, p...)
	}
	e.Close(start)
	return e.B
}

func num(tag byte, v int32) []byte {
	var e encoder
	e.Integer(tag, v)
	return e.B
}

func str(tag byte, s string) []byte { return tlv(tag, []byte(s)) }

// request encodes an LDAPMessage.
func request(id int32, op []byte, controls ...[]byte) []byte {
	if len(controls) == 0 {
		return tlv(ber.TagSequence, num(ber.TagInteger, id), op)
	}
	return tlv(ber.TagSequence, num(ber.TagInteger, id), op, tlv(tagControls, controls...))
}

func bindOp(version int32, name string, auth []byte) []byte {
	return tlv(opBind, num(ber.TagInteger, version), str(ber.TagOctetString, name), auth)
}

func simpleBind(id int32, name, password string) []byte {
	return request(id, bindOp(3, name, str(tagSimple, password)))
}

func extendedOp(name string) []byte { return tlv(opExtended, str(tagRequestName, name)) }

func whoAmI(id int32) []byte { return request(id, extendedOp(oidWhoAmI)) }

func abandonOp(id int32) []byte { return num(opAbandon, id) }

func searchOp(base string, scope int32, filter []byte, attributes ...string) []byte {
	var list []byte
	for _, a := range attributes {
		list = append(list, str(ber.TagOctetString, a)...)
	}
	return tlv(opSearch, str(ber.TagOctetString, base), num(ber.TagEnumerated, scope), num(ber.TagEnumerated, 0),
		num(ber.TagInteger, 0), num(ber.TagInteger, 0), []byte{ber.TagBoolean, 1, 0}, filter, tlv(ber.TagSequence, list))
}

var anyObject = str(filterPresent, "objectClass")

func control(oid string, critical bool, value ...[]byte) []byte {
	parts := [][]byte{str(ber.TagOctetString, oid)}
	if critical {
		parts = append(parts, []byte{ber.TagBoolean, 1, 0xff})
	}
	return tlv(ber.TagSequence, append(parts, value...)...)
}

// works makes a whole good login on a connection of its own.
func (r *rig) works(tb testing.TB) {
	tb.Helper()
	w := r.dial(tb)
	w.send(simpleBind(1, aliceDN, "good"))
	w.expect(1, respBind, success)
	w.send(request(2, []byte{opUnbind, 0}))
	w.expectClosed()
	w.Close()
}
