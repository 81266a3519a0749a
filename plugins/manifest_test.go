package plugins

import (
	"strings"
	"testing"
)

func TestManifest(t *testing.T) {
	a, b := strings.Repeat("0a", 32), strings.Repeat("B1", 32)
	tests := []struct {
		name, text string
		want       map[string]string // nil: an error
	}{
		{"empty", "", map[string]string{}},
		{"text and binary", a + "  one\n" + b + " *two\n", map[string]string{"one": a, "two": strings.ToLower(b)}},
		{"prefix, blank line, CRLF, no end", a + "  ./one\r\n\r\n" + b + "  two", map[string]string{"one": a, "two": strings.ToLower(b)}},
		{"twice the same", a + "  one\n" + a + "  one\n", map[string]string{"one": a}},
		{"twice another", a + "  one\n" + b + "  one\n", nil},
		{"short digest", a[2:] + "  one\n", nil},
		{"long digest", a + "00  one\n", nil},
		{"no hex", strings.Repeat("zz", 32) + "  one\n", nil},
		{"one blank", a + " one\n", nil},
		{"no name", a + "  \n", nil},
		{"no digest", "one\n", nil},
		{"comment", "# programs\n", nil},
		{"endless line", strings.Repeat("a", 1<<17), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseManifest([]byte(tt.text))
			if (err == nil) != (tt.want != nil) || len(got) != len(tt.want) {
				t.Fatalf("%v, %v; want %v", got, err, tt.want)
			}
			for name, want := range tt.want {
				if got[name].String() != want {
					t.Errorf("%s: %s, want %s", name, got[name], want)
				}
			}
		})
	}
}

func FuzzManifest(f *testing.F) {
	sum := strings.Repeat("0a", 32)
	for _, seed := range []string{"", sum + "  one\n", sum + " *./two\r\n", "\n\n", sum, sum + "  "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		sums, err := parseManifest(text)
		if err != nil {
			return
		}
		for name, d := range sums { // what was read can be written and read again
			again, err := parseManifest([]byte(d.String() + "  ./" + name + "\n"))
			if err != nil || again[name] != d {
				t.Errorf("%q: %v, %v", name, again, err)
			}
		}
	})
}
