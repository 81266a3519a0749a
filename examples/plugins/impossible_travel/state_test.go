package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/plugins/sdk/sdktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// process is a plugin that runs, with its state.
func process(t *testing.T, state string) (*travel, *sdktest.Harness) {
	t.Helper()
	tr := &travel{log: t.Output()}
	return tr, sdktest.Start(t, plugin(tr), object{"state": state})
}

func save(t *testing.T, tr *travel) {
	t.Helper()
	if err := tr.save(noon()); err != nil {
		t.Fatal(err)
	}
}

// TestStateOutlivesProcess: the next process knows what the last one knew.
func TestStateOutlivesProcess(t *testing.T) {
	file := filepath.Join(t.TempDir(), "travel.json")
	first, h := process(t, file)
	save(t, first)
	if _, err := os.Stat(file); err == nil {
		t.Error("a file without anything new")
	}
	h.Observe(accepted(berlin("erin"), 0))
	h.Observe(accepted(berlin("frank"), -31*24*time.Hour))
	save(t, first)
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	saved, err := readState(file)
	if diff := cmp.Diff(map[string]visit{"corp/erin": {point{52.52, 13.405}, noon().Unix()}}, saved, cmp.AllowUnexported(visit{}, point{})); err != nil || diff != "" {
		t.Errorf("what is too old is gone: %v\n%s", err, diff)
	}
	_, next := process(t, file)
	if got := next.Call("possible", at(sydney("erin"), time.Minute), 900.0); got != false {
		t.Errorf("after a restart: %v", got)
	}
}

// TestTwoProcesses: what another process has saved stays, and the later visit wins.
func TestTwoProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "travel.json")
	old, before := process(t, file)
	fresh, after := process(t, file)
	before.Observe(accepted(berlin("erin"), 0))
	before.Observe(accepted(berlin("frank"), time.Minute))
	after.Observe(accepted(sydney("frank"), 0))
	after.Observe(accepted(berlin("grace"), 0))
	save(t, old)
	save(t, fresh)
	saved, err := readState(file)
	want := map[string]visit{
		"corp/erin": {point{52.52, 13.405}, noon().Unix()}, "corp/frank": {point{52.52, 13.405}, noon().Unix() + 60},
		"corp/grace": {point{52.52, 13.405}, noon().Unix()},
	}
	if diff := cmp.Diff(want, saved, cmp.AllowUnexported(visit{}, point{})); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if got := after.Call("possible", at(sydney("erin"), time.Minute), 900.0); got != false {
		t.Errorf("what the other one saved is known too: %v", got)
	}
	if left, err := filepath.Glob(file + ".*"); err != nil || len(left) != 1 {
		t.Errorf("beside the lock there are %v, %v", left, err)
	}
}

// TestSaveFails: what was not saved is saved later, and a broken file is left alone.
func TestSaveFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "travel.json")
	tr, h := process(t, file)
	h.Observe(accepted(berlin("erin"), 0))
	for range 2 {
		if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tr.save(noon()); err == nil || !strings.Contains(err.Error(), "remove the file to begin anew") {
			t.Fatalf("over a broken file: %v", err)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeState(file, nil); err == nil {
		t.Error("a directory is written over")
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	save(t, tr)
	if saved, err := readState(file); err != nil || len(saved) != 1 {
		t.Errorf("%v, %v", saved, err)
	}
}

// TestKeepSaved: the end of the program saves what is new.
func TestKeepSaved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "travel.json")
	var log strings.Builder
	tr := &travel{log: &log}
	h := sdktest.Start(t, plugin(tr), object{"state": file})
	ctx, stop := context.WithCancel(t.Context())
	var saving sync.WaitGroup
	saving.Go(func() { tr.keepSaved(ctx) })
	outcome := accepted(berlin("erin"), 0)
	outcome.Time = time.Now()
	h.Observe(outcome)
	stop()
	saving.Wait()
	if saved, err := readState(file); err != nil || len(saved) != 1 || log.Len() > 0 {
		t.Errorf("%v, %v; it says %q", saved, err, log.String())
	}
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h.Observe(outcome)
	tr.keepSaved(ctx)
	if !strings.Contains(log.String(), "is not saved: read state: "+file) {
		t.Errorf("it says %q", log.String())
	}
}

func TestStateIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "EOF",
		`{"version":2,"users":{}}`:  "has version 2, and this program knows 1",
		`{"version":1,"people":{}}`: "unknown field",
		`{"version":1,"users":{"a":{"lat":91,"long":0,"unix":1}}}`: `user "a": there is no such place as 91, 0`,
	} {
		if _, err := parseState([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// FuzzState: whatever the file says, what is read of it are places.
func FuzzState(f *testing.F) {
	f.Add([]byte(`{"version":1,"users":{"corp/erin":{"lat":52.52,"long":13.405,"unix":1700000000}}}`))
	f.Add([]byte(`{"version":1,"users":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		visits, err := parseState(text)
		if err != nil {
			return
		}
		p := newPlaces(2, time.Hour)
		p.merge(visits)
		for user, v := range p.snapshot(0) {
			if !v.at.valid() || visits[user] != v {
				t.Fatalf("%q: %+v of %+v", user, v, visits[user])
			}
		}
	})
}
