package filter

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
)

// object decodes JSON as policies' objects are.
func object(tb testing.TB, text string) map[string]any {
	tb.Helper()
	var o map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&o); err != nil {
		tb.Fatal(err)
	}
	return o
}

func alice() *identity.User {
	return &identity.User{
		ID: "8c1f", Login: "Alice", Directory: "corp", DN: "uid=Alice,dc=example,dc=org", Name: "Alice Straße",
		Active: true, Groups: []string{"staff", "vpn-admins"},
		Attributes: map[string][]string{
			"mail": {"a@example.org", "Alice@Example.com"}, "uidNumber": {"1000"}, "flag": {"TRUE"},
			"until": {"20301231235959Z"}, "since": {"2020-01-01T00:00:00+02:00"}, "big": {"133000000000000001"}, "note": {"one\ntwo"},
		},
	}
}

func TestUser(t *testing.T) {
	for text, want := range map[string]bool{
		`{"username": "Alice"}`:                                                     true,
		`{"username": "alice"}`:                                                     false,
		`{"username__iexact": "ALICE"}`:                                             true,
		`{"name__iexact": "ALICE STRASSE"}`:                                         true, // full folding
		`{"name__icontains": "STRASS"}`:                                             true,
		`{"name__contains": "strass"}`:                                              false,
		`{"name__contains": "Stra"}`:                                                true,
		`{"name__startswith": "Alice"}`:                                             true,
		`{"name__startswith": "lice"}`:                                              false,
		`{"name__istartswith": "aLICE s"}`:                                          true,
		`{"name__endswith": "aße"}`:                                                 true,
		`{"name__iendswith": "RASSE"}`:                                              true,
		`{"name__contains": ""}`:                                                    true,
		`{"username__in": ["Bob", "Alice"]}`:                                        true,
		`{"username__in": ["Bob", null]}`:                                           false,
		`{"username__in": []}`:                                                      false,
		`{"username__regex": "^Al"}`:                                                true,
		`{"username__regex": "^al"}`:                                                false,
		`{"username__iregex": "^al"}`:                                               true,
		`{"pk": "8c1f"}`:                                                            true,
		`{"id__in": ["8c1f"]}`:                                                      true,
		`{"uuid__startswith": "8c"}`:                                                true,
		`{"pk": "8C1F"}`:                                                            false,
		`{"dn__iendswith": ",DC=example,dc=ORG"}`:                                   true,
		`{"source": "corp"}`:                                                        true,
		`{"source__in": ["a", "b"]}`:                                                false,
		`{"type": "person"}`:                                                        true,
		`{"type__in": ["service"]}`:                                                 false,
		`{"is_active": true}`:                                                       true,
		`{"is_active": false}`:                                                      false,
		`{"is_active__in": [true, false]}`:                                          true,
		`{"is_active__in": []}`:                                                     false,
		`{"is_active__isnull": false}`:                                              true,
		`{"is_active__isnull": true}`:                                               false,
		`{"is_superuser": true}`:                                                    false,
		`{"username": "Alice", "is_superuser": true}`:                               false,
		`{"username": "Alice", "is_superuser": false}`:                              true,
		`{"email": ""}`:                                                             false, // unknown is null, and null is not empty
		`{"email": null}`:                                                           true,
		`{"email__iexact": null}`:                                                   true,
		`{"email__isnull": true}`:                                                   true,
		`{"email__isnull": false}`:                                                  false,
		`{"email__contains": ""}`:                                                   false, // no string lookup matches null
		`{"email__regex": ""}`:                                                      false,
		`{"email__in": [null]}`:                                                     false,
		`{"name": null}`:                                                            false,
		`{"attributes__mail": "Alice@Example.com"}`:                                 true, // any of several
		`{"attributes__mail": "alice@example.com"}`:                                 false,
		`{"attributes__mail__iexact": "alice@example"}`:                             false,
		`{"attributes__mail__iendswith": "EXAMPLE.COM"}`:                            true,
		`{"attributes__Mail": "a@example.org"}`:                                     false, // as the directory spells it
		`{"attributes__mail__in": ["x", "a@example.org"]}`:                          true,
		`{"attributes__mail": null}`:                                                false, // JSON null, which no attribute holds
		`{"attributes__none": null}`:                                                false,
		`{"attributes__none__isnull": true}`:                                        true,
		`{"attributes__mail__isnull": false}`:                                       true,
		`{"attributes__mail__isnull": true}`:                                        false,
		`{"attributes__mail__deeper": "x"}`:                                         false,
		`{"attributes__mail__deeper__isnull": true}`:                                true,
		`{"attributes__uidNumber": 1000}`:                                           true,
		`{"attributes__uidNumber": 1000.0}`:                                         true,
		`{"attributes__uidNumber": "1000"}`:                                         true,
		`{"attributes__uidNumber": "1000.0"}`:                                       false,
		`{"attributes__uidNumber__in": [1, 1000]}`:                                  true,
		`{"attributes__mail": 1000}`:                                                false,
		`{"attributes__flag": true}`:                                                true,
		`{"attributes__flag": false}`:                                               false,
		`{"attributes__uidNumber__gt": 999}`:                                        true,
		`{"attributes__uidNumber__gt": 1000}`:                                       false,
		`{"attributes__uidNumber__gte": "1000"}`:                                    true,
		`{"attributes__uidNumber__lt": 1e3}`:                                        false,
		`{"attributes__uidNumber__lte": 1000.5}`:                                    true,
		`{"attributes__big__gt": 133000000000000000}`:                               true, // more digits than a float has
		`{"attributes__mail__gt": 0}`:                                               false,
		`{"attributes__none__lt": 5}`:                                               false,
		`{"attributes__until__gt": "2030-12-31T00:00:00Z"}`:                         true,
		`{"attributes__until__lt": "2030-12-31T00:00:00Z"}`:                         false,
		`{"attributes__since__lt": "2020-01-01T00:00:00Z"}`:                         true, // zones count
		`{"attributes__since__gt": 0}`:                                              false,
		`{"attributes__uidNumber__gt": "2020-01-01T00:00:00Z"}`:                     false,
		`{"attributes__note__regex": "^two"}`:                                       false,
		`{"groups__name": "staff"}`:                                                 true,
		`{"groups__name__istartswith": "VPN"}`:                                      true,
		`{"groups__name__isnull": true}`:                                            false,
		`{"groups__name__isnull": false}`:                                           true,
		`{"groups__name__startswith": "vpn", "groups__name__endswith": "admins"}`:   true,
		`{"groups__name__startswith": "staff", "groups__name__endswith": "admins"}`: false, // one group must fit both
	} {
		f, err := ForUsers(object(t, text), pyregex.NewCache())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := f.User(alice()); got != want || err != nil {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	lonely := &identity.User{Login: "bob"}
	for text, want := range map[string]bool{
		`{"groups__name__isnull": true}`: true, `{"groups__name": null}`: true, `{"groups__name": ""}`: false,
		`{"groups__name__isnull": true, "groups__name": "x"}`: false,
	} {
		f, err := ForUsers(object(t, text), pyregex.NewCache())
		if got, err2 := f.User(lonely); got != want || err != nil || err2 != nil {
			t.Errorf("without groups: %s is %v, %v, %v", text, got, err, err2)
		}
	}
}

func TestGroup(t *testing.T) {
	full := &identity.Membership{
		ID: "g1", Name: "VPN users", DN: "cn=vpn,dc=x", Superuser: true, Attributes: map[string][]string{"site": {"Oslo"}},
	}
	bare := &identity.Membership{Name: "VPN users"}
	for text, want := range map[string][2]bool{
		`{}`:                              {true, true},
		`{"name": "VPN users"}`:           {true, true},
		`{"name__iexact": "vpn USERS"}`:   {true, true},
		`{"name__in": []}`:                {false, false},
		`{"pk": "g1"}`:                    {true, false},
		`{"pk__isnull": true}`:            {false, true},
		`{"dn__icontains": "DC=X"}`:       {true, false},
		`{"is_superuser": true}`:          {true, false},
		`{"attributes__site": "Oslo"}`:    {true, false},
		`{"name": "x", "pk": "g1"}`:       {false, false},
		`{"attributes__site__gt": "100"}`: {false, false},
	} {
		f, err := ForGroups(object(t, text), pyregex.NewCache())
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, m := range []*identity.Membership{full, bare} {
			if got, err := f.Group(m); got != want[i] || err != nil {
				t.Errorf("%s of group %d is %v, %v", text, i, got, err)
			}
		}
		if got := f.NamesOnly(); got != (text == "{}" || strings.Count(text, `"name`) == strings.Count(text, `":`)) {
			t.Errorf("%s: names only is %v", text, got)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                               "the filter is empty",
		`{"usrname": "x"}`:                 `a user has no field "usrname", did you mean "username"?`,
		`{"Username": "x"}`:                `did you mean "username"?`,
		`{"name__icontians": "x"}`:         `name has no lookup "icontians", did you mean "icontains"?`,
		`{"name__": "x"}`:                  `name has no lookup ""`,
		`{"name__a__b": "x"}`:              `no lookup "a__b"`,
		`{"username": 5}`:                  "username__exact needs text, not a number",
		`{"username": true}`:               "username__exact needs text, not true or false",
		`{"username__in": "alice"}`:        "username__in needs a list, not text",
		`{"username__in": ["a", 5]}`:       "item 2: username__in needs text, not a number",
		`{"username__contains": null}`:     "username__contains needs text, not null",
		`{"username": {"a": 1}}`:           "not an object",
		`{"username__isnull": "yes"}`:      "username__isnull needs true or false, not text",
		`{"is_active": "true"}`:            "is_active__exact needs true or false, not text",
		`{"is_active__contains": "t"}`:     `is_active has no lookup "contains"`,
		`{"is_active__in": ["x"]}`:         "item 1: is_active__in needs true or false",
		`{"name__regex": "("}`:             "name__regex",
		`{"name__gt": "abc"}`:              `name__gt needs a number or a time such as 2030-12-31T23:59:59Z; "abc" is neither`,
		`{"name__gt": true}`:               "name__gt needs a number or a time, not true or false",
		`{"name__lt": null}`:               "not null",
		`{"attributes": "x"}`:              "write attributes__NAME",
		`{"attributes__contains": 5}`:      "write attributes__NAME",
		`{"attributes__": 5}`:              "write attributes__NAME",
		`{"attributes__x__icontans": "y"}`: `did you mean "icontains"?`,
		`{"attributes__x": [1]}`:           "attributes__x__exact needs text, not a list",
		`{"groups": "x"}`:                  "write groups__name",
		`{"groups__pk": "x"}`:              "write groups__name",
		`{"type": "persn"}`:                `type is person or service, not "persn", did you mean "person"?`,
		`{"a": 1, "b": 2}`:                 "\n", // all of them
	} {
		_, err := ForUsers(object(t, text), pyregex.NewCache())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := ForGroups(object(t, `{"username": "x"}`), nil); err == nil || !strings.Contains(err.Error(), `a group has no field "username"`) {
		t.Errorf("a group's username: %v", err)
	}
	many, long := map[string]any{}, make([]any, maxItems+1)
	for i := range maxTerms + 1 {
		many["attributes__a"+strings.Repeat("x", i)] = "v"
	}
	for name, fields := range map[string]map[string]any{
		"terms": many, "items": {"name__in": long}, "text": {"name": strings.Repeat("x", maxText+1)},
	} {
		if _, err := ForUsers(fields, pyregex.NewCache()); err == nil || !strings.Contains(err.Error(), "at most") {
			t.Errorf("too many %s: %v", name, err)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for _, tt := range []struct {
		kind, key string
		ok        bool
	}{
		{"user", "groups__name__in", true},
		{"user", "attributes__a__b__isnull", true},
		{"group", "name__iregex", true},
		{"group", "email", false},
		{"user", "email__lik", false},
		{"person", "email", false},
	} {
		if err := CheckKey(tt.kind, tt.key); (err == nil) != tt.ok {
			t.Errorf("%s %s: %v", tt.kind, tt.key, err)
		}
	}
}

func TestKeyTellsFiltersApart(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{
		`{"name": "5"}`, `{"name": "6"}`, `{"name__in": ["5"]}`, `{"name__in": []}`, `{"name__in": ["5", "6"]}`, `{"name__in": ["5|string\"6\""]}`,
		`{"attributes__x": 5}`, `{"attributes__x": "5"}`, `{"attributes__x": true}`, `{"attributes__x": "true"}`, `{"attributes__x": null}`,
		`{"attributes__x__y": "5"}`, `{"name": "5", "email": "5"}`, `{"name": "5\nemail"}`,
	} {
		f, err := ForUsers(object(t, text), nil)
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[f.Key()]; ok {
			t.Errorf("%s and %s have one key", text, other)
		}
		seen[f.Key()] = text
	}
	a, _ := ForUsers(object(t, `{"pk": "x"}`), nil)
	b, _ := ForUsers(object(t, `{"id": "x"}`), nil)
	if a.Key() != b.Key() {
		t.Error("equal filters have two keys")
	}
}

func TestSource(t *testing.T) {
	f, err := ForUsers(object(t, `{"source__startswith": "corp", "username": "x"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"corp-ad": true, "home": false} {
		if got, err := f.Source(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if terms := f.Only(func(t Term) bool { return t.Field != "source" }).Terms(); len(terms) != 1 || terms[0].Field != "username" {
		t.Errorf("terms %v", terms)
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{
		`{"username__iexact": "ALICE"}`, `{"attributes__a__b__gt": 1e3, "is_active": true}`, `{"groups__name__in": ["x", null]}`,
		`{"pk": null}`, `{"name__regex": "("}`, `{"attributes____x": "y"}`, `{"name__lte": "2020-01-01T00:00:00Z"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var fields map[string]any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if d.Decode(&fields) != nil {
			return
		}
		for key := range fields {
			_ = CheckKey("group", key)
		}
		if g, err := ForGroups(fields, pyregex.NewCache()); err == nil {
			_, _ = g.Group(&identity.Membership{Name: "x", Attributes: map[string][]string{"a": {"1", ""}}})
		}
		u, err := ForUsers(fields, pyregex.NewCache())
		if err != nil {
			return
		}
		whole, _ := u.User(alice())
		split := true // a filter is the conjunction of its terms, but for those of groups
		for _, term := range u.Terms() {
			ok, _ := u.Only(func(other Term) bool {
				return other.Field == term.Field && (term.Field == "groups__name" || other.String() == term.String())
			}).User(alice())
			split = split && ok
		}
		if whole != split {
			t.Errorf("%s: as a whole %v, by terms %v", text, whole, split)
		}
	})
}
