package proxy

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
)

// IDs names logins: 16 hexadecimal digits, of which the first six are chosen by
// chance at the start and the others count. No name comes twice in the life of
// the process, and hardly one after it. Use NewIDs.
type IDs struct {
	last atomic.Uint64
}

// counted is how many bits count: enough for a million logins per second during
// twelve days, and for any real load for ever.
const counted = 40

// NewIDs makes a source of names.
func NewIDs() *IDs {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	ids := &IDs{}
	ids.last.Store(binary.BigEndian.Uint64(random[:]) << counted)
	return ids
}

// Next returns another name. It is safe for concurrent use.
func (i *IDs) Next() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], i.last.Add(1))
	return hex.EncodeToString(b[:])
}
