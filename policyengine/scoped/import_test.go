package scoped

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/sallyport-auth/sallyport/config"
)

// drawPolicies draws policies with names of their own and texts of all kinds.
func drawPolicies(t *rapid.T) []Policy {
	text := rapid.OneOf(
		rapid.StringMatching(`[a-z*.-]{0,6}`), rapid.String(),
		rapid.SampledFrom([]string{"a # b", "x]", "[y", "'q'", `"d"`, `it's "both"`, "é\u00a0\x7f", "true", "1", "None", "a, b", " a", "'''", "\\d+\\", "#", "] #x", "line\nline", "%(x)s", "a=b", "𝔘", "\u2028", "u'x'", "] # y", "\"", "['x']"}),
	)
	list := rapid.SliceOfN(text, 0, 3)
	names := rapid.SliceOfNDistinct(text, 0, 4, rapid.ID).Draw(t, "names")
	policies := make([]Policy, len(names))
	for i, name := range names {
		p := Policy{
			Name: name, Scope: text.Draw(t, "scope"), Active: rapid.Bool().Draw(t, "active"), Description: text.Draw(t, "description"),
			Realm: list.Draw(t, "realm"), Resolver: list.Draw(t, "resolver"), User: list.Draw(t, "user"),
			AdminRealm: list.Draw(t, "adminrealm"), AdminUser: list.Draw(t, "adminuser"), PINode: list.Draw(t, "pinode"),
			Client: list.Draw(t, "client"), UserAgents: list.Draw(t, "user_agents"), Time: text.Draw(t, "time"),
			Priority:          rapid.IntRange(1, 1_000_000_000).Draw(t, "priority"),
			CheckAllResolvers: rapid.Bool().Draw(t, "all"), UserCaseInsensitive: rapid.Bool().Draw(t, "fold"),
		}
		for _, name := range rapid.SliceOfNDistinct(text, 0, 3, rapid.ID).Draw(t, "actions") {
			item := ActionItem{Name: name, Flag: rapid.Bool().Draw(t, "flag")}
			if !item.Flag {
				item.Value = text.Draw(t, "value")
			}
			p.Action = append(p.Action, item)
		}
		for range rapid.IntRange(0, 2).Draw(t, "conditions") {
			p.Conditions = append(p.Conditions, Condition{
				Section: text.Draw(t, "section"), Key: text.Draw(t, "key"), Comparator: text.Draw(t, "comparator"), Value: text.Draw(t, "right"),
				Active: rapid.Bool().Draw(t, "on"), Missing: rapid.SampledFrom([]string{"", MissingError, MissingTrue, MissingFalse}).Draw(t, "missing"),
			})
		}
		policies[i] = p
	}
	return policies
}

// samePolicies compares what was written with what was read.
func samePolicies(want, got []Policy) string {
	missing := cmp.Transformer("missing", func(c Condition) Condition {
		if c.Missing == MissingError {
			c.Missing = ""
		}
		return c
	})
	return cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.FilterValues(func(a, b Condition) bool {
		return a.Missing == MissingError || b.Missing == MissingError
	}, missing))
}

func TestRoundTripText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := drawPolicies(t)
		text := ExportText(policies)
		got, err := ImportText(text)
		if err != nil || len(got.Notes) > 0 {
			t.Fatalf("notes %q, error %v in\n%s", got.Notes, err, text)
		}
		if diff := samePolicies(policies, got.Policies); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
		if len(policies) > 0 && DetectFormat([]byte(text)) != FormatText {
			t.Fatalf("format %s of\n%s", DetectFormat([]byte(text)), text)
		}
	})
}

func TestRoundTripJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := drawPolicies(t)
		text, err := ExportJSON(policies)
		if err != nil || DetectFormat(text) != FormatJSON {
			t.Fatalf("error %v, format %s", err, DetectFormat(text))
		}
		got, err := ImportJSON(text)
		if err != nil || len(got.Notes) > 0 {
			t.Fatalf("notes %q, error %v in\n%s", got.Notes, err, text)
		}
		if diff := samePolicies(policies, got.Policies); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
	})
}

// A policy file is read by the configuration's decoder, and so has to be what we
// write; its mappings have no order.
func TestRoundTripYAML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policies := drawPolicies(t)
		for i := range policies {
			p := &policies[i]
			p.Name, p.Scope = "n"+p.Name, "s"+p.Scope // must not be empty
			for j := range p.Action {
				p.Action[j].Name = "a" + p.Action[j].Name
			}
			slices.SortFunc(p.Action, func(a, b ActionItem) int { return strings.Compare(a.Name, b.Name) })
			for j := range p.Conditions {
				c := &p.Conditions[j]
				c.Section, c.Comparator = "s"+c.Section, "c"+c.Comparator
			}
		}
		text, err := ExportYAML(policies)
		if err != nil {
			t.Fatal(err)
		}
		var file struct {
			Policies []Policy `yaml:"policies"`
		}
		if _, err := config.Decode("x.yaml", []byte(text), &file); err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := samePolicies(policies, file.Policies); diff != "" {
			t.Fatalf("%s\n%s", diff, text)
		}
		if DetectFormat([]byte(text)) != FormatYAML {
			t.Fatal("not detected")
		}
		var plain any
		if _, err := config.Decode("x.yaml", []byte(text), &plain); err != nil {
			t.Fatal(err)
		}
		got, err := ImportPlain(plain)
		if diff := samePolicies(policies, got.Policies); diff != "" || err != nil {
			t.Fatalf("error %v\n%s\n%s", err, diff, text)
		}
	})
}

func TestExportYAMLRefuses(t *testing.T) {
	good := Condition{Section: "userinfo", Comparator: "equals"}
	for name, p := range map[string]Policy{
		"name":       {Scope: "s"},
		"scope":      {Name: "n"},
		"action":     {Name: "n", Scope: "s", Action: Action{{Flag: true}}},
		"section":    {Name: "n", Scope: "s", Conditions: []Condition{good, {Comparator: "equals"}}},
		"comparator": {Name: "n", Scope: "s", Conditions: []Condition{good, {Section: "userinfo"}}},
	} {
		if text, err := ExportYAML([]Policy{p}); !errors.Is(err, ErrInvalid) || text != "" {
			t.Errorf("no %s: %q, error %v", name, text, err)
		}
	}
	if text, err := ExportYAML(nil); text != "policies: []\n" || err != nil {
		t.Errorf("%q, error %v", text, err)
	}
}

func TestExportTextOfTheSpecification(t *testing.T) {
	p := Policy{
		Name: "gate-night", Scope: ScopeAuthentication, Active: true, Priority: 4, Realm: []string{"harbor", "o'hare"}, Time: "Sat-Sun:0-23",
		Action:     Action{{Name: "otppin", Value: "userstore"}, {Name: "enable", Flag: true}},
		Conditions: []Condition{{Section: SectionUserInfo, Key: "groups", Comparator: "contains", Value: "staff", Active: true}},
	}
	want := `[gate-night]
name = gate-night
user_case_insensitive = False
active = True
scope = authentication
realm = ['harbor', "o'hare"]
adminrealm = []
adminuser = []
resolver = []
pinode = []
check_all_resolvers = False
user = []
client = []
time = Sat-Sun:0-23
conditions = [('userinfo', 'groups', 'contains', 'staff', True)]
priority = 4
action = {'otppin': 'userstore', 'enable': True}

`
	if diff := cmp.Diff(want, ExportText([]Policy{p})); diff != "" {
		t.Error(diff)
	}
}

func TestImportTextByHand(t *testing.T) {
	text := `# our policies
[first] # the first one
  scope = 'user'
  action = {"a": "b c", 'n': 5, u'old': True} # three
  realm = harbor, quay
  user = 'ann', "o'lund" # two
  client = ['10.0.0.1', '!10.0.0.9'] # a list
  conditions = [('userinfo', 'groups', 'contains', 'a # b', True), ['token', 'failcount', '<', 3, 0, 'condition_is_true']]
  priority = 7 # seven
  active = FALSE
  time = Mon:1-2, Tue:3-4 # night
  whatever = 5

[br[x]]
scope = admin
action = enable, x=y
adminuser = '''
ann, bob
'''
resolver = None
description = "line\nline"
[ "third ] # x" ]
scope = user
action = ['a', 'b=1, 2']
`
	got, err := ImportText(text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Policy{
		{
			Name: "first", Scope: "user", Action: Action{{Name: "a", Value: "b c"}, {Name: "n", Value: "5"}, {Name: "old", Flag: true}},
			Realm: []string{"harbor", "quay"}, User: []string{"ann", "o'lund"}, Client: []string{"10.0.0.1", "!10.0.0.9"},
			Conditions: []Condition{
				{Section: "userinfo", Key: "groups", Comparator: "contains", Value: "a # b", Active: true},
				{Section: "token", Key: "failcount", Comparator: "<", Value: "3", Missing: MissingTrue},
			},
			Priority: 7, Time: "Mon:1-2, Tue:3-4",
		},
		{
			Name: "br[x]", Scope: "admin", Active: true, Priority: 1, Action: Action{{Name: "enable", Flag: true}, {Name: "x", Value: "y"}},
			AdminUser: []string{"ann", "bob"}, Description: "line\nline",
		},
		{Name: "third ] # x", Scope: "user", Active: true, Priority: 1, Action: Action{{Name: "a", Flag: true}, {Name: "b", Value: "1, 2"}}},
	}
	if diff := samePolicies(want, got.Policies); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"first: attribute whatever is not known and was left out"}, got.Notes); diff != "" {
		t.Error(diff)
	}
}

func TestImportTextRefuses(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"garbage", `line 1: "garbage" is neither`},
		{"scope = x", `line 1: "scope" stands before the first [name]`},
		{"[a", "line 1: \"[a\" has no closing bracket"},
		{"[a]\n[a]", `line 2: the name "a" is there twice`},
		{"[a]\nscope=x\nscope=y", "line 3: scope: is there twice"},
		{"[a]\n" + strings.Repeat("x = y\n", 3), "line 4: x: is there twice"},
		{"[a]\nrealm = ['x'", "line 2: realm: at offset 4: a comma"},
		{"[a]\nrealm = ['x\n", "line 2: realm: at offset 3: the closing quote is missing"},
		{"[a]\nrealm = {'x': 'y'}", "realm: a map is no list"},
		{"[a]\nrealm = [['x']]", "realm: member 1: a list is no text"},
		{"[a]\nrealm = [None]", "realm: member 1: nothing is no text"},
		{"[a]\naction = {'x': False}", "action: action x: False is no value"},
		{"[a]\naction = {'x': []}", "action: action x: a list is no value"},
		{"[a]\naction =", "action: is empty: write {}"},
		{"[a]\naction = {5: 'x'}", "action: at offset 2: a key is no text"},
		{"[a]\npriority = high", `priority: "high" is no whole number`},
		{"[a]\nactive = maybe", `active: "maybe" is neither True nor False`},
		{"[a]\nconditions = x", `conditions: "x" is no list of conditions`},
		{"[a]\nconditions = [()]", "conditions: condition 1: 0 members"},
		{"[a]\nconditions = [('a', 'b', 'c', 'd', 'x')]", `condition 1: member 5: "x" is neither`},
		{"[a]\nconditions = [('a', 'b', 'c', 'd', True, 'x')]", `condition 1: "x" is none of raise_error`},
		{"[a]\nconditions = ['x']", `condition 1: "x" is neither a tuple`},
		{"[a]\nrealm = '''x", "line 2: realm:"},
		{"[a]\nrealm = " + strings.Repeat("[", 40), "nested more than 16 levels"},
		{"[a]\nrealm = ['\\xzz']", `"zz" is no character`},
		{"[a]\nrealm = [b'x']", `"b" before a quote`},
	} {
		got, err := ImportText(tt.text)
		if err == nil || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) || got.Policies != nil {
			t.Errorf("%q: error %v, want %q", tt.text, err, tt.want)
		}
	}
}

func TestImportJSON(t *testing.T) {
	want := []Policy{{Name: "a", Scope: "user", Active: true, Priority: 2, Action: Action{{Name: "z", Flag: true}, {Name: "b", Value: "1"}}, Realm: []string{"x", "y"}}}
	for _, text := range []string{
		`[{"name": "a", "scope": "user", "priority": 2, "action": {"z": true, "b": 1}, "realm": "x, y"}]`,
		`{"policies": [{"name": "a", "scope": "user", "priority": "2", "action": "z, b=1", "realm": ["x", "y"], "conditions": null, "active": "True"}]}`,
		`{"name": "a", "scope": "user", "priority": 2, "action": {"z": true, "b": "1"}, "realm": ["x", "y"], "pinode": []}`,
		`{'policy': [{'name': 'a', 'scope': 'user', 'priority': 2, 'action': {'z': True, 'b': '1'}, 'realm': ['x', 'y'], 'time': None}]}`,
	} {
		got, err := ImportJSON([]byte(text))
		if diff := samePolicies(want, got.Policies); diff != "" || err != nil {
			t.Errorf("%s: error %v\n%s", text, err, diff)
		}
	}
	got, err := ImportJSON([]byte(`{"event": [], "policy": []}`))
	if err != nil || len(got.Policies) != 0 || len(got.Notes) != 1 {
		t.Errorf("%+v, error %v", got, err)
	}
	got, err = ImportJSON([]byte(`[{"name": "a", "conditions": [{"section": "userinfo", "key": "k", "comparator": "in", "value": "v", "handle_missing_data": "condition_is_false"}]}]`))
	if err != nil || got.Policies[0].Conditions[0] != (Condition{Section: "userinfo", Key: "k", Comparator: "in", Value: "v", Active: true, Missing: MissingFalse}) {
		t.Errorf("%+v, error %v", got, err)
	}
	for _, text := range []string{
		"", "5", `{"event": []}`, `{"policy": 5}`, `[5]`, `[{"name": "a"}, {"name": "a"}]`, `[{"name": "a", "name": "b"}]`, `[{}] x`, `[{"name": 1.5e999999}`,
		`[{"name": "a", "conditions": [{"section": "x", "wrong": 1}]}]`, `[{` + manyKeys(200) + `}]`, strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100),
	} {
		if got, err := ImportJSON([]byte(text)); !errors.Is(err, ErrInvalid) || got.Policies != nil {
			t.Errorf("%q: %+v, error %v", text, got, err)
		}
	}
}

// manyKeys are the members of an object with many of them.
func manyKeys(n int) string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d": 1`, i)
	}
	return strings.Join(keys, ", ")
}

func TestDetectFormat(t *testing.T) {
	for text, want := range map[string]Format{
		"":                              FormatYAML,
		"policies:\n- name: [x]":        FormatYAML,
		"# x\n\n[a]\nscope = b\n":       FormatText,
		"\ufeff[a]":                     FormatText,
		" [ {\"name\": 1} ]":            FormatJSON,
		"[]":                            FormatJSON,
		"{'policy': []}":                FormatJSON,
		"[{'name': u'a'}]":              FormatJSON,
		"# policies\npolicies: []\n[a]": FormatYAML,
	} {
		if got := DetectFormat([]byte(text)); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func FuzzImportText(f *testing.F) {
	f.Add(ExportText([]Policy{{Name: "a", Scope: "b", Action: Action{{Name: "x", Value: "it's"}}, Realm: []string{"c", "d"}, Priority: 3}}))
	for _, seed := range []string{"[a]\nscope = x # y\nrealm = '''\na\n'''", "[ 'a' ]\nuser=u'\\x41\\u00e9', b", "[br[x]] # c\naction = {}", "[a]\nconditions = [(1,2,3,4,5,6)]", "['\\"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ImportText(text)
		if err != nil {
			return
		}
		again, err := ImportText(ExportText(got.Policies))
		if !validUTF8(got.Policies) {
			return
		}
		if diff := samePolicies(got.Policies, again.Policies); diff != "" || err != nil {
			t.Fatalf("error %v\n%s", err, diff)
		}
	})
}

func FuzzImportJSON(f *testing.F) {
	for _, seed := range []string{`{"policy": [{"name": "a", "action": {"b": true}}]}`, `[{'name': 'a', 'conditions': [('a','b','c','d',True)]}]`, `[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := ImportJSON(data)
		if err != nil || !validUTF8(got.Policies) {
			return
		}
		text, err := ExportJSON(got.Policies)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ImportJSON(text)
		if diff := samePolicies(got.Policies, again.Policies); diff != "" || err != nil {
			t.Fatalf("error %v\n%s", err, diff)
		}
	})
}

// validUTF8 reports whether all texts are; no format keeps other bytes.
func validUTF8(policies []Policy) bool { return utf8.ValidString(fmt.Sprint(policies)) }
