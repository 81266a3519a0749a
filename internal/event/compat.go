package event

import (
	"encoding/json"
	"regexp"
)

// hidden and allowed are the names of the original's second pass; without regard
// to case, Python takes both Turkish i's for an i.
var (
	hidden  = regexp.MustCompile(`(?i)AP[Iıİ]|TOKEN|KEY|SECRET|PASS|S[Iıİ]GNATURE|AUTH|HTTP_COOK[Iıİ]E`)
	allowed = regexp.MustCompile(`(?i)PASS[Iıİ]NG`)
)

// Compat returns what authentik would keep of a context: Cleanse after Sanitize,
// within the limits of Context. It loses values and misses secrets: it is for
// comparing with what authentik writes, not for writing entries.
func Compat(in map[string]any) map[string]any {
	c := copier{left: MaxSize, mask: func(string) bool { return false }}
	return Cleanse(Sanitize(c.object(in, 1)))
}

// Sanitize is authentik's first pass: lists lose the items that Python takes for
// false, such as 0, "" and what is empty without them. It has no limits.
func Sanitize(in map[string]any) map[string]any {
	out := make(map[string]any, len(in))
	for name, v := range in {
		out[name] = sanitized(v)
	}
	return out
}

func sanitized(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return Sanitize(v)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			if item = sanitized(item); truthy(item) {
				out = append(out, item)
			}
		}
		return out
	}
	return v
}

// truthy is what Python takes for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case int:
		return v != 0
	case int64:
		return v != 0
	case float64:
		return v != 0
	case json.Number:
		n, err := v.Float64()
		return err != nil || n != 0
	case map[string]any:
		return len(v) > 0
	case []any:
		return len(v) > 0
	}
	return true
}

// Cleanse is authentik's second pass: single values, and those in lists, become
// Masked when their name contains api, token, key, secret, pass, signature, auth
// or http_cookie, and not passing. Objects are masked by their own names alone. It
// has no limits.
func Cleanse(in map[string]any) map[string]any {
	out := make(map[string]any, len(in))
	for name, v := range in {
		out[name] = cleansed(v, hidden.MatchString(name) && !allowed.MatchString(name))
	}
	return out
}

func cleansed(v any, mask bool) any {
	switch v := v.(type) {
	case map[string]any:
		return Cleanse(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = cleansed(item, mask)
		}
		return out
	}
	if mask {
		return Masked
	}
	return v
}
