package webget

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-auth/sallyport/config"
)

func TestRedirects(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(who string, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, strings.Join([]string{who, r.Method, r.Header.Get("X-Key"), r.Header.Get("Authorization"), r.Header.Get("Referer"), r.Header.Get("User-Agent"), string(body)}, "|"))
	}
	var first *httptest.Server
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("second", r)
		if r.URL.Path == "/back" {
			http.Redirect(w, r, first.URL+"/end", http.StatusFound)
		}
	}))
	defer second.Close()
	unlisted := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { note("unlisted", r) }))
	defer unlisted.Close()
	first = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note("first", r)
		to := map[string]string{
			"/own": "/end", "/other": second.URL, "/back": second.URL + "/back", "/off": unlisted.URL, "/loop": "/loop",
			"/file": "file:///etc/passwd", "/user": strings.Replace(second.URL, "//", "//u:p@", 1), "/post": second.URL, "/own307": "/end",
		}[r.URL.Path]
		code := http.StatusFound
		if r.URL.Path == "/post" || r.URL.Path == "/own307" {
			code = http.StatusTemporaryRedirect
		}
		if to != "" {
			http.Redirect(w, r, to, code)
		}
	}))
	defer first.Close()
	c := client(t, config.Requests{Private: loopback}, nil, first.URL, second.URL)
	secret := Options{Headers: map[string]string{"X-Key": "k", "Authorization": "a"}}
	withBody := Options{Headers: secret.Headers, Body: []byte("b")}
	for _, tt := range []struct {
		method, path string
		o            Options
		class        Class
		text, seen   string
	}{
		{"GET", "/own", secret, "", "", "first|GET|k|a||Sallyport| first|GET|k|a||Sallyport|"},
		{"GET", "/other", secret, "", "", "first|GET|k|a||Sallyport| second|GET||||Sallyport|"},
		{"GET", "/back", secret, "", "", "first|GET|k|a||Sallyport| second|GET||||Sallyport| first|GET||||Sallyport|"},
		{"GET", "/off", secret, NotAllowed, "a redirect to " + unlisted.URL, "first|GET|k|a||Sallyport|"},
		{"GET", "/file", secret, Redirected, "something else than a web server", "first|GET|k|a||Sallyport|"},
		{"GET", "/user", secret, Redirected, "something else than a web server", "first|GET|k|a||Sallyport|"},
		{"GET", "/loop", Options{}, Redirected, "more than 5 redirects", strings.TrimSpace(strings.Repeat("first|GET||||Sallyport| ", 6))},
		{"POST", "/own307", withBody, "", "", "first|POST|k|a||Sallyport|b first|POST|k|a||Sallyport|b"},
		{"POST", "/other", withBody, "", "", "first|POST|k|a||Sallyport|b second|GET||||Sallyport|"},
		{"POST", "/post", withBody, Redirected, "would send the body there", "first|POST|k|a||Sallyport|b"},
	} {
		seen = nil
		_, err := c.Do(t.Context(), tt.method, first.URL+tt.path+"?token=hidden", tt.o)
		if tt.class == "" && err != nil {
			t.Errorf("%s: %v", tt.path, err)
		} else if tt.class != "" {
			wants(t, err, tt.class, tt.text)
		}
		mu.Lock()
		if got := strings.Join(seen, " "); got != tt.seen {
			t.Errorf("%s %s:\ngot  %s\nwant %s", tt.method, tt.path, got, tt.seen)
		}
		mu.Unlock()
	}
}
