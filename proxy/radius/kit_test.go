package radius

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// This file builds packets and judges answers with code of its own, so that
// the server is not measured with its own yardstick.

const testSecret = "testing123"

// kit builds the packets of one case: each has its own identifier and Request
// Authenticator, and always the same ones.
type kit struct{ n int }

func (k kit) id() byte { return byte(k.n) }

func (k kit) auth() [16]byte {
	sum := sha256.Sum256([]byte(strconv.Itoa(k.n)))
	return [16]byte(sum[:16])
}

// tlv makes an attribute, however wrong.
func tlv(typ byte, value ...byte) []byte {
	return append([]byte{typ, byte(2 + len(value))}, value...)
}

func str(typ byte, s string) []byte { return tlv(typ, []byte(s)...) }

func num(typ byte, n uint32) []byte { return tlv(typ, binary.BigEndian.AppendUint32(nil, n)...) }

func vsa(vendor uint32, inner ...byte) []byte {
	return tlv(26, append(binary.BigEndian.AppendUint32(nil, vendor), inner...)...)
}

// seq returns n octets that are all different from NUL.
func seq(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i%255 + 1)
	}
	return b
}

// pap makes a User-Password of a clear text that is padded to a multiple of 16.
func (k kit) pap(password string) []byte {
	text := []byte(password)
	for len(text) == 0 || len(text)%16 != 0 {
		text = append(text, 0)
	}
	return tlv(2, k.cipher(text)...)
}

func (k kit) cipher(text []byte) []byte {
	auth := k.auth()
	last, out := auth[:], []byte(nil)
	for len(text) > 0 {
		h := md5.New()
		h.Write([]byte(testSecret))
		h.Write(last)
		pad := h.Sum(nil)
		block := make([]byte, min(16, len(text)))
		for i := range block {
			block[i] = text[i] ^ pad[i]
		}
		out, text, last = append(out, block...), text[len(block):], block
	}
	return out
}

// packet makes a packet of any code from attributes that are written as given.
func (k kit) packet(code byte, tlvs ...[]byte) []byte {
	auth := k.auth()
	b := append([]byte{code, k.id(), 0, 0}, auth[:]...)
	b = append(b, slices.Concat(tlvs...)...)
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return b
}

// access makes an unsigned Access-Request, signed one with the
// Message-Authenticator in front.
func (k kit) access(tlvs ...[]byte) []byte { return k.packet(1, tlvs...) }

func (k kit) signed(tlvs ...[]byte) []byte {
	return sign(k.packet(1, append([][]byte{noSignature()}, tlvs...)...))
}

// good is a login that must be accepted.
func (k kit) good() []byte { return k.signed(str(1, "alice"), k.pap("alice-pw")) }

// plainGood is the same without Message-Authenticator.
func (k kit) plainGood() []byte { return k.access(str(1, "alice"), k.pap("alice-pw")) }

func noSignature() []byte { return tlv(80, make([]byte, 16)...) }

// sign fills every Message-Authenticator of 16 octets that can be found in,
// over the packet as its header measures it.
func sign(b []byte) []byte {
	end := min(int(binary.BigEndian.Uint16(b[2:])), len(b))
	for at := 20; at+1 < end && b[at+1] >= 2 && at+int(b[at+1]) <= end; at += int(b[at+1]) {
		if b[at] == 80 && b[at+1] == 18 {
			value := b[at+2 : at+18]
			clear(value)
			h := hmac.New(md5.New, []byte(testSecret))
			h.Write(b[:end])
			copy(value, h.Sum(nil))
		}
	}
	return b
}

// attrs takes the attributes of a well-formed packet apart.
func attrs(b []byte) (list []avp, err error) {
	for rest := b[20:]; len(rest) > 0; rest = rest[rest[1]:] {
		if len(rest) < 2 || rest[1] < 2 || int(rest[1]) > len(rest) {
			return nil, errors.New("malformed attributes")
		}
		list = append(list, avp{rest[0], rest[2:rest[1]]})
	}
	return list, nil
}

func values(list []avp, typ byte) (v [][]byte) {
	for _, a := range list {
		if a.typ == typ {
			v = append(v, a.value)
		}
	}
	return v
}

// checkAnswer finds what is wrong with an answer: length, identifier, Response
// Authenticator, Message-Authenticator first and right, Proxy-State in order,
// EAP where there was EAP.
func checkAnswer(request, answer []byte) error {
	if len(answer) < 20 || len(answer) > 4096 || int(binary.BigEndian.Uint16(answer[2:])) != len(answer) {
		return fmt.Errorf("an answer of %d octets, header % x", len(answer), answer[:min(4, len(answer))])
	}
	if answer[1] != request[1] {
		return fmt.Errorf("identifier %d instead of %d", answer[1], request[1])
	}
	h := md5.New()
	h.Write(answer[:4])
	h.Write(request[4:20])
	h.Write(answer[20:])
	h.Write([]byte(testSecret))
	if !hmac.Equal(h.Sum(nil), answer[4:20]) {
		return errors.New("wrong Response Authenticator")
	}
	got, err := attrs(answer)
	if err != nil {
		return err
	}
	if len(got) == 0 || got[0].typ != 80 || len(values(got, 80)) != 1 || len(got[0].value) != 16 {
		return errors.New("the Message-Authenticator is not the first and only one")
	}
	copied := slices.Clone(answer)
	copy(copied[4:20], request[4:20])
	clear(copied[22:38])
	mac := hmac.New(md5.New, []byte(testSecret))
	mac.Write(copied)
	if !hmac.Equal(mac.Sum(nil), answer[22:38]) {
		return errors.New("wrong Message-Authenticator")
	}
	asked, err := attrs(request[:binary.BigEndian.Uint16(request[2:])])
	if err != nil {
		return fmt.Errorf("a malformed request was answered: %w", err)
	}
	if !slices.EqualFunc(values(asked, 33), values(got, 33), slices.Equal) {
		return errors.New("the Proxy-States did not come back in order")
	}
	if eap := slices.Concat(values(asked, 79)...); len(values(asked, 79)) > 0 && request[0] == 1 {
		want := []byte{4, 0, 0, 4}
		if len(eap) > 1 {
			want[1] = eap[1]
		}
		if fits := len(answer)+6 <= 4096; fits && !slices.Equal(slices.Concat(values(got, 79)...), want) {
			return fmt.Errorf("EAP-Message % x instead of an EAP-Failure % x", values(got, 79), want)
		}
		if len(values(got, 18)) > 0 {
			return errors.New("a Reply-Message beside an EAP-Message")
		}
	}
	return nil
}
