package plugins

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// digest is the SHA-256 of a program.
type digest [sha256.Size]byte

func parseDigest(text string) (digest, error) {
	var d digest
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(d) {
		return d, fmt.Errorf("%.80q is not a SHA-256 of %d hex digits", text, 2*len(d))
	}
	copy(d[:], raw)
	return d, nil
}

// String implements fmt.Stringer.
func (d digest) String() string { return hex.EncodeToString(d[:]) }

// parseManifest reads what sha256sum writes: per line a digest, a blank, a blank
// or a star, and a file name, here one without a directory ("./" aside). A file
// that stands there twice with different digests is an error.
func parseManifest(text []byte) (map[string]digest, error) {
	sums := make(map[string]digest)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), "\r")
		if line == "" {
			continue
		}
		sum, name, ok := strings.Cut(line, " ")
		if !ok || len(name) < 2 || (name[0] != ' ' && name[0] != '*') {
			return nil, fmt.Errorf("line %d: want a digest, two blanks and a file name", n)
		}
		d, err := parseDigest(sum)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		name = strings.TrimPrefix(name[1:], "./")
		if old, twice := sums[name]; twice && old != d {
			return nil, fmt.Errorf("line %d: %q has another digest above", n, name)
		}
		sums[name] = d
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return sums, nil
}
