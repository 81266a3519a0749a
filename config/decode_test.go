package config

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// word reads text, and knows a word that it does not like.
type word string

func (w *word) UnmarshalText(text []byte) error {
	if string(text) == "bad" {
		return errors.New("is a bad word")
	}
	*w = word(strings.ToUpper(string(text)))
	return nil
}

// own reads any value, but for 13 and lists.
type own struct{ Value any }

func (o *own) DecodeYAML(v any) error {
	switch v := v.(type) {
	case int64:
		if v == 13 {
			return errors.New("13 is unlucky")
		}
	case []any:
		return errors.Join(errors.New("one"), errors.New("two"))
	}
	o.Value = v
	return nil
}

type item struct {
	Name string `yaml:"name" required:"true"`
	Size uint8  `yaml:"size" default:"3" max:"9"`
}

type document struct {
	Text     string            `yaml:"text" default:"none"`
	Yes      bool              `yaml:"yes" default:"true"`
	Int      int               `yaml:"int" min:"-5"`
	Small    int8              `yaml:"small"`
	Uint     uint32            `yaml:"uint"`
	Float    float64           `yaml:"float" max:"1.5"`
	Duration time.Duration     `yaml:"duration" default:"1m"`
	Word     word              `yaml:"word" default:"abc"`
	Words    map[word]word     `yaml:"-"`
	Own      own               `yaml:"own"`
	Owns     []own             `yaml:"owns"`
	Any      any               `yaml:"any"`
	Items    map[string]item   `yaml:"items"`
	Pointers []*item           `yaml:"pointers"`
	Maybe    *int              `yaml:"maybe"`
	Given    *int              `yaml:"given" default:"7"`
	Strings  map[string]string `yaml:"strings"`
	Addr     netip.Addr        `yaml:"addr"`
	Files    []string          `yaml:"files" path:"true"`
	Section  struct {
		Deep struct {
			Default string `yaml:"default" default:"deep"`
		} `yaml:"deep"`
	} `yaml:"section"`
	Skipped string
}

func TestDecode(t *testing.T) {
	var got document
	places, err := Decode("dir/x.yaml", []byte(`---
text: |
  two
  lines
yes: false
int: -5
small: -128
uint: 4294967295
float: 1
word: good
own: {list: [1, 2.5, text, null, true, "5"], map: {}}
owns: [text, 5, null, ~]
any: {a: [1]}
items: {a: {name: "5"}, b: {name: x, size: 9}}
pointers: [{name: x}, {name: 'y'}]
maybe: 0
strings: {a: b}
addr: "::1"
files: [a, ../b, /c, ""]
...
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	zero, seven := 0, 7
	want := document{
		Text: "two\nlines\n", Int: -5, Small: -128, Uint: 4294967295, Float: 1, Duration: time.Minute, Word: "GOOD",
		Own:   own{map[string]any{"list": []any{int64(1), 2.5, "text", nil, true, "5"}, "map": map[string]any{}}},
		Owns:  []own{{"text"}, {int64(5)}, {}, {}},
		Any:   map[string]any{"a": []any{int64(1)}},
		Items: map[string]item{"a": {"5", 3}, "b": {"x", 9}}, Pointers: []*item{{"x", 3}, {"y", 3}},
		Maybe: &zero, Given: &seven, Strings: map[string]string{"a": "b"}, Addr: netip.IPv6Loopback(),
		Files: []string{"dir/a", "b", "/c", ""},
	}
	want.Section.Deep.Default = "deep"
	if d := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	for path, want := range map[string]string{
		"own.list[1]":    "dir/x.yaml:11:17: own.list[1]: odd",
		"items.b.size":   "dir/x.yaml:14:44: items.b.size: odd",
		"items.a.size":   "dir/x.yaml:14:9: items.a.size: odd", // absent, so the section
		"nowhere.at.all": "dir/x.yaml:1:1: nowhere.at.all: odd",
		"":               "dir/x.yaml:1:1: odd",
	} {
		if got := places.Fault(path, "odd").Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"text: 5":                   "1:7: text: is a number; put it in quotes",
		"text: ~":                   "1:1: text: has no value; write one, or remove the key",
		"text: .inf":                "1:7: text: is a number; put it in quotes",
		"yes: 1":                    "1:6: yes: is a number; write true or false",
		"yes: 'true'":               "1:6: yes: is text; write true or false without quotes",
		"int: -6":                   "1:6: int: -6 is less than -5, the least",
		"int: 1.0":                  "1:6: int: is not a whole number",
		"int: 0x10":                 "1:6: int: is not written in plain decimal digits; write it so, or put it in quotes if it is text",
		"int: 1_000":                "1:6: int: is not written in plain decimal digits; write it so, or put it in quotes if it is text",
		"int: 9223372036854775808":  "1:6: int: 9223372036854775808 is too large",
		"int: 99999999999999999999": "1:6: int: 99999999999999999999 is too large",
		"int: true":                 "1:6: int: is true or false; a whole number is due",
		"small: 128":                "1:8: small: 128 is too large",
		"uint: -1":                  "1:7: uint: -1 is negative or too large",
		"float: 1.6":                "1:8: float: 1.6 is more than 1.5, the most",
		"float: .nan":               "1:8: float: is not a plain finite number; put it in quotes if it is text",
		"float: x":                  "1:8: float: is text; a number is due",
		"duration: 5":               "1:11: duration: is a number; write a duration with its unit, such as 500ms, 5s or 15m",
		"duration: 1d":              `1:11: duration: "1d" is not a duration; write a duration with its unit, such as 500ms, 5s or 15m`,
		"duration: [1s]":            "1:1: duration: is a list; a duration such as 5s is due",
		"word: bad":                 "1:7: word: is a bad word",
		"word: 5":                   "1:7: word: is a number; put it in quotes",
		"own: 13":                   "1:6: own: 13 is unlucky",
		"own: [1]":                  "1:1: own: one\n1:1: own: two",
		"own: {a: 010}":             "1:10: own.a: is not written in plain decimal digits; write it so, or put it in quotes if it is text",
		"own: {a: 1, a: 2}":         "1:13: own.a: is there twice, first in line 1",
		"any: {5: 1}":               "1:7: any: a key is a number; put it in quotes",
		"items: {a: {size: 10}}":    "1:9: items.a.name: is missing\n1:19: items.a.size: 10 is more than 9, the most",
		"items: [a]":                "1:1: items: is a list; a mapping (name: value) is due",
		"pointers: [~]":             "1:12: pointers[0]: has no value; write one, or remove the key",
		"pointers: [{name: ''}]":    "1:19: pointers[0].name: must not be empty",
		"maybe: x":                  "1:8: maybe: is text; a whole number is due",
		"strings: {a: {}}":          "1:11: strings.a: is a mapping; one text is due",
		"addr: host":                `1:7: addr: "host" is not an IP address`,
		`addr: "::ffff:1.2.3.4"`:    `1:7: addr: "::ffff:1.2.3.4" is an IPv4 address written as IPv6; write 1.2.3.4`,
		"Skipped: x":                "1:1: Skipped: unknown key",
		"section: {deep: []}":       "1:11: section.deep: is a list; a section is due, with keys: default",
	} {
		var into document
		_, err := Decode("f", []byte(text), &into)
		want = "f:" + strings.ReplaceAll(want, "\n", "\nf:")
		if fmt.Sprint(err) != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"order", "ordr", 1}, {"kitten", "sitting", 3}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%s, %s: %d", test.a, test.b, got)
		}
	}
	if got := DidYouMean("clinets", []string{"client", "clients"}); got != `, did you mean "clients"?` {
		t.Error(got)
	}
	known := []string{"office_hours", "vpn_members", "watchlist", "y", "on"}
	for word, want := range map[string]string{
		"ofice_hours": `, did you mean "office_hours"?`,
		"watch_list":  `, did you mean "watchlist"?`,
		"x":           "",
		"":            "",
	} {
		if got := DidYouMean(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}
