package rego

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// The library of the policies that TestPrunedDocument makes up: functions that
// get parts of the input, and rules that are parts of it under other names.
const prunedLibrary = `package sallyport.lib.l

import input.request as r
import input.context.pending_user

get(o, k) := o[k]
either(o, k) := object.get(o, k, "none")
name(u) := u.name
lacks(o, k) if not o[k]
user := r.user
pending := pending_user
ldap := input.ldap
member(u) if ak_is_group_member(u, {"name": "staff"})
table[k] := v if some k, v in input.radius
deep.geo.place := input.geoip
deep.who[input.client_ip] := input.peer_ip
default fallback := "nothing"
fallback := input.asn.as_org if input.asn.known
keys contains k if some k, _ in r.obj
chosen := input.asn.asn if input.asn.known else := input.ldap.base_dn if input.ldap.tls else := r.id
every_known(list) if every x in list { x != null }
`

// maker makes up terms over the input.
type maker struct {
	*rapid.T
	// paths are all places of the input, objects those that are objects.
	paths, objects []string
	// given are variables that stand for something.
	given []string
	n     int
}

func (m *maker) one(of ...string) string { return rapid.SampledFrom(of).Draw(m.T, "choice") }

// name is a new variable.
func (m *maker) name(with string) string {
	m.n++
	return fmt.Sprintf("%s%d", with, m.n)
}

// key is a key as a text.
func (m *maker) key() string {
	return m.one(`"user"`, `"request"`, `"name"`, `"country"`, `"nothing"`, `"tls"`, `"known"`, `"groups"`, `"protocol"`, `"attributes"`, "input.request.protocol", "input.now.weekday")
}

// place is a place of the input in one of the ways to write it.
func (m *maker) place() string {
	p := rapid.SampledFrom(m.paths).Draw(m.T, "place")
	switch rapid.IntRange(0, 9).Draw(m.T, "spelling") {
	case 0:
		return p + ".nothing"
	case 1:
		if i := strings.LastIndexByte(p, '.'); i > 0 {
			return fmt.Sprintf("%s[%q]", p[:i], p[i+1:])
		}
	case 2:
		if i := strings.LastIndexByte(p, '.'); i > 0 {
			return fmt.Sprintf("%s[sprintf(%q, [])]", p[:i], p[i+1:])
		}
	case 3:
		return p + "[" + m.key() + "]"
	case 4:
		return m.one("lib.user", "lib.pending", "lib.ldap", "lib.table", "lib.deep", "lib.deep.geo", "lib.deep.who", "lib.fallback", "lib.keys", "lib.chosen", "own", "own.name", "r.user", "tab", "tab.a", "r", "lib.user.email")
	case 5:
		if len(m.given) > 0 {
			v := rapid.SampledFrom(m.given).Draw(m.T, "variable")
			return v + m.one("", ".name", ".user", ".username", ".nothing", "["+m.key()+"]")
		}
	}
	return p
}

// object is a place that is an object.
func (m *maker) object() string {
	return rapid.SampledFrom(append([]string{"lib.user", "lib.ldap", "r", "lib.table"}, m.objects...)).Draw(m.T, "object")
}

// term is a term over the input.
func (m *maker) term(depth int) string {
	if depth == 0 {
		return m.place()
	}
	inner := func() string { return m.term(depth - 1) }
	x := m.name("x")
	switch rapid.IntRange(0, 27).Draw(m.T, "term") {
	case 0:
		return fmt.Sprintf("object.get(%s, %s, %s)", m.object(), m.key(), inner())
	case 1:
		return fmt.Sprintf("object.get(%s, [%s, %s], 1)", m.object(), m.key(), m.key())
	case 2:
		return fmt.Sprintf("{k: v | some k, v in %s}", inner())
	case 3:
		return fmt.Sprintf("[%[1]s | some %[1]s in %[2]s]", x, inner())
	case 4:
		return fmt.Sprintf("[%[1]s | walk(%[2]s, [_, %[1]s])]", x, m.place())
	case 5:
		return fmt.Sprintf("lib.get(%s, %s)", m.place(), m.key())
	case 6:
		return fmt.Sprintf("lib.either(%s, %s)", m.object(), m.key())
	case 7:
		return fmt.Sprintf("lib.name(%s)", m.place())
	case 8:
		return fmt.Sprintf("json.filter(%s, [%s])", m.object(), m.key())
	case 9:
		return fmt.Sprintf("json.remove(%s, [%s, \"user/name\"])", m.object(), m.key())
	case 10:
		return fmt.Sprintf("object.filter(%s, [%s])", m.object(), m.key())
	case 11:
		return fmt.Sprintf("object.union(%s, {%s: %s})", m.object(), m.key(), inner())
	case 12:
		return fmt.Sprintf("json.marshal(%s)", inner())
	case 13:
		return fmt.Sprintf("[%[1]s | [%[1]s, _] := [%[2]s, 1]]", x, inner())
	case 14:
		return fmt.Sprintf("[%[1]s | {\"a\": %[1]s} = {\"a\": %[2]s}]", x, inner())
	case 15:
		return fmt.Sprintf("[1 | every %[1]s in %[2]s { %[1]s != %[3]s }]", x, inner(), m.place())
	case 16:
		m.given = append(m.given, x)
		t := fmt.Sprintf("[%s | %s := %s]", inner(), x, m.place())
		m.given = m.given[:len(m.given)-1]
		return t
	case 17:
		m.given = append(m.given, x)
		t := fmt.Sprintf("[1 | %s = %s; %s; not %s]", x, m.place(), m.condition(depth-1), m.place())
		m.given = m.given[:len(m.given)-1]
		return t
	case 18:
		return fmt.Sprintf("ak_call_policy(\"q\", {%s: %s}).raw_result", m.one(`"auth_method"`, `"source"`, `"other"`, "input.request.protocol"), inner())
	case 19:
		return fmt.Sprintf("[%[1]s | %[1]s := %[2]s with %[3]s as %[4]s]", x, m.one("lib.user", "lib.ldap", "own", "lib.table", "lib.chosen", m.place()), m.target(), inner())
	case 20:
		return fmt.Sprintf("[1 | lib.member(%s)]", m.place())
	case 21:
		return fmt.Sprintf("{%s, %s}", inner(), inner())
	case 22:
		return fmt.Sprintf("own_get(%s)", m.place())
	case 23:
		return fmt.Sprintf("[%[1]s, %[2]s | %[3]s[%[1]s] = %[2]s]", x, m.name("y"), m.place())
	case 24:
		return fmt.Sprintf("object.keys(%s)", m.object())
	case 26:
		return fmt.Sprintf("[%[1]s[%[2]s] | %[1]s = %[3]s; %[1]s = %[4]s]", x, m.key(), m.object(), m.object())
	case 25:
		return fmt.Sprintf("[%[1]s | %[1]s := %[2]s with data.sallyport.lib.l.ldap as %[3]s]", x, m.one("lib.ldap", "lib.chosen"), inner())
	}
	return m.place()
}

// target is what with can put something in the place of.
func (m *maker) target() string {
	return m.one("input", "input.request", "input.request.user", "input.ldap", "input.ldap.tls", "input.context.pending_user.name", "input.asn")
}

// condition is an expression that holds or does not.
func (m *maker) condition(depth int) string {
	switch rapid.IntRange(0, 6).Draw(m.T, "condition") {
	case 0:
		return "not " + m.place()
	case 1:
		return fmt.Sprintf("not %s == %s", m.place(), m.term(depth))
	case 2:
		return fmt.Sprintf("%s == %s", m.place(), m.term(depth))
	case 3:
		return fmt.Sprintf("not lib.lacks(%s, %s)", m.place(), m.key())
	case 4:
		return fmt.Sprintf("lib.lacks(%s, %s)", m.place(), m.key())
	case 5:
		return fmt.Sprintf("%s != %s with %s as %s", m.place(), m.place(), m.target(), m.place())
	}
	return m.place()
}

// policy is a policy whose raw_result shows what each of its terms is.
func (m *maker) policy() string {
	var b strings.Builder
	b.WriteString("package sallyport.policies.p\n\nimport data.sallyport.lib.l as lib\nimport input.request as r\n\ndefault allow := false\n\n")
	fmt.Fprintf(&b, "own := %s\n\nown_get(o) := o[%s]\n\n", m.place0(), m.key())
	fmt.Fprintf(&b, "tab.a[k] := v if some k, v in %s\n\ntab[%s] contains %s\n\n", m.place0(), `"b"`, m.place0())
	fmt.Fprintf(&b, "allow if {\n\t%s\n\t%s\n}\n\n", m.condition(1), m.condition(1))
	var terms []string
	for range rapid.IntRange(1, 3).Draw(m.T, "terms") {
		terms = append(terms, fmt.Sprintf("[z | z := %s]", m.term(2)))
	}
	fmt.Fprintf(&b, "raw_result := [%s]\n", strings.Join(terms, ", "))
	return b.String()
}

// place0 is a place that no other rule of the policy is part of.
func (m *maker) place0() string {
	return rapid.SampledFrom(append([]string{"lib.user", "lib.ldap", "lib.deep.geo", "r.user"}, m.paths...)).Draw(m.T, "place")
}

// TestPrunedDocument holds the document that policies get, of which only what they
// can look at is made, against the whole one: no policy can tell them apart. A key
// that is missing would make "not input.x" true.
func TestPrunedDocument(t *testing.T) {
	whole := newDocument([]policyengine.Path{wholeInput})
	all := paths(whole, "input")
	objects := slices.DeleteFunc(slices.Clone(all), func(p string) bool {
		return !slices.ContainsFunc(all, func(q string) bool { return strings.HasPrefix(q, p+".") })
	})
	ran, failed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		m := &maker{T: rt, paths: all, objects: objects}
		text := m.policy()
		set, err := load(t, map[string]string{
			"l.rego": prunedLibrary,
			"q.rego": "package sallyport.policies.q\ndefault allow := false\nraw_result := [input.context.auth_method, [c.source.name | c := input.context], [1 | not input.context.other], [u | u := input.request.user.name]]",
			"p.rego": text,
		})
		if err != nil {
			return // made up without regard to types and cycles
		}
		own, other := set.policies["p"], *set.policies["p"]
		other.document = whole
		for name, tt := range wholeDocument {
			want, wantErr := other.Eval(t.Context(), tt.in)
			got, gotErr := own.Eval(t.Context(), tt.in)
			ran++
			if wantErr != nil {
				failed++
			}
			if diff := cmp.Diff(want, got); diff != "" || fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
				rt.Fatalf("%s (-whole +own):\n%s\nerrors %v, %v\nreads %v\nown %v\n%s", name, diff, wantErr, gotErr, own.reads, own.document.of(&input{User: alice().User}).(ast.Object).Keys(), text)
			}
		}
	})
	t.Logf("%d evaluations, %d of them failed", ran, failed)
	if ran == 0 {
		t.Error("no policy could be loaded")
	}
}
