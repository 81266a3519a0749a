package policyengine

import (
	"encoding/binary"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

// fact is one thing that is known of a login, at its place in the input document,
// with what reads it: one of the functions, or none where it is the same for all
// logins. They return values and get no buffer, so that this can stay on the
// stack of who writes keys.
type fact struct {
	path Path
	// fleeting says why no two logins have the same.
	fleeting string

	text        func(in *Input) string
	flag        func(in *Input) bool
	number      func(in *Input) uint64
	address     func(in *Input) netip.Addr
	instant     func(in *Input) time.Time
	list        func(in *Input) []string
	attributes  func(in *Input) map[string][]string
	memberships func(in *Input) *identity.User
	// key is that of the one attribute that is meant; empty for all.
	key string
}

// append writes the fact behind b: what differs in the document differs in these
// bytes, and where they end is seen from them.
func (f *fact) append(b []byte, in *Input) []byte {
	switch {
	case f.text != nil:
		return appendText(b, f.text(in))
	case f.flag != nil:
		return appendFlag(b, f.flag(in))
	case f.number != nil:
		return binary.BigEndian.AppendUint64(b, f.number(in))
	case f.address != nil:
		return appendAddress(b, f.address(in))
	case f.instant != nil:
		return appendInstant(b, f.instant(in))
	case f.list != nil:
		return appendList(b, f.list(in))
	case f.attributes != nil && f.key != "":
		values, known := f.attributes(in)[f.key]
		return appendList(appendFlag(b, known), values)
	case f.attributes != nil:
		return appendAttributes(b, f.attributes(in))
	case f.memberships != nil:
		return appendMemberships(b, f.memberships(in))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	if len(s) < 1<<7 { // most are, and then it is one octet
		return append(append(b, byte(len(s))), s...)
	}
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendFlag(b []byte, set bool) []byte {
	if set {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendAddress(b []byte, a netip.Addr) []byte {
	octets := a.As16()
	b = append(append(b, byte(a.BitLen())), octets[:]...)
	return appendText(b, a.Zone())
}

// appendInstant writes what RFC 3339 shows: seconds and zone.
func appendInstant(b []byte, t time.Time) []byte {
	_, offset := t.Zone()
	b = binary.BigEndian.AppendUint64(appendFlag(b, t.IsZero()), uint64(t.Unix())) //nolint:gosec // the bits
	return binary.BigEndian.AppendUint32(b, uint32(offset))                        //nolint:gosec // the bits
}

func appendList(b []byte, items []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, s := range items {
		b = appendText(b, s)
	}
	return b
}

// appendAttributes writes them by name, since maps have no order.
func appendAttributes(b []byte, m map[string][]string) []byte {
	var room [32]string
	names := room[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, name := range names {
		b = appendList(appendText(b, name), m[name])
	}
	return b
}

// appendMemberships writes the names of groups, too: they are asked where a directory
// tells no more of them.
func appendMemberships(b []byte, u *identity.User) []byte {
	b = appendList(b, u.Groups)
	b = binary.AppendUvarint(b, uint64(len(u.Memberships)))
	for i := range u.Memberships {
		m := &u.Memberships[i]
		b = appendText(appendText(appendText(b, m.ID), m.Name), m.DN)
		b = appendAttributes(appendFlag(b, m.Superuser), m.Attributes)
	}
	return b
}

func degrees(known bool, n float64) uint64 {
	if !known {
		return math.MaxUint64 // a NaN that no database has
	}
	return math.Float64bits(n)
}
