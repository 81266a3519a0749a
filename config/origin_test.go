package config

import (
	"strings"
	"testing"
)

func TestOrigin(t *testing.T) {
	for text, want := range map[string]Origin{
		"api.example.org":           {"https", "api.example.org", 443, false},
		"https://API.example.org.":  {"https", "api.example.org", 443, false},
		"http://api.example.org":    {"http", "api.example.org", 80, false},
		"https://api:8443":          {"https", "api", 8443, false},
		"https://*.example.org":     {"https", "example.org", 443, true},
		"*.example.org:444":         {"https", "example.org", 444, true},
		"https://192.0.2.1":         {"https", "192.0.2.1", 443, false},
		"https://[2001:DB8::1]":     {"https", "2001:db8::1", 443, false},
		"http://[2001:db8::1]:8080": {"http", "2001:db8::1", 8080, false},
	} {
		var got Origin
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		var again Origin
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%s is written %s, which is %+v, %v", text, got, again, err)
		}
	}
	for _, text := range []string{
		"", "*", "*.", ".", "https://", "ftp://example.org", "HTTPS://example.org", "//example.org", "https://a/b", "https://a?b", "https://a#b",
		"https://u:p@a", "https://a:", "https://a:0", "https://a:65536", "https://a:http", "https://a b", "https://a..b", "https://*.*.a", "https://a*.b",
		"https://*.192.0.2.1", "https://[fe80::1%25eth0]", "https://[::1", "https://bücher.example", "https://" + strings.Repeat("a", 64), "a,b", "a\n",
	} {
		var o Origin
		if err := o.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken as %+v", text, o)
		}
	}
}

func TestOriginMatches(t *testing.T) {
	one := Origin{"https", "example.org", 443, false}
	below := Origin{"https", "example.org", 443, true}
	for _, tt := range []struct {
		o            Origin
		scheme, host string
		port         uint16
		want         bool
	}{
		{one, "https", "example.org", 443, true},
		{one, "https", "EXAMPLE.org.", 443, true},
		{one, "http", "example.org", 443, false},
		{one, "https", "example.org", 8443, false},
		{one, "https", "www.example.org", 443, false},
		{one, "https", "example.org.evil.example", 443, false},
		{one, "https", "", 443, false},
		{below, "https", "example.org", 443, false},
		{below, "https", "a.b.Example.org", 443, true},
		{below, "https", "badexample.org", 443, false},
		{below, "https", ".example.org", 443, false},
		{below, "https", "a/.example.org", 443, false},
		{Origin{"http", "127.0.0.1", 80, false}, "http", "::ffff:127.0.0.1", 80, true},
	} {
		if got := tt.o.Matches(tt.scheme, tt.host, tt.port); got != tt.want {
			t.Errorf("%s and %s://%s:%d: %v", tt.o, tt.scheme, tt.host, tt.port, got)
		}
	}
}

func TestDNSServer(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.53": "10.0.0.53:53", "10.0.0.53:5353": "10.0.0.53:5353", "2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]:5353": "[2001:db8::53]:5353",
	} {
		var s DNSServer
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("%s: %v, %v", text, s, err)
		}
	}
}

func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"a", "https://*.example.org:8443", "http://[::1]:80", "https://a@b", "*", "https://:1", "[::1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var o, again Origin
		if o.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(o.String())); err != nil || again != o {
			t.Errorf("%q is %+v; written %s it is %+v, %v", text, o, o, again, err)
		}
		if o.Matches(o.Scheme, o.Host, o.Port) == o.Below {
			t.Errorf("%q does not know itself", text)
		}
	})
}
