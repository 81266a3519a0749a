package identity_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/sallyport-auth/sallyport/internal/identity"
)

func FuzzFold(f *testing.F) {
	for _, s := range []string{"alice", "ALICE", "straße", "Ärger", "a\u0308", "\u0345", "\u1fb4", "\u212a", "ıİ", "ᏺ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) || len(s) > 256 {
			return
		}
		folded := identity.Fold(s)
		for name, same := range map[string]string{"composed": norm.NFC.String(s), "decomposed": norm.NFD.String(s)} {
			if got := identity.Fold(same); got != folded {
				t.Errorf("Fold(%q) is %q, %s %q", s, folded, name, got)
			}
		}
	})
}

func TestSkeleton(t *testing.T) {
	const want = "corp.example"
	for _, s := range []string{
		want, "CORP.Example", " corp.example ", "corp . example", "co\u00adrp.example", "corp.example\u200b", "corp\ufe0f.example",
		"\uff43\uff4f\uff52\uff50.example", "c\u00f3rp.example", "co\u0301rp.example", "\u24d2orp.example",
	} {
		if got := identity.Skeleton(s); got != want {
			t.Errorf("Skeleton(%q) is %q", s, got)
		}
	}
	for _, s := range []string{"", "corp-example", "korp.example", "c\u043erp.example"} { // the last one with a Cyrillic o
		if got := identity.Skeleton(s); got == want {
			t.Errorf("Skeleton(%q) is %q", s, got)
		}
	}
}

func TestSameLogin(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"alice", "ALICE", true},
		{"alice", "alicia", false},
		{"J\u00f6rg", "jo\u0308rg", true}, // composed and decomposed
		{"stra\u00dfe", "STRASSE", true},
		{"\u0131an", "ian", false}, // the dotless i is another letter
		{"", "", true},
	} {
		if got := identity.SameLogin(tt.a, tt.b); got != tt.want {
			t.Errorf("SameLogin(%q, %q) = %v", tt.a, tt.b, got)
		}
	}
}
