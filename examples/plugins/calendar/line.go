package main

import (
	"fmt"
	"strings"
)

// line is a content line of a calendar (RFC 5545 section 3.1): NAME;PARAM=VALUE:VALUE.
type line struct {
	number      int // of the first line of the file that it stands on
	name, value string
	params      map[string]string
}

// splitLines undoes the folding: a line that begins with a blank or a tab goes on
// with the one before it.
func splitLines(text string) ([]line, error) {
	var lines []line
	var folded strings.Builder
	begin := 0
	end := func() error {
		if strings.TrimSpace(folded.String()) == "" {
			return nil
		}
		l, err := parseLine(folded.String())
		if err != nil {
			return fmt.Errorf("%d: %w", begin, err)
		}
		l.number = begin
		lines = append(lines, l)
		return nil
	}
	number := 0
	for physical := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		physical = strings.TrimRight(physical, "\r\n")
		if rest, more := cutFold(physical); more && begin > 0 {
			folded.WriteString(rest)
			continue
		}
		if err := end(); err != nil {
			return nil, err
		}
		folded.Reset()
		folded.WriteString(physical)
		begin = number
	}
	return lines, end()
}

func cutFold(text string) (string, bool) {
	if text != "" && (text[0] == ' ' || text[0] == '\t') {
		return text[1:], true
	}
	return text, false
}

// parseLine takes a line apart. Quotes around the value of a parameter may hold
// what else ends it.
func parseLine(text string) (line, error) {
	head, value, ok := cutUnquoted(text, ':')
	if !ok {
		return line{}, fmt.Errorf("%.40q is not NAME:VALUE", text)
	}
	l := line{value: value, params: map[string]string{}}
	l.name, head, ok = cutUnquoted(head, ';')
	l.name = strings.ToUpper(l.name)
	for ok {
		var param string
		param, head, ok = cutUnquoted(head, ';')
		key, value, is := strings.Cut(param, "=")
		if !is {
			return line{}, fmt.Errorf("parameter %.40q of %.40s is not NAME=VALUE", param, l.name)
		}
		l.params[strings.ToUpper(key)] = strings.Trim(value, `"`)
	}
	return l, nil
}

// cutUnquoted cuts at the first separator that is not in quotes.
func cutUnquoted(text string, separator byte) (before, after string, found bool) {
	quoted := false
	for i := range len(text) {
		switch {
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			return text[:i], text[i+1:], true
		}
	}
	return text, "", false
}

// plainText undoes the escapes of a text (RFC 5545 section 3.3.11), and makes it
// one line.
func plainText(value string) string {
	const most = 200 // characters
	text := strings.NewReplacer(`\\`, `\`, `\n`, " ", `\N`, " ", `\,`, ",", `\;`, ";").Replace(value)
	text = strings.ToValidUTF8(text, "\ufffd")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}
