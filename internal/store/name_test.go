package store

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func FuzzFold(f *testing.F) {
	for _, s := range []string{"alice", "ALICE", "straße", "Ärger", "a\u0308", "\u0345", "\u1fb4", "\u212a", "ıİ", "ᏺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || len(s) > maxName {
			return
		}
		folded := Fold(s)
		for name, same := range map[string]string{"composed": norm.NFC.String(s), "decomposed": norm.NFD.String(s)} {
			if got := Fold(same); got != folded {
				t.Errorf("Fold(%q) is %q, %s %q", s, folded, name, got)
			}
		}
	})
}
