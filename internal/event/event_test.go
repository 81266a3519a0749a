package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for _, name := range []string{
		"clientSecret", "client_secret", "X-API-Key", "apiKey", "apikey", "PASSWORD2", "passwd", "Password", "user.password",
		"pass", "Pass", "dbpass", "db_pass", "pass_word", "pass\u200bword", "PA\u017f\u017f", "\uff30\uff37\uff24", "pässword",
		"toKen", "access_token", "accessTokens", "APIkey", "OTPvalue", "otp", "totp", "hotpCode", "pin", "PIN", "userPin",
		"pincode", "pwd", "userpwd", "cookie", "http_cookie", "sessionCookies", "credentials", "bearer", "private",
		"privateKey", "auth", "auth_method_args", "Auth_Method", "authMethod", "password_change_times", "oauth2", "authorization", "Proxy-Authorization", "signature_id", "api_url",
		"keys", "sshkeys", "key_id", "secrets", "secretArgument", "PASSING_password", "passing_token", "oneKeyAndMore",
	} {
		if !Mask(name) {
			t.Errorf("%q is not masked", name)
		}
	}
	for _, name := range []string{
		"", " ", "monkey", "monkeys", "compass", "rapid", "passing", "Passing", "isPassing", "bypassing", "bypass", "passenger", "passport",
		"turkey", "hockey", "keyboard", "keyword", "secretary", "userSecretary", "secretaries", "capital", "author", "authors",
		"authenticators", "authorized", "username", "user", "email", "geo", "asn", "code", "spin", "pinned", "opinion", "hotplate", "privateer",
		"пароль", "パスワード", "mfa_devices", "auth_method", "password_change_time", "message", "reason", "client_ip", "tok", "cert", "\xff\xfe",
	} {
		if Mask(name) {
			t.Errorf("%q is masked", name)
		}
	}
}

func TestContext(t *testing.T) {
	in := map[string]any{
		"falsy":        []any{float64(0), "", nil, false, []any{}, map[string]any{}},
		"password":     map[string]any{"value": "x"},
		"tokens":       []any{"x"},
		"api":          nil,
		"is_private":   true,
		"private":      []any{false},
		"pin":          float64(0),
		"auth_method":  "password",
		"nested":       []any{map[string]any{"clientSecret": "x", "who": "jane"}},
		"number":       json.Number("340282366920938463463374607431768211456"),
		"wrong_number": json.Number("true"),
		"nan":          []any{math.NaN(), math.Inf(1), math.Inf(-1)},
		"odd":          errors.New("x"),
		"count":        3,
	}
	want := map[string]any{
		"falsy":        []any{float64(0), "", nil, false, []any{}, map[string]any{}},
		"password":     Masked,
		"tokens":       Masked,
		"api":          nil,
		"is_private":   true,
		"private":      Masked,
		"pin":          Masked,
		"auth_method":  "password",
		"nested":       []any{map[string]any{"clientSecret": Masked, "who": "jane"}},
		"number":       json.Number("340282366920938463463374607431768211456"),
		"wrong_number": "true",
		"nan":          []any{"NaN", "+Inf", "-Inf"},
		"odd":          "(*errors.errorString)",
		"count":        3,
	}
	if got := Context(in); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if in["password"].(map[string]any)["value"] != "x" {
		t.Error("the argument was changed")
	}
	if got := Context(nil); got == nil || len(got) != 0 {
		t.Errorf("no context: %#v", got)
	}
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("ä", MaxText)
	if got := Context(map[string]any{"x": long})["x"]; got != long[:MaxText]+Cut {
		t.Errorf("a long text has %d bytes", len(got.(string)))
	}
	if got := Context(map[string]any{"xä": "x" + long})["xä"].(string); got != "x"+long[:MaxText-2]+Cut {
		t.Errorf("a text was cut within a character: %q", got[len(got)-5:])
	}
	if got := Context(map[string]any{"x": json.Number(strings.Repeat("1", MaxText+1))})["x"]; got != strings.Repeat("1", MaxText)+Cut {
		t.Errorf("a long number is %.20v", got)
	}
	if got := Context(map[string]any{strings.Repeat("x", MaxKey+1): 1}); got[strings.Repeat("x", MaxKey)+Cut] != 1 {
		t.Errorf("a long name became %v", got)
	}
	// What makes a name secret may stand in what is cut off.
	if got := Context(map[string]any{strings.Repeat("x", MaxKey) + "_password": 1}); got[strings.Repeat("x", MaxKey)+Cut] != Masked {
		t.Errorf("a long secret name became %v", got)
	}

	deep := any("bottom")
	for range MaxDepth {
		deep = []any{deep}
	}
	got, err := json.Marshal(Context(map[string]any{"x": deep}))
	if want := `{"x":` + strings.Repeat("[", MaxDepth-1) + `"…"` + strings.Repeat("]", MaxDepth-1) + "}"; err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestSize(t *testing.T) {
	many := map[string]any{}
	for i := range 10_000 {
		many[fmt.Sprintf("n%05d", i)] = i
	}
	got := Context(many)
	kept := MaxSize / (perValue + len("n00000"))
	if len(got) != kept+1 || got[Cut] != fmt.Sprintf("… %d more", len(many)-kept) || got["n00000"] != 0 || got["n09999"] != nil {
		t.Errorf("%d of many are left, and %v", len(got), got[Cut])
	}

	list := make([]any, MaxSize)
	list[0] = "first"
	items := Context(map[string]any{"a": list, "z": "last"})
	a := items["a"].([]any)
	if a[0] != "first" || len(a) > MaxSize/perValue || !strings.HasPrefix(a[len(a)-1].(string), Cut) {
		t.Errorf("%d items of a long list are left", len(a))
	}
	if items["z"] != nil || items[Cut] != "… 1 more" {
		t.Errorf("what follows is %v, %v", items["z"], items[Cut])
	}

	text := strings.Repeat("x", MaxText)
	texts := map[string]any{}
	for i := range 2 * MaxSize / MaxText {
		texts[fmt.Sprint(i)] = text
	}
	if out, err := json.Marshal(Context(texts)); err != nil || len(out) > MaxSize+100 {
		t.Errorf("many long texts became %d bytes, %v", len(out), err)
	}
}

func TestCompatHasLimits(t *testing.T) {
	long := strings.Repeat("x", MaxText+1)
	got := Compat(map[string]any{"x": long, "token": long, "list": []any{"", "y"}})
	want := map[string]any{"x": long[:MaxText] + Cut, "token": Masked, "list": []any{"y"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}

// FuzzContext looks for a way to get a value out from below a masked name, and
// for what cannot be written as JSON.
func FuzzContext(f *testing.F) {
	for _, name := range []string{"client_secret", "X-API-Key", "PAS\u017f", "a", "\xff", "pass\u200bword", ""} {
		f.Add(name, "b", `{"a": [0, "", {"password": "x"}]}`)
		f.Add("b", name, `{"`+strings.ToValidUTF8(name, "")+`": {"b": [1e999, null]}}`)
	}
	const canary = "c4n4ry"
	f.Fuzz(func(t *testing.T, outer, inner, document string) {
		var more any
		dec := json.NewDecoder(strings.NewReader(document))
		dec.UseNumber()
		_ = dec.Decode(&more)
		in := seeded(map[string]any{
			outer:  []any{"x", map[string]any{inner: []any{"x", map[string]any{"x": "x"}}}},
			"more": more,
		}, canary, false).(map[string]any)
		for _, got := range []map[string]any{Context(in), Compat(in)} {
			out, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			if limit := 7 * (MaxSize + 1000); len(out) > limit {
				t.Fatalf("%d bytes", len(out))
			}
		}
		if out, _ := json.Marshal(Context(in)); strings.Contains(string(out), canary) && !strings.Contains(outer+inner+document, canary) {
			t.Fatalf("the value of a masked name came out: %s", out)
		}
	})
}

// seeded puts the canary in place of all texts below masked names.
func seeded(v any, canary string, masked bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = seeded(item, canary, masked || Mask(name))
		}
	case []any:
		for i, item := range v {
			v[i] = seeded(item, canary, masked)
		}
	case string:
		if masked {
			return canary
		}
	}
	return v
}

func BenchmarkContext(b *testing.B) {
	in := map[string]any{"email": "jane@example.org", "client_secret": "x", "groups": []any{"a", "b"}, "geo": map[string]any{"country": "DE"}}
	b.ReportAllocs()
	for b.Loop() {
		Context(in)
	}
}
