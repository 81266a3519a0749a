package policystore

import (
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func policy(name string) scoped.Policy {
	return scoped.Policy{Name: name, Scope: "authorization", Active: true, Priority: 1}
}

// become is an edit whatever there was before.
func become(policies ...scoped.Policy) func([]scoped.Policy) ([]scoped.Policy, error) {
	return func([]scoped.Policy) ([]scoped.Policy, error) { return policies, nil }
}

func names(policies []scoped.Policy) (list []string) {
	for _, p := range policies {
		list = append(list, p.Name)
	}
	return list
}

func TestChange(t *testing.T) {
	st := open(t)
	files := []scoped.Policy{policy("filed")}
	files[0].Origin = "policies/a.yaml:7"
	broken, unset := policy("broken"), policy("unset")
	broken.User = []string{"("}
	unset.Action = scoped.Action{{Name: "authorized", Value: "perhaps"}}
	narrower := policy("b")
	narrower.Realm = []string{"lab"}
	editor := scoped.Editor{}
	for _, step := range []struct {
		name     string
		edit     func([]scoped.Policy) ([]scoped.Policy, error)
		want     []string
		revision int64
		err      string
	}{
		{"add three", become(policy("c"), policy("b"), policy("a")), []string{"c", "b", "a"}, 1, ""},
		{"nothing", func(p []scoped.Policy) ([]scoped.Policy, error) { return p, nil }, []string{"c", "b", "a"}, 1, ""},
		{"change one in its place", become(policy("c"), narrower, policy("a")), []string{"c", "b", "a"}, 2, ""},
		{"the name of a file's policy", become(policy("filed")), []string{"c", "b", "a"}, 2, `policy "filed": it comes from a file, policies/a.yaml:7: change it there`},
		{"a name twice", become(policy("x"), policy("x")), []string{"c", "b", "a"}, 2, `policy "x": name: there is another policy of this name`},
		{"a pattern that is none", become(policy("a"), broken), []string{"c", "b", "a"}, 2, `policy "broken": user: member 1 ("("): invalid pattern`},
		{"a value that fails logins", become(unset), []string{"c", "b", "a"}, 2, `policy "unset": action: authorized: "perhaps" is none of`},
		{"text that JSON cannot hold", become(func() scoped.Policy { p := policy("a"); p.Description = "\xff"; return p }()), []string{"c", "b", "a"}, 2, `policy "a": one of its texts is not valid UTF-8`},
		{"an edit that fails", func([]scoped.Policy) ([]scoped.Policy, error) { return nil, errors.New("changed my mind") }, []string{"c", "b", "a"}, 2, "changed my mind"},
		{"the editor", func(p []scoped.Policy) ([]scoped.Policy, error) { return editor.Enable(p, "a", false) }, []string{"c", "b", "a"}, 3, ""},
		{"delete and add", func(p []scoped.Policy) ([]scoped.Policy, error) {
			p, err := editor.Delete(p, "c")
			return append(p, policy("d")), err
		}, []string{"b", "a", "d"}, 4, ""},
		{"delete all", become(), nil, 5, ""},
	} {
		err := Change(t.Context(), st, time.Now(), files, editor.Options, step.edit)
		if (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: error %v, want %q", step.name, err, step.err)
		}
		got, revision, err := Read(t.Context(), st)
		if err != nil || !slices.Equal(names(got), step.want) || revision != step.revision {
			t.Errorf("%s: %q of revision %d, want %q of %d, error %v", step.name, names(got), revision, step.want, step.revision, err)
		}
		for _, p := range got {
			if p.Origin != Origin {
				t.Errorf("%s: policy %q comes from %q", step.name, p.Name, p.Origin)
			}
		}
	}
}

// TestChangeCompat: what compat reads is stored in compat.
func TestChangeCompat(t *testing.T) {
	st := open(t)
	p := policy("a")
	p.Action = scoped.ParseActionCompat("authorized= perhaps")
	p.User = []string{"("}
	if err := Change(t.Context(), st, time.Now(), nil, scoped.Options{}, become(p)); err == nil {
		t.Error("hardened took it")
	}
	if err := Change(t.Context(), st, time.Now(), nil, scoped.Options{Semantics: scoped.Compat}, become(p)); err != nil {
		t.Error(err)
	}
}

func TestInFile(t *testing.T) {
	files := []scoped.Policy{policy("a"), policy("b")}
	files[0].Origin, files[1].Origin = "one.yaml:2", "two.yaml:9"
	if err := InFile(files, "c"); err != nil {
		t.Error(err)
	}
	err := InFile(files, "c", "b")
	if !errors.Is(err, ErrInFile) || !strings.Contains(err.Error(), "two.yaml:9") {
		t.Errorf("error %v", err)
	}
}

// TestReadRefuses: a text that cannot be read as a whole is no policy.
func TestReadRefuses(t *testing.T) {
	for _, text := range []string{`[]`, `{"name": "b"}`, `{"name": "a", "newer_restriction": ["x"]}`, `{"name": "a", "priority": "1"}`} {
		st := open(t)
		_, err := st.ChangePolicies(t.Context(), time.Now(), func([]store.Policy) (store.PolicyChange, error) {
			return store.PolicyChange{Put: []store.Policy{{Name: "a", Text: text}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(t.Context(), st); err == nil || !strings.Contains(err.Error(), `stored policy "a"`) {
			t.Errorf("%s: error %v", text, err)
		}
		list, _, err := ReadAll(t.Context(), st)
		if err != nil || len(list) != 1 || list[0].Name != "a" || list[0].Origin != Unreadable || list[0].Active || !strings.Contains(list[0].Description, "newer Sallyport") {
			t.Errorf("%s: %+v, error %v", text, list, err)
		}
	}
}

// TestChangeUnreadable: a policy that cannot be read does not hinder changes of
// others, is kept as it is, and can be deleted or set as a whole, but not changed.
func TestChangeUnreadable(t *testing.T) {
	const newer = `{"name": "newer", "newer_restriction": ["x"]}`
	st := open(t)
	_, err := st.ChangePolicies(t.Context(), time.Now(), func([]store.Policy) (store.PolicyChange, error) {
		return store.PolicyChange{Put: []store.Policy{{Name: "newer", Text: newer}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	editor := scoped.Editor{}
	add := func(p []scoped.Policy) ([]scoped.Policy, error) { return append(p, policy("b")), nil }
	whole := func(p []scoped.Policy) ([]scoped.Policy, error) {
		p[0] = policy("newer")
		return p, nil
	}
	for _, step := range []struct {
		name string
		edit func([]scoped.Policy) ([]scoped.Policy, error)
		want []string
		kept bool
		err  string
	}{
		{"add another", add, []string{"newer", "b"}, true, ""},
		{"enable it", func(p []scoped.Policy) ([]scoped.Policy, error) {
			p[0].Active = true
			return p, nil
		}, []string{"newer", "b"}, true, `policy "newer" cannot be changed, as it cannot be read`},
		{"delete another", func(p []scoped.Policy) ([]scoped.Policy, error) { return editor.Delete(p, "b") }, []string{"newer"}, true, ""},
		{"set it as a whole", whole, []string{"newer"}, false, ""},
	} {
		err := Change(t.Context(), st, time.Now(), nil, editor.Options, step.edit)
		if (err == nil) != (step.err == "") || err != nil && !strings.Contains(err.Error(), step.err) {
			t.Errorf("%s: error %v, want %q", step.name, err, step.err)
		}
		list, _, err := st.Policies(t.Context())
		if got := names(decodeAll(list)); err != nil || !slices.Equal(got, step.want) || (list[0].Text == newer) != step.kept {
			t.Errorf("%s: %q, %q, error %v", step.name, got, list[0].Text, err)
		}
	}
}

// TestChangeDeletes: deleting helps where what is stored does not compile any
// more, one by one; anything else has to make it whole.
func TestChangeDeletes(t *testing.T) {
	st := open(t)
	one, two := policy("one"), policy("two")
	one.User, two.User = []string{"("}, []string{"("}
	if err := Change(t.Context(), st, time.Now(), nil, scoped.Options{Semantics: scoped.Compat}, become(one, two, policy("a"))); err != nil {
		t.Fatal(err)
	}
	editor := scoped.Editor{}
	remove := func(name string) error {
		return Change(t.Context(), st, time.Now(), nil, editor.Options, func(p []scoped.Policy) ([]scoped.Policy, error) { return editor.Delete(p, name) })
	}
	add := func() error {
		return Change(t.Context(), st, time.Now(), nil, editor.Options, func(p []scoped.Policy) ([]scoped.Policy, error) { return append(p[1:], policy("b")), nil })
	}
	if err := add(); err == nil || !strings.Contains(err.Error(), `policy "two": user`) {
		t.Errorf("delete and add: error %v", err)
	}
	if err := remove("one"); err != nil {
		t.Error(err)
	}
	if err := add(); err != nil { // takes "two" out
		t.Error(err)
	}
	if err := remove("a"); err != nil {
		t.Error(err)
	}
	if got, _, err := Read(t.Context(), st); err != nil || !slices.Equal(names(got), []string{"b"}) {
		t.Errorf("%q, error %v", names(got), err)
	}
}

// generated makes policies with anything in any attribute.
func generated() *rapid.Generator[scoped.Policy] {
	return rapid.Custom(func(t *rapid.T) scoped.Policy {
		var p scoped.Policy
		v := reflect.ValueOf(&p).Elem()
		for i := range v.NumField() {
			f := v.Field(i)
			switch f.Interface().(type) {
			case string:
				f.SetString(rapid.String().Draw(t, "text"))
			case bool:
				f.SetBool(rapid.Bool().Draw(t, "flag"))
			case int:
				f.SetInt(int64(rapid.Int().Draw(t, "number")))
			case []string:
				f.Set(reflect.ValueOf(clean(rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "list"))))
			case scoped.Action:
				items := rapid.SliceOfN(rapid.Make[scoped.ActionItem](), 0, 3).Draw(t, "action")
				f.Set(reflect.ValueOf(scoped.Action(slices.Clip(append([]scoped.ActionItem(nil), items...)))))
			case []scoped.Condition:
				f.Set(reflect.ValueOf(append([]scoped.Condition(nil), rapid.SliceOfN(rapid.Make[scoped.Condition](), 0, 3).Draw(t, "conditions")...)))
			default:
				t.Fatalf("attribute %s has a type that this test does not know", v.Type().Field(i).Name)
			}
		}
		p.Origin = Origin
		return p
	})
}

// TestLossless: what is written is read, attribute by attribute; a new attribute
// that is forgotten here fails it.
func TestLossless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := generated().Draw(t, "policy")
		stored, err := encode(&p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(stored)
		if err != nil || !reflect.DeepEqual(back, p) {
			t.Fatalf("wrote %+v\nread  %+v\nerror %v\n%s", p, back, err, stored.Text)
		}
	})
}

// FuzzDecode: a text that can be read is written the same way again.
func FuzzDecode(f *testing.F) {
	p := policy("a")
	p.Conditions = []scoped.Condition{{Section: "userinfo", Key: "k", Comparator: "equals", Value: "v", Active: true}}
	p.Action = scoped.Action{{Name: "x", Flag: true}, {Name: "y", Value: "'a, b'"}}
	stored, err := encode(&p)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(stored.Text)
	f.Add(`{"name":"a","user":[],"action":null}`)
	f.Add(`{"name":"a"} {}`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decode(store.Policy{Name: "a", Text: text})
		if err != nil {
			return
		}
		again, err := encode(&p)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := decode(again); err != nil || !reflect.DeepEqual(recordOf(&back), recordOf(&p)) {
			t.Fatalf("%+v\n%+v\n%v", p, back, err)
		}
	})
}
