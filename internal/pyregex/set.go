package pyregex

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// span is a range of characters, both ends included.
type span struct{ lo, hi rune }

// set is a set of characters, in any order.
type set []span

// normal returns the set sorted and without overlaps.
func (s set) normal() set {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var out set
	for _, r := range s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// complement returns every character that is not in the set.
func (s set) complement() set {
	var out set
	from := rune(0)
	for _, r := range s.normal() {
		if r.lo > from {
			out = append(out, span{from, r.lo - 1})
		}
		from = r.hi + 1
	}
	if from <= unicode.MaxRune {
		out = append(out, span{from, unicode.MaxRune})
	}
	return out
}

// tableSet returns the characters of tables.
func tableSet(tables ...*unicode.RangeTable) set {
	var out set
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, span{lo, hi})
			return
		}
		for r := lo; r <= hi; r += stride {
			out = append(out, span{r, r})
		}
	}
	for _, t := range tables {
		for _, r := range t.R16 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
		for _, r := range t.R32 {
			add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
		}
	}
	return out
}

// folded returns the set with every character that Python takes for the same
// under flag i.
func (s set) folded(ascii bool) set {
	out := slices.Clone(s)
	for _, r := range s {
		if ascii {
			out = append(out, shifted(r, 'a', 'z', 'A'-'a')...)
			out = append(out, shifted(r, 'A', 'Z', 'a'-'A')...)
			continue
		}
		for _, cases := range unicode.CaseRanges {
			for c := max(r.lo, rune(cases.Lo)); c <= min(r.hi, rune(cases.Hi)); c++ {
				for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
					out = append(out, span{f, f})
				}
			}
		}
		for _, same := range sameCase {
			if strings.ContainsFunc(same, func(c rune) bool { return r.lo <= c && c <= r.hi }) {
				for _, c := range same {
					out = append(out, span{c, c})
				}
			}
		}
	}
	return out.normal()
}

// sameCase lists what Python folds together and the tables of package unicode do
// not: four i, two pairs of Greek letters and a pair of ligatures; and ß, which
// has no case in unicode.CaseRanges.
var sameCase = []string{"iIİı", "\u0390\u1fd3", "\u03b0\u1fe3", "\ufb05\ufb06", "ßẞ"}

// shifted returns the part of a range that lies between lo and hi, moved by delta.
func shifted(r span, lo, hi, delta rune) set {
	lo, hi = max(r.lo, lo), min(r.hi, hi)
	if lo > hi {
		return nil
	}
	return set{{lo + delta, hi + delta}}
}

// charset is what one character of a text can be: the characters of a set and of
// categories, or all others.
type charset struct {
	set
	// categories holds letters of d, w and s: Unicode's, which RE2 can write
	// shorter than as a set.
	categories string
	negated    bool
}

// Categories, as the inside of a class of RE2, and as regexp2 reads them too.
const (
	digitClass = `\p{Nd}`
	wordClass  = `\p{L}\p{N}_`
	spaceClass = `\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}`
)

// category returns the set of one of d, w and s.
func category(name byte, ascii bool) set {
	switch {
	case name == 'd' && ascii:
		return set{{'0', '9'}}
	case name == 'd':
		return tableSet(unicode.Nd)
	case name == 'w' && ascii:
		return set{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	case name == 'w':
		return append(tableSet(unicode.L, unicode.N), span{'_', '_'})
	case ascii:
		return set{{'\t', '\r'}, {' ', ' '}}
	}
	return set{
		{'\t', '\r'},
		{0x1c, 0x20},
		{0x85, 0x85},
		{0xa0, 0xa0},
		{0x1680, 0x1680},
		{0x2000, 0x200a},
		{0x2028, 0x2029},
		{0x202f, 0x202f},
		{0x205f, 0x205f},
		{0x3000, 0x3000},
	}
}

// add puts one of \d \D \w \W \s \S into the set.
func (c *charset) add(escape byte, ascii bool) {
	name := escape | 0x20
	switch {
	case name != escape:
		c.set = append(c.set, category(name, ascii).complement()...)
	case ascii:
		c.set = append(c.set, category(name, true)...)
	case !strings.Contains(c.categories, string(rune(name))):
		c.categories += string(rune(name))
	}
}

// String writes the set as a class that both engines read alike.
func (c *charset) String() string {
	if c.categories == "" && len(c.set) == 1 && c.set[0].lo == c.set[0].hi && !c.negated {
		return quoted(c.set[0].lo)
	}
	s := c.normal()
	if len(s) == 0 && c.categories == "" {
		s, c = set{{0, unicode.MaxRune}}, &charset{negated: !c.negated}
	}
	var b strings.Builder
	b.WriteString("[")
	if c.negated {
		b.WriteString("^")
	}
	for _, r := range s {
		b.WriteString(quoted(r.lo))
		if r.hi > r.lo {
			b.WriteString("-" + quoted(r.hi))
		}
	}
	for _, name := range c.categories {
		b.WriteString(map[rune]string{'d': digitClass, 'w': wordClass, 's': spaceClass}[name])
	}
	b.WriteString("]")
	return b.String()
}

// quoted writes a character so that it means itself in and outside of classes.
func quoted(c rune) string {
	switch {
	case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return string(c)
	}
	return fmt.Sprintf(`\x{%x}`, c)
}
