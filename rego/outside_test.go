package rego

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/policyengine"
)

func TestDNS(t *testing.T) {
	for call, want := range map[string]any{
		`resolve_dns("vpn.example.org", 0)`:                     []any{"10.0.0.1", "10.0.0.2"},
		`resolve_dns("vpn.example.org", 6)`:                     []any{},
		`reverse_dns("10.0.0.9")`:                               "host-10.0.0.9.example.org",
		`[reverse_dns("10.0.0.9"), reverse_dns("10.0.0.9")][1]`: "host-10.0.0.9.example.org",
	} {
		n := &names{}
		set := loadWith(t, Options{DNS: n}, map[string]string{"p.rego": policyText("raw_result := " + call)})
		r, err := set.Expressions()["p"].Eval(t.Context(), alice())
		if err != nil || !same(r.Raw, want) || n.asked != 1 {
			t.Errorf("%s: %v, error %v, asked %d times", call, r.Raw, err, n.asked)
		}
	}
	for call, want := range map[string]string{
		`resolve_dns(input.request.user.email, 4)`: "the host is null",
		`resolve_dns("x", input.now.hour)`:         "9 is no version of IP",
		`resolve_dns("x", input.client_ip)`:        "the version is a string",
		`resolve_dns("x", 5)`:                      "5 is no version of IP",
		`reverse_dns(input.request.user.email)`:    "the address is null",
		`reverse_dns("x")`:                         `"x" is no IP address`,
		`reverse_dns(input.client_ip)`:             "name servers are not asked here",
		`resolve_dns("x", 4)`:                      "name servers are not asked here",
	} {
		set, err := load(t, map[string]string{"p.rego": policyText("raw_result := " + call)})
		if err == nil {
			_, err = set.Expressions()["p"].Eval(t.Context(), alice())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", call, err, want)
		}
	}
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		name, call, method string
		options            webget.Options
		err                string
	}{
		{"get", `requests.get("https://hr.example.org/", {})`, http.MethodGet, webget.Options{}, ""},
		{
			"get with options", `requests.get("https://hr.example.org/", {"headers": {"accept": "x"}, "params": {"q": "1"}, "timeout": 0.5})`, http.MethodGet,
			webget.Options{Headers: map[string]string{"accept": "x"}, Params: map[string]string{"q": "1"}, Timeout: 500 * time.Millisecond},
			"",
		},
		{"post of JSON", `requests.post("https://hr.example.org/", {"json": {"a": ["b"]}})`, http.MethodPost, webget.Options{JSON: map[string]any{"a": []any{"b"}}}, ""},
		{"post of text", `requests.post("https://hr.example.org/", {"body": "x"})`, http.MethodPost, webget.Options{Body: []byte("x")}, ""},
		{"get of a body", `requests.get("https://hr.example.org/", {"body": "x"})`, "", webget.Options{}, `there is no option "body"`},
		{"unknown option", `requests.get("https://hr.example.org/", {"header": {}})`, "", webget.Options{}, `did you mean "headers"?`},
		{"headers of a wrong type", `requests.get("https://hr.example.org/", {"headers": {"x": 1}})`, "", webget.Options{}, "the option headers"},
		{"timeout of nothing", `requests.get("https://hr.example.org/", {"timeout": 0})`, "", webget.Options{}, "the option timeout"},
		{"too much to send", `requests.post("https://hr.example.org/", {"json": numbers.range(1, 10000)})`, "", webget.Options{}, "more than 65536 octets"},
		{"a server that is down", `requests.get("https://down.example.org/", {})`, "", webget.Options{}, "connection refused"},
		{"URL of a wrong type", `requests.get(input.request.user.email, {})`, "", webget.Options{}, "the URL is null"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &site{}
			set := loadWith(t, Options{Web: s}, map[string]string{"p.rego": policyText("raw_result := " + tt.call)})
			r, err := set.Expressions()["p"].Eval(t.Context(), alice())
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			want := map[string]any{"status": 200, "headers": map[string]any{"etag": "1"}, "body": `{"days": 3}`, "json": map[string]any{"days": 3}}
			if err != nil || !same(r.Raw, want) || s.method != tt.method {
				t.Errorf("%s, %v, error %v", s.method, r.Raw, err)
			}
			if diff := cmp.Diff(tt.options, s.options); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
			if why := set.Expressions()["p"].Reads().Uncacheable; why == "" {
				t.Error("an answer of a web server is kept")
			}
		})
	}
	if _, err := eval(t, `allow if not requests.get("https://hr.example.org/", {}).json`); err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("without configuration: error %v", err)
	}
	s := &site{}
	set := loadWith(t, Options{Web: s}, map[string]string{"p.rego": policyText(`allow if requests.post("https://hr.example.org/", {}).status == 200`)})
	if _, err := set.policies["p"].Explain(t.Context(), alice()); !errors.Is(err, errEffects) || s.method != "" {
		t.Errorf("explained: error %v, sent %q", err, s.method)
	}
	if r, err := set.policies["p"].Eval(policyengine.WithoutEffects(t.Context()), alice()); !errors.Is(err, errEffects) || r.Passing {
		t.Errorf("without effects: error %v", err)
	}
}
