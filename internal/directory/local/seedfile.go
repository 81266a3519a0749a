package local

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/store"
)

// Limits of a seed file. It is for trying out and for the first users, not for
// moving a company.
const (
	maxSeedFile   = 1 << 20 // octets
	maxSeedFaults = 20      // lines whose faults are reported
)

// seedUser is one line of a seed file.
type seedUser struct {
	store.NewUser
	password string
	line     int
}

// seedColumns are the columns that a seed file may have; it must have the first
// two.
func seedColumns() []string {
	return []string{"login", "password", "name", "email", "groups", "disabled"}
}

// readSeed reads a seed file; name stands in the errors.
func readSeed(name string, r io.Reader) ([]seedUser, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSeedFile+1))
	if err != nil {
		return nil, fmt.Errorf("read seed file: %w", err)
	}
	if len(data) > maxSeedFile {
		return nil, fmt.Errorf("%s: larger than %d octets; add the users with the command line instead", name, maxSeedFile)
	}
	lines := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	lines.FieldsPerRecord = -1 // we count, for a better text
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: the file is empty; its first line names the columns: %s", name, strings.Join(seedColumns(), ","))
	}
	if err != nil {
		return nil, seedSyntax(name, err)
	}
	columns, err := seedHeader(header)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	return readSeedUsers(name, lines, columns)
}

// seedHeader returns at which index each column stands. The error does not
// repeat a field: a file without a header begins with somebody's password.
func seedHeader(header []string) (map[string]int, error) {
	columns := make(map[string]int)
	for i, field := range header {
		column := strings.ToLower(strings.TrimSpace(field))
		if !slices.Contains(seedColumns(), column) {
			return nil, fmt.Errorf("column %d has none of the names %s", i+1, strings.Join(seedColumns(), ", "))
		}
		if _, twice := columns[column]; twice {
			return nil, fmt.Errorf("column %d is a second %s", i+1, column)
		}
		columns[column] = i
	}
	for _, column := range seedColumns()[:2] {
		if _, ok := columns[column]; !ok {
			return nil, fmt.Errorf("there is no column %s", column)
		}
	}
	return columns, nil
}

func readSeedUsers(name string, lines *csv.Reader, columns map[string]int) ([]seedUser, error) {
	var users []seedUser
	var errs []error
	seen := make(map[string]int) // folded login: its line
	for len(errs) < maxSeedFaults {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) && len(errs) == 0 {
			return users, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, errors.Join(errs...)
		}
		if err != nil {
			return nil, errors.Join(append(errs, seedSyntax(name, err))...)
		}
		line, _ := lines.FieldPos(0)
		u, err := readSeedUser(fields, columns)
		if err == nil {
			if first, twice := seen[identity.Fold(u.Login)]; twice {
				err = fmt.Errorf("the login stands in line %d already (case does not count)", first)
			}
		}
		if err != nil {
			faults := strings.ReplaceAll(err.Error(), "\n", "; ") // one line each
			errs = append(errs, fmt.Errorf("%s:%d: %s", name, line, faults))
			continue
		}
		seen[identity.Fold(u.Login)] = line
		u.line = line
		users = append(users, u)
	}
	return nil, errors.Join(append(errs, fmt.Errorf("%s: not read further", name))...)
}

func readSeedUser(fields []string, columns map[string]int) (seedUser, error) {
	if len(fields) != len(columns) {
		return seedUser{}, fmt.Errorf("%d fields, but the first line names %d columns", len(fields), len(columns))
	}
	field := func(column string) string {
		if i, ok := columns[column]; ok {
			return fields[i]
		}
		return ""
	}
	var u seedUser
	u.Login, u.Name, u.Email = field("login"), field("name"), field("email")
	for group := range strings.SplitSeq(field("groups"), ";") {
		if group = strings.TrimSpace(group); group != "" {
			u.Groups = append(u.Groups, group)
		}
	}
	u.password = field("password")
	var errs []error
	switch strings.ToLower(strings.TrimSpace(field("disabled"))) {
	case "true", "yes", "1":
		u.Disabled = true
	case "", "false", "no", "0":
	default:
		errs = append(errs, errors.New("disabled is neither true nor false"))
	}
	return u, errors.Join(append(errs, u.Check(), CheckPassword(u.password))...)
}

// seedSyntax tells of a line that is not CSV (RFC 4180).
func seedSyntax(name string, err error) error {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d:%d: %w", name, syntax.Line, syntax.Column, syntax.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}
