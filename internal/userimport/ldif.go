package userimport

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/dn"
)

// entry is a content record of an LDIF file, with the attributes that count here.
type entry struct {
	line   int
	dn     string
	parsed dn.DN
	attrs  map[string][]string // by name in small letters
}

// all returns the values of an attribute, by its name in any case.
func (e *entry) all(name string) []string { return e.attrs[strings.ToLower(name)] }

// first returns the first value of an attribute that is not empty.
func (e *entry) first(names ...string) string {
	for _, name := range names {
		for _, value := range e.all(name) {
			if value != "" {
				return value
			}
		}
	}
	return ""
}

// errEnd ends the reading of a file; its text stands beside it.
type errEnd struct{ error }

// parseLDIF reads the records of RFC 2849, and calls add for each that is good and
// fault for each that is not. It keeps the attributes for which wanted is true; the
// values of others are not even decoded.
func parseLDIF(text string, wanted map[string]bool, add func(*entry), fault func(line int, name string, err error)) error {
	s := scanner{rest: text}
	for n := 0; ; n++ {
		lines := s.record()
		if lines == nil {
			return nil
		}
		if n == 0 {
			var err error
			if lines, err = cutVersion(lines); err != nil {
				return err
			}
		}
		if len(lines) == 0 {
			continue
		}
		if n > MaxRecords {
			return lineError(lines[0].number, fmt.Errorf("more than %d records; split the file", MaxRecords))
		}
		e, err := parseEntry(lines, wanted)
		switch end, ends := errors.AsType[errEnd](err); {
		case ends:
			return end.error
		case err != nil:
			fault(lines[0].number, e.dn, err)
		default:
			add(e)
		}
	}
}

func lineError(line int, err error) error { return errEnd{fmt.Errorf("%d: %w", line, err)} }

// line is a line of a record, unfolded.
type line struct {
	number int
	text   string
}

// scanner splits a text into records.
type scanner struct {
	rest   string
	number int // of the line that was read last
}

// next returns the next line as it stands in the file.
func (s *scanner) next() (string, bool) {
	if s.rest == "" {
		return "", false
	}
	text, rest, _ := strings.Cut(s.rest, "\n")
	s.rest, s.number = rest, s.number+1
	return strings.TrimSuffix(text, "\r"), true
}

// record returns the lines of the next record: unfolded, without comments. It is
// nil at the end.
func (s *scanner) record() []line {
	var lines []line
	folded := []string(nil) // parts of the last of lines
	comment := false        // the last line was one
	finish := func() {
		if len(folded) > 1 {
			lines[len(lines)-1].text = strings.Join(folded, "")
		}
		folded = nil
	}
	for {
		text, ok := s.next()
		switch {
		case !ok, text == "" && len(lines) > 0:
			finish()
			return lines
		case text == "":
			comment = false
		case text[0] == ' ' && comment:
		case text[0] == ' ' && folded != nil:
			folded = append(folded, text[1:])
		case text[0] == '#':
			finish()
			comment = true
		default:
			finish()
			comment = false
			lines = append(lines, line{s.number, text})
			folded = []string{text}
		}
	}
}

// cutVersion takes "version: 1" away from the first record.
func cutVersion(lines []line) ([]line, error) {
	name, value, _ := strings.Cut(lines[0].text, ":")
	if !strings.EqualFold(name, "version") {
		return lines, nil
	}
	if strings.TrimSpace(value) != "1" {
		return nil, lineError(lines[0].number, errors.New("version: is not 1, the only one of LDIF"))
	}
	return lines[1:], nil
}

// parseEntry reads a record. Its entry has at least what is known of the DN, also
// with an error.
func parseEntry(lines []line, wanted map[string]bool) (*entry, error) {
	e := &entry{line: lines[0].number, attrs: make(map[string][]string)}
	name, value, err := parseLine(lines[0].text, true)
	switch {
	case err != nil:
		return e, err
	case name == "search" || name == "result":
		return e, errors.New("no record but the end of ldapsearch's output; have it written with ldapsearch -LLL")
	case name != "dn":
		return e, errors.New("the record does not begin with dn")
	}
	e.dn = value
	if e.parsed, err = dn.Parse(value); err != nil || len(e.parsed) == 0 {
		return e, errors.New("dn: is no distinguished name")
	}
	for _, l := range lines[1:] {
		attr, _, _ := strings.Cut(l.text, ":")
		attr = strings.ToLower(attr)
		name, value, err := parseLine(l.text, wanted[attr] || attr == "changetype")
		if err != nil {
			return e, fmt.Errorf("line %d: %w", l.number, err)
		}
		switch {
		case name == "changetype" && strings.EqualFold(value, "add"):
			return e, lineError(l.number, errors.New("changetype: the file holds changes and not records; take the lines \"changetype: add\" out, or export the records with slapcat or ldapsearch -LLL"))
		case name == "changetype" || name == "control":
			return e, lineError(l.number, errors.New(name+": the file holds changes and not records; export the records with slapcat or ldapsearch -LLL"))
		case wanted[name]:
			e.attrs[name] = append(e.attrs[name], value)
		}
	}
	return e, nil
}

// parseLine splits "name: value", "name:: base64" and "name:< URL". The name is
// returned in small letters, with its options. The error does not show the value.
func parseLine(text string, decode bool) (name, value string, err error) {
	name, value, ok := strings.Cut(text, ":")
	if !ok || name == "" {
		return "", "", errors.New("not of the form \"attribute: value\"")
	}
	shown := name
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(value, "<"):
		return name, "", fmt.Errorf("%s: values that stand elsewhere (:<) are not read; put the value in", visible(shown))
	case !decode:
		return name, "", nil
	case strings.HasPrefix(value, ":"):
		octets, err := base64.StdEncoding.DecodeString(strings.Trim(value[1:], " "))
		if err != nil {
			return name, "", fmt.Errorf("%s: is not base64", visible(shown))
		}
		return name, string(octets), nil
	}
	return name, strings.TrimLeft(value, " "), nil
}

// clip shortens a text from the file for an error.
func clip(s string) string {
	const limit = 64
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}
