package sdk

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// decodeConfig reads a section into a pointer to a struct, and reports all that
// does not fit.
func decodeConfig(section map[string]any, into any) error {
	d := &configDecoder{}
	d.section(section, "", reflect.ValueOf(into).Elem())
	return errors.Join(d.faults...)
}

type configDecoder struct{ faults []error }

func (d *configDecoder) fault(path, format string, args ...any) {
	d.faults = append(d.faults, ConfigFault(path, format, args...))
}

func (d *configDecoder) section(section map[string]any, path string, into reflect.Value) {
	if into.Kind() != reflect.Struct {
		d.fault(path, "the program cannot read it: %s is not a struct", into.Type())
		return
	}
	fields := make(map[string]int)
	for i := range into.NumField() {
		if key := into.Type().Field(i).Tag.Get("config"); key != "" && into.Type().Field(i).IsExported() {
			fields[key] = i
		}
	}
	for _, key := range slices.Sorted(maps.Keys(section)) {
		i, known := fields[key]
		if !known {
			d.fault(below(path, key), "unknown key; there are: %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		d.value(section[key], below(path, key), into.Field(i))
	}
}

// value reads one value of JSON.
func (d *configDecoder) value(v any, path string, into reflect.Value) {
	if v == nil {
		d.fault(path, "has no value; write one, or remove the key")
		return
	}
	if text, ok := reflect.TypeAssert[encoding.TextUnmarshaler](into.Addr()); ok {
		s, is := v.(string)
		if !is {
			d.fault(path, "%s; put it in quotes", kindOf(v))
		} else if err := text.UnmarshalText([]byte(s)); err != nil {
			d.fault(path, "%w", err)
		}
		return
	}
	switch {
	case into.Type() == reflect.TypeFor[time.Duration]():
		s, _ := v.(string)
		span, err := time.ParseDuration(s)
		if err != nil {
			d.fault(path, "is not a duration; write one with its unit, such as 500ms, 5s or 15m")
		}
		into.SetInt(int64(span))
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.value(v, path, into.Elem())
	case into.Kind() == reflect.Interface && into.NumMethod() == 0:
		into.Set(reflect.ValueOf(v))
	case into.CanInt(), into.CanUint(), into.CanFloat():
		d.number(v, path, into)
	default:
		d.other(v, path, into)
	}
}

// number reads a number; into a whole one only what is whole.
func (d *configDecoder) number(v any, path string, into reflect.Value) {
	x, ok := v.(float64)
	if !ok {
		d.fault(path, "%s; a number is due", kindOf(v))
		return
	}
	switch {
	case into.CanFloat():
		into.SetFloat(x)
	case x != math.Trunc(x):
		d.fault(path, "is not a whole number")
	case math.Abs(x) > 1<<53, into.CanInt() && into.OverflowInt(int64(x)),
		into.CanUint() && (x < 0 || into.OverflowUint(uint64(x))):
		d.fault(path, "is out of range")
	case into.CanInt():
		into.SetInt(int64(x))
	default:
		into.SetUint(uint64(x))
	}
}

func (d *configDecoder) other(v any, path string, into reflect.Value) {
	switch v := v.(type) {
	case string:
		if into.Kind() == reflect.String {
			into.SetString(v)
			return
		}
	case bool:
		if into.Kind() == reflect.Bool {
			into.SetBool(v)
			return
		}
	case []any:
		if into.Kind() == reflect.Slice {
			into.Set(reflect.MakeSlice(into.Type(), len(v), len(v)))
			for i := range v {
				d.value(v[i], fmt.Sprintf("%s[%d]", path, i), into.Index(i))
			}
			return
		}
	case map[string]any:
		switch {
		case into.Kind() == reflect.Struct:
			d.section(v, path, into)
			return
		case into.Kind() == reflect.Map && into.Type().Key().Kind() == reflect.String:
			d.mapping(v, path, into)
			return
		}
	}
	d.fault(path, "%s; %s is due", kindOf(v), due(into))
}

func (d *configDecoder) mapping(v map[string]any, path string, into reflect.Value) {
	into.Set(reflect.MakeMap(into.Type()))
	for _, key := range slices.Sorted(maps.Keys(v)) {
		item := reflect.New(into.Type().Elem()).Elem()
		d.value(v[key], below(path, key), item)
		into.SetMapIndex(reflect.ValueOf(key).Convert(into.Type().Key()), item)
	}
}

// below is the path of a key in the section at path.
func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "is text"
	case float64:
		return "is a number"
	case bool:
		return "is true or false"
	case []any:
		return "is a list"
	}
	return "is a section"
}

// due names what a Go value is written as.
func due(v reflect.Value) string {
	switch v.Kind() {
	case reflect.String:
		return "text in quotes"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list"
	}
	return "a section"
}
