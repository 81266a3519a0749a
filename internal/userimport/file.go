package userimport

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Limits of a file, and of the groups of one user, more than which the store does
// not answer.
const (
	MaxSize    = 64 << 20 // octets
	MaxRecords = 1_000_000
	maxGroups  = 4096
)

// Format is the format of a file.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	LDIF Format = "ldif"
)

// FormatOf tells the format of a file by its name: .csv, .ldif or .ldf; empty for
// all others.
func FormatOf(name string) Format {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return CSV
	case ".ldif", ".ldf":
		return LDIF
	}
	return ""
}

// File is what was found in a file.
type File struct {
	// Name is the name of the file, for the report.
	Name   string
	Users  []User
	Groups []Group
	// Faults are the records that cannot be taken, Ignored those that are neither
	// users nor groups; each with the reason.
	Faults, Ignored []Note
}

// User is one user of a file.
type User struct {
	Line int
	store.NewUser
	// Password is the password in clear text, still to be hashed; a user has it,
	// or a PasswordHash, or neither.
	Password identity.Password
	Warnings []string

	in map[string]bool // folded Groups
}

// Group is one group of a file that is a record of its own.
type Group struct {
	Line int
	Name string
	// Members are the groups in it. Its users name it themselves.
	Members  []string
	Warnings []string
}

// Note says something about one record, which is called Name if it has one.
type Note struct {
	Line       int
	Name, Text string
}

// Options are what reading a file depends on.
type Options struct {
	// LoginAttributes are the LDIF attributes that may hold the login: the first
	// one counts that an entry has. Empty means sAMAccountName, then uid.
	LoginAttributes []string
}

// Read reads a file of at most MaxSize octets; name stands in the texts. An error
// means that the file as a whole is not what it should be; what is wrong with
// single records is in the File.
func Read(name string, r io.Reader, format Format, o Options) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	text, err := decodeText(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f := &File{Name: name}
	if format == CSV {
		err = readCSV(f, text)
	} else {
		err = readLDIF(f, text, o)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// decodeText refuses what is too large or no UTF-8, and takes a byte order mark
// away.
func decodeText(data []byte) (string, error) {
	switch {
	case len(data) > MaxSize:
		return "", fmt.Errorf("larger than %d MiB; split it", MaxSize>>20)
	case bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")):
		return "", errors.New("it is encoded in UTF-16; save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if !utf8.Valid(data) {
		return "", fmt.Errorf("line %d is not valid UTF-8; save the file as UTF-8", invalidLine(data))
	}
	return string(data), nil
}

// invalidLine is the line of the first octet that is not UTF-8.
func invalidLine(data []byte) int {
	line := 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return line
}

// fault notes what is wrong with a record, on one line.
func (f *File) fault(line int, name string, err error) {
	f.Faults = append(f.Faults, Note{line, name, strings.ReplaceAll(err.Error(), "\n", "; ")})
}

// at is an error of the file as a whole, at a line.
func (f *File) at(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %w", f.Name, line, fmt.Errorf(format, args...))
}

// takeHash gives a user a hash that was made elsewhere; field is where it stood.
func (u *User) takeHash(field, hash string) error {
	secret := config.NewSecret(hash)
	scheme, err := local.Examine(secret)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	u.PasswordHash = secret
	if scheme.Weak {
		u.Warnings = append(u.Warnings, scheme.Name+
			" hashes are quick to compute: whoever has a copy tries billions of passwords a second; this one is replaced when the user logs in")
	}
	return nil
}

// join puts a user into a group, once. Of too many groups it keeps as many as
// check needs to see that.
func (u *User) join(group string) {
	folded := identity.Fold(group)
	if u.in[folded] || len(u.Groups) > maxGroups {
		return
	}
	if u.in == nil {
		u.in = make(map[string]bool)
	}
	u.in[folded] = true
	u.Groups = append(u.Groups, group)
}

// check is what keeps a user from being stored, all at once.
func (u *User) check() error {
	err := u.Check()
	if len(u.Groups) > maxGroups {
		err = errors.Join(err, fmt.Errorf("groups: in more than %d groups", maxGroups))
	}
	return err
}
