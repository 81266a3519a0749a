package userimport

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/directory/local"
	"github.com/sallyport-auth/sallyport/internal/identity"
)

// columns are the columns that a CSV file may have; login must be there.
func columns() []string {
	return []string{"login", "password", "password_hash", "name", "email", "groups", "disabled", "service", "superuser"}
}

// readCSV reads users. The first line names the columns and shows what separates
// them: a semicolon or a tab if it has one and no comma.
func readCSV(f *File, text string) error {
	lines := csv.NewReader(strings.NewReader(text))
	lines.Comma = separator(text)
	lines.FieldsPerRecord = -1 // we count, for a better text
	lines.ReuseRecord = true
	header, err := lines.Read()
	if errors.Is(err, io.EOF) {
		return f.at(1, "the file is empty; its first line names the columns: %s", strings.Join(columns(), ","))
	}
	if err != nil {
		return f.syntax(err)
	}
	index, err := readHeader(header)
	if err != nil {
		return f.at(1, "%w", err)
	}
	width := len(header)
	seen := make(map[string]int) // folded login: its line
	for n := 0; ; n++ {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return f.syntax(err)
		}
		line, _ := lines.FieldPos(0)
		if n == MaxRecords {
			return f.at(line, "more than %d users; split the file", MaxRecords)
		}
		if len(fields) != width {
			f.fault(line, "", fmt.Errorf("%d fields, but the first line names %d columns", len(fields), width))
			continue
		}
		f.addCSV(line, func(column string) string {
			if i, ok := index[column]; ok {
				return fields[i]
			}
			return ""
		}, seen)
	}
}

// separator is what the first line is separated by.
func separator(text string) rune {
	first, _, _ := strings.Cut(text, "\n")
	for _, c := range ",;\t" {
		if strings.ContainsRune(first, c) {
			return c
		}
	}
	return ','
}

// readHeader returns at which index each column stands. The error does not repeat
// a field: a file without a header begins with somebody's password.
func readHeader(header []string) (map[string]int, error) {
	const most = 64 // more than that, and the error would have no end
	if len(header) > most {
		return nil, fmt.Errorf("%d columns; there are only %s", len(header), strings.Join(columns(), ", "))
	}
	index := make(map[string]int)
	var errs []error
	for i, field := range header {
		column := strings.ToLower(strings.TrimSpace(field))
		_, twice := index[column]
		switch {
		case !slices.Contains(columns(), column):
			errs = append(errs, fmt.Errorf("column %d has none of the names %s%s", i+1,
				strings.Join(columns(), ", "), config.DidYouMean(column, columns())))
		case twice:
			errs = append(errs, fmt.Errorf("column %d is a second %s", i+1, column))
		}
		index[column] = i
	}
	if _, ok := index["login"]; !ok {
		errs = append(errs, errors.New("there is no column login"))
	}
	return index, errors.Join(errs...)
}

// addCSV adds the user of one line, or the line's faults.
func (f *File) addCSV(line int, field func(string) string, seen map[string]int) {
	u := User{Line: line}
	u.Login, u.Name, u.Email = field("login"), field("name"), field("email")
	for group := range strings.SplitSeq(field("groups"), ";") {
		if group = strings.TrimSpace(group); group != "" {
			u.join(group)
		}
	}
	errs := []error{u.check(), u.takeCSVPassword(field("password"), field("password_hash"))}
	for _, flag := range []struct {
		column string
		set    *bool
	}{{"disabled", &u.Disabled}, {"service", &u.Service}, {"superuser", &u.Superuser}} {
		var err error
		if *flag.set, err = boolean(field(flag.column)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", flag.column, err))
		}
	}
	if first, twice := seen[identity.Fold(u.Login)]; twice {
		errs = append(errs, fmt.Errorf("login: stands in line %d already (case does not count)", first))
	} else {
		seen[identity.Fold(u.Login)] = line
	}
	if err := errors.Join(errs...); err != nil {
		f.fault(line, u.Login, err)
		return
	}
	f.Users = append(f.Users, u)
}

func (u *User) takeCSVPassword(password, hash string) error {
	switch {
	case password != "" && hash != "":
		return errors.New("password: there is a password_hash too; leave one of them empty")
	case hash != "":
		return u.takeHash("password_hash", hash)
	case password == "":
		return nil
	case local.LooksHashed(password):
		return errors.New("password: looks like a hash; hashes stand in the column password_hash")
	}
	if err := local.CheckPassword(password); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	u.Password = identity.NewPassword(password)
	return nil
}

func boolean(s string) (bool, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "1":
		return true, nil
	case "", "false", "no", "0":
		return false, nil
	}
	return false, errors.New("neither true nor false")
}

// syntax tells of a line that is not CSV. What follows it may have been read
// wrongly, so the whole file is refused.
func (f *File) syntax(err error) error {
	if syntax, ok := errors.AsType[*csv.ParseError](err); ok {
		return fmt.Errorf("%s:%d:%d: %w", f.Name, syntax.Line, syntax.Column, syntax.Err)
	}
	return fmt.Errorf("%s: %w", f.Name, err)
}
