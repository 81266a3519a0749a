package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cheap is a cost that tests can pay.
func cheap() *config.Argon2 { return &config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1} }

func hash(t testing.TB, cost *config.Argon2, password string) config.Secret {
	t.Helper()
	h, err := NewHasher(cost)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := h.Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newDirectory(t testing.TB, users Users) *Directory {
	t.Helper()
	d, err := New("home", users, &config.Directory{Type: "local", LocalDirectory: config.LocalDirectory{Argon2: cheap()}}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// stored is a user as a map from ID to what the store returns.
type stored map[string]store.User

var errDown = errors.New("the disk is gone")

func (s stored) UserByLogin(_ context.Context, login string) (store.User, error) {
	for _, u := range s {
		if u.Login == login {
			return u, nil
		}
	}
	return store.User{}, fmt.Errorf("find %q: %w", login, identity.ErrNotFound)
}

func (s stored) UserByID(_ context.Context, id string) (store.User, error) {
	if id == "down" {
		return store.User{}, errDown
	}
	u, ok := s[id]
	if !ok {
		return store.User{}, identity.ErrNotFound
	}
	return u, nil
}

func (s stored) MembershipsOf(_ context.Context, id string) ([]identity.Membership, error) {
	if id == "groupless" {
		return nil, errDown
	}
	return nil, nil
}

func (stored) UsersRevision(context.Context) (int64, error)              { return 0, errDown }
func (stored) GroupNames(context.Context) ([]identity.Membership, error) { return nil, errDown }
func (stored) EachUser(context.Context, store.UserQuery, func(store.User) (bool, error)) error {
	return errDown
}

func (s stored) RenewHash(context.Context, string, config.Secret, config.Secret) (bool, error) {
	return false, nil
}

func TestLookup(t *testing.T) {
	ctx, s := t.Context(), openStore(t)
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if _, err := s.Fill(ctx, []store.NewUser{
		{User: store.User{Login: "Alice", Name: "Alice A.", Email: "a@example.org", Superuser: true, PasswordHash: config.NewSecret("x")}, Groups: []string{"vpn", "staff"}},
		{User: store.User{Login: "robot", Service: true, Disabled: true}},
	}, now); err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, s)
	u, err := d.Lookup(ctx, "aLICE")
	if err != nil {
		t.Fatal(err)
	}
	want := identity.User{
		ID: u.ID, Login: "Alice", Directory: "home", Name: "Alice A.", Email: "a@example.org",
		Active: true, Superuser: true, Groups: []string{"staff", "vpn"}, PasswordChanged: now,
	}
	if len(u.Memberships) != 2 || u.Memberships[0].Name != "staff" || u.Memberships[1].ID == "" {
		t.Errorf("memberships %+v", u.Memberships)
	}
	want.Memberships = u.Memberships
	if fmt.Sprint(*u) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", *u, want)
	}
	if u, err := d.Lookup(ctx, "robot"); err != nil || u.Active || !u.Service || len(u.Groups) != 0 {
		t.Errorf("robot: %v, %v", u, err)
	}
	if _, err := d.Lookup(ctx, "mallory"); !errors.Is(err, identity.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

func TestLookupOutage(t *testing.T) {
	d := newDirectory(t, stored{"groupless": {ID: "groupless", Login: "alice"}})
	if u, err := d.Lookup(t.Context(), "alice"); !errors.Is(err, errDown) {
		t.Errorf("groups unknown: %v, %v", u, err)
	}
}

func TestVerify(t *testing.T) {
	other := config.Argon2{Memory: 64, Iterations: 3, Parallelism: 2}
	longest := string(make([]byte, MaxPassword))
	users := stored{
		"alice":    {PasswordHash: hash(t, cheap(), "alice-pw")},
		"other":    {PasswordHash: hash(t, &other, "other-pw")},
		"carol":    {PasswordHash: hash(t, cheap(), "carol-pw"), Disabled: true},
		"robot":    {},
		"broken":   {PasswordHash: config.NewSecret("broken-pw")},
		"greedy":   {PasswordHash: config.NewSecret("$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzYWx0$c29tZWtleXNvbWVrZXlzb21la2V5")},
		"bcrypted": {PasswordHash: config.NewSecret("$2b$05$abcdefghijklmnopqrstuucZGbUxuMlEqps0qcu2pjhO7vaatQZIC")},
		"md5":      {PasswordHash: config.NewSecret("$1$saltsalt$QgbQ7EUpcKNQTLgSVL4qr/")},
	}
	d := newDirectory(t, users)
	for _, c := range []struct {
		user    string
		c       identity.Credential
		want    identity.Verdict
		wantErr bool
	}{
		{"alice", identity.NewPassword("alice-pw"), identity.Right, false},
		{"alice", identity.NewPassword("alice-pW"), identity.Wrong, false},
		{"alice", identity.NewPassword("alice-pw "), identity.Wrong, false},
		{"alice", identity.NewPassword("alice-pw\x00"), identity.Wrong, false},
		{"alice", identity.NewPassword(""), identity.Wrong, false},
		{"alice", identity.NewPassword(longest), identity.Wrong, false},
		{"alice", identity.NewPassword(longest + "x"), identity.Wrong, false},
		{"alice", identity.NewPassword(users["alice"].PasswordHash.Reveal()), identity.Wrong, false},
		{"alice", identity.Unverifiable(identity.KindCHAP), identity.Unsupported, false},
		{"alice", identity.Unverifiable(identity.KindPassword), identity.Unsupported, false},
		{"alice", nil, identity.Unsupported, false},
		{"other", identity.NewPassword("other-pw"), identity.Right, false},
		{"other", identity.NewPassword("alice-pw"), identity.Wrong, false},
		{"carol", identity.NewPassword("carol-pw"), identity.Disabled, false},
		{"carol", identity.NewPassword("alice-pw"), identity.Wrong, false},
		{"carol", identity.NewPassword(""), identity.Wrong, false},
		{"robot", identity.NewPassword("robot-pw"), identity.Wrong, false},
		{"robot", identity.NewPassword(""), identity.Wrong, false},
		{"deleted", identity.NewPassword("alice-pw"), identity.Wrong, false},
		{"broken", identity.NewPassword("broken-pw"), identity.Wrong, true},
		{"greedy", identity.NewPassword("greedy-pw"), identity.Wrong, true},
		{"bcrypted", identity.NewPassword("pässword"), identity.Right, false},
		{"bcrypted", identity.NewPassword("pässword\x00pässword"), identity.Wrong, false},
		{"bcrypted", identity.NewPassword("x"), identity.Wrong, false},
		{"md5", identity.NewPassword("pässword"), identity.Wrong, true},
		{"down", identity.NewPassword("alice-pw"), identity.Wrong, true},
		{"down", identity.NewPassword(""), identity.Wrong, false}, // nothing was touched
	} {
		got, err := d.Verify(t.Context(), &identity.User{ID: c.user}, c.c)
		if got != c.want || (err != nil) != c.wantErr {
			t.Errorf("%s with %T: %v, %v; want %v", c.user, c.c, got, err, c.want)
		}
	}
	for _, c := range []identity.Credential{
		identity.NewPassword("x"), identity.NewPassword(""), identity.NewPassword(longest + "x"), identity.Unverifiable(identity.KindEAP), nil,
	} {
		if err := d.VerifyNobody(t.Context(), "nobody", c); err != nil {
			t.Errorf("nobody with %T: %v", c, err)
		}
	}
}

func TestVerifyAfterTheEnd(t *testing.T) {
	d := newDirectory(t, stored{"alice": {PasswordHash: hash(t, cheap(), "alice-pw")}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	password := identity.NewPassword("alice-pw")
	if v, err := d.Verify(ctx, &identity.User{ID: "alice"}, password); !errors.Is(err, context.Canceled) || v != identity.Wrong {
		t.Errorf("context ended: %v, %v", v, err)
	}
	if err := d.VerifyNobody(ctx, "nobody", password); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody, context ended: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if v, err := d.Verify(t.Context(), &identity.User{ID: "alice"}, password); !errors.Is(err, errClosed) || v != identity.Wrong {
		t.Errorf("closed: %v, %v", v, err)
	}
}

func TestNewPasswordActsAtOnce(t *testing.T) {
	ctx, s := t.Context(), openStore(t)
	alice, err := s.AddUser(ctx, store.User{Login: "alice", PasswordHash: hash(t, cheap(), "old")}, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := newDirectory(t, s)
	u, err := d.Lookup(ctx, "alice")
	if err != nil {
		t.Fatal(err)
	}
	want := func(password string, want identity.Verdict) {
		t.Helper()
		if got, err := d.Verify(ctx, u, identity.NewPassword(password)); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", password, got, err, want)
		}
	}
	want("old", identity.Right)
	if err := s.SetPassword(ctx, alice.ID, hash(t, cheap(), "new"), time.Now()); err != nil {
		t.Fatal(err)
	}
	want("old", identity.Wrong)
	want("new", identity.Right)
	if err := s.SetDisabled(ctx, alice.ID, true, time.Now()); err != nil {
		t.Fatal(err)
	}
	want("new", identity.Disabled)
	if err := s.DeleteUser(ctx, alice.ID); err != nil {
		t.Fatal(err)
	}
	want("new", identity.Wrong)
}

func TestNewRefusesCost(t *testing.T) {
	for _, c := range []config.Argon2{
		{},
		{Memory: 7, Iterations: 1, Parallelism: 1},
		{Memory: 31, Iterations: 1, Parallelism: 4},
		{Memory: 1<<20 + 1, Iterations: 1, Parallelism: 1},
		{Memory: 64, Iterations: 65, Parallelism: 1},
		{Memory: 1 << 20, Iterations: 1, Parallelism: 17},
		{Memory: -8, Iterations: -1, Parallelism: -1},
	} {
		if _, err := New("home", stored{}, &config.Directory{LocalDirectory: config.LocalDirectory{Argon2: &c}}, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}
