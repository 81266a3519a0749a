package userimport_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/internal/userimport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func hasher(t *testing.T) *local.Hasher {
	t.Helper()
	h, err := local.NewHasher(&config.Argon2{Memory: 8, Iterations: 1, Parallelism: 1})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// run imports a CSV text and returns the report as text.
func run(t *testing.T, s userimport.Store, text string, p userimport.Plan) (*userimport.Report, string) {
	t.Helper()
	if p.Hasher == nil {
		p.Hasher = hasher(t)
	}
	r, err := userimport.Run(t.Context(), s, read(t, userimport.CSV, text, userimport.Options{}), p)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := r.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	return r, out.String()
}

const three = "login,password,password_hash,name,groups\n" +
	"alice,secret-pw,,Alice,staff\n" +
	"bob,," + bcrypt + ",Bob,staff;vpn\n" +
	"carol,,,Carol,\n"

func wantText(t *testing.T, what, got string, want ...string) {
	t.Helper()
	if got != strings.Join(want, "\n")+"\n" {
		t.Errorf("%s:\n%swant\n%s", what, got, strings.Join(want, "\n"))
	}
}

func TestRun(t *testing.T) {
	s := openStore(t)
	lines := []string{
		"file:2: alice: added", "file:3: bob: added", "file:4: carol: added",
		`file:4: carol: warning: has no password; "sallyport user passwd" sets one`,
		"groups added: staff, vpn",
	}
	const sum = "users: 3 added, 0 updated, 0 unchanged, 0 skipped; groups added: 2; other records skipped: 0; faults: 0"
	_, text := run(t, s, three, userimport.Plan{DryRun: true})
	wantText(t, "dry run", text, append(lines[:5:5], "dry run, nothing was stored; it would be "+sum)...)
	if empty, err := s.Empty(t.Context()); err != nil || !empty {
		t.Fatalf("the dry run stored something (%v)", err)
	}
	_, text = run(t, s, three, userimport.Plan{})
	wantText(t, "first", text, append(lines[:5:5], sum)...)
	alice, err := s.UserByLogin(t.Context(), "alice")
	if err != nil || !strings.HasPrefix(alice.PasswordHash.Reveal(), "$argon2id$v=19$m=8,t=1,p=1$") {
		t.Errorf("alice has no hash of the cost (%v)", err)
	}
	bob, err := s.UserByLogin(t.Context(), "bob")
	if err != nil || bob.PasswordHash.Reveal() != bcrypt {
		t.Errorf("bob has not the hash of the file (%v)", err)
	}

	_, text = run(t, s, three, userimport.Plan{})
	wantText(t, "second", text, "file:2: alice: skipped: exists", "file:3: bob: skipped: exists", "file:4: carol: skipped: exists",
		"users: 0 added, 0 updated, 0 unchanged, 3 skipped; groups added: 0; other records skipped: 0; faults: 0")
	_, text = run(t, s, three, userimport.Plan{Update: true})
	wantText(t, "second, update", text, "file:2: alice: unchanged", "file:3: bob: unchanged", "file:4: carol: unchanged",
		"users: 0 added, 0 updated, 3 unchanged, 0 skipped; groups added: 0; other records skipped: 0; faults: 0")
	if again, err := s.UserByLogin(t.Context(), "alice"); err != nil || again.PasswordHash.Reveal() != alice.PasswordHash.Reveal() {
		t.Errorf("the same password was hashed anew (%v)", err)
	}

	other := strings.NewReplacer("secret-pw", "other-pw", "Bob", "Robert", "staff;vpn", "staff;vpn;wifi").Replace(three)
	for _, dry := range []bool{true, false} {
		prefix := ""
		if dry {
			prefix = "dry run, nothing was stored; it would be "
		}
		_, text = run(t, s, other, userimport.Plan{Update: true, DryRun: dry})
		wantText(t, "other", text, "file:2: alice: updated: password", "file:3: bob: updated: name, group wifi", "file:4: carol: unchanged",
			"groups added: wifi", prefix+"users: 0 added, 2 updated, 1 unchanged, 0 skipped; groups added: 1; other records skipped: 0; faults: 0")
	}
	alice, err = s.UserByLogin(t.Context(), "alice")
	if err != nil {
		t.Fatal(err)
	}
	if right, err := local.Matches(alice.PasswordHash, "other-pw"); err != nil || !right {
		t.Errorf("the new password does not count (%v)", err)
	}
}

// counting counts the hashes that it makes.
type counting struct {
	*local.Hasher
	n atomic.Int32
}

func (c *counting) Hash(password string) (config.Secret, error) {
	c.n.Add(1)
	return c.Hasher.Hash(password)
}

func TestFaultsStoreNothing(t *testing.T) {
	s := openStore(t)
	h := &counting{Hasher: hasher(t)}
	bad := three + "dave,,{SHA}EfatjsUqKYSrqv18O1FlA3hcIHI=,,\n" + "eve@home,,,,\n"
	plan := userimport.Plan{Hasher: h, CheckLogin: func(login string) error {
		if strings.Contains(login, "@") {
			return errors.New("looks like a realm")
		}
		return nil
	}}
	r, text := run(t, s, bad, plan)
	if r.Stored || r.Faults != 2 || r.Users.Added != 3 || h.n.Load() != 0 {
		t.Errorf("%+v, %d hashes", r, h.n.Load())
	}
	for _, want := range []string{
		"file:5: dave: fault: password_hash: SHA is a hash without a salt", "\nfile:6: eve@home: fault: login: looks like a realm\n",
		"\nnothing was stored because of the faults; without them it would be users: 3 added, ", "faults: 2\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if empty, err := s.Empty(t.Context()); err != nil || !empty {
		t.Fatalf("stored something (%v)", err)
	}
	plan.DryRun = true
	if _, text := run(t, s, bad, plan); !strings.Contains(text, "\ndry run; because of the faults nothing would be stored, without them it would be users: 3 added") {
		t.Error(text)
	}
	plan.DryRun, plan.Partial = false, true
	if r, _ := run(t, s, bad, plan); !r.Stored || r.Faults != 2 || r.Users.Added != 3 || h.n.Load() != 1 {
		t.Errorf("partial: %+v, %d hashes", r, h.n.Load())
	}
	if all, err := s.Users(t.Context()); err != nil || len(all) != 3 {
		t.Errorf("%d users, %v", len(all), err)
	}
}

func TestGroupsOfLDIF(t *testing.T) {
	s := openStore(t)
	if _, err := s.AddUser(t.Context(), store.User{Login: "zoe"}, nil, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.AddGroup(t.Context(), "old", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.ChangeMembers(t.Context(), "old", store.Members{Users: []string{"zoe"}}, store.Members{}); err != nil {
		t.Fatal(err)
	}
	group := func(name string, members ...string) string {
		text := "dn: cn=" + name + ",dc=x\nobjectClass: groupOfNames\n"
		for _, m := range members {
			text += "member: cn=" + m + ",dc=x\n"
		}
		return text + "\n"
	}
	report := func(text string, p userimport.Plan) (*userimport.Report, string) {
		p.Hasher = hasher(t)
		r, err := userimport.Run(t.Context(), s, read(t, userimport.LDIF, text, userimport.Options{}), p)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := r.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		return r, out.String()
	}
	circle := group("a", "b") + group("b", "a")
	if r, text := report(circle, userimport.Plan{}); r.Stored || r.Faults != 1 ||
		!strings.Contains(text, "file:5: b: group fault: add group \"a\" to group \"b\": the group would contain itself\n") {
		t.Errorf("%+v\n%s", r, text)
	}
	nested := group("all", "old", "new") + group("old") + group("new")
	_, text := report(nested, userimport.Plan{})
	wantText(t, "nested", text,
		"file:1: all: group added",
		`file:1: all: warning: group "old" exists and is not put in; that takes an update`,
		"file:6: old: group unchanged", "file:9: new: group added",
		"groups added: all, new",
		"users: 0 added, 0 updated, 0 unchanged, 0 skipped; groups added: 2; other records skipped: 0; faults: 0")
	_, text = report(nested, userimport.Plan{Update: true})
	if !strings.HasPrefix(text, "file:1: all: group updated: group old\n") {
		t.Error(text)
	}
}

// failing hashes nothing.
type failing struct{}

func (failing) Hash(string) (config.Secret, error) { return config.Secret{}, errors.New("no memory") }

func TestRunFails(t *testing.T) {
	s := openStore(t)
	file := func() *userimport.File { return read(t, userimport.CSV, three, userimport.Options{}) }
	_, err := userimport.Run(t.Context(), s, file(), userimport.Plan{Hasher: failing{}})
	if err == nil || err.Error() != `hash the password of "alice": no memory` {
		t.Errorf("hasher: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := userimport.Run(ctx, s, file(), userimport.Plan{Hasher: hasher(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if empty, err := s.Empty(t.Context()); err != nil || !empty {
		t.Errorf("stored something (%v)", err)
	}
}

func TestProgress(t *testing.T) {
	var calls []int
	var b strings.Builder
	b.WriteString("login,password\n")
	for i := range 20 {
		b.WriteString("u" + strings.Repeat("x", i) + ",pw\n")
	}
	_, _ = run(t, openStore(t), b.String(), userimport.Plan{Progress: func(done, total int) {
		if total != 20 {
			t.Errorf("of %d", total)
		}
		calls = append(calls, done)
	}})
	if len(calls) != 20 || calls[19] != 20 {
		t.Errorf("%v", calls)
	}
}

func TestReportQuotesOddNames(t *testing.T) {
	_, text := run(t, openStore(t), "login\n\"a\x1b[2J\"\n\"x: added\"\n", userimport.Plan{})
	if strings.Contains(text, "\x1b") || !strings.Contains(text, `file:2: "a\x1b[2J": fault: `) || !strings.Contains(text, `file:3: "x: added": added`) {
		t.Error(text)
	}
}
