package scoped

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMangle(t *testing.T) {
	in := Credentials{Name: "ann@corp", Realm: "corp", Password: "abcdef"}
	for _, tt := range []struct {
		value string
		want  Credentials
	}{
		{`pass/^(.{2})(.*)$/\2\1/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "cdefab"}},
		{`pass/(?P<first>.)/\g<first>-/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "a-b-c-d-e-f-"}},
		{`pass/(.*)/x\1/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "xabcdefx"}}, // an empty match at the end
		{`pass/c*/-/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "-a-b--d-e-f-"}},
		{`pass/x/y/trailing`, in},
		{`other/x/y/`, in},
		{`pass/[a-c]+/\\\t!/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "\\\t!def"}},
		{`pass/a/\0\060\101/`, Credentials{Name: "ann@corp", Realm: "corp", Password: "\x000Abcdef"}},
	} {
		l, _ := loginOf(t, Hardened, "authentication mangle="+tt.value)
		got, err := l.Mangle(in, noResolve)
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", tt.value, err, diff)
		}
	}
	l, audit := loginOf(t, Hardened, `authentication mangle=user/@.*//`, "authentication mangle=serial/x/y/")
	bob := &User{Login: "bob"}
	got, err := l.Mangle(in, func(name, realm string, typed bool) (*User, error) {
		if name != "ann" || realm != "corp" || !typed {
			t.Errorf("resolves %q, %q, %t", name, realm, typed)
		}
		return bob, nil
	})
	if err != nil || got.User != bob || got.Name != "ann" || !slices.Equal(*audit, []string{"p1"}) {
		t.Errorf("%+v, audit %q, error %v", got, *audit, err)
	}
}

func TestMangleRefuses(t *testing.T) {
	in := Credentials{Name: "ann", Password: "abcdef"}
	for _, value := range []string{
		"user", "pass/a/b", "pass/[/x/", `pass/a/\1/`, `pass/a/\g<x>/`, `pass/a/\g/`, `pass/a/\q/`, `pass/a/\777/`, `pass/a/b\`,
		`pass/(a/x/`, "user/ann/bob/",
	} {
		l, audit := loginOf(t, Hardened, "authentication mangle="+value)
		if got, err := l.Mangle(in, noResolve); err == nil {
			t.Errorf("%s: %+v", value, got)
		}
		if !strings.HasPrefix(value, "user/") && len(*audit) > 0 {
			t.Errorf("%s: audit %q", value, *audit)
		}
	}
	l, _ := loginOf(t, Hardened, "authentication mangle=pass/a/b/")
	if _, err := l.Mangle(Credentials{Password: strings.Repeat("a", maxSubstitute+1)}, noResolve); err == nil {
		t.Error("a long password is mangled")
	}
	l, _ = loginOf(t, Hardened, `authentication mangle=pass/(.*)/`+strings.Repeat(`\1`, 100)+strings.Repeat("x", 100)+`/`)
	l2, err := l.Mangle(Credentials{Password: strings.Repeat("a", 512)}, noResolve)
	if err != nil || len(l2.Password) > maxSubstituted {
		t.Errorf("%d octets, error %v", len(l2.Password), err)
	}
}

func FuzzSubstitute(f *testing.F) {
	for _, seed := range [][3]string{{"(.*)@(.*)", `\1`, "a@b"}, {"x*", "-", "abxd"}, {"(?i)a|", `\g<0>\n`, "Aé"}, {`\b`, `\07`, "a b"}} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, pattern, replace, text string) {
		if len(pattern) > 100 || len(replace) > 100 || len(text) > 100 {
			return
		}
		s, err := compileSubstitution(pattern, replace, true)
		if err != nil {
			return
		}
		if _, err := s.apply(text); err != nil {
			return
		}
	})
}
