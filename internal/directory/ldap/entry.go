package ldap

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// entry is what a server told of one entry. Names of attributes have no case.
type entry struct {
	dn     string
	name   dn.DN
	values map[string][][]byte // by attribute in lower case, options included
	cut    map[string]bool     // attributes of which only a part was sent
}

// newEntry takes over what the server sent. An entry without a proper name is
// refused: binding with it would prove nothing.
func newEntry(from *goldap.Entry) (*entry, error) {
	name, err := dn.Parse(from.DN)
	if err != nil || len(name) == 0 {
		return nil, fmt.Errorf("the server sent an entry named %q: %w", cleanText(from.DN), dn.ErrSyntax)
	}
	e := &entry{dn: from.DN, name: name, values: make(map[string][][]byte, len(from.Attributes)), cut: map[string]bool{}}
	for _, a := range from.Attributes {
		attribute := strings.ToLower(a.Name)
		// Active Directory sends long lists in ranges: member;range=0-1499.
		if base, option, ok := strings.Cut(attribute, ";"); ok && strings.HasPrefix(option, "range=") {
			e.cut[base] = true
			continue
		}
		e.values[attribute] = append(e.values[attribute], a.ByteValues...)
	}
	return e, nil
}

// raw returns the values of an attribute as octets.
func (e *entry) raw(attribute string) [][]byte { return e.values[strings.ToLower(attribute)] }

// texts returns those values of an attribute that are text.
func (e *entry) texts(attribute string) []string {
	var list []string
	for _, v := range e.raw(attribute) {
		if len(v) > 0 && isText(v) {
			list = append(list, string(v))
		}
	}
	return list
}

// first returns the first value of the first of these attributes that has one.
func (e *entry) first(attributes []string) string {
	for _, a := range attributes {
		if list := e.texts(a); len(list) > 0 {
			return list[0]
		}
	}
	return ""
}

// inName returns the value that the entry's own RDN has for an attribute.
func (e *entry) inName(attribute string) string {
	return valueInRDN(e.name[0], attribute)
}

// one returns the value by which an attribute names its entry. An entry can
// have several; always taking the same one keeps policies from seeing one
// person or group under many names: the one in its DN, else the least.
func (e *entry) one(attribute string) string {
	list := e.texts(attribute)
	if len(list) == 0 {
		return ""
	}
	if v := e.inName(attribute); slices.Contains(list, v) {
		return v
	}
	return slices.Min(list)
}

func valueInRDN(rdn []dn.AVA, attribute string) string {
	for _, ava := range rdn {
		if ava.Opaque == "" && strings.EqualFold(ava.Attr, attribute) {
			return ava.Value
		}
	}
	return ""
}

// isText tells text from binary values.
func isText(v []byte) bool {
	return utf8.Valid(v) && !strings.ContainsFunc(string(v), func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t'
	})
}

// guidText writes an objectGUID as Windows does: the first three fields are
// stored with the least octet first ([MS-DTYP] section 2.3.4.2).
func guidText(v []byte) (string, bool) {
	const size = 16
	if len(v) != size {
		return "", false
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(v), binary.LittleEndian.Uint16(v[4:]),
		binary.LittleEndian.Uint16(v[6:]), v[8:10], v[10:]), true
}

// The form of a SID ([MS-DTYP] section 2.4.2.2): revision, number of
// sub-authorities, authority (six octets), sub-authorities (four octets each,
// the least first).
const (
	sidHead     = 8
	sidSub      = 4
	maxSIDSubs  = 15
	sidRevision = 1
)

func validSID(v []byte) bool {
	return len(v) > sidHead && v[0] == sidRevision && v[1] >= 1 && v[1] <= maxSIDSubs && len(v) == sidHead+sidSub*int(v[1])
}

// sidText writes an objectSid as S-1-5-21-….
func sidText(v []byte) (string, bool) {
	if !validSID(v) {
		return "", false
	}
	var b strings.Builder
	authority := uint64(binary.BigEndian.Uint16(v[2:]))<<32 | uint64(binary.BigEndian.Uint32(v[4:]))
	if authority < 1<<32 {
		fmt.Fprintf(&b, "S-1-%d", authority)
	} else {
		fmt.Fprintf(&b, "S-1-0x%012X", authority)
	}
	for rest := v[sidHead:]; len(rest) > 0; rest = rest[sidSub:] {
		fmt.Fprintf(&b, "-%d", binary.LittleEndian.Uint32(rest))
	}
	return b.String(), true
}

// siblingSID is the SID of another object in the domain of sid: its last
// sub-authority is replaced.
func siblingSID(sid []byte, rid uint32) ([]byte, bool) {
	if !validSID(sid) {
		return nil, false
	}
	other := slices.Clone(sid)
	binary.LittleEndian.PutUint32(other[len(other)-sidSub:], rid)
	return other, true
}
