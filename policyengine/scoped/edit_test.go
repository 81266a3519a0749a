package scoped

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func stored() []Policy {
	return []Policy{
		{Name: "a", Scope: ScopeUser, Active: false, Priority: 3, Action: Action{{Name: "enable", Flag: true}}, Realm: []string{"corp"}, CheckAllResolvers: true, UserCaseInsensitive: true},
		{Name: "b", Scope: ScopeUser, Active: true, Priority: 1},
	}
}

// Row 6 of the table of differences: compat resets what is absent.
func TestSetKeepsWhatIsAbsent(t *testing.T) {
	before := stored()
	for _, tt := range []struct {
		semantics    Semantics
		active, flag bool
	}{{Hardened, false, true}, {Compat, true, false}} {
		got, err := Editor{Options{Semantics: tt.semantics}}.Set(before, Change{Name: "a", Priority: new(7)})
		if err != nil {
			t.Fatal(err)
		}
		want := stored()
		want[0].Priority, want[0].Active, want[0].CheckAllResolvers, want[0].UserCaseInsensitive = 7, tt.active, tt.flag, tt.flag
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", tt.semantics, diff)
		}
	}
	if diff := cmp.Diff(stored(), before); diff != "" {
		t.Errorf("the list that was handed in changed: %s", diff)
	}
}

func TestSetAdds(t *testing.T) {
	for _, semantics := range []Semantics{Hardened, Compat} {
		got, err := Editor{Options{Semantics: semantics}}.Set(stored(), Change{Name: "c", Scope: new("webui")})
		if err != nil || len(got) != 3 {
			t.Fatal(got, err)
		}
		want := Policy{Name: "c", Scope: "webui", Active: true, Priority: 1}
		if semantics == Compat {
			want.Action = Action{{Flag: true}}
		}
		if diff := cmp.Diff(want, got[2]); diff != "" {
			t.Errorf("%s: %s", semantics, diff)
		}
	}
}

func TestSetClears(t *testing.T) {
	got, err := Editor{}.Set(stored(), Change{Name: "a", Realm: new([]string(nil)), Action: new(Action(nil)), Time: new("")})
	if err != nil || len(got[0].Realm) != 0 || len(got[0].Action) != 0 {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestSetRefuses(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change Change
		want   error
		compat bool // refuses too
	}{
		{"no scope", Change{Name: "c"}, ErrParameter, true},
		{"priority", Change{Name: "a", Priority: new(0)}, ErrParameter, true},
		{"client", Change{Name: "a", Client: new([]string{"10.0.0.1", "bogus"})}, ErrInvalid, true},
		{"network", Change{Name: "a", Client: new([]string{"10.0.0.0/99"})}, ErrInvalid, true},
		{"pattern", Change{Name: "a", User: new([]string{"("})}, ErrInvalid, false},
		{"time", Change{Name: "a", Time: new("nonsense")}, ErrInvalid, false},
		{"value", Change{Name: "a", Scope: new(ScopeAuthorization), Action: &Action{{Name: ActionAuthMaxFail, Value: "lots"}}}, ErrInvalid, false},
		{"no name", Change{Scope: new("user")}, ErrInvalid, false},
		{"condition", Change{Name: "a", Conditions: new([]Condition{{Section: "moon", Comparator: "likes", Active: true}})}, ErrInvalid, false},
	} {
		before := stored()
		if got, err := (Editor{}).Set(before, tt.change); !errors.Is(err, tt.want) || got != nil {
			t.Errorf("%s: %v, error %v", tt.name, got, err)
		}
		if _, err := (Editor{Options{Semantics: Compat}}).Set(before, tt.change); (err != nil) != tt.compat {
			t.Errorf("%s: compat: error %v", tt.name, err)
		}
		if diff := cmp.Diff(stored(), before); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestEnableAndDelete(t *testing.T) {
	e := Editor{}
	got, err := e.Enable(stored(), "a", true)
	if err != nil || !got[0].Active || !got[0].CheckAllResolvers {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err = e.Enable(got, "a", false); err != nil || got[0].Active {
		t.Errorf("%+v, error %v", got, err)
	}
	if got, err := e.Delete(stored(), "a"); err != nil || len(got) != 1 || got[0].Name != "b" {
		t.Errorf("%+v, error %v", got, err)
	}
	if _, err := e.Enable(stored(), "x", true); !errors.Is(err, ErrNotFound) {
		t.Errorf("enable: %v", err)
	}
	if _, err := e.Delete(stored(), "x"); !errors.Is(err, ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
}

func TestParseChange(t *testing.T) {
	fields := map[string]any{
		"name": "a", "scope": "user", "action": "enable, x=5", "realm": []any{"a, b", "c"}, "user": "ann, bob", "priority": "4",
		"active": "False", "check_all_resolvers": true, "time": nil,
		"conditions": []any{[]any{"userinfo", "k", "equals", "v", true}, []any{"userinfo", "k", "equals", "v", true, "condition_is_true"}},
	}
	got, err := ParseChange(fields, Hardened)
	want := Change{
		Name: "a", Scope: new("user"), Action: &Action{{Name: "enable", Flag: true}, {Name: "x", Value: "5"}}, Realm: &[]string{"a, b", "c"},
		User: &[]string{"ann", "bob"}, Priority: new(4), Active: new(false), CheckAllResolvers: new(true),
		Conditions: &[]Condition{
			{Section: "userinfo", Key: "k", Comparator: "equals", Value: "v", Active: true},
			{Section: "userinfo", Key: "k", Comparator: "equals", Value: "v", Active: true, Missing: MissingTrue},
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
	fields["conditions"], fields["active"], fields["action"] = nil, "yes", map[string]any{"b": false, "a": true, "c": 5.0}
	got, err = ParseChange(fields, Compat)
	want.Conditions, want.Realm = nil, &[]string{"a", "b", "c"}
	want.Action = &Action{{Name: "a", Flag: true}, {Name: "b", Value: "False"}, {Name: "c", Value: "5"}}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("compat: error %v\n%s", err, diff)
	}
}

func TestParseChangeRefuses(t *testing.T) {
	for _, tt := range []struct {
		key   string
		value any
		want  error
	}{
		{"name", nil, ErrParameter},
		{"name", 5, ErrParameter},
		{"nosuch", "x", ErrParameter},
		{"scope", 5, ErrInvalid},
		{"active", "yes", ErrInvalid},
		{"realm", map[string]any{}, ErrInvalid},
		{"realm", []any{[]any{}}, ErrInvalid},
		{"priority", "high", ErrInvalid},
		{"priority", 1.5, ErrInvalid},
		{"priority", 0, ErrParameter},
		{"client", "bogus", ErrInvalid},
		{"action", "a = b", ErrInvalid},
		{"action", map[string]any{"a": false}, ErrInvalid},
		{"conditions", "x", ErrParameter},
		{"conditions", []any{[]any{"userinfo", "k", "equals", "v"}}, ErrParameter},
		{"conditions", []any{[]any{"userinfo", "k", "equals", 5, true}}, ErrParameter},
		{"conditions", []any{[]any{"userinfo", "k", "equals", "v", "True"}}, ErrParameter},
		{"conditions", []any{[]any{"userinfo", "k", "equals", "v", true, "maybe"}}, ErrParameter},
		{"conditions", []any{5}, ErrParameter},
	} {
		fields := map[string]any{"name": "a"}
		fields[tt.key] = tt.value
		if got, err := ParseChange(fields, Hardened); !errors.Is(err, tt.want) {
			t.Errorf("%s %v: %+v, error %v", tt.key, tt.value, got, err)
		}
	}
	if _, err := ParseChange(map[string]any{"name": "a", "action": map[string]any{"x": nil}}, Compat); !errors.Is(err, ErrInvalid) {
		t.Errorf("compat: an action that is null: %v", err)
	}
}

// Row 7: what the original loses at an import, and what it cannot read.
func TestImportTextCompatLoses(t *testing.T) {
	p := stored()[0]
	p.AdminRealm, p.Conditions = []string{"ops"}, []Condition{{Section: "userinfo", Key: "k", Comparator: "in", Value: "v", Active: true}}
	text := ExportText([]Policy{p})
	got, n, err := ImportTextCompat(nil, text)
	if err != nil || n != 1 {
		t.Fatal(n, err)
	}
	want := Policy{Name: "a", Scope: ScopeUser, Active: true, Priority: 3, Action: p.Action, Realm: p.Realm}
	if diff := cmp.Diff([]Policy{want}, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{
		"[x]\nscope = user\naction = {'a': True, 'b': True}", "[x]\nscope = user\naction = {'a': True}\nrealm = ['a', 'b']", "[br[x]]\nscope = user\naction = {}",
		"[x]\nscope = user\naction = {'a': 'b # c'}", "[x]\nscope = user", "[x]\naction = {}", "scope = user", "[x]\n[x]", "[x]\nscope = a\nscope = b",
		"[x]\nscope = user\naction = 5", "[x]\nscope = user\naction = {}\ntime = Mon:1-2, Tue:1-2", "[x\n", "[x]\nscope = user\naction = {}\npriority = x",
	} {
		if got, _, err := ImportTextCompat(nil, text); err == nil || len(got) > 0 {
			t.Errorf("%q: %v, error %v", text, got, err)
		}
	}
	got, _, err = ImportTextCompat(nil, "[x]\nscope = user\naction = \"'enable'\"\nrealm = None\nuser = ('ann')")
	if diff := cmp.Diff([]Policy{{Name: "x", Scope: "user", Active: true, Priority: 1, Action: Action{{Name: "enable", Flag: true}}, User: []string{"ann"}}}, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("error %v\n%s", err, diff)
	}
	got, n, err = ImportTextCompat(stored()[1:], "[ok] # fine\nscope = \"user\"\naction = {'a': 'b'} # c\n\n[bad]\nscope = user")
	if err == nil || n != 1 || len(got) != 2 || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("%d, %v, error %v", n, got, err)
	}
}

func FuzzImportTextCompat(f *testing.F) {
	f.Add("[a]\nscope = user\naction = {'a': True}\nrealm = []")
	f.Add("['a'] # b\nscope = \"x\", 'y' # z\naction = {}\npriority = 3,")
	f.Fuzz(func(t *testing.T, text string) {
		got, n, err := ImportTextCompat(nil, text)
		if err != nil || len(got) != n {
			return
		}
		if _, err := Compile(got, Options{Semantics: Compat}); err != nil {
			t.Errorf("imported, and does not compile: %v", err)
		}
	})
}
