package webget

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

func number(text string) json.Number { return json.Number(text) }

// FuzzURL: whatever a policy writes, only what is listed is asked.
func FuzzURL(f *testing.F) {
	for _, seed := range []string{
		"https://api.example.org/a?b#c", "https://api.example.org:443", "https://API.example.org./", "https://u@api.example.org", "https://api.example.org@evil.example/",
		"https://evil.example\\@api.example.org", "https://[::1]/", "http://api.example.org", "//api.example.org", "https://x.api.example.org:0443/",
	} {
		f.Add(seed)
	}
	c, err := New(config.Requests{Allow: []config.Origin{{Scheme: "https", Host: "api.example.org", Port: 443}}, Timeout: time.Second}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = c.Close() })
	f.Fuzz(func(t *testing.T, text string) {
		to, origin, err := parse(text)
		if err != nil || c.allowed(origin) != nil {
			return
		}
		r, err := request(t.Context(), http.MethodGet, to, Options{Params: map[string]string{"p": text}})
		if err != nil {
			return
		}
		if host := strings.ToLower(strings.TrimSuffix(r.URL.Hostname(), ".")); host != "api.example.org" || r.URL.Scheme != "https" || r.URL.User != nil {
			t.Errorf("%q asks %s", text, r.URL)
		}
		if port := r.URL.Port(); port != "" && strings.TrimLeft(port, "0") != "443" {
			t.Errorf("%q asks port %s", text, port)
		}
	})
}

// FuzzResponse: an answer never breaks the limits, and its JSON can be written
// again.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{"", "null", `{"a":[1,2.5e300,"\ud800",true]}`, "[[[[", "\xff\xfe", `"\u0000"`, `{"a":1,"a":2}`} {
		f.Add([]byte(seed), "value")
	}
	f.Fuzz(func(t *testing.T, body []byte, header string) {
		res, err := response(&http.Response{
			StatusCode: 200, ContentLength: -1, Body: io.NopCloser(strings.NewReader(string(body))), Header: http.Header{"X-A": {header, header}, "Set-Cookie": {header}},
		})
		if err != nil {
			return
		}
		if len(res.Body) > 3*maxBody || len(res.Headers) != 1 {
			t.Errorf("%d octets, %d headers", len(res.Body), len(res.Headers))
		}
		if _, err := json.Marshal(res.JSON); err != nil {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// TestClassesAreExplained: the page has a line for every class.
func TestClassesAreExplained(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies/outside.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, class := range Classes() {
		if !strings.Contains(string(page), "`"+string(class)+"`") {
			t.Errorf("docs/policies/outside.md does not explain %s", class)
		}
	}
}
