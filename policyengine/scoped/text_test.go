package scoped

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSplitList(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{"  ", nil},
		{" a , b ", []string{"a", "b"}},
		{"a,,b", []string{"a", "", "b"}},
		{",", []string{"", ""}},
		{"'a,b'", []string{"'a", "b'"}},
		{"a\x1c,\u00a0b", []string{"a", "b"}},
	} {
		if diff := cmp.Diff(tt.want, SplitList(tt.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestParseActionCompat(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Action
	}{
		{"", Action{{Flag: true}}},
		{"a = 1, b", Action{{Name: "a ", Value: " 1"}, {Name: "b", Flag: true}}},
		{"a='x, y'", Action{{Name: "a", Value: "'x"}, {Name: "y'", Flag: true}}},
		{"a=1, b, a", Action{{Name: "a", Flag: true}, {Name: "b", Flag: true}}},
		{"=x,", Action{{Flag: true}}}, // the later one of the two empty names wins
	} {
		if diff := cmp.Diff(tt.want, ParseActionCompat(tt.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestParseDict(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want map[string][]string
	}{
		{"", map[string][]string{}},
		{":a:", map[string][]string{}},
		{"a: x  y :b:z", map[string][]string{"a": {"x", "y"}, "b": {"z"}}},
		{":a: x :a: y", map[string][]string{"a": {"y"}}},
	} {
		if diff := cmp.Diff(tt.want, ParseDict(tt.in)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.in, diff)
		}
	}
}

func TestIsTrue(t *testing.T) {
	for _, v := range []any{true, 1, int64(1), 1.0, json.Number("1"), json.Number("1.0"), "1", "True", "true", "TRUE"} {
		if !IsTrue(v) {
			t.Errorf("%#v is not true", v)
		}
	}
	for _, v := range []any{nil, false, 0, 2, 1.5, json.Number("2"), "", "0", "yes", "on", "tRUE", " 1", []string{"1"}} {
		if IsTrue(v) {
			t.Errorf("%#v is true", v)
		}
	}
}

func TestParseTimeLimit(t *testing.T) {
	for in, want := range map[string]TimeLimit{
		"2/5m":     {2, 5 * time.Minute},
		" 7 / 3h":  {7, 3 * time.Hour},
		"100/60S":  {100, time.Minute},
		"5/ 1 0 m": {5, 10 * time.Minute},
	} {
		if got, err := ParseTimeLimit(in); got != want || err != nil {
			t.Errorf("%q: %v, error %v", in, got, err)
		}
	}
	for _, in := range []string{"", "5", "2/5", "2/5d", "2/m", "/5m", "x/5m", "2-5m", "2/5m/3h", "99999999999999999999/5m", "2/99999999999999h", "2/1.5h"} {
		if got, err := ParseTimeLimit(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, error %v", in, got, err)
		}
	}
}

func TestParseTimeDelta(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"10d": 240 * time.Hour, "1y": 365 * 24 * time.Hour, "+ 2 h": 2 * time.Hour, "-3h": -3 * time.Hour, "0s": 0, "\t30s\n": 30 * time.Second,
	} {
		if got, err := ParseTimeDelta(in); got != want || err != nil {
			t.Errorf("%q: %v, error %v", in, got, err)
		}
	}
	for _, in := range []string{"", "7", "d", "3w", "4M", "1.5h", "--3h", "+-3h", "293y", "99999999999999999999s", "3 0s", "é"} {
		if got, err := ParseTimeDelta(in); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v, error %v", in, got, err)
		}
	}
}

func TestSplitPINAndOTP(t *testing.T) {
	for _, tt := range []struct {
		password string
		otpLen   int
		pinFirst bool
		pin, otp string
	}{
		{"pîn000000", 6, true, "pîn", "000000"},
		{"000000pîn", 6, false, "pîn", "000000"},
		{"12", 6, true, "", "12"},
		{"12", 6, false, "", "12"},
		{"123", 0, true, "", "123"},
		{"123", 0, false, "123", ""},
		{"123", -1, false, "123", ""},
	} {
		if pin, otp := SplitPINAndOTP(tt.password, tt.otpLen, tt.pinFirst); pin != tt.pin || otp != tt.otp {
			t.Errorf("%+v: %q, %q", tt, pin, otp)
		}
	}
}

func TestPINContents(t *testing.T) {
	for _, tt := range []struct {
		rule           string
		allows, denies []string
	}{
		{"", nil, []string{"", "a"}},
		{"c", []string{"a", "A1!"}, []string{"", "1", "a b", "aé"}},
		{"cn", []string{"a1", "a1!"}, []string{"a", "1", ""}},
		{"+cn", []string{"a", "1", "a!"}, []string{"!", ""}},
		{"-cn", []string{"", "!"}, []string{"a", "1", "!a"}},
		{"[a-c]", []string{"", "a-c"}, []string{"b"}},
		{"[]", []string{""}, []string{"a"}},
		{"[ é]", []string{"é é"}, []string{"a"}},
	} {
		for _, pin := range tt.allows {
			if ok, err := CheckPINContents(pin, tt.rule); !ok || err != nil {
				t.Errorf("rule %q refuses %q: %v", tt.rule, pin, err)
			}
		}
		for _, pin := range tt.denies {
			if ok, err := CheckPINContents(pin, tt.rule); ok || err != nil {
				t.Errorf("rule %q allows %q: %v", tt.rule, pin, err)
			}
		}
	}
	for _, rule := range []string{"x", "+", "-", "c+n", "++cn", "[a", "[", "C"} {
		if ok, err := CheckPINContents("a", rule); ok || !errors.Is(err, ErrPolicy) {
			t.Errorf("rule %q: %v, %v", rule, ok, err)
		}
	}
}

func FuzzTexts(f *testing.F) {
	for _, seed := range []string{"", "2/5m", "10d", ":a: x :b: y", "a='b, c'", "+cn", "[ab]]", "-3 h", "9223372036854775807y"} {
		f.Add(seed, "a1!")
	}
	f.Fuzz(func(t *testing.T, text, pin string) {
		if len(SplitList(text)) > 1+strings.Count(text, ",") {
			t.Error("too many parts")
		}
		seen := map[string]bool{}
		for _, item := range ParseActionCompat(text) {
			if seen[item.Name] || item.Flag && item.Value != "" {
				t.Errorf("action %+v", item)
			}
			seen[item.Name] = true
		}
		ParseDict(text)
		if d, err := ParseTimeDelta(text); err != nil && d != 0 {
			t.Errorf("%v and %v", d, err)
		}
		if l, err := ParseTimeLimit(text); err == nil && l.Window < 0 && !strings.Contains(text, "-") {
			t.Errorf("%+v", l)
		}
		ok, err := CheckPINContents(pin, text)
		if ok && (err != nil || text == "") {
			t.Errorf("PIN allowed by rule %q", text)
		}
		p, o := SplitPINAndOTP(pin, len(text), true)
		if len([]rune(p))+len([]rune(o)) != len([]rune(pin)) {
			t.Errorf("%q was split into %q and %q", pin, p, o)
		}
	})
}
