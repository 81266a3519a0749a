package daemon

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/store"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// TestSnapshotsLeaveNothing: after many reloads, of which some fail at one part or
// another, as much is open as after one, and what is shared ends with its last
// holder.
func TestSnapshotsLeaveNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rego"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rego/country.rego", countryPolicy)
	located(t, filepath.Join(dir, "at.mmdb"), "GeoLite2-Country", country("AT"))
	write(t, dir, "users.csv", people)
	base := strings.Replace(minimal, "{group: staff, message: For staff only.}", "{policy: country}", 1)
	whole := base + "policies: {expressions: rego, requests: {allow: [a.example]}}\ngeoip: {city: at.mmdb}\n"
	variants := []string{
		whole,
		whole + "dns: {timeout: 1s}\n", // what is outside is another one
		strings.Replace(whole, "policy: country", "policy: county", 1), // fails
		strings.Replace(whole, "[a.example]", "[a.example], ca_file: none.pem", 1),
		whole + "login: {time_zone: Nowhere/Else}\n",
	}
	s, err := store.Open(t.Context(), filepath.Join(dir, "s.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := resources{
		store: s, recorder: forgetful{}, log: slog.New(slog.DiscardHandler),
		policies: func(context.Context) ([]scoped.Policy, int64, error) { return nil, 0, nil },
	}
	failed := 0
	next := func(i int) {
		cfg, err := config.Parse(filepath.Join(dir, "sallyport.yaml"), []byte(variants[i%len(variants)]), os.LookupEnv)
		if err != nil {
			failed++
			return
		}
		fresh, err := build(t.Context(), cfg, r)
		if err != nil {
			failed++
			return
		}
		if r.present != nil {
			r.present.Close()
		}
		r.present, r.helpers, r.outside = fresh, fresh.helpers, fresh.outside
	}
	next(0)
	if failed > 0 {
		t.Fatal("the first one failed")
	}
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 10 * len(variants) {
		next(i)
	}
	if failed < 20 || failed > 30 {
		t.Errorf("%d failed", failed)
	}
	next(0)
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines, %d at first", n, goroutines)
	}
	if n := openFiles(t); n > files {
		t.Errorf("%d open files, %d at first", n, files)
	}
	if n := r.outside.users.Load(); n != 1 {
		t.Errorf("%d hold what is outside", n)
	}
	r.present.Close()
	if n := r.outside.users.Load(); n != 0 {
		t.Errorf("%d hold what is outside in the end", n)
	}
}

// openFiles counts the descriptors of this process; 0 where they are not listed.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}
