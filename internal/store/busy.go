package store

import (
	"errors"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrBusy says that another program held the store for longer than we wait.
var ErrBusy = errors.New("the store is busy: another program holds it; try again")

// patience is how long a connection waits for another process that is writing.
const patience = 5 * time.Second

// plainly puts ErrBusy in the place of SQLite's words for it, which say nothing
// more.
func plainly(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && e.Code()&0xff == sqlite3.SQLITE_BUSY {
		return ErrBusy
	}
	return err
}
