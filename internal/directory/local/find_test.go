package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/internal/store"
)

func users(tb testing.TB, text string) filter.Filter {
	tb.Helper()
	var fields map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&fields); err != nil {
		tb.Fatal(err)
	}
	f, err := filter.ForUsers(fields, pyregex.NewCache())
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// crowd fills a store with n users, of whom a few differ.
func crowd(tb testing.TB, n int) *store.Store {
	tb.Helper()
	s := openStore(tb)
	people := []store.NewUser{
		{User: store.User{Login: "Zoë", Name: "Zoë Weiß", Email: "ZOE@Example.Org"}, Groups: []string{"vpn-admins", "staff"}},
		{User: store.User{Login: "root", Superuser: true, Email: "shared@example.org"}},
		{User: store.User{Login: "backup", Service: true, Disabled: true, Email: "shared@example.org"}},
	}
	for i := range n {
		people = append(people, store.NewUser{
			User:   store.User{Login: fmt.Sprintf("user%05d", i), Name: fmt.Sprintf("User Number %d", i), Email: fmt.Sprintf("user%d@example.org", i)},
			Groups: []string{"crowd"},
		})
	}
	if _, err := s.Import(tb.Context(), store.Import{
		Users: people, Nested: []store.Nesting{{Group: "everybody", Member: "staff"}},
	}, time.Now()); err != nil {
		tb.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	d := newDirectory(t, crowd(t, 1000))
	zoe, err := d.Lookup(t.Context(), "zoë")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`{"username": "Zoë"}`:                                              "Zoë",
		`{"username": "zoë"}`:                                              "", // letters count
		`{"username__iexact": "ZOË"}`:                                      "Zoë",
		`{"username__in": ["user00007", "user00003"]}`:                     "user00003",
		`{"username": "root", "email": "x"}`:                               "",
		`{"email": "ZOE@Example.Org"}`:                                     "Zoë",
		`{"email": "zoe@example.org"}`:                                     "",
		`{"email__iexact": "zoe@EXAMPLE.org"}`:                             "Zoë",
		`{"email": "shared@example.org"}`:                                  "backup", // the least login
		`{"email": "' OR 1=1 --"}`:                                         "",
		`{"email__in": []}`:                                                "",
		`{"name__icontains": "WEISS"}`:                                     "Zoë",
		`{"name__contains": "Number 999"}`:                                 "user00999",
		`{"name__isnull": true}`:                                           "backup",
		`{"name": ""}`:                                                     "",
		`{"name__regex": "er 77\\d$"}`:                                     "user00770",
		`{"id": "` + zoe.ID + `"}`:                                         "Zoë",
		`{"pk__in": ["x", "` + zoe.ID + `"]}`:                              "Zoë",
		`{"is_superuser": true}`:                                           "root",
		`{"type": "service", "is_active": false}`:                          "backup",
		`{"type": "service", "is_active": true}`:                           "",
		`{"groups__name": "staff"}`:                                        "Zoë",
		`{"groups__name": "everybody"}`:                                    "Zoë", // through another one
		`{"groups__name": "STAFF"}`:                                        "",
		`{"groups__name__istartswith": "CROW"}`:                            "user00000",
		`{"groups__name__isnull": true}`:                                   "backup",
		`{"groups__name__isnull": false}`:                                  "user00000",
		`{"groups__name__in": []}`:                                         "",
		`{"groups__name__startswith": "s", "groups__name__endswith": "s"}`: "", // not of two groups
		`{"source": "home", "username": "root"}`:                           "root",
		`{"source": "away", "username": "root"}`:                           "",
		`{"attributes__x": "y"}`:                                           "",
		`{"attributes__x__isnull": true}`:                                  "backup",
		`{"dn__isnull": true, "username": "root"}`:                         "root",
		`{"dn__contains": "x"}`:                                            "",
	} {
		u, err := d.Find(t.Context(), users(t, text))
		switch {
		case want == "" && errors.Is(err, identity.ErrNotFound):
		case err != nil || u.Login != want:
			t.Errorf("%s finds %+v, %v", text, u, err)
		}
	}
	if u, err := d.Find(t.Context(), users(t, `{"username": "Zoë"}`)); err != nil || fmt.Sprint(*u) != fmt.Sprint(*zoe) {
		t.Errorf("found %+v, %v\nlooked up %+v", u, err, zoe)
	}
}

func TestFindAmongMany(t *testing.T) {
	d := newDirectory(t, crowd(t, 10_000))
	for text, want := range map[string]string{
		`{"name__regex": "^User Number 9999$"}`: "user09999", `{"email__icontains": "ER9998@"}`: "user09998", `{"name__contains": "x"}`: "",
	} {
		u, err := d.Find(t.Context(), users(t, text))
		if want == "" && !errors.Is(err, identity.ErrNotFound) || want != "" && (err != nil || u.Login != want) {
			t.Errorf("%s finds %+v, %v", text, u, err)
		}
	}
}

func TestFindOutage(t *testing.T) {
	d := newDirectory(t, stored{})
	for _, text := range []string{`{"username": "x"}`, `{"groups__name": "x"}`} {
		if u, err := d.Find(t.Context(), users(t, text)); !errors.Is(err, errDown) || errors.Is(err, identity.ErrNotFound) {
			t.Errorf("%s: %v, %v", text, u, err)
		}
	}
	if _, err := d.Revision(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("revision: %v", err)
	}
}

// slowWalk holds walks until it is let go.
type slowWalk struct {
	stored
	walking chan struct{}
	release chan struct{}
}

func (s slowWalk) EachUser(context.Context, store.UserQuery, func(store.User) (bool, error)) error {
	s.walking <- struct{}{}
	<-s.release
	return nil
}

func TestFindIsBounded(t *testing.T) {
	s := slowWalk{stored{}, make(chan struct{}), make(chan struct{})}
	d := newDirectory(t, s)
	done := make(chan error)
	for range maxWalks {
		go func() {
			_, err := d.Find(t.Context(), users(t, `{"username": "x"}`))
			done <- err
		}()
		<-s.walking
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Find(ctx, users(t, `{"username": "y"}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("one walk more: %v", err)
	}
	close(s.release)
	for range maxWalks {
		if err := <-done; !errors.Is(err, identity.ErrNotFound) {
			t.Error(err)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	d := newDirectory(b, crowd(b, 50_000))
	for name, text := range map[string]string{
		"pattern": `{"name__iregex": "nobody"}`, "contains": `{"name__icontains": "nobody"}`, "email": `{"email": "x@example.org"}`, "username": `{"username": "root"}`, "group": `{"groups__name": "staff"}`,
	} {
		f := users(b, text)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Find(b.Context(), f); err != nil && !errors.Is(err, identity.ErrNotFound) {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("revision", func(b *testing.B) {
		for b.Loop() {
			if _, err := d.Revision(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
