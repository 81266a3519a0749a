package geo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// maxFile bounds a file: it is kept in memory. The largest that are sold have
// less than half of it.
const maxFile = 1 << 30

// file is one MaxMind file: what was read of it last, and whether that is what it
// holds now.
type file struct {
	name, path string
	kinds      []string // what its type may contain
	log        *slog.Logger

	reader atomic.Pointer[maxminddb.Reader] // nil: nothing was read yet
	fault  atomic.Pointer[string]           // nil: what was read is what it holds

	faults, known, unknown, damaged atomic.Uint64

	// Of the goroutine that watches: what the file was when it was read last, and
	// what it was at the last look.
	read, seen fs.FileInfo
}

func newFile(name, path string, log *slog.Logger, kinds ...string) *file {
	return &file{name: name, path: path, kinds: kinds, log: log}
}

// find decodes the record of an address, and says which network it is of.
func (f *file) find(addr netip.Addr, record any) (netip.Prefix, bool) {
	if f == nil {
		return netip.Prefix{}, false
	}
	reader := f.reader.Load()
	if reader == nil || !addr.IsValid() || addr.Is6() && reader.Metadata.IPVersion == 4 {
		f.unknown.Add(1)
		return netip.Prefix{}, false
	}
	result := reader.Lookup(addr)
	if err := result.Decode(record); err != nil {
		f.damaged.Add(1)
		return netip.Prefix{}, false
	}
	if !result.Found() {
		f.unknown.Add(1)
		return netip.Prefix{}, false
	}
	f.known.Add(1)
	return result.Prefix(), true
}

// look reads the file if it has changed, and is not being written any more.
func (f *file) look() {
	info, err := os.Stat(f.path)
	switch {
	case err != nil:
		f.read, f.seen = nil, nil // whatever comes in its place is new
		f.report(err)
	case same(info, f.read):
	case !same(info, f.seen):
		f.seen = info
	default:
		f.load()
	}
}

// same reports whether two looks saw the same file with the same contents.
func same(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// load reads the file. One that cannot be read leaves what was read before, and is
// tried again when it changes or, where the system refused it, again and again: nothing
// to be seen changes when permissions do.
func (f *file) load() {
	f.read, f.seen = nil, nil
	reader, info, err := f.open()
	if _, refused := errors.AsType[*fs.PathError](err); !refused {
		f.read = info
	}
	if err != nil {
		f.report(err)
		return
	}
	f.reader.Store(reader)
	f.report(nil)
	f.log.Info("geoip file read", "name", f.name, "file", f.path, "type", reader.Metadata.DatabaseType, "built", reader.Metadata.BuildTime().UTC())
}

// open reads the file into memory, and says what it was then. Mapping it would be
// cheaper, but then whoever cuts it short while it is in use ends the process
// (SIGBUS).
func (f *file) open() (*maxminddb.Reader, fs.FileInfo, error) {
	// Opening a pipe would wait for somebody to write into it.
	in, err := os.OpenFile(f.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	reader, err := f.decode(in, info)
	return reader, info, err
}

func (f *file) decode(in io.Reader, info fs.FileInfo) (*maxminddb.Reader, error) {
	switch {
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	case info.Size() > maxFile:
		return nil, fmt.Errorf("has more than %d MiB", maxFile>>20)
	}
	data := make([]byte, info.Size())
	if _, err := io.ReadFull(in, data); err != nil {
		return nil, fmt.Errorf("cannot be read as a whole: %w", err)
	}
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("is not a MaxMind file, or damaged: %w", err)
	}
	kind := reader.Metadata.DatabaseType
	if !slices.ContainsFunc(f.kinds, func(k string) bool { return strings.Contains(kind, k) }) {
		return nil, fmt.Errorf("is of type %q; one of these is due: %s", kind, strings.Join(f.kinds, ", "))
	}
	return reader, nil
}

// report notes whether the file could be read, and logs and counts each new fault.
func (f *file) report(err error) {
	if err == nil {
		f.fault.Store(nil)
		return
	}
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err // the path is said beside it
	}
	text := f.path + ": " + err.Error()
	if before := f.fault.Swap(&text); before != nil && *before == text {
		return
	}
	f.faults.Add(1)
	f.log.Warn("geoip file not read", "name", f.name, "error", text, "goes_on", f.reader.Load() != nil)
}

// Status is the state of one file.
type Status struct {
	// Name is its key in the configuration, Path the file.
	Name, Path string
	// Type and Built are what the file that is in use says of itself; empty and
	// zero when none is.
	Type  string
	Built time.Time
	// Fault is why what is in use is not what the file holds now; empty when it
	// is.
	Fault string
	// Faults counts the changes for the worse; Known, Unknown and Damaged count
	// look-ups by their result. A damaged record counts as unknown for whoever asked.
	Faults, Known, Unknown, Damaged uint64
}

// Status returns the state of the files that are configured.
func (d *DB) Status() []Status {
	var list []Status
	for _, f := range d.files() {
		s := Status{
			Name: f.name, Path: f.path, Faults: f.faults.Load(),
			Known: f.known.Load(), Unknown: f.unknown.Load(), Damaged: f.damaged.Load(),
		}
		if r := f.reader.Load(); r != nil {
			s.Type, s.Built = r.Metadata.DatabaseType, r.Metadata.BuildTime()
		}
		if text := f.fault.Load(); text != nil {
			s.Fault = *text
		}
		list = append(list, s)
	}
	return list
}
