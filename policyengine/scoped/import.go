package scoped

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// maxImport is how many octets an import may have.
const maxImport = 64 << 20

// Format is a way to write a list of policies down.
type Format string

// The formats.
const (
	FormatYAML Format = "yaml" // our policy files
	FormatText Format = "text" // the INI-like text of the original
	FormatJSON Format = "json" // lists of plain objects
)

// Imported is what an import found.
type Imported struct {
	// Policies are in the order of the text. They have not been checked: Compile
	// does that.
	Policies []Policy
	// Notes say what was left out, a sentence each.
	Notes []string
}

// DetectFormat tells the format of a text by its beginning. What is neither JSON
// (or the map that the original writes in its own language) nor the text of the
// original is taken for YAML.
func DetectFormat(data []byte) Format {
	text := strings.TrimPrefix(string(data), "\ufeff")
	for line := range strings.Lines(text) {
		line = trim(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "{"), line == "[":
			return FormatJSON
		case strings.HasPrefix(line, "["):
			_, header := sectionName(line)
			if _, err := parseLiteral(text); header && err != nil && !json.Valid([]byte(text)) {
				return FormatText
			}
			return FormatJSON
		}
		return FormatYAML
	}
	return FormatYAML
}

// ImportJSON reads policies from JSON: a list of objects, or an object whose
// member "policy" or "policies" is such a list, as configuration exports have it
// (other members are left out with a note), or the object of one policy. The same
// data written as a literal of Python is read too. All faults are reported at
// once, as ErrInvalid.
func ImportJSON(data []byte) (Imported, error) {
	if len(data) > maxImport {
		return Imported{}, failf(ErrInvalid, "import JSON: more than %d octets", maxImport)
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	v, err := decodeJSON(data)
	if err != nil {
		var literalErr error
		if v, literalErr = parseLiteral(string(data)); literalErr != nil {
			return Imported{}, failf(ErrInvalid, "import JSON: %w", err)
		}
	}
	return importPlain(v)
}

// ImportPlain reads policies from what a decoder made of a text: maps with texts
// as keys, lists, texts, numbers, true, false and nil. It takes the same shapes
// as ImportJSON; the actions of a policy are sorted by their names, as maps have
// no order.
func ImportPlain(v any) (Imported, error) { return importPlain(ordered(v, 0)) }

func importPlain(v any) (Imported, error) {
	var (
		out    Imported
		faults []error
	)
	list, notes, err := policyList(v)
	if err != nil {
		return out, err
	}
	out.Notes = notes
	names := map[string]bool{}
	for i, item := range list {
		o, ok := item.(object)
		if !ok {
			faults = append(faults, failf(ErrInvalid, "policy %d: %s is no object", i+1, kindOf(item)))
			continue
		}
		p, notes, err := policyOf(o)
		if err != nil {
			faults = append(faults, failf(ErrInvalid, "policy %d (%.60q): %w", i+1, p.Name, err))
		} else if names[p.Name] {
			faults = append(faults, failf(ErrInvalid, "policy %d: the name %.60q is there twice", i+1, p.Name))
		}
		names[p.Name] = true
		out.Policies = append(out.Policies, p)
		out.Notes = append(out.Notes, notes...)
	}
	if err := errors.Join(faults...); err != nil {
		return Imported{}, err
	}
	return out, nil
}

// policyList finds the list of policies.
func policyList(v any) (list []any, notes []string, err error) {
	o, ok := v.(object)
	if !ok {
		if list, ok = v.([]any); !ok {
			return nil, nil, failf(ErrInvalid, "import: %s is no list of policies", kindOf(v))
		}
		return list, nil, nil
	}
	found := false
	for _, m := range o {
		if m.key != "policy" && m.key != "policies" {
			notes = append(notes, m.key+": is no list of policies and was left out")
			continue
		}
		part, ok := m.value.([]any)
		if !ok {
			return nil, nil, failf(ErrInvalid, "import: %s: %s is no list of policies", m.key, kindOf(m.value))
		}
		list, found = append(list, part...), true
	}
	if !found && slices.ContainsFunc(o, func(m objectMember) bool { return m.key == "name" }) {
		return []any{o}, nil, nil // one policy alone
	}
	if !found {
		return nil, nil, failf(ErrInvalid, `import: there is no member "policy" or "policies"`)
	}
	return list, notes, nil
}

// decodeJSON decodes one JSON value and keeps the order of objects.
func decodeJSON(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	v, err := jsonValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, failf(ErrInvalid, "there is something behind the end, at offset %d", d.InputOffset())
	}
	return v, nil
}

func jsonValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, failf(ErrInvalid, "nested more than %d levels deep, at offset %d", maxNesting, d.InputOffset())
	}
	token, err := d.Token()
	if err != nil {
		return nil, failf(ErrInvalid, "at offset %d: %w", d.InputOffset(), err)
	}
	switch token := token.(type) {
	case json.Number:
		if n, err := token.Int64(); err == nil {
			return n, nil
		}
		return token.String(), nil
	case json.Delim:
		if token == '[' {
			list := []any{}
			for d.More() {
				v, err := jsonValue(d, depth+1)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			return list, closed(d)
		}
		o := object{}
		for d.More() {
			key, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			v, err := jsonValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			name, _ := key.(string)
			o = append(o, objectMember{name, v})
		}
		return o, closed(d)
	}
	return token, nil
}

// closed reads the end of a list or an object.
func closed(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return failf(ErrInvalid, "at offset %d: %w", d.InputOffset(), err)
	}
	return nil
}

// ordered turns decoded maps into objects, sorted by key.
func ordered(v any, depth int) any {
	if depth > maxNesting {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		o := make(object, 0, len(v))
		for key, item := range v {
			o = append(o, objectMember{key, ordered(item, depth+1)})
		}
		slices.SortFunc(o, func(a, b objectMember) int { return strings.Compare(a.key, b.key) })
		return o
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = ordered(v[i], depth+1)
		}
		return list
	case int:
		return int64(v)
	case uint64:
		if v < 1<<63 {
			return int64(v)
		}
	}
	return v
}
