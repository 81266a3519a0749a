package regotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/webget"
)

// response is the answer of a web server.
type response struct {
	Status  int               `yaml:"status" default:"200" min:"100" max:"599"`
	Headers map[string]string `yaml:"headers"`
	Body    string            `yaml:"body"`
	JSON    any               `yaml:"json"`
}

// webKey is the key of a request in the fixture: its URL, with the method before
// it where that is not GET.
func webKey(method, url string) string {
	if method == http.MethodGet {
		return url
	}
	return method + " " + url
}

func (f *Fixture) checkWeb(places config.Places) error {
	var faults []error
	for key, r := range f.web {
		at, method := key, http.MethodGet
		if before, rest, ok := strings.Cut(key, " "); ok {
			method, at = before, rest
		}
		u, err := url.Parse(at)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || method != http.MethodGet && method != http.MethodPost:
			faults = append(faults, places.Fault("requests", "%.200q is neither the URL of a GET nor POST and a URL", key))
		case r.JSON != nil && r.Body != "":
			faults = append(faults, places.Fault("requests", "%.200q has a body and json: write one of them", key))
		}
		if method == http.MethodGet && at != key {
			delete(f.web, key)
			f.web[at] = r
		}
	}
	return errors.Join(faults...)
}

// Do implements rego.Web. The parameters of a request are part of its URL.
func (f *Fixture) Do(_ context.Context, method, at string, o webget.Options) (webget.Response, error) {
	u, err := url.Parse(at)
	if err != nil {
		return webget.Response{}, fmt.Errorf("%.200q is no URL", at)
	}
	if len(o.Params) > 0 {
		query := u.Query()
		for name, value := range o.Params {
			query.Set(name, value)
		}
		u.RawQuery = query.Encode()
		at = u.String()
	}
	r, ok := f.web[webKey(method, at)]
	if !ok {
		return webget.Response{}, fmt.Errorf("the fixture has no answer for %.200q: add it to requests", webKey(method, at))
	}
	answer := webget.Response{Status: r.Status, Headers: map[string]string{}, Body: r.Body}
	for name, text := range r.Headers {
		answer.Headers[strings.ToLower(name)] = text
	}
	body := []byte(r.Body)
	if r.JSON != nil {
		if body, err = json.Marshal(r.JSON); err != nil {
			return webget.Response{}, fmt.Errorf("the fixture's answer for %.200q: %w", at, err)
		}
		answer.Body = string(body)
	}
	decode := json.NewDecoder(strings.NewReader(string(body)))
	decode.UseNumber()
	if decode.Decode(&answer.JSON) != nil {
		answer.JSON = nil
	}
	return answer, nil
}
