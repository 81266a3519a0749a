package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

var (
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
	secretType = reflect.TypeFor[Secret]()
)

// isScalar reports whether a type is written as one plain value.
func isScalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return readsText(t)
	}
}

func readsText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textType) }

// scalar decodes a plain value.
func (d *decoder) scalar(n ast.Node, path string, v reflect.Value, f field) {
	k, text := classify(n)
	if err := suits(k, text, n, v.Type()); err != nil {
		d.fault(path, "%w", err)
		return
	}
	if err := setText(v, text); err != nil {
		d.fault(path, "%w", err)
		return
	}
	if err := f.allows(v); err != nil {
		d.fault(path, "%w", err)
		return
	}
	if f.path {
		d.resolve(v)
	}
}

// suits checks that a value is written as its type is: a number is no text, and
// a text no number.
func suits(k kind, text string, n ast.Node, t reflect.Type) error {
	if k == kindList || k == kindMap || k == kindOther {
		return fmt.Errorf("%s; %s is due", k, due(t))
	}
	switch {
	case t == durationType:
		if k != kindText {
			return fmt.Errorf("%s; %w", k, errDuration)
		}
	case readsText(t), t.Kind() == reflect.String:
		if k != kindText {
			return fmt.Errorf("%s; put it in quotes", k)
		}
	case t.Kind() == reflect.Bool:
		if k != kindBool {
			return fmt.Errorf("%s; write true or false%s", k, unquote(n, "true", "false"))
		}
	case t.Kind() == reflect.Float32, t.Kind() == reflect.Float64:
		if k != kindInt && k != kindFloat {
			return fmt.Errorf("%s; a number is due", k)
		}
	case k == kindFloat:
		return errors.New("is not a whole number")
	case k != kindInt && decimal.MatchString(text):
		if quoted(n) {
			return errors.New("is text; remove the quotes")
		}
		// YAML takes a number that is too large as text; reading it tells.
	case k != kindInt:
		return fmt.Errorf("%s; a whole number is due", k)
	}
	return nil
}

// unquote is a hint for one of the words in quotes.
func unquote(n ast.Node, words ...string) string {
	_, text := classify(n)
	for _, w := range words {
		if text == w && quoted(n) {
			return " without quotes"
		}
	}
	return ""
}

// due names what a type is written as.
func due(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 5s"
	case readsText(t), t.Kind() == reflect.String:
		return "one text"
	case t.Kind() == reflect.Bool:
		return "true or false"
	default:
		return "a number"
	}
}

// setText decodes a text into a scalar.
func setText(v reflect.Value, text string) error {
	var err error
	switch into := v.Addr().Interface().(type) {
	case *time.Duration:
		if *into, err = time.ParseDuration(text); err != nil {
			return fmt.Errorf("%q is not a duration; %w", text, errDuration)
		}
	case *netip.Prefix:
		*into, err = parsePrefix(text)
	case *netip.Addr:
		*into, err = parseAddr(text)
	case encoding.TextUnmarshaler:
		err = into.UnmarshalText([]byte(text))
	default:
		return setKind(v, text)
	}
	return err
}

func setKind(v reflect.Value, text string) error {
	switch {
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is not true or false", text)
		}
		v.SetBool(b)
	case v.CanInt():
		i, err := parseInt(text)
		if err == nil && v.OverflowInt(i) {
			err = fmt.Errorf("%s is too large", text)
		}
		if err != nil {
			return err
		}
		v.SetInt(i)
	case v.CanUint():
		i, err := parseInt(text)
		if err == nil && (i < 0 || v.OverflowUint(uint64(i))) {
			err = fmt.Errorf("%s is negative or too large", text)
		}
		if err != nil {
			return err
		}
		v.SetUint(uint64(i))
	default:
		x, err := parseFloat(text)
		if err != nil {
			return err
		}
		v.SetFloat(x)
	}
	return nil
}

var decimal = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)

// parseInt reads a whole number. Other bases are refused: 010 is eight to some
// readers of YAML and ten to others.
func parseInt(text string) (int64, error) {
	if !decimal.MatchString(text) {
		return 0, errors.New("is not written in plain decimal digits; write it so, or put it in quotes if it is text")
	}
	i, err := strconv.ParseInt(strings.TrimPrefix(text, "+"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s is too large", text)
	}
	return i, nil
}

// parseFloat reads a finite number.
func parseFloat(text string) (float64, error) {
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0, errors.New("is not a plain finite number; put it in quotes if it is text")
	}
	return x, nil
}
