package bench

import (
	"crypto/hmac"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"math/rand/v2"
	"testing"
)

const (
	accessRequest, accessAccept = 1, 2
	headerLength                = 20
	messageAuthenticator        = 80
	signatureAt                 = headerLength + 2 // the Message-Authenticator is the first attribute
)

// codec builds requests and judges answers, with code that the servers do not
// share. Not for several goroutines.
type codec struct {
	random *rand.ChaCha8
	mac    hash.Hash
	sum    [md5.Size]byte
	work   []byte
}

func newCodec(seed uint64) *codec {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	return &codec{random: rand.NewChaCha8(s), mac: hmac.New(md5.New, []byte(secret))}
}

// request writes an Access-Request as a VPN gateway sends it into b, under a
// fresh Request Authenticator, which it returns too.
func (c *codec) request(b []byte, id byte, user, password string) ([]byte, [16]byte) {
	var auth [16]byte
	_, _ = c.random.Read(auth[:]) // never fails
	b = append(b[:0], accessRequest, id, 0, 0)
	b = append(b, auth[:]...)
	b = append(append(b, messageAuthenticator, 18), make([]byte, 16)...)
	b = append(append(b, 1, byte(2+len(user))), user...)
	b = append(b, 2, 18)
	var pad [16]byte // passwords here have at most one block (RFC 2865 section 5.2)
	copy(pad[:], password)
	c.work = append(append(c.work[:0], secret...), auth[:]...)
	for i, k := range md5.Sum(c.work) {
		pad[i] ^= k
	}
	b = append(b, pad[:]...)
	b = append(b, 4, 6, 127, 0, 0, 1)              // NAS-IP-Address
	b = append(b, 5, 6, 0, 0, 0, 7)                // NAS-Port
	b = append(append(b, 32, 8), "vpn-gw"...)      // NAS-Identifier
	b = append(append(b, 31, 12), "192.0.2.77"...) // Calling-Station-Id
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	copy(b[signatureAt:], c.sign(b))
	return b, auth
}

func (c *codec) sign(parts ...[]byte) []byte {
	c.mac.Reset()
	for _, p := range parts {
		c.mac.Write(p)
	}
	return c.mac.Sum(c.sum[:0])
}

var errForged = errors.New("the answer's signature is wrong")

// judge verifies an answer to the request that had auth, and returns its code.
// A bare server does not sign its answers with a Message-Authenticator.
func (c *codec) judge(b []byte, auth [16]byte, bare bool) (byte, error) {
	if len(b) < headerLength || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
		return 0, fmt.Errorf("the answer has a wrong length")
	}
	c.work = append(append(c.work[:0], b[:4]...), auth[:]...)
	c.work = append(append(c.work, b[headerLength:]...), secret...)
	if md5.Sum(c.work) != [16]byte(b[4:headerLength]) {
		return 0, errForged
	}
	if bare {
		return b[0], nil
	}
	if len(b) < signatureAt+16 || b[headerLength] != messageAuthenticator {
		return 0, errors.New("the answer does not begin with a Message-Authenticator")
	}
	var zero [16]byte
	if !hmac.Equal(b[signatureAt:signatureAt+16], c.sign(b[:4], auth[:], b[headerLength:signatureAt], zero[:], b[signatureAt+16:])) {
		return 0, errForged
	}
	return b[0], nil
}

func TestJudge(t *testing.T) {
	c := newCodec(1)
	_, auth := c.request(nil, 7, "alice", "alice-pw")
	answer := func(code byte) []byte {
		b := append([]byte{code, 7, 0, 38}, make([]byte, 16)...)
		b = append(append(b, messageAuthenticator, 18), make([]byte, 16)...)
		copy(b[signatureAt:], c.sign(b[:4], auth[:], b[headerLength:]))
		sum := md5.Sum(append(append(append(append([]byte(nil), b[:4]...), auth[:]...), b[headerLength:]...), secret...))
		copy(b[4:], sum[:])
		return b
	}
	for _, code := range []byte{accessAccept, 3} {
		if got, err := c.judge(answer(code), auth, false); got != code || err != nil {
			t.Errorf("code %d: got %d, %v", code, got, err)
		}
	}
	for name, at := range map[string]int{"code": 0, "length": 3, "authenticator": 9, "attribute": headerLength, "signature": signatureAt + 3} {
		b := answer(accessAccept)
		b[at] ^= 1
		if _, err := c.judge(b, auth, false); err == nil {
			t.Errorf("a wrong %s is taken", name)
		}
	}
	if _, err := c.judge(answer(accessAccept), [16]byte{1}, true); err == nil {
		t.Error("an answer to another request is taken")
	}
	if _, err := c.judge(nil, auth, true); err == nil {
		t.Error("an empty answer is taken")
	}
}
