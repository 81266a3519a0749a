package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// refusing is a stored policy that refuses these users.
func refusing(name string, users ...string) scoped.Policy {
	return scoped.Policy{
		Name: name, Scope: "authorization", Active: true, Priority: 1, User: users,
		Action: scoped.Action{{Name: "authorized", Value: "deny_access"}},
	}
}

// setStored makes these the stored policies, as another process would.
func setStored(t *testing.T, dir string, policies ...scoped.Policy) {
	t.Helper()
	st, err := store.Open(t.Context(), filepath.Join(dir, "sallyport.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = policystore.Change(t.Context(), st, time.Now(), nil, scoped.Options{}, func([]scoped.Policy) ([]scoped.Policy, error) { return policies, nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (r *running) eventually(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s\n%s", what, r.log)
		}
	}
}

// TestStoredPolicies: a change of the store acts without a reload, the policies
// are there at a start and after a reload, and a change that cannot be taken
// over leaves those before in force.
func TestStoredPolicies(t *testing.T) {
	// The binding passes whoever the stored policy matches.
	text := strings.Replace(minimal, "{group: staff, message: For staff only.}", "{scoped: known}", 1)
	dir := t.TempDir()
	write(t, dir, "filed.yaml", "policies: [{name: filed, scope: authorization}]\n")
	known := scoped.Policy{Name: "known", Scope: "authorization", Active: true, Priority: 1}
	setStored(t, dir, known)
	r := start(t, text+"store: sqlite:"+filepath.Join(dir, "sallyport.db")+"\npolicies: {scoped: ["+filepath.Join(dir, "*.yaml")+"]}\n")
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Fatalf("at the start: %s", got)
	}
	setStored(t, dir, known, refusing("no_alice", "alice"))
	r.eventually("alice is refused", func() bool { return strings.HasPrefix(r.radius("alice", "alice-pw"), "Access-Reject") })
	if got := r.radius("bob", "bob-pw"); got != "Access-Accept" {
		t.Errorf("bob: %s", got)
	}
	r.hangup("msg=reloaded")
	if got := r.radius("alice", "alice-pw"); !strings.HasPrefix(got, "Access-Reject") {
		t.Errorf("after a reload: %s", got)
	}

	const stays = "the stored policies cannot be taken over"
	setStored(t, dir, refusing("no_bob", "bob")) // and the binding's policy is gone
	r.eventually("the fault is shown", func() bool { _, body := r.get("/readyz"); return strings.Contains(body, stays) })
	if code, body := r.get("/readyz"); code != 200 || !strings.Contains(body, `there is no scoped policy \"known\"`) || !strings.Contains(body, "sallyport.yaml:") {
		t.Errorf("readyz %d: %s", code, body)
	}
	if got := r.radius("bob", "bob-pw"); got != "Access-Accept" {
		t.Errorf("the policies before do not go on: %s", got)
	}
	setStored(t, dir, known, refusing("filed", "bob")) // a name of the file
	r.eventually("the next fault is shown", func() bool { _, body := r.get("/readyz"); return strings.Contains(body, "another policy of this name") })

	setStored(t, dir, known, refusing("no_bob", "bob"))
	r.eventually("bob is refused", func() bool { return strings.HasPrefix(r.radius("bob", "bob-pw"), "Access-Reject") })
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Errorf("alice: %s", got)
	}
	if code, body := r.get("/readyz"); code != 200 || strings.Contains(body, stays) || !strings.Contains(body, "revision 5 of the store") {
		t.Errorf("readyz %d: %s", code, body)
	}
	if n := strings.Count(r.log.String(), stays); n != 2 {
		t.Errorf("%d lines for 2 faults:\n%s", n, r.log)
	}
}

// TestCheckSeesStoredPolicies, and leaves the store as it is.
func TestCheckSeesStoredPolicies(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "sallyport.yaml", strings.Replace(minimal, "{group: staff, message: For staff only.}", "{scoped: known}", 1))
	check := func() (warnings []config.Warning, err error) {
		t.Helper()
		cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		warnings, _, err = Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
		return warnings, err
	}
	if _, err := check(); err == nil || !strings.Contains(err.Error(), `no scoped policy "known"`) {
		t.Errorf("without a store: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "sallyport.db")); err == nil {
		t.Fatal("check made a store")
	}
	setStored(t, dir, refusing("known", "-alice"))
	before, err := os.ReadFile(filepath.Join(dir, "sallyport.db"))
	if err != nil {
		t.Fatal(err)
	}
	warnings, err := check()
	if err != nil || len(warnings) != 1 || !strings.HasPrefix(warnings[0].String(), `store: policy "known": user: the list only excludes`) {
		t.Errorf("warnings %v, error %v", warnings, err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, "sallyport.db")); err != nil || string(after) != string(before) {
		t.Errorf("the store has changed, error %v", err)
	}
	setStored(t, dir, scoped.Policy{Name: "known", Scope: "authorization", Priority: 1, Active: true, Conditions: []scoped.Condition{
		{Section: scoped.SectionHelper, Key: "none.such", Comparator: "equals", Value: "x", Active: true},
	}})
	if _, err := check(); err == nil || !strings.Contains(err.Error(), `store: policy "known": conditions: there is no condition helper "none.such"`) {
		t.Errorf("a helper that is not there: %v", err)
	}
}

// TestCheckOfAnOldStore warns, since only the server's start may change it.
func TestCheckOfAnOldStore(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "sallyport.yaml", minimal)
	write(t, dir, "sallyport.db", "")
	cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	warnings, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "schema of an older Sallyport") {
		t.Errorf("warnings %v, error %v", warnings, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "sallyport.db")); err != nil || info.Size() != 0 {
		t.Errorf("the store was changed: %v, %v", info, err)
	}
}
