package scoped

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCompareTyped has the comparisons of Hardened; those of Compat are cases.
func TestCompareTyped(t *testing.T) {
	now := time.Date(2024, 1, 10, 12, 0, 0, 0, time.FixedZone("there", 3600))
	for _, tt := range []struct {
		left       any
		comparator string
		right      string
		want       string // true, false, or a part of the error
	}{
		{"7", "equals", "7", "true"},
		{"7 ", "equals", "7", "false"},
		{7, "equals", "7", "true"},
		{7, "equals", "7.0", "true"},
		{7, "equals", "seven", "false"},
		{json.Number("2.5"), "equals", "2.5", "true"},
		{2.5, "!equals", "2.5", "false"},
		{true, "equals", "TRUE", "true"},
		{false, "equals", "true", "false"},
		{[]any{"a"}, "equals", "a", "a list of 1 is no single value"},
		{map[string]any{"a": 1}, "equals", "a", "a mapping is no single value"},
		{[]any{"a", 7}, "contains", "7", "true"},
		{[]string{"a"}, "contains", "b", "false"},
		{[]string{"a"}, "!contains", "b", "true"},
		{"a", "contains", "a", "a text is no list"},
		{"a", "!contains", "a", "a text is no list"},
		{"ann", "matches", "a|ann", "true"},
		{"anna", "matches", "a|ann", "false"},
		{"ANN", "matches", "(?i)ann", "true"},
		{"größe", "matches", `\w+`, "true"},
		{7, "matches", `\d`, "true"},
		{true, "matches", "x", "a boolean is no text"},
		{"a", "matches", "(", "invalid pattern at offset"},
		{"a", "in", `"a,b", a`, "true"},
		{"a,b", "in", `"a,b", c`, "true"},
		{7, "in", "6, 7", "true"},
		{[]any{"a"}, "in", "a", "is no single value"},
		{"a", "in", `"a`, "a quote has no end"},
		{" 7 ", "<", "7.5", "true"},
		{"7", ">", "7", "false"},
		{7.5, ">", "7", "true"},
		{"-3", "<", "-2", "true"},
		{"seven", "<", "7", "a text is no number"},
		{"1e3", "<", "7", "a text is no number"},
		{true, "<", "7", "a boolean is no number"},
		{"7", "<", "x", `"x" is no number`},
		{"Hello World", "string_contains", "o w", "true"},
		{"Hello", "!string_contains", "x", "true"},
		{[]any{"a"}, "string_contains", "a", "is no text"},
		{"2024-01-01", "date_before", "2024-01-02", "true"},
		{"2024-01-02T00:30:00Z", "date_after", "2024-01-02T01:00:00+01:00", "true"}, // half an hour later
		{"2024-01-02 01:00", "date_before", "2024-01-02T01:00:00Z", "true"},         // in the zone of the clock
		{"2024-01-09", "date_within_last", "2d", "true"},
		{"2024-01-09", "!date_within_last", "1h", "true"},
		{"2024-01-11", "date_within_last", "2d", "false"}, // to come
		{"yesterday", "date_before", "2024-01-02", "is no date"},
		{7, "date_before", "2024-01-02", "a number is no date"},
		{"2024-01-09", "!date_before", "2024-01-02", "exchange date_before and date_after"},
		{"2024-01-09", "date_within_last", "2 fortnights", "span of time"},
		{"a", "like", "a", "there is no comparator"},
		{strings.Repeat("a", maxCompared+1), "matches", "a*", "at most 1048576 are looked at"},
	} {
		ok, err := CompareValues(tt.left, tt.comparator, tt.right, Hardened, now)
		got := map[bool]string{true: "true", false: "false"}[ok]
		if err != nil {
			got = err.Error()
			if !errors.Is(err, ErrCompare) {
				t.Errorf("kind of %v", err)
			}
		}
		if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
			t.Errorf("%.40v %s %q: %s, want %s", tt.left, tt.comparator, tt.right, got, tt.want)
		}
	}
	for _, comparator := range []string{"date_before", "string_contains", "date_within_last"} {
		if _, err := CompareValues("2024-01-01", comparator, "1d", Compat, now); !errors.Is(err, ErrCompare) {
			t.Errorf("compat knows %s: %v", comparator, err)
		}
	}
	if _, err := CompareValues("2024-01-01", "date_within_last", "1d", Hardened, time.Time{}); err == nil {
		t.Error("a span of time without a clock")
	}
}

func TestRecords(t *testing.T) {
	for text, want := range map[string]string{
		"":              "",
		"a":             "a",
		"a,b":           "a|b",
		"a, b ,c":       "a|b |c",
		"a,":            "a|",
		",":             "|",
		"x, ,y":         "x||y",
		`"a,b", c`:      "a,b|c",
		`"a""b"`:        `a"b`,
		`a"b`:           `a"b`,
		`"say \"hi\""`:  `say "hi"`,
		`a\,b`:          "a,b",
		`\\`:            `\`,
		"a\n":           "a",
		"\"a\nb\"":      "a\nb",
		`"open`:         "error",
		`"a"b`:          "error",
		`"a" , b`:       "error",
		`a\`:            "error",
		`"a\`:           "error",
		"a\nb":          "error",
		`"lab", "x, y"`: "lab|x, y",
	} {
		members, err := parseRecord(text)
		got := strings.Join(members, "|")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %q, want %q (%v)", text, got, want, err)
		}
	}
}

// TestWorldSections asks what only the caller knows.
func TestWorldSections(t *testing.T) {
	var calls []Call
	world := &World{
		Helper: func(c Call) (any, error) {
			calls = append(calls, c)
			switch c.Name {
			case "geo.country":
				return "SE", nil
			case "risk.score":
				return 0.7, nil
			case "risk.known":
				return true, nil
			case "nothing":
				return nil, nil
			}
			return nil, errors.New("no such helper")
		},
		Fact: func(section, key string) (any, bool, error) {
			v, ok := map[string]any{
				"radius/NAS-Identifier": "gate", "radius/Class": []any{"a", "b"}, "ldap/tls": "1.3", "container/type": "box", "Request Data/x": "y",
			}[section+"/"+key]
			return v, ok, nil
		},
	}
	for _, tt := range []struct {
		section, key, comparator, value string
		want                            string
	}{
		{"helper", "geo.country", "in", "SE, NO", "true"},
		{"helper", `geo.country("a, b", c)`, "equals", "NO", "false"},
		{"helper", "risk.score", ">", "0.5", "true"},
		{"helper", "risk.known", "equals", "true", "true"},
		{"helper", "nothing", "equals", "x", "helper nothing is empty"},
		{"helper", "gone", "equals", "x", "ask helper gone: no such helper"},
		{"radius:NAS-Identifier", "", "equals", "gate", "true"},
		{"radius:Class", "", "contains", "b", "true"},
		{"radius:Gone", "", "equals", "x", "the request has no such thing"},
		{"ldap:tls", "", "equals", "1.3", "true"},
		{SectionHTTPHeader, "radius:NAS-Identifier", "equals", "gate", "true"},
		{SectionHTTPEnviron, "ldap:tls", "equals", "1.2", "false"},
		{SectionContainer, "type", "equals", "box", "true"},
		{SectionRequestData, "x", "equals", "y", "true"},
	} {
		p := policy("p", when(tt.section, tt.key, tt.comparator, tt.value))
		found, err := mustCompile(t, p).Match(&Query{World: world}, nil)
		got := map[bool]string{true: "true", false: "false"}[len(found) > 0]
		if err != nil {
			got = err.Error()
		}
		if got != tt.want && (err == nil || !strings.Contains(got, tt.want)) {
			t.Errorf("%s %s %s %s: %s, want %s", tt.section, tt.key, tt.comparator, tt.value, got, tt.want)
		}
		compat, err := Compile([]Policy{p}, Options{Semantics: Compat})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := compat.Match(&Query{World: world}, nil); !errors.Is(err, ErrPolicy) {
			t.Errorf("compat knows %s %s: %v", tt.section, tt.key, err)
		}
	}
	if !slices.ContainsFunc(calls, func(c Call) bool { return slices.Equal(c.Args, []string{"a, b", "c"}) }) {
		t.Errorf("calls %+v", calls)
	}
	p := policy("p", when("helper", "geo.country", "equals", "SE"))
	if _, err := mustCompile(t, p).Match(&Query{}, nil); !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), "no condition helpers") {
		t.Errorf("without helpers: %v", err)
	}
}
