package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// field is one key of a section: what the tags of a struct field say.
type field struct {
	key        string
	index      []int
	doc        string
	byDefault  string
	hasDefault bool
	required   bool
	path       bool
	// literal is set for secrets that may as well be ordinary texts.
	literal  bool
	enum     []string
	min, max string
	// kind is the value of the key "type" with which the section may have this
	// one; empty: with every one.
	kind string
}

type fields []field

// fieldsOf reads the tags of a struct. Fields without a yaml tag are no keys.
func fieldsOf(t reflect.Type) fields {
	var all fields
	for sf := range t.Fields() {
		if kind := sf.Tag.Get("for"); sf.Anonymous && kind != "" {
			for _, f := range fieldsOf(sf.Type) {
				f.index = append(slices.Clone(sf.Index), f.index...)
				f.kind = kind
				all = append(all, f)
			}
			continue
		}
		key, _, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		if key == "" || key == "-" || !sf.IsExported() {
			continue
		}
		f := field{
			key: key, index: sf.Index, doc: sf.Tag.Get("doc"),
			required: sf.Tag.Get("required") == "true",
			path:     sf.Tag.Get("path") == "true",
			literal:  sf.Tag.Get("literal") == "true",
			min:      sf.Tag.Get("min"), max: sf.Tag.Get("max"),
		}
		f.byDefault, f.hasDefault = sf.Tag.Lookup("default")
		if enum := sf.Tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		all = append(all, f)
	}
	return all
}

func (fs fields) named(key string) (field, bool) {
	i := slices.IndexFunc(fs, func(f field) bool { return f.key == key })
	if i < 0 {
		return field{}, false
	}
	return fs[i], true
}

func names(fs fields) []string {
	all := make([]string, len(fs))
	for i, f := range fs {
		all[i] = f.key
	}
	return all
}

// setDefault decodes the default into v.
func (f field) setDefault(v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	if own, ok := reflect.TypeAssert[yamlDecoder](v.Addr()); ok {
		return own.DecodeYAML(f.byDefault)
	}
	if !isScalar(v.Type()) {
		return fmt.Errorf("a %s has no text form", v.Type())
	}
	if err := setText(v, f.byDefault); err != nil {
		return err
	}
	return f.allows(v)
}

// allows checks a value against enum, min and max.
func (f field) allows(v reflect.Value) error {
	if f.enum != nil {
		word := fmt.Sprint(v.Interface())
		if !slices.Contains(f.enum, word) {
			return fmt.Errorf("%q is not one of %s%s", word, strings.Join(f.enum, ", "), DidYouMean(word, f.enum))
		}
	}
	for _, limit := range []struct {
		text  string
		wrong int // of comparing the value with the limit
		words string
	}{{f.min, -1, "less than %s, the least"}, {f.max, 1, "more than %s, the most"}} {
		if limit.text == "" {
			continue
		}
		bound := reflect.New(v.Type()).Elem()
		if err := setText(bound, limit.text); err != nil {
			return fmt.Errorf("the limit %q of the schema: %w", limit.text, err)
		}
		if compare(v, bound) == limit.wrong {
			return fmt.Errorf("%v is "+limit.words, v.Interface(), limit.text)
		}
	}
	return nil
}

// compare is -1, 0 or 1 as a is less than, equal to or more than b.
func compare(a, b reflect.Value) int {
	switch {
	case a.CanInt():
		return sign(a.Int() < b.Int(), a.Int() > b.Int())
	case a.CanUint():
		return sign(a.Uint() < b.Uint(), a.Uint() > b.Uint())
	case a.CanFloat():
		return sign(a.Float() < b.Float(), a.Float() > b.Float())
	}
	return 0
}

func sign(less, more bool) int {
	switch {
	case less:
		return -1
	case more:
		return 1
	}
	return 0
}

// isEmpty reports whether a required value says nothing.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String, reflect.Slice, reflect.Map:
		return v.Len() == 0
	default:
		return false
	}
}

var errDuration = errors.New("write a duration with its unit, such as 500ms, 5s or 15m")

var durationType = reflect.TypeFor[time.Duration]()
