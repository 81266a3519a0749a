package plugins

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/sallyport-auth/sallyport/config"
)

const (
	privatePrefix = "sallyport-p-"
	// maxSocketPath is the length of a Unix socket's path on the strictest system
	// (macOS, sun_path without its NUL).
	maxSocketPath = 103
	// socketName is how long the part of it is that go-plugin and the SDK add:
	// "/plugin-dir" and "/plugin" with a random number of ten digits each.
	socketName = len("/plugin-dir1234567890/plugin1234567890")
)

// privateDir is a directory with mode 0700 that holds the verified copies of the
// programs and their sockets. A lock shows later runs that it is in use, so that
// what a killed Sallyport left behind is removed by the next.
type privateDir struct {
	path string
	lock *os.File
}

// newPrivateDir makes the directory inside plugins.sockets, or else inside the
// temporary directory.
func newPrivateDir(cfg *config.Config) (*privateDir, error) {
	const field = "plugins.sockets"
	base := cfg.Plugins.Sockets
	if base != "" {
		if err := checkSockets(base); err != nil {
			return nil, cfg.Fault(field, "%w", err)
		}
	} else if base = os.TempDir(); len(base)+len(privatePrefix)+11+socketName > maxSocketPath {
		base = "/tmp"
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, cfg.Fault(field, "%w", err)
	}
	removeStale(base)
	path, err := os.MkdirTemp(base, privatePrefix)
	if err != nil {
		return nil, cfg.Fault(field, "make directory for sockets: %w", err)
	}
	d := &privateDir{path: path}
	if n := len(path) + socketName; n > maxSocketPath {
		d.remove()
		return nil, cfg.Fault(field, "%s is too long: the path of a Unix socket has %d bytes at most, these would have %d; name a shorter directory", base, maxSocketPath, n)
	}
	if d.lock, err = lock(filepath.Join(path, "lock"), os.O_CREATE); err == nil {
		err = os.Mkdir(filepath.Join(path, "bin"), 0o700)
	}
	if err != nil {
		d.remove()
		return nil, cfg.Fault(field, "prepare directory for sockets: %w", err)
	}
	return d, nil
}

// checkSockets makes the configured directory, or checks that nobody else can see
// what is in it. Others may pass through to what is theirs (mode 0711): programs of
// other users have to.
func checkSockets(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make directory for sockets: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", path)
	}
	if mode := info.Mode().Perm(); mode&^0o011 != 0o700 {
		return fmt.Errorf("%s has mode %04o: run chmod 0700 on it (0711 where plugins.allow has a user)", path, mode)
	}
	return trusted(info)
}

// binary makes the file into which a program is copied. Its directory is one of
// its own, so that the file can have the program's name.
func (d *privateDir) binary(name string) (*os.File, error) {
	dir, err := os.MkdirTemp(filepath.Join(d.path, "bin"), "")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // the directory around it is closed
		return nil, err
	}
	return os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o555) //nolint:gosec // it is to be executed
}

// share lets other users pass through the directory, to what they own in it: they
// cannot list it.
func (d *privateDir) share() error {
	around := filepath.Dir(d.path)
	if info, err := os.Stat(around); err != nil || info.Mode().Perm()&0o001 == 0 {
		return errors.Join(err, fmt.Errorf("a program of another user cannot reach its socket in %s: run chmod 0711 on it", around))
	}
	return errors.Join(os.Chmod(d.path, 0o711), os.Chmod(filepath.Join(d.path, "bin"), 0o711)) //nolint:gosec // as said
}

// remove deletes the directory and all in it.
func (d *privateDir) remove() {
	_ = os.RemoveAll(d.path)
	if d.lock != nil {
		_ = d.lock.Close()
	}
}

// lock opens a file and locks it without waiting; the lock ends with the process
// at the latest. Helpers do not inherit it: the file is closed on exec.
func lock(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// removeStale deletes private directories of ours that nobody holds. Young ones
// may be between their making and their locking, and are left alone.
func removeStale(base string) {
	found, _ := filepath.Glob(filepath.Join(base, privatePrefix+"*"))
	for _, path := range found {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() || info.Mode().Perm()&^0o011 != 0o700 || trusted(info) != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		if held, err := lock(filepath.Join(path, "lock"), 0); err == nil {
			_ = os.RemoveAll(path)
			_ = held.Close()
		}
	}
}
