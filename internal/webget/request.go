package webget

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

// Limits of a request.
const (
	maxRequest = 64 << 10 // URL, headers and body together, in octets
	maxURL     = 8 << 10
	maxHeaders = 64
)

// Options are the parts of a request beside its URL. All may be absent.
type Options struct {
	Headers map[string]string
	// Params are added to the query of the URL.
	Params map[string]string
	// Body is sent as it is, JSON as JSON; only a POST may have one of them.
	Body []byte
	JSON any
	// Timeout shortens the one of the configuration.
	Timeout time.Duration
}

// ours are headers that the connection is made of, or that are always ours.
var ours = []string{
	"accept-encoding", "connection", "content-length", "cookie", "expect", "host", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "user-agent",
}

// request makes the request that a policy describes.
func request(ctx context.Context, method string, at *url.URL, o Options) (*http.Request, error) {
	if method != http.MethodGet && method != http.MethodPost {
		return nil, faultf(BadRequest, "only GET and POST can be made")
	}
	query := at.RawQuery
	if len(o.Params) > 0 {
		params := url.Values{}
		for name, value := range o.Params {
			params.Set(name, value)
		}
		query = strings.TrimPrefix(query+"&"+params.Encode(), "&")
	}
	to := *at
	to.RawQuery, to.Fragment, to.RawFragment = query, "", ""
	text := to.String()
	if len(text) > maxURL {
		return nil, faultf(TooLarge, "the URL has more than %d octets", maxURL)
	}
	body, err := body(method, o)
	if err != nil {
		return nil, err
	}
	size := len(text) + len(body)
	r, err := http.NewRequestWithContext(ctx, method, text, bytes.NewReader(body))
	if err != nil {
		return nil, faultf(BadRequest, "the URL is not understood")
	}
	if o.JSON != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if len(o.Headers) > maxHeaders {
		return nil, faultf(TooLarge, "there are more than %d headers", maxHeaders)
	}
	for name, value := range o.Headers {
		if err := checkHeader(name, value); err != nil {
			return nil, err
		}
		size += len(name) + len(value)
		r.Header.Set(name, value)
	}
	if size > maxRequest {
		return nil, faultf(TooLarge, "the request has more than %d octets", maxRequest)
	}
	r.Header.Set("User-Agent", "Sallyport")
	return r, nil
}

func body(method string, o Options) ([]byte, error) {
	switch {
	case o.JSON == nil && len(o.Body) == 0:
		return nil, nil
	case method != http.MethodPost:
		return nil, faultf(BadRequest, "only a POST has a body")
	case o.JSON == nil:
		return o.Body, nil
	case len(o.Body) > 0:
		return nil, faultf(BadRequest, "there are two bodies, one of them JSON")
	}
	data, err := json.Marshal(o.JSON)
	if err != nil {
		return nil, faultf(BadRequest, "the body cannot be written as JSON")
	}
	return data, nil
}

// checkHeader refuses headers that are ours, and what would break the lines of a
// request apart (RFC 9110 section 5).
func checkHeader(name, value string) error {
	token := strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~")
	switch {
	case name == "" || token != "":
		return faultf(BadRequest, "%.64q is not the name of a header", name)
	case slices.Contains(ours, strings.ToLower(name)):
		return faultf(BadRequest, "the header %s cannot be set", name)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return faultf(BadRequest, "the value of the header %s has control characters", name)
	}
	return nil
}

// parse reads a URL, and says which server it names.
func parse(text string) (*url.URL, config.Origin, error) {
	if len(text) > maxURL {
		return nil, config.Origin{}, faultf(TooLarge, "the URL has more than %d octets", maxURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Opaque != "" {
		return nil, config.Origin{}, faultf(BadRequest, "the URL is not understood; write https://HOST/PATH")
	}
	if u.User != nil {
		return nil, config.Origin{}, faultf(BadRequest, "the URL has a user name; send it in a header")
	}
	o, err := originOf(u)
	return u, o, err
}

// originOf is the server of a URL.
func originOf(u *url.URL) (config.Origin, error) {
	o := config.Origin{Scheme: u.Scheme, Host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), Port: 443}
	switch u.Scheme {
	case "https":
	case "http":
		o.Port = 80
	default:
		return o, faultf(BadRequest, "only https:// and http:// can be asked")
	}
	if text := u.Port(); text != "" || strings.HasSuffix(u.Host, ":") {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return o, faultf(BadRequest, "the port of the URL is not one")
		}
		o.Port = uint16(port)
	}
	return o, nil
}

// Limits of an answer.
const (
	maxBody            = 1 << 20 // octets, after decompression
	maxResponseHeaders = 64 << 10
	maxJSONValues      = 1 << 16
)

// Response is what a server answered.
type Response struct {
	Status int
	// Headers by name in lower case; those that came several times are joined by
	// commas. Cookies are left out.
	Headers map[string]string
	// Body is the body as text, with U+FFFD for what is not UTF-8.
	Body string
	// JSON is the body as JSON values, numbers as json.Number; nil when it is none.
	JSON any
}

// response reads an answer.
func response(r *http.Response) (Response, error) {
	if r.ContentLength > maxBody {
		return Response{}, faultf(TooLarge, "the answer has more than %d octets", maxBody)
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return Response{}, fmt.Errorf("read the answer: %w", err)
	}
	if len(data) > maxBody {
		return Response{}, faultf(TooLarge, "the answer has more than %d octets", maxBody)
	}
	out := Response{Status: r.StatusCode, Headers: make(map[string]string, len(r.Header)), Body: strings.ToValidUTF8(string(data), "\uFFFD")}
	for name, values := range r.Header {
		if name != "Set-Cookie" {
			out.Headers[strings.ToLower(name)] = strings.ToValidUTF8(strings.Join(values, ", "), "\uFFFD")
		}
	}
	if !json.Valid(data) {
		return out, nil
	}
	// A value costs many times its text, and commas and opening brackets are at
	// least as many as values.
	if n := bytes.Count(data, []byte{','}) + bytes.Count(data, []byte{'['}) + bytes.Count(data, []byte{'{'}); n > maxJSONValues {
		return Response{}, faultf(TooLarge, "the answer has more than %d JSON values", maxJSONValues)
	}
	dec := json.NewDecoder(strings.NewReader(out.Body))
	dec.UseNumber()
	if err := dec.Decode(&out.JSON); err != nil {
		return Response{}, fmt.Errorf("read the answer as JSON: %w", err)
	}
	return out, nil
}
