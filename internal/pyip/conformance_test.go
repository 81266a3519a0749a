package pyip

import (
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

type conformanceCase struct {
	Fn     string   `json:"fn"`
	Args   []any    `json:"args"`
	Expect any      `json:"expect"`
	Other  any      `json:"expect_python_3_11"`
	Class  string   `json:"error_class"`
	Typed  bool     `json:"typed_args"`
	Tags   []string `json:"tags"`
}

// TestConformance runs the cases of addresses and networks; the README beside
// them says what the fields mean. We take texts alone, so cases with another
// type of value that is not refused are deviations.
func TestConformance(t *testing.T) {
	dir := os.Getenv("SALLYPORT_CONFORMANCE")
	if dir == "" {
		dir = "../../rego/testdata/conformance"
	}
	file, err := os.Open(filepath.Join(dir, "helpers", "ip.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var doc struct{ Cases []conformanceCase }
	dec := json.NewDecoder(file)
	dec.UseNumber()
	if err := dec.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	agree, deviations := 0, 0
	for _, c := range doc.Cases {
		got, err := answer(c.Fn, c.Args)
		var class *Error
		switch {
		case errors.As(err, &class) && class.Class == c.Class,
			errors.Is(err, errWrongType) && c.Class == "wrong_type",
			err == nil && c.Class == "" && (sameJSON(t, got, c.Expect) || c.Other != nil && sameJSON(t, got, c.Other)):
			agree++
		case c.Typed || slices.Contains(c.Tags, "non_string"):
			deviations++
		default:
			t.Errorf("%s%q: got %v, %v; want %v %s", c.Fn, c.Args, got, err, c.Expect, c.Class)
		}
	}
	t.Logf("%d of %d agree (deviations: %d)", agree, len(doc.Cases), deviations)
	if len(doc.Cases) == 0 {
		t.Error("there are no cases")
	}
}

func sameJSON(t *testing.T, got, want any) bool {
	t.Helper()
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	wantText, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if json.Unmarshal(text, &a) != nil || json.Unmarshal(wantText, &b) != nil {
		t.Fatal("JSON that cannot be read back")
	}
	return reflect.DeepEqual(a, b)
}

// errWrongType stands for what the helpers refuse before they come here.
var errWrongType = errors.New("wrong type")

func answer(fn string, args []any) (any, error) {
	first, ok := args[0].(string)
	if !ok {
		return nil, errWrongType
	}
	switch fn {
	case "ip_address":
		return addressAnswer(first)
	case "ip_network":
		strict := len(args) < 2 || args[1] == true
		n, err := ParseNetwork(first, strict)
		if err != nil {
			return nil, err
		}
		return map[string]any{
			"str": n.String(), "version": n.Version(), "prefixlen": n.PrefixLen(),
			"network_address": n.NetworkAddress().String(), "broadcast_address": n.BroadcastAddress().String(),
			"netmask": n.Netmask().String(), "num_addresses": n.NumAddresses(),
			"is_private": n.IsPrivate(), "is_global": n.IsGlobal(),
		}, nil
	case "ip_in":
		return pair(first, args[1], ParseAddress, strictNetwork, func(a Address, n Network) (any, error) {
			return n.Contains(a), nil
		})
	case "ip_arith":
		a, err := ParseAddress(first)
		if err != nil {
			return nil, err
		}
		n, err := integer(args[2])
		if err != nil {
			return nil, err
		}
		if args[1] == "-" {
			n.Neg(n)
		}
		sum, err := a.Add(n)
		return sum.String(), err
	case "ip_diff_int":
		return nil, errWrongType // Add takes a number, never an address
	case "ip_compare":
		return pair(first, args[2], ParseAddress, ParseAddress, func(a, b Address) (any, error) {
			return compared(a, args[1].(string), b)
		})
	case "net_rel":
		return pair(first, args[2], strictNetwork, strictNetwork, func(a, b Network) (any, error) {
			switch args[1] {
			case "subnet_of":
				return a.SubnetOf(b)
			case "supernet_of":
				return a.SupernetOf(b)
			}
			return a.Overlaps(b), nil
		})
	}
	return nil, errors.New("no such function")
}

func addressAnswer(text string) (any, error) {
	a, err := ParseAddress(text)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{
		"str": a.String(), "version": a.Version(), "compressed": a.String(), "int": a.Int(),
		"is_private": a.IsPrivate(), "is_global": a.IsGlobal(), "is_loopback": a.IsLoopback(),
		"is_multicast": a.IsMulticast(), "is_link_local": a.IsLinkLocal(),
		"is_reserved": a.IsReserved(), "is_unspecified": a.IsUnspecified(),
	}
	answer["exploded"], err = a.Exploded()
	if err != nil {
		answer["exploded"] = map[string]string{"$err": "AddressValueError"}
	}
	if a.Version() == 6 {
		mapped, isMapped := a.IPv4Mapped()
		zone, hasZone := a.ScopeID()
		six, isSix := a.SixToFour()
		answer["is_site_local"] = a.IsSiteLocal()
		answer["ipv4_mapped"] = orNull(mapped.String(), isMapped)
		answer["scope_id"] = orNull(zone, hasZone)
		answer["sixtofour"] = orNull(six.String(), isSix)
	}
	return answer, nil
}

func orNull(s string, ok bool) any {
	if !ok {
		return nil
	}
	return s
}

func strictNetwork(s string) (Network, error) { return ParseNetwork(s, true) }

func pair[A, B any](a string, b any, parseA func(string) (A, error), parseB func(string) (B, error), ask func(A, B) (any, error)) (any, error) {
	left, err := parseA(a)
	if err != nil {
		return nil, err
	}
	text, ok := b.(string)
	if !ok {
		return nil, errWrongType
	}
	right, err := parseB(text)
	if err != nil {
		return nil, err
	}
	return ask(left, right)
}

func integer(v any) (*big.Int, error) {
	switch v := v.(type) {
	case bool: // Python's are numbers
		if v {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	case json.Number:
		if n, ok := new(big.Int).SetString(v.String(), 10); ok {
			return n, nil
		}
	}
	return nil, errWrongType
}

// compared is Python's operator, made of Compare and ==.
func compared(a Address, op string, b Address) (bool, error) {
	switch op {
	case "==":
		return a == b, nil
	case "!=":
		return a != b, nil
	}
	order, err := Compare(a, b)
	switch op {
	case "<":
		return order < 0, err
	case "<=":
		return order <= 0, err
	case ">":
		return order > 0, err
	}
	return order > 0 || a == b, err // zones: Python's is "not <"
}
