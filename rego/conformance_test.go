package rego

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/internal/pyip"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
)

// conformanceCase is a case of testdata/conformance/helpers; its README says
// what the fields mean.
type conformanceCase struct {
	Fn         string         `json:"fn"`
	Args       []any          `json:"args"`
	Expect     any            `json:"expect"`
	Older      map[string]any `json:"expect_python_3_11"`
	Error      string         `json:"error"`
	ErrorClass string         `json:"error_class"`
	RE2        *bool          `json:"re2"`
	Typed      bool           `json:"typed_args"`
	Quirk      bool           `json:"quirk"`
	Sensitive  bool           `json:"python_version_sensitive"`
	Tags       []string       `json:"tags"`
}

// deviation is the class that allows another answer; empty if nothing does.
func (c *conformanceCase) deviation() string {
	for _, tag := range []string{"posix", "accepts_more", "ascii_b", "non_boolean", "non_string"} {
		if slices.Contains(c.Tags, tag) {
			return tag
		}
	}
	switch {
	case c.RE2 != nil && !*c.RE2:
		return "re2: false"
	case c.Typed:
		return "typed_args"
	case c.Quirk:
		return "quirk"
	}
	return ""
}

// conformer answers cases by the functions that policies call.
type conformer struct {
	t        *testing.T
	builtins *builtins
}

// TestConformance runs all cases of the helpers, but those of the front-ends.
func TestConformance(t *testing.T) {
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = "testdata/conformance"
	}
	files, err := filepath.Glob(filepath.Join(dir, "helpers", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBuiltins(Options{})
	if err != nil {
		t.Fatal(err)
	}
	run := conformer{t, b}
	all, agree := 0, 0
	deviations := map[string]int{}
	for _, file := range files {
		if filepath.Base(file) == "ldap_radius.json" {
			continue
		}
		for _, c := range conformanceCases(t, file) {
			all++
			got, err := run.answer(&c)
			switch class := c.deviation(); {
			case c.agrees(got, err):
				agree++
			case class != "":
				deviations[class]++
			default:
				t.Errorf("%s%q: %v, error %v; want %v %s", c.Fn, c.Args, got, err, c.Expect, c.ErrorClass)
			}
		}
	}
	deviating := 0
	for _, class := range sortedKeys(deviations) {
		deviating += deviations[class]
		t.Logf("deviations %s: %d", class, deviations[class])
	}
	fmt.Printf("conformance helpers: %d of %d agree (deviations: %d)\n", agree, all, deviating)
	if all == 0 || agree+deviating != all {
		t.Errorf("%d cases, %d agree and %d may deviate", all, agree, deviating)
	}
}

func conformanceCases(t *testing.T, file string) []conformanceCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Cases []conformanceCase }
	numbers := json.NewDecoder(bytes.NewReader(data))
	numbers.UseNumber()
	if err := numbers.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	return doc.Cases
}

// agrees compares an answer with what is expected.
func (c *conformanceCase) agrees(got any, err error) bool {
	if c.Error != "" || err != nil {
		return c.Error != "" && err != nil && errorClass(err) == c.ErrorClass
	}
	if same(got, c.Expect) {
		return true
	}
	if c.Fn == "engine_result" && cachedResults(c.Args[0]) {
		return got.(map[string]any)["passing"] == c.Expect.(map[string]any)["passing"]
	}
	// Objects of ours have less in them: what both have must be the same, and in a
	// case that depends on the version of Python either will do.
	ours, ok := got.(map[string]any)
	theirs, expected := c.Expect.(map[string]any)
	if !ok || !expected || c.Fn != "ip_address" && c.Fn != "ip_network" {
		return false
	}
	for key, v := range ours {
		if want, ok := theirs[key]; ok && !same(v, want) && (!c.Sensitive || !same(v, c.Older[key])) {
			return false
		}
	}
	return len(ours) > 0
}

func same(a, b any) bool {
	left, err := ast.InterfaceToValue(a)
	if err != nil {
		return false
	}
	right, err := ast.InterfaceToValue(b)
	return err == nil && left.Compare(right) == 0
}

func errorClass(err error) string {
	var pattern *pyregex.Error
	var address *pyip.Error
	switch {
	case errors.Is(err, errType):
		return "wrong_type"
	case errors.As(err, &pattern):
		return string(pattern.Class)
	case errors.As(err, &address):
		return address.Class
	}
	return "other"
}

// call calls a function with values of JSON.
func (r *conformer) call(name string, args ...any) (any, error) {
	values := make([]ast.Value, len(args))
	for i, a := range args {
		v, err := ast.InterfaceToValue(a)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	e := &evaluation{}
	e.root = e
	v, err := e.call(r.t.Context(), r.builtins.byName[name], values)
	if err != nil {
		return nil, err
	}
	return ast.JSON(v)
}

func (r *conformer) answer(c *conformanceCase) (any, error) {
	switch c.Fn {
	case "regex_match", "regex_replace", "list_flatten", "slugify", "ip_address":
		got, err := r.call(c.Fn, c.Args...)
		return renamed(got, "addr"), err
	case "sanitize_arg": // the name of a variable, which the slug is
		got, err := r.call("slugify", c.Args...)
		text, _ := got.(string)
		return strings.ReplaceAll(text, "-", "_"), err
	case "ip_network":
		return r.network(c.Args)
	case "ip_in":
		return r.call("ip_in_network", c.Args...)
	case "ip_arith":
		return r.arithmetic(c.Args)
	case "ip_diff_int":
		return r.call("ip_add", c.Args...)
	case "ip_compare":
		return r.compare(c.Args)
	case "net_rel":
		return r.relation(c.Args)
	case "policy_result":
		return policyResult(c.Args)
	case "engine_result":
		return engineResult(r.t, c.Args)
	case "sanitize_dict", "cleanse_dict", "event_context":
		return r.context(c)
	}
	return nil, fmt.Errorf("there is no function %s", c.Fn)
}

// renamed calls a key of an object str, as the cases do.
func renamed(v any, key string) any {
	if o, ok := v.(map[string]any); ok && o[key] != nil {
		o["str"] = o[key]
	}
	return v
}

// network has the lenient reading too, which is of no function.
func (r *conformer) network(args []any) (any, error) {
	text, ok := args[0].(string)
	if len(args) > 1 && args[1] == false && ok {
		n, err := pyip.ParseNetwork(text, false)
		if err != nil {
			return nil, err
		}
		v, err := ast.JSON(networkObject(n))
		return renamed(v, "net"), err
	}
	got, err := r.call("ip_network", args[0])
	return renamed(got, "net"), err
}

func (r *conformer) arithmetic(args []any) (any, error) {
	n := args[2]
	if n == true && args[1] == "-" {
		n = json.Number("1")
	}
	if number, ok := n.(json.Number); ok && args[1] == "-" {
		n = json.Number(strings.TrimPrefix("-"+number.String(), "--"))
	}
	return r.call("ip_add", args[0], n)
}

func (r *conformer) compare(args []any) (any, error) {
	got, err := r.call("ip_compare", args[0], args[2])
	equality := args[1] == "==" || args[1] == "!="
	if equality && err != nil && errorClass(err) == pyip.ClassVersionMismatch {
		return args[1] == "!=", nil // == of Rego itself, between the texts
	}
	if err != nil {
		return nil, err
	}
	n, err := got.(json.Number).Int64()
	return map[any]bool{"<": n < 0, "<=": n <= 0, "==": n == 0, "!=": n != 0, ">=": n >= 0, ">": n > 0}[args[1]], err
}

func (r *conformer) relation(args []any) (any, error) {
	got, err := r.call("net_relation", args[0], args[2])
	if err != nil || args[1] == "overlaps" {
		return got != "disjoint", err
	}
	var versions []any
	for _, text := range []any{args[0], args[2]} {
		n, err := r.call("ip_network", text)
		if err != nil {
			return nil, err
		}
		versions = append(versions, n.(map[string]any)["version"])
	}
	if versions[0] != versions[1] { // ours are disjoint
		return nil, &pyip.Error{Class: pyip.ClassVersionMismatch}
	}
	return got == "equal" || got == strings.TrimSuffix(args[1].(string), "_of"), nil
}

// policyResult reads a policy's rules.
func policyResult(args []any) (any, error) {
	o, err := ast.InterfaceToValue(map[string]any{"allow": args[0], "messages": args[1]})
	if err != nil {
		return nil, err
	}
	v, err := readRules(ast.NewTerm(o), nil)
	if err != nil {
		return nil, err
	}
	r, err := (&evaluation{}).result(v.(*rules))
	return map[string]any{"passing": r.Passing, "messages": append([]string{}, r.Messages...)}, err
}

// context makes contexts of events. Those of the original lose what is false in
// lists, and mask less: the cases are about that, and ak_create_event must take
// their contexts all the same.
func (r *conformer) context(c *conformanceCase) (any, error) {
	in, ok := c.Args[0].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%v is no context", c.Args[0])
	}
	if _, err := r.callEvent(in); err != nil {
		r.t.Errorf("ak_create_event(%v): %v", in, err)
	}
	return map[string]func(map[string]any) map[string]any{
		"sanitize_dict": event.Sanitize, "cleanse_dict": event.Cleanse, "event_context": event.Compat,
	}[c.Fn](in), nil
}

func (r *conformer) callEvent(in map[string]any) (map[string]any, error) {
	v, err := ast.InterfaceToValue(in)
	if err != nil {
		return nil, err
	}
	e := &evaluation{policy: &Policy{name: "p"}}
	e.root = e
	if _, err := e.call(r.t.Context(), r.builtins.byName["ak_create_event"], []ast.Value{ast.String("x"), v}); err != nil {
		return nil, err
	}
	return e.events[0].Context, nil
}
