package policyengine_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/rego"
)

// documenter returns what makes the input document, as a policy sees it.
func documenter(t testing.TB) func(in *policyengine.Input) map[policyengine.Path]any {
	t.Helper()
	dir := t.TempDir()
	text := "package sallyport.policies.whole\n\ndefault allow := false\n\nraw_result := input\n"
	if err := os.WriteFile(filepath.Join(dir, "whole.rego"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := rego.Load(t.Context(), dir, rego.Options{})
	if err != nil {
		t.Fatal(err)
	}
	known := policyengine.FactPaths()
	return func(in *policyengine.Input) map[policyengine.Path]any {
		r, err := set.Expressions()["whole"].Eval(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		all := map[policyengine.Path]any{}
		walk(known, "", r.Raw, all)
		return all
	}
}

// walk collects the values of a document by path: those that have a fact, and
// everything else that is no object.
func walk(known map[policyengine.Path]bool, at policyengine.Path, v any, all map[policyengine.Path]any) {
	object, ok := v.(map[string]any)
	_, leaf := known[policyengine.Path(strings.Replace(string(at), "context.pending_user", "request.user", 1))]
	if !ok || leaf {
		all[at] = v
		return
	}
	for key, value := range object {
		walk(known, policyengine.Path(strings.TrimPrefix(string(at)+"."+key, ".")), value, all)
	}
}

// TestFactsAreTheDocument: every place of the document has a fact, and the other
// way round.
func TestFactsAreTheDocument(t *testing.T) {
	document := documenter(t)(sampleInput())
	for path := range document {
		if _, why := policyengine.KeyOf([]policyengine.Path{path}, sampleInput()); strings.HasPrefix(why, "no key") {
			t.Errorf("the document has %s: %s", path, why)
		}
	}
	for path := range policyengine.FactPaths() {
		if _, ok := document[path]; !ok && path != policyengine.PathMemberships && path != policyengine.PathLogin {
			t.Errorf("the document has no %s", path)
		}
	}
}

// TestKeysTellDocumentsApart: logins whose documents differ somewhere have
// different keys for whoever reads that place, alone or among others. The logins
// are made from all fields that Input has.
func TestKeysTellDocumentsApart(t *testing.T) {
	documentOf := documenter(t)
	inKeys := policyengine.FactPaths()
	rapid.Check(t, func(t *rapid.T) {
		var a policyengine.Input
		draw(t, reflect.ValueOf(&a).Elem(), false)
		b := a
		user := *a.User
		b.User = &user
		draw(t, reflect.ValueOf(&b).Elem(), true)

		documentA, documentB := documentOf(&a), documentOf(&b)
		var some []policyengine.Path
		differ := false
		for path, value := range documentA {
			keyA, why := policyengine.KeyOf([]policyengine.Path{path}, &a)
			keyB, _ := policyengine.KeyOf([]policyengine.Path{path}, &b)
			if why != "" {
				if inKeys[path] {
					t.Fatalf("%s: %s", path, why)
				}
				continue
			}
			other := !cmp.Equal(value, documentB[path])
			if other && keyA == keyB {
				t.Fatalf("%s: one key for %v and %v", path, value, documentB[path])
			}
			if rapid.Bool().Draw(t, "read "+string(path)) {
				some, differ = append(some, path), differ || other
			}
		}
		keyA, _ := policyengine.KeyOf(some, &a)
		keyB, _ := policyengine.KeyOf(some, &b)
		again := a
		if same, _ := policyengine.KeyOf(some, &again); same != keyA {
			t.Fatalf("two keys of one login for %v", some)
		}
		if differ && keyA == keyB {
			t.Fatalf("one key for %+v and %+v at %v", a, b, some)
		}
		keyA, _ = policyengine.KeyOf([]policyengine.Path{policyengine.PathMemberships}, &a)
		keyB, _ = policyengine.KeyOf([]policyengine.Path{policyengine.PathMemberships}, &b)
		same := cmp.Equal(a.User.Memberships, b.User.Memberships, cmpopts.EquateEmpty()) && cmp.Equal(a.User.Groups, b.User.Groups, cmpopts.EquateEmpty())
		if !same && keyA == keyB {
			t.Fatalf("one key for the groups %v %v and %v %v", a.User.Groups, a.User.Memberships, b.User.Groups, b.User.Memberships)
		}
	})
}

// TestKeysOfParts: a path above facts means all of them, a path into attributes
// one of them, and the pending user is the user.
func TestKeysOfParts(t *testing.T) {
	a, b := sampleInput(), sampleInput()
	other := *b.User
	other.Attributes = map[string][]string{"department": {"sales"}, "1.2.840": {"x"}}
	b.User = &other
	b.RADIUS.Attributes = map[string][]string{"Session": {"17"}}
	b.Login = "another spelling of it"
	for _, tt := range []struct {
		path policyengine.Path
		same bool
	}{
		{"request.user", false},
		{"request.user.attributes", false},
		{"request.user.attributes.department", false},
		{"request.user.attributes.department.0", false},
		{"request.user.attributes.room", true},
		{"request.user.attributes.1.2.840", false},
		{"request.user.groups", true},
		{"context.pending_user", false},
		{"context.pending_user.attributes.department", false},
		{"context.pending_user.attributes.room", true},
		{"context", false},
		{"context.application", true},
		{"radius", false},
		{"radius.attributes.Session", false},
		{"radius.nas_ip", true},
		{"request.obj", true},
		{"is_sso_flow", true},
		{policyengine.PathMemberships, true},
		{policyengine.PathLogin, false},
	} {
		keyA, why := policyengine.KeyOf([]policyengine.Path{tt.path}, a)
		keyB, _ := policyengine.KeyOf([]policyengine.Path{tt.path}, b)
		if why != "" || (keyA == keyB) != tt.same {
			t.Errorf("%s: same %v, want %v; %s", tt.path, keyA == keyB, tt.same, why)
		}
	}
	for _, path := range []policyengine.Path{"", "request", "now", "request.id", "now.rfc3339", "now.unix.0", "reques", "request.users", "context.pending_users", "nobody.knows"} {
		if _, why := policyengine.KeyOf([]policyengine.Path{path}, a); why == "" {
			t.Errorf("%q has a key", path)
		}
	}
}

// TestKeysShowWhereTextsEnd: neighbours that run into each other are told apart.
func TestKeysShowWhereTextsEnd(t *testing.T) {
	paths := []policyengine.Path{"request.user.username", "request.user.pk", "request.user.groups", "request.user.attributes", policyengine.PathMemberships}
	seen := map[any]identity.User{}
	for _, u := range []identity.User{
		{Login: "ab"},
		{Login: "a", ID: "b"},
		{ID: "ab"},
		{Groups: []string{"ab"}},
		{Groups: []string{"a", "b"}},
		{Groups: []string{"ab", ""}},
		{Groups: []string{"", "ab"}},
		{Attributes: map[string][]string{"a": {"b"}}},
		{Attributes: map[string][]string{"ab": nil}},
		{Attributes: map[string][]string{"a": {"b", ""}}},
		{Attributes: map[string][]string{"a": nil, "b": nil}},
		{Attributes: map[string][]string{"a": {"", "b"}}},
		{Memberships: []identity.Membership{{ID: "ab"}}},
		{Memberships: []identity.Membership{{ID: "a", Name: "b"}}},
		{Memberships: []identity.Membership{{Name: "a", DN: "b"}}},
		{Groups: []string{strings.Repeat("x", 200)}},
		{Groups: []string{strings.Repeat("x", 199) + "y"}},
		{Groups: []string{strings.Repeat("x", 199), "x"}},
	} {
		key, _ := policyengine.KeyOf(paths, &policyengine.Input{User: &u})
		if other, ok := seen[key]; ok {
			t.Errorf("one key for %+v and %+v", other, u)
		}
		seen[key] = u
	}
}

// draw fills a value with what hits the borders of texts and lists; with again,
// it leaves most of it as it is.
func draw(t *rapid.T, v reflect.Value, again bool) {
	keep := func() bool { return again && rapid.IntRange(0, 7).Draw(t, "keep") > 0 }
	switch v.Interface().(type) {
	case time.Time:
		if !keep() {
			v.Set(reflect.ValueOf(drawTime(t)))
		}
		return
	case netip.Addr:
		if !keep() {
			text := rapid.SampledFrom([]string{"", "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.1", "fe80::1%a", "fe80::1%b", "fe80::1"}).Draw(t, "address")
			address, _ := netip.ParseAddr(text)
			v.Set(reflect.ValueOf(address))
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.ValueOf(&identity.User{}))
		}
		draw(t, v.Elem(), again)
	case reflect.Struct:
		for _, field := range v.Fields() {
			draw(t, field, again)
		}
	default:
		if !keep() {
			drawPlain(t, v)
		}
	}
}

func drawPlain(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.SampledFrom([]string{"", "a", "b", "ab", "\x01a", "a\x01", strings.Repeat("long", 50)}).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Uint:
		v.SetUint(rapid.SampledFrom([]uint64{0, 1, 64512}).Draw(t, "number"))
	case reflect.Float64:
		v.SetFloat(rapid.SampledFrom([]float64{0, 1.5, -180}).Draw(t, "degrees"))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "length"), 3))
		for i := range v.Len() {
			draw(t, v.Index(i), false)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range rapid.IntRange(0, 2).Draw(t, "entries") {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			draw(t, key, false)
			draw(t, value, false)
			v.SetMapIndex(key, value)
		}
	default:
		t.Fatalf("nothing is drawn for %v", v.Type())
	}
}

func drawTime(t *rapid.T) time.Time {
	zones := []*time.Location{time.UTC, time.FixedZone("B", 3600), time.FixedZone("C", 3600), time.FixedZone("D", -5400)}
	at := rapid.SampledFrom([]time.Time{{}, time.Unix(1_795_000_000, 0), time.Unix(1_795_000_000, 5), time.Unix(1_795_000_060, 0), time.Unix(1_795_003_600, 0), time.Unix(1_795_086_400, 0)}).Draw(t, "time")
	return at.In(rapid.SampledFrom(zones).Draw(t, "zone"))
}
