package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Decode reads a YAML file into a pointer to a struct, map or slice. It is
// strict and reports every fault at once, sorted by position, each as
// "file:line:col: path: what"; the file's name is for these texts and for
// relative paths. The places it returns are those of all values, for faults that
// only the caller can find.
//
// The struct tags are the schema: `yaml` is the key (fields without are
// skipped), `default` the value of an absent key as text, `required` refuses an
// absent or empty value, `enum` lists the values that are allowed, `min` and
// `max` bound numbers and durations, `path:"true"` marks files, whose relative
// names are taken from the directory of the file, `literal:"true"` a Secret that
// may stand in the file without a warning, and be empty. The keys of an embedded struct
// with the tag `for:"x"` are keys of the section only when its key "type" is x.
//
// Targets may be structs, pointers, maps with string keys, slices, strings,
// bools, numbers, time.Duration, netip.Addr, netip.Prefix, Secret, types with
// UnmarshalText, any, and types with DecodeYAML(v any) error, which get nil,
// bool, int64, float64, string, []any or map[string]any. The error of a
// DecodeYAML may be an errors.Join of several.
//
// Of YAML only one document of plain mappings, lists and scalars is accepted;
// anchors, aliases, tags and merge keys are refused, as are files of more than
// 4 MiB, nesting of more than 32 levels and mappings of more than some 10000 keys.
func Decode(file string, data []byte, into any) (Places, error) {
	d := newDecoder(file, os.LookupEnv)
	d.document(data, into)
	return d.places, joinFaults(d.faults)
}

// yamlDecoder is a type that reads its value itself.
type yamlDecoder interface{ DecodeYAML(v any) error }

// decoder is the work on one file.
type decoder struct {
	places   Places
	faults   []*Fault
	warnings []Warning
	dir      string
	getenv   func(string) (string, bool)
	// bad are the paths with a fault, partial those with a fault directly below:
	// checks that build on them would only repeat it.
	bad, partial map[string]bool
}

func newDecoder(file string, getenv func(string) (string, bool)) *decoder {
	return &decoder{
		places:  Places{file, map[string]place{"": {1, 1}}},
		dir:     filepath.Dir(file),
		getenv:  getenv,
		bad:     map[string]bool{},
		partial: map[string]bool{},
	}
}

// document decodes the file. It reports whether there was something to decode.
func (d *decoder) document(data []byte, into any) bool {
	root, fault := parseYAML(d.places.file, data)
	if fault != nil {
		d.faults = append(d.faults, fault)
		return false
	}
	d.value(root, "", reflect.ValueOf(into).Elem(), field{})
	return true
}

func (d *decoder) fault(path, format string, args ...any) {
	d.faults = append(d.faults, d.places.fault(path, format, args...))
	d.bad[path], d.partial[parent(path)] = true, true
}

// keyFault reports a fault of a key, not of the value at path.
func (d *decoder) keyFault(at place, path, format string, args ...any) {
	f := d.places.fault(path, format, args...)
	f.Line, f.Column = at.line, at.column
	d.faults = append(d.faults, f)
	d.partial[path], d.partial[parent(path)] = true, true
}

// sound reports whether the value at path was read without a fault, so that
// checks may build on it.
func (d *decoder) sound(path string) bool {
	if d.partial[path] {
		return false
	}
	for ; path != ""; path = parent(path) {
		if d.bad[path] {
			return false
		}
	}
	return !d.bad[""]
}

// value decodes a node into v. The place of path is known already, but for the
// root.
func (d *decoder) value(n ast.Node, path string, v reflect.Value, f field) {
	if own, ok := reflect.TypeAssert[yamlDecoder](v.Addr()); ok {
		d.own(n, path, own)
		return
	}
	k, _ := classify(n)
	switch {
	case v.Kind() == reflect.Interface:
		if plain := d.plain(n, path); plain != nil {
			v.Set(reflect.ValueOf(plain))
		}
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, path, v.Elem(), f)
	case k == kindNull:
		d.fault(path, "has no value; write one, or remove the key")
	case v.Type() == secretType:
		d.secret(n, path, v.Addr().Interface().(*Secret), f)
	case isScalar(v.Type()):
		d.scalar(n, path, v, f)
	case v.Kind() == reflect.Struct:
		if k != kindMap {
			d.fault(path, "%s; a section is due, with keys: %s", k, listing(names(fieldsOf(v.Type()))))
			return
		}
		d.section(d.entries(n, path), path, v)
	case v.Kind() == reflect.Map:
		if k != kindMap {
			d.fault(path, "%s; a mapping (name: value) is due", k)
			return
		}
		d.mapping(n, path, v, f)
	case v.Kind() == reflect.Slice:
		if k != kindList {
			d.fault(path, "%s; a list is due: put it in [brackets]", k)
			return
		}
		d.list(n.(*ast.SequenceNode), path, v, f)
	default:
		d.fault(path, "cannot be read into a %s", v.Type())
	}
}

// own hands the plain value to a type that reads itself.
func (d *decoder) own(n ast.Node, path string, into yamlDecoder) {
	before := len(d.faults)
	plain := d.plain(n, path)
	if len(d.faults) > before {
		return
	}
	err := into.DecodeYAML(plain)
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		for _, one := range several.Unwrap() {
			d.fault(path, "%w", one)
		}
		return
	}
	if err != nil {
		d.fault(path, "%w", err)
	}
}

// section decodes the keys of a struct and gives the absent ones their defaults.
func (d *decoder) section(entries []entry, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	seen := map[string]bool{}
	for _, e := range entries {
		f, ok := fields.named(e.key)
		if !ok {
			d.keyFault(e.at, join(path, printable(e.key)), "unknown key%s",
				DidYouMean(e.key, names(fields)))
			continue
		}
		seen[e.key] = true
		at := join(path, e.key)
		d.places.at[at] = e.value
		d.value(e.node, at, v.FieldByIndex(f.index), f)
		if f.required && !d.bad[at] && isEmpty(v.FieldByIndex(f.index)) {
			d.fault(at, "%w", errEmpty)
		}
	}
	kind := kindOf(fields, v)
	for _, f := range fields {
		at := join(path, f.key)
		switch {
		case f.kind != "" && f.kind != kind:
			if seen[f.key] && kind != "" {
				d.fault(at, "belongs to type %s, and this is of type %s", f.kind, kind)
			}
		case !seen[f.key]:
			d.absent(at, v.FieldByIndex(f.index), f)
		}
	}
}

// kindOf is the value of the key "type" of a section whose keys depend on it.
func kindOf(fields fields, v reflect.Value) string {
	if f, ok := fields.named("type"); ok && v.FieldByIndex(f.index).Kind() == reflect.String {
		return v.FieldByIndex(f.index).String()
	}
	return ""
}

// absent gives a key that is not in the file its default.
func (d *decoder) absent(path string, v reflect.Value, f field) {
	switch {
	case f.required:
		d.fault(path, "is missing")
	case f.hasDefault:
		if err := f.setDefault(v); err != nil {
			d.fault(path, "its default %q: %w", f.byDefault, err)
		} else if f.path {
			d.resolve(v)
		}
	case v.Kind() == reflect.Struct && !isScalar(v.Type()) && v.Type() != secretType:
		if _, own := reflect.TypeAssert[yamlDecoder](v.Addr()); !own {
			d.section(nil, path, v)
		}
	}
}

func (d *decoder) mapping(n ast.Node, path string, v reflect.Value, f field) {
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range d.entries(n, path) {
		at := join(path, printable(e.key))
		d.places.at[at] = e.value
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.node, at, item, f)
		v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), item)
	}
}

func (d *decoder) list(n *ast.SequenceNode, path string, v reflect.Value, f field) {
	v.Set(reflect.MakeSlice(v.Type(), len(n.Values), len(n.Values)))
	for i, item := range n.Values {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.places.at[at] = itemPlace(n, i)
		d.value(item, at, v.Index(i), f)
	}
}

// itemPlace is where an item of a list begins.
func itemPlace(n *ast.SequenceNode, i int) place {
	null, ok := n.Values[i].(*ast.NullNode)
	if ok && null.Token.Type == token.ImplicitNullType && i < len(n.Entries) && n.Entries[i].Start != nil {
		return tokenPlace(n.Entries[i].Start) // nothing but the hyphen is there
	}
	return nodePlace(n.Values[i])
}

// plain makes nil, bool, int64, float64, string, []any or map[string]any of a
// node.
func (d *decoder) plain(n ast.Node, path string) any {
	switch k, text := classify(n); k {
	case kindNull:
		return nil
	case kindBool:
		return strings.EqualFold(text, "true")
	case kindInt:
		i, err := parseInt(text)
		if err != nil {
			d.fault(path, "%w", err)
		}
		return i
	case kindFloat:
		x, err := parseFloat(text)
		if err != nil {
			d.fault(path, "%w", err)
		}
		return x
	case kindText:
		return text
	case kindList:
		seq := n.(*ast.SequenceNode)
		list := make([]any, len(seq.Values))
		for i, item := range seq.Values {
			at := path + "[" + strconv.Itoa(i) + "]"
			d.places.at[at] = itemPlace(seq, i)
			list[i] = d.plain(item, at)
		}
		return list
	case kindMap:
		m := map[string]any{}
		for _, e := range d.entries(n, path) {
			at := join(path, printable(e.key))
			d.places.at[at] = e.value
			m[e.key] = d.plain(e.node, at)
		}
		return m
	default:
		d.fault(path, "is not supported; write a text, number, list or mapping")
		return nil
	}
}

// resolve takes relative file names from the directory of the file.
func (d *decoder) resolve(v reflect.Value) {
	if v.Kind() == reflect.String && v.String() != "" {
		v.SetString(d.file(v.String()))
	}
}

// file is the name of a file that the configuration names.
func (d *decoder) file(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(d.dir, name)
}

// printable is a key as paths and texts show it.
func printable(key string) string {
	q := strconv.Quote(key)
	if len(key) > 64 {
		return strconv.Quote(strings.ToValidUTF8(key[:64], "")) + "…"
	}
	if strings.ContainsAny(key, " :[]") || q != `"`+key+`"` {
		return q
	}
	return key
}

// listing is "a, b and c".
func listing(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return fmt.Sprintf("%s and %s", strings.Join(words[:len(words)-1], ", "), words[len(words)-1])
}
