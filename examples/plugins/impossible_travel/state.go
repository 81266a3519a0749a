package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// saveEvery is how often changes go to the state file. What a program knows that
	// is killed in between is lost.
	saveEvery = 5 * time.Second
	// maxState bounds the state file, in bytes.
	maxState = 64 << 20
	// stateVersion is that of the state file's form.
	stateVersion = 1
)

// stateFile is the form of the state file.
type stateFile struct {
	Version int                   `json:"version"`
	Users   map[string]stateVisit `json:"users"`
}

type stateVisit struct {
	Lat  float64 `json:"lat"`
	Long float64 `json:"long"`
	Unix int64   `json:"unix"`
}

// readState reads the state file; one that is not there is empty.
func readState(path string) (map[string]visit, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxState+1))
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	visits, err := parseState(text)
	if err != nil {
		return nil, fmt.Errorf("read state: %s: %w; remove the file to begin anew", path, err)
	}
	return visits, nil
}

func parseState(text []byte) (map[string]visit, error) {
	if len(text) > maxState {
		return nil, fmt.Errorf("is longer than %d bytes", maxState)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var state stateFile
	if err := d.Decode(&state); err != nil {
		return nil, err
	}
	if state.Version != stateVersion {
		return nil, fmt.Errorf("has version %d, and this program knows %d", state.Version, stateVersion)
	}
	visits := make(map[string]visit, len(state.Users))
	for user, v := range state.Users {
		at := point{v.Lat, v.Long}
		if !at.valid() {
			return nil, fmt.Errorf("user %.100q: there is no such place as %g, %g", user, v.Lat, v.Long)
		}
		visits[user] = visit{at, v.Unix}
	}
	return visits, nil
}

// keepSaved saves what changed until ctx ends, and then once more.
func (t *travel) keepSaved(ctx context.Context) {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for well := true; ; {
		over := false
		select {
		case <-tick.C:
		case <-ctx.Done():
			over = true
		}
		err := t.save(time.Now())
		if err != nil && (well || over) { // once is enough
			fmt.Fprintln(t.log, "where users were is not saved:", err)
		}
		well = err == nil
		if over {
			return
		}
	}
}

// save writes the state file if there is something new. What another process has
// saved meanwhile stays: at a reload, two of them run for a while.
func (t *travel) save(now time.Time) error {
	p := t.places.Load()
	if p == nil || t.State == "" || !p.isChanged() {
		return nil
	}
	unlock, err := lock(t.State + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	saved, err := readState(t.State)
	if err != nil {
		return err
	}
	p.merge(saved)
	if err := writeState(t.State, p.snapshot(now.Unix())); err != nil {
		p.again()
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// lock waits for the only one who may write, which takes moments.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock state: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock state: %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

// writeState puts a new file in the place of the old one: whoever reads sees one of
// them, whole.
func writeState(path string, visits map[string]visit) (err error) {
	state := stateFile{Version: stateVersion, Users: make(map[string]stateVisit, len(visits))}
	for user, v := range visits {
		state.Users[user] = stateVisit{v.at.lat, v.at.long, v.unix}
	}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
