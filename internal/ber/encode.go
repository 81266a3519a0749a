package ber

// Encoder appends BER to a buffer. The zero value is ready.
type Encoder struct {
	// B is what was appended so far.
	B []byte
}

// Open begins a constructed element; Close with what it returned ends it.
func (e *Encoder) Open(tag byte) int {
	e.B = append(e.B, tag, 0)
	return len(e.B)
}

// Close puts the length of everything since Open before it, making room when
// the short form does not hold it.
func (e *Encoder) Close(start int) {
	n := len(e.B) - start
	if n < 0x80 {
		e.B[start-1] = byte(n)
		return
	}
	var octets [4]byte
	count := 0
	for v := n; v > 0; v >>= 8 {
		octets[3-count] = byte(v)
		count++
	}
	e.B = append(e.B, octets[:count]...)
	copy(e.B[start+count:], e.B[start:start+n])
	copy(e.B[start:], octets[4-count:])
	e.B[start-1] = 0x80 | byte(count)
}

// Text appends a primitive element that holds s.
func (e *Encoder) Text(tag byte, s string) {
	start := e.Open(tag)
	e.B = append(e.B, s...)
	e.Close(start)
}

// Integer appends a non-negative INTEGER or ENUMERATED in its shortest form.
func (e *Encoder) Integer(tag byte, v int32) {
	start := e.Open(tag)
	shift := 24
	for shift > 0 && v>>(shift-1) == 0 {
		shift -= 8
	}
	for ; shift >= 0; shift -= 8 {
		e.B = append(e.B, byte(v>>shift))
	}
	e.Close(start)
}
