package rego

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

const maxDataDepth = 32 // objects and arrays inside each other, as in YAML files

// jsonReader reads one data file; a fault has its line and column.
type jsonReader struct {
	file file
	dec  *json.Decoder
	// seen is how far lines are counted: line begins at begin.
	seen, line, begin int
}

// decodeJSON reads a JSON document strictly: every key once, nothing behind it.
// Numbers stay as they are written.
func decodeJSON(f file) (*tree, error) {
	r := &jsonReader{file: f, dec: json.NewDecoder(bytes.NewReader(f.text)), line: 1}
	r.dec.UseNumber()
	if !utf8.Valid(f.text) {
		return nil, r.fault(invalidUTF8(f.text), "is not valid UTF-8")
	}
	t, err := r.value(0)
	if err != nil {
		return nil, err
	}
	end := r.next()
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, r.fault(end, "there is something behind the document")
	}
	return t, nil
}

func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(text)
}

func (r *jsonReader) value(depth int) (*tree, error) {
	start := r.next()
	if depth > maxDataDepth {
		return nil, r.fault(start, "is nested deeper than %d levels", maxDataDepth)
	}
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	t := &tree{value: token, place: r.place(start)}
	switch token {
	case json.Delim('{'):
		t.value = nil
		return t, r.object(t, depth)
	case json.Delim('['):
		t.value, err = r.list(depth)
		return t, err
	}
	return t, nil
}

func (r *jsonReader) object(t *tree, depth int) error {
	t.object = map[string]*tree{}
	for r.dec.More() {
		start := r.next()
		at := r.place(start)
		token, err := r.token()
		if err != nil {
			return err
		}
		key, ok := token.(string)
		if !ok {
			return r.fault(start, "a key must be a text in quotes")
		}
		if before := t.object[key]; before != nil {
			return r.fault(start, "%q is there twice, first at %s", key, before.place)
		}
		below, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		below.place = at // the key is what people look for
		t.object[key] = below
	}
	_, err := r.token()
	return err
}

func (r *jsonReader) list(depth int) ([]any, error) {
	list := []any{}
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item.plain())
	}
	_, err := r.token()
	return list, err
}

// token reads on; its error has the place.
func (r *jsonReader) token() (json.Token, error) {
	start := r.next()
	token, err := r.dec.Token()
	if err == nil {
		return token, nil
	}
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, r.fault(len(r.file.text), "the document ends too early: a bracket, brace or quote is not closed")
	case errors.As(err, &syntax):
		return nil, r.fault(start, "is not valid JSON: %s", syntax)
	}
	return nil, r.fault(start, "is not valid JSON: %w", err)
}

// next is where the next value or key begins, in octets.
func (r *jsonReader) next() int {
	i := int(r.dec.InputOffset())
	for i < len(r.file.text) && bytes.IndexByte([]byte(" \t\r\n,:"), r.file.text[i]) >= 0 {
		i++
	}
	return i
}

func (r *jsonReader) fault(offset int, format string, args ...any) error {
	return fmt.Errorf("%s: %w", r.place(offset), fmt.Errorf(format, args...))
}

// place is where an offset is. Offsets may only grow.
func (r *jsonReader) place(offset int) position {
	for ; r.seen < min(offset, len(r.file.text)); r.seen++ {
		if r.file.text[r.seen] == '\n' {
			r.line, r.begin = r.line+1, r.seen+1
		}
	}
	return position{r.file.name, r.line, r.seen - r.begin + 1}
}
