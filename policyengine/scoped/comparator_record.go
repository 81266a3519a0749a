package scoped

import (
	"errors"
	"strings"
)

// parseRecord reads the right side of "in" as one record of comma-separated
// values: blanks after a comma are left out, double quotes hold what has commas,
// two of them in quotes are one, and a backslash takes the next character as it
// is. A quote without an end is an error, as is text behind a closing quote. The
// empty text has no members.
func parseRecord(text string) ([]string, error) {
	r := recordReader{rest: strings.TrimRight(text, "\r\n")}
	if r.rest == "" {
		return nil, nil
	}
	for {
		member, err := r.member()
		if err != nil {
			return nil, err
		}
		r.members = append(r.members, member)
		if r.rest == "" && !r.comma {
			return r.members, nil
		}
	}
}

type recordReader struct {
	rest    string
	comma   bool // the last member ended in a comma
	members []string
}

// member reads up to the next comma, and takes that too.
func (r *recordReader) member() (string, error) {
	r.rest = strings.TrimLeft(r.rest, " ")
	r.comma = false
	if strings.HasPrefix(r.rest, `"`) {
		return r.quoted()
	}
	var b strings.Builder
	for r.rest != "" {
		c := r.rest[0]
		r.rest = r.rest[1:]
		switch {
		case c == ',':
			r.comma = true
			return b.String(), nil
		case c == '\r' || c == '\n':
			return "", errors.New("a line break outside of quotes")
		case c == '\\' && r.rest == "":
			return "", errors.New("nothing stands behind the backslash")
		case c == '\\':
			c = r.rest[0]
			r.rest = r.rest[1:]
		}
		b.WriteByte(c)
	}
	return b.String(), nil
}

func (r *recordReader) quoted() (string, error) {
	r.rest = r.rest[1:]
	var b strings.Builder
	for r.rest != "" {
		c := r.rest[0]
		r.rest = r.rest[1:]
		switch {
		case c == '"' && r.rest == "":
			return b.String(), nil
		case c == '"' && r.rest[0] == ',':
			r.rest, r.comma = r.rest[1:], true
			return b.String(), nil
		case c == '"' && r.rest[0] != '"':
			return "", errors.New("text stands behind a closing quote")
		case c == '"' || c == '\\' && r.rest != "":
			c = r.rest[0]
			r.rest = r.rest[1:]
		}
		b.WriteByte(c)
	}
	return "", errors.New("a quote has no end")
}
