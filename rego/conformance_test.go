package rego

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// conformanceCase is a case of testdata/conformance/helpers; its README says
// what the fields mean.
type conformanceCase struct {
	Fn         string   `json:"fn"`
	Args       []any    `json:"args"`
	Expect     any      `json:"expect"`
	Error      string   `json:"error"`
	ErrorClass string   `json:"error_class"`
	RE2        *bool    `json:"re2"`
	Typed      bool     `json:"typed_args"`
	Quirk      bool     `json:"quirk"`
	Tags       []string `json:"tags"`
}

// mayDeviate: the README allows another answer.
func (c *conformanceCase) mayDeviate() bool {
	return c.Typed || c.Quirk || c.RE2 != nil && !*c.RE2 ||
		slices.ContainsFunc(c.Tags, func(tag string) bool {
			return slices.Contains([]string{"posix", "accepts_more", "ascii_b", "non_boolean", "non_string"}, tag)
		})
}

func conformanceCases(t *testing.T, file string) []conformanceCase {
	t.Helper()
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = "testdata/conformance"
	}
	data, err := os.ReadFile(filepath.Join(dir, "helpers", file))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []conformanceCase }
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Cases
}

// TestConformance runs the cases of the helpers that there are.
func TestConformance(t *testing.T) {
	all, agree, deviations := 0, 0, 0
	for file, run := range map[string]func(c *conformanceCase) (bool, bool){
		"regex_match.json": regexCase,
		"ip.json":          addressCase,
	} {
		for _, c := range conformanceCases(t, file) {
			agrees, ours := run(&c)
			switch {
			case !ours:
				continue
			case agrees:
				agree++
			case c.mayDeviate():
				deviations++
			default:
				t.Errorf("%s%q: want %v %s", c.Fn, c.Args, c.Expect, c.ErrorClass)
			}
			all++
		}
	}
	t.Logf("conformance helpers: %d of %d agree (deviations: %d)", agree, all, deviations)
	if all == 0 || agree+deviations != all {
		t.Errorf("%d cases, %d agree and %d may deviate", all, agree, deviations)
	}
}

// callConformance calls a builtin with the arguments of a case.
func callConformance(t testBuiltin, args []any) (any, error) {
	values := make([]ast.Value, len(args))
	for i, a := range args {
		v, err := ast.InterfaceToValue(a)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	v, err := t.call(context.Background(), nil, values)
	if err != nil {
		return nil, err
	}
	return ast.JSON(v)
}

type testBuiltin = *builtin

func regexCase(c *conformanceCase) (agrees, ours bool) {
	p, err := newPatterns()
	if err != nil {
		return false, true
	}
	got, err := callConformance(regexBuiltin(p), c.Args)
	if c.Error != "" {
		return err != nil && wrongType(err) == (c.ErrorClass == "wrong_type"), true
	}
	return err == nil && got == c.Expect, true
}

func wrongType(err error) bool { return strings.Contains(err.Error(), "it must be a string") }

func addressCase(c *conformanceCase) (agrees, ours bool) {
	switch c.Fn {
	case "ip_in":
		got, err := callConformance(networkBuiltin(), c.Args)
		if c.Error != "" {
			return errorClass(err) == c.ErrorClass, true
		}
		return err == nil && got == c.Expect, true
	case "ip_address":
		text, ok := c.Args[0].(string)
		if !ok {
			return false, false
		}
		addr, err := parseAddress(text)
		if c.Error != "" {
			return errorClass(err) == c.ErrorClass, true
		}
		want := c.Expect.(map[string]any)["version"]
		return err == nil && (want == 4.0) == addr.Is4(), true
	case "ip_network":
		text, ok := c.Args[0].(string)
		if len(c.Args) > 1 && c.Args[1] == false || !ok {
			return false, false // we have no lenient networks
		}
		p, err := parseNetwork(text)
		if c.Error != "" {
			return errorClass(err) == c.ErrorClass, true
		}
		return err == nil && float64(p.Bits()) == c.Expect.(map[string]any)["prefixlen"], true
	}
	return false, false
}

func errorClass(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errAddress):
		return "bad_address"
	case errors.Is(err, errHostBits):
		return "host_bits_set"
	case errors.Is(err, errNetwork):
		return "bad_network"
	}
	return "wrong_type"
}
