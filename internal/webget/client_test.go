package webget

import (
	"compress/gzip"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// server starts a TLS server and writes its authority to a file.
func server(t *testing.T, h http.HandlerFunc) (s *httptest.Server, ca string) {
	t.Helper()
	s = httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that leave are the point
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(ca, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, ca
}

func client(t *testing.T, cfg config.Requests, resolver *net.Resolver, allow ...string) *Client {
	t.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	for _, text := range allow {
		var o config.Origin
		if err := o.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		cfg.Allow = append(cfg.Allow, o)
	}
	c, err := New(cfg, resolver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// wants checks that a request has failed, and why.
func wants(t *testing.T, err error, class Class, text string) {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Class != class || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want class %s and %q", err, class, text)
	}
}

func TestRequests(t *testing.T) {
	s, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/status" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header()["X-Two"] = []string{"a", "b"}
		w.Header().Set("X-Echo", strings.Join([]string{r.Method, r.URL.String(), r.Header.Get("User-Agent"), r.Header.Get("X-Key"), r.Header.Get("Content-Type"), r.Header.Get("Cookie")}, "|"))
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "secret"})
		_, _ = w.Write(body)
	})
	c := client(t, config.Requests{Private: loopback, CAFile: ca}, nil, s.URL)
	for name, tt := range map[string]struct {
		method, path string
		o            Options
		echo, body   string
		json         any
	}{
		"get":         {"GET", "/a?x=1#part", Options{Params: map[string]string{"z": "ü &", "b": "2"}, Headers: map[string]string{"x-key": "k"}}, "GET|/a?x=1&b=2&z=%C3%BC+%26|Sallyport|k||", "", nil},
		"params only": {"GET", "/a", Options{Params: map[string]string{"b": "2"}}, "GET|/a?b=2|Sallyport|||", "", nil},
		"post":        {"POST", "/", Options{Body: []byte("a=\xff"), Headers: map[string]string{"Content-Type": "text/plain"}}, "POST|/|Sallyport||text/plain|", "a=\uFFFD", nil},
		"post JSON":   {"POST", "/", Options{JSON: map[string]any{"a": []any{1, "x", nil}}}, "POST|/|Sallyport||application/json|", `{"a":[1,"x",null]}`, map[string]any{"a": []any{number("1"), "x", nil}}},
		"large number": {
			"POST", "/",
			Options{Body: []byte("12345678901234567890")},
			"POST|/|Sallyport|||",
			"12345678901234567890", number("12345678901234567890"),
		},
		"JSON of another kind": {"POST", "/", Options{JSON: "x", Headers: map[string]string{"content-type": "application/x+json"}}, "POST|/|Sallyport||application/x+json|", `"x"`, "x"},
		"no JSON":              {"POST", "/", Options{Body: []byte(`{"a":1}x`)}, "POST|/|Sallyport|||", `{"a":1}x`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := c.Do(t.Context(), tt.method, s.URL+tt.path, tt.o)
			if err != nil {
				t.Fatal(err)
			}
			if res.Status != 200 || res.Headers["x-echo"] != tt.echo || res.Headers["x-two"] != "a, b" || res.Body != tt.body || !cmp.Equal(res.JSON, tt.json) {
				t.Errorf("%+v\nwant %q, %q, %v", res, tt.echo, tt.body, tt.json)
			}
			if _, ok := res.Headers["set-cookie"]; ok {
				t.Error("a cookie is in the answer")
			}
		})
	}
	if res, err := c.Do(t.Context(), "GET", s.URL+"/status", Options{}); err != nil || res.Status != http.StatusTeapot {
		t.Errorf("%+v, %v", res, err)
	}
	if stats := c.Stats(); stats[""] != 8 || len(stats) != 1 {
		t.Errorf("%v", stats)
	}
}

func TestRequestsThatAreRefused(t *testing.T) {
	c := client(t, config.Requests{}, nil, "https://api.example.org", "http://plain.example.org:8080", "https://*.sub.example.org")
	long := strings.Repeat("a", maxRequest)
	many := map[string]string{}
	for i := range maxHeaders + 1 {
		many["x-"+strings.Repeat("a", i+1)] = "1"
	}
	get := func(url string) (string, string, Options) { return "GET", url, Options{} }
	post := func(o Options) (string, string, Options) { return "POST", "https://api.example.org", o }
	header := func(name, value string) (string, string, Options) {
		return post(Options{Headers: map[string]string{name: value}})
	}
	type request = func() (string, string, Options)
	for name, tt := range map[string]struct {
		of    request
		class Class
		text  string
	}{
		"another host":        {func() (string, string, Options) { return get("https://www.example.org/?token=hidden") }, NotAllowed, "GET https://www.example.org: policies.requests.allow does not list it"},
		"another scheme":      {func() (string, string, Options) { return get("http://api.example.org/") }, NotAllowed, "does not list"},
		"another port":        {func() (string, string, Options) { return get("https://api.example.org:8443/") }, NotAllowed, "does not list"},
		"the host above":      {func() (string, string, Options) { return get("https://sub.example.org/") }, NotAllowed, "does not list"},
		"a host that ends so": {func() (string, string, Options) { return get("https://badsub.example.org/") }, NotAllowed, "does not list"},
		"a host behind it":    {func() (string, string, Options) { return get("https://api.example.org.evil.example/") }, NotAllowed, "does not list"},
		"an odd host":         {func() (string, string, Options) { return get("https://api.example.org%2f.evil/") }, BadRequest, "not understood"},
		"no host":             {func() (string, string, Options) { return get("https:///path") }, BadRequest, "not understood"},
		"no URL":              {func() (string, string, Options) { return get("") }, BadRequest, "not understood"},
		"a file":              {func() (string, string, Options) { return get("file:///etc/passwd") }, BadRequest, "not understood"},
		"opaque":              {func() (string, string, Options) { return get("https:api.example.org") }, BadRequest, "not understood"},
		"ftp":                 {func() (string, string, Options) { return get("ftp://api.example.org/") }, BadRequest, "only https"},
		"a user name":         {func() (string, string, Options) { return get("https://u:hidden@api.example.org/") }, BadRequest, "has a user name"},
		"no port":             {func() (string, string, Options) { return get("https://api.example.org:/") }, BadRequest, "port"},
		"port 0":              {func() (string, string, Options) { return get("https://api.example.org:0/") }, BadRequest, "port"},
		"control characters":  {func() (string, string, Options) { return get("https://api.example.org/\r\nX: y") }, BadRequest, "not understood"},
		"a long URL":          {func() (string, string, Options) { return get("https://api.example.org/" + long) }, TooLarge, "URL"},
		"long parameters": {func() (string, string, Options) {
			return "GET", "https://api.example.org", Options{Params: map[string]string{"a": long}}
		}, TooLarge, "URL"},
		"another method": {func() (string, string, Options) { return "DELETE", "https://api.example.org", Options{} }, BadRequest, "only GET and POST"},
		"a GET with a body": {func() (string, string, Options) {
			return "GET", "https://api.example.org", Options{Body: []byte("x")}
		}, BadRequest, "only a POST has a body"},
		"two bodies":        {func() (string, string, Options) { return post(Options{Body: []byte("x"), JSON: 1}) }, BadRequest, "two bodies"},
		"no JSON":           {func() (string, string, Options) { return post(Options{JSON: func() {}}) }, BadRequest, "cannot be written as JSON"},
		"a large body":      {func() (string, string, Options) { return post(Options{Body: []byte(long)}) }, TooLarge, "the request has more than 65536 octets"},
		"a large header":    {func() (string, string, Options) { return header("X", long) }, TooLarge, "the request has more than"},
		"many headers":      {func() (string, string, Options) { return post(Options{Headers: many}) }, TooLarge, "more than 64 headers"},
		"the header Host":   {func() (string, string, Options) { return header("hOsT", "x") }, BadRequest, "hOsT cannot be set"},
		"Transfer-Encoding": {func() (string, string, Options) { return header("Transfer-Encoding", "chunked") }, BadRequest, "cannot be set"},
		"a broken line":     {func() (string, string, Options) { return header("X-Key", "hidden\r\nHost: evil") }, BadRequest, "value of the header X-Key has control characters"},
		"a broken name":     {func() (string, string, Options) { return header("X Key", "hidden") }, BadRequest, "not the name of a header"},
		"no name":           {func() (string, string, Options) { return header("", "hidden") }, BadRequest, "not the name of a header"},
	} {
		t.Run(name, func(t *testing.T) {
			method, url, o := tt.of()
			_, err := c.Do(t.Context(), method, url, o)
			wants(t, err, tt.class, tt.text)
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("a secret is in the error: %v", err)
			}
		})
	}
	none := client(t, config.Requests{}, nil)
	_, err := none.Do(t.Context(), "GET", "https://api.example.org", Options{})
	wants(t, err, NotAllowed, "does not list")
}

// TestAddresses: what counts is the address that is connected to.
func TestAddresses(t *testing.T) {
	s, ca := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("in")) })
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	names := testenv.NewDNS(t, func(name string, kind int) testenv.DNSReply {
		if name == "example.com" && kind == testenv.DNSTypeA {
			return testenv.DNSReply{Records: []testenv.DNSRecord{testenv.DNSAddress("", "127.0.0.1")}}
		}
		return testenv.DNSReply{}
	})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, names.Addr.String())
	}}
	for _, url := range []string{s.URL, "https://example.com:" + port} {
		_, err := client(t, config.Requests{CAFile: ca}, resolver, url).Do(t.Context(), "GET", url, Options{})
		wants(t, err, NotAllowed, "its address 127.0.0.1 is not public")
		_, err = client(t, config.Requests{CAFile: ca, Private: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, resolver, url).Do(t.Context(), "GET", url, Options{})
		wants(t, err, NotAllowed, "its address 127.0.0.1 is not public")
		res, err := client(t, config.Requests{CAFile: ca, Private: loopback}, resolver, url).Do(t.Context(), "GET", url, Options{})
		if err != nil || res.Body != "in" {
			t.Errorf("%s: %+v, %v", url, res, err)
		}
	}
	_, err := client(t, config.Requests{Private: loopback}, resolver, s.URL).Do(t.Context(), "GET", s.URL, Options{})
	wants(t, err, Failed, "certificate")
	none := "https://none.example:" + port
	_, err = client(t, config.Requests{Private: loopback}, resolver, none).Do(t.Context(), "GET", none, Options{})
	wants(t, err, Failed, "no such host")
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]bool{
		"1.1.1.1": true, "198.17.0.1": true, "2606:4700::1111": true, "64:ff9b::1.1.1.1": true, "::ffff:1.1.1.1": true, "172.32.0.1": true, "100.128.0.1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.1.2.3": false, "127.0.0.1": false, "127.1.2.3": false, "169.254.169.254": false, "172.16.0.1": false, "192.168.1.1": false,
		"100.64.0.1": false, "100.100.100.200": false, "168.63.129.16": false, "192.0.0.192": false, "192.0.2.1": false, "198.18.0.1": false, "224.0.0.1": false,
		"240.0.0.1": false, "255.255.255.255": false, "::": false, "::1": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "::ffff:169.254.169.254": false,
		"fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd00:ec2::254": false, "fec0::1": false, "ff02::1": false, "64:ff9b::10.0.0.1": false, "64:ff9b:1::1": false,
		"2001:db8::1": false, "2001::1": false, "2002:7f00:1::": false, "100::1": false, "::ffff:0:127.0.0.1": false, "::7f00:1": false, "5f00::1": false, "4000::1": false,
	} {
		if got := public(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: public %v", text, got)
		}
	}
}

// TestLargeAnswers end at the limit, before or after decompression.
func TestLargeAnswers(t *testing.T) {
	zeros := make([]byte, 64<<10)
	s, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/limit":
			_, _ = w.Write(make([]byte, maxBody))
		case "/length":
			w.Header().Set("Content-Length", "10485760")
			_, _ = w.Write(zeros)
		case "/stream":
			for range 160 {
				if _, err := w.Write(zeros); err != nil {
					return
				}
			}
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			for range 3200 { // 200 MB
				if _, err := z.Write(zeros); err != nil {
					return
				}
			}
			_ = z.Close()
		case "/headers":
			for i := range 2000 {
				w.Header().Set("X-"+strings.Repeat("a", i%40+1)+strings.Repeat("b", i/40+1), strings.Repeat("v", 40))
			}
		case "/values":
			_, _ = w.Write([]byte("[" + strings.Repeat("1,", maxJSONValues) + "1]"))
		case "/deep":
			_, _ = w.Write([]byte(strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000)))
		}
	})
	c := client(t, config.Requests{Private: loopback, CAFile: ca, Timeout: 20 * time.Second}, nil, s.URL)
	for path, want := range map[string]string{
		"/length": "the answer has more than 1048576 octets", "/stream": "the answer has more than 1048576 octets", "/bomb": "the answer has more than 1048576 octets",
		"/values": "the answer has more than 65536 JSON values",
	} {
		_, err := c.Do(t.Context(), "GET", s.URL+path, Options{})
		wants(t, err, TooLarge, want)
	}
	_, err := c.Do(t.Context(), "GET", s.URL+"/headers", Options{})
	wants(t, err, Failed, "headers exceeded")
	if res, err := c.Do(t.Context(), "GET", s.URL+"/limit", Options{}); err != nil || len(res.Body) != maxBody {
		t.Errorf("as much as is allowed: %d octets, %v", len(res.Body), err)
	}
	if res, err := c.Do(t.Context(), "GET", s.URL+"/deep", Options{}); err != nil || res.JSON != nil {
		t.Errorf("nested too deep to be JSON: %v, %v", res.JSON != nil, err)
	}
}

// TestSlow: silence, a body that never ends and a caller who leaves.
func TestSlow(t *testing.T) {
	release := make(chan struct{})
	s, ca := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("begun"))
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	c := client(t, config.Requests{Private: loopback, CAFile: ca}, nil, s.URL)
	for _, path := range []string{"/", "/body"} {
		_, err := c.Do(t.Context(), "GET", s.URL+path, Options{Timeout: 50 * time.Millisecond})
		wants(t, err, Timeout, "")
	}
	short := client(t, config.Requests{Private: loopback, CAFile: ca, Timeout: 50 * time.Millisecond}, nil, s.URL)
	_, err := short.Do(t.Context(), "GET", s.URL, Options{Timeout: time.Hour})
	wants(t, err, Timeout, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Do(ctx, "GET", s.URL, Options{})
	wants(t, err, Canceled, "")

	// No more than maxRequests are at work; one more waits in vain.
	hold, letGo := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range maxRequests {
		callers.Go(func() {
			_, err := c.Do(hold, "GET", s.URL, Options{})
			wants(t, err, Canceled, "")
		})
	}
	for len(c.slots) < maxRequests {
		time.Sleep(time.Millisecond)
	}
	_, err = c.Do(t.Context(), "GET", s.URL, Options{Timeout: 20 * time.Millisecond})
	wants(t, err, Overloaded, "too many requests at once")
	letGo()
	callers.Wait()
	if stats := c.Stats(); stats[Overloaded] == 0 {
		t.Errorf("%v", stats)
	}
}

func TestClose(t *testing.T) {
	arrived := make(chan struct{})
	s, ca := server(t, func(_ http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-r.Context().Done()
	})
	c := client(t, config.Requests{Private: loopback, CAFile: ca}, nil, s.URL)
	done := make(chan error)
	go func() {
		_, err := c.Do(t.Context(), "GET", s.URL, Options{})
		done <- err
	}()
	<-arrived
	go func() { _ = c.Close() }()
	wants(t, <-done, Canceled, "")
	_ = c.Close()
	_, err := c.Do(t.Context(), "GET", s.URL, Options{})
	wants(t, err, Failed, "closed")
}

func TestAuthorities(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{filepath.Join(dir, "none.pem"): "no such file", empty: "there is no certificate in it"} {
		if _, err := New(config.Requests{CAFile: file}, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestNoProxy: a proxy of the environment is not used.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	c := client(t, config.Requests{}, nil)
	if c.transport.Proxy != nil {
		t.Error("there is a proxy")
	}
}
