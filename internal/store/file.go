package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
)

// openedFile remembers which file the connections were opened on. They hold on
// to it when another one takes its name (a restored backup) and would go on to
// answer from what nobody can change any more.
type openedFile struct {
	path string
	info os.FileInfo
	log  *slog.Logger
	// lost stays set once the file was missed: a connection opened since then
	// may read another file, even if the first one comes back.
	lost atomic.Bool
}

// What Open and the changes of a Store refuse.
var (
	// ErrMissing says that the store's file does not exist.
	ErrMissing = errors.New("the file does not exist")
	// ErrReadOnly says that the Store was opened to be read only.
	ErrReadOnly = errors.New("the store was opened to be read only")
	// ErrOldSchema says that the file has the schema of an older program, and was
	// opened to be read only. The first start of the server changes the schema.
	ErrOldSchema = errors.New("the file has the schema of an older Sallyport")
)

// openFile creates the file if it is missing, or refuses to if it must exist.
// SQLite gives its side files the mode of the file itself, so setting it here
// covers all of them.
func openFile(path string, o options) (*openedFile, error) {
	flags := os.O_RDWR | os.O_CREATE
	if o.mustExist {
		flags = os.O_RDWR
	}
	if o.readOnly {
		flags = os.O_RDONLY
	}
	f, err := os.OpenFile(path, flags, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist) && exists(filepath.Dir(path)):
		return nil, ErrMissing
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("the directory %s does not exist; create it, owned by the account that runs Sallyport", filepath.Dir(path))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("no permission to read and write; the file must belong to the account that runs Sallyport: %w", err)
	case err != nil:
		return nil, err
	}
	info, err := f.Stat()
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return &openedFile{path: path, info: info, log: o.log}, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// check refuses to go on when the file under the name is not the one that was
// opened. SQLite itself never replaces it: a checkpoint and VACUUM write into it.
func (f *openedFile) check(ctx context.Context) error {
	if !f.lost.Load() {
		info, err := os.Stat(f.path)
		switch {
		case err == nil && os.SameFile(info, f.info):
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("look for the store's file: %w", err)
		}
	}
	// A log that is left after a clean end belongs to the file that is gone, and
	// SQLite would apply it to the new one.
	err := fmt.Errorf("the store's file %s was replaced or removed while it was open; stop Sallyport, remove %[1]s-wal if it is still there then, and start it again", f.path)
	if !f.lost.Swap(true) {
		f.log.ErrorContext(ctx, "logins of local users are refused", "error", err)
	}
	return err
}
