package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// maxFile bounds the list's file, in bytes.
const maxFile = 4 << 20

// list is a set of logins: fixed ones, and those of a file that may change.
type list struct {
	fixed map[string]bool
	path  string // "" for no file

	mu       sync.Mutex
	read     map[string]bool
	modified time.Time
	size     int64
}

func newList(names, path string) *list {
	return &list{fixed: set(strings.Split(names, ",")), path: path}
}

// has reports whether a login is on the list.
func (l *list) has(login string) (bool, error) {
	read, err := l.current()
	if err != nil {
		return false, err
	}
	login = strings.ToLower(strings.TrimSpace(login))
	return l.fixed[login] || read[login], nil
}

// current returns the logins of the file, which is read again when its time or
// its size changed.
func (l *list) current() (map[string]bool, error) {
	if l.path == "" {
		return nil, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	info, err := os.Stat(l.path)
	if err != nil {
		return nil, fmt.Errorf("read watch list: %w", err)
	}
	if l.read != nil && info.ModTime().Equal(l.modified) && info.Size() == l.size {
		return l.read, nil
	}
	text, err := readFile(l.path)
	if err != nil {
		return nil, fmt.Errorf("read watch list: %w", err)
	}
	l.read, l.modified, l.size = set(strings.Split(text, "\n")), info.ModTime(), info.Size()
	return l.read, nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is longer than %d bytes", path, maxFile)
	}
	return string(text), err
}

// set makes a set of names, without case, blanks and comments.
func set(names []string) map[string]bool {
	s := make(map[string]bool, len(names))
	for _, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !strings.HasPrefix(name, "#") {
			s[name] = true
		}
	}
	return s
}
