package sdk

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type site struct {
	Name string  `config:"name"`
	Lat  float64 `config:"lat"`
}

type sample struct {
	Sites    []site         `config:"sites"`
	ByName   map[string]int `config:"by_name"`
	Limit    uint8          `config:"limit"`
	Window   time.Duration  `config:"window"`
	Net      netip.Prefix   `config:"net"`
	On       *bool          `config:"on"`
	Any      any            `config:"any"`
	Ignored  string
	internal string
}

func TestDecodeConfig(t *testing.T) {
	got := sample{Limit: 7, Window: time.Hour, Ignored: "stays", internal: "too"}
	err := decodeConfig(object{
		"sites": []any{object{"name": "berlin", "lat": 52.5}}, "by_name": object{"a": 1.0}, "window": "90s",
		"net": "10.0.0.0/8", "on": true, "any": []any{"x"},
	}, &got)
	on := true
	want := sample{
		Sites: []site{{"berlin", 52.5}}, ByName: map[string]int{"a": 1}, Limit: 7, Window: 90 * time.Second,
		Net: netip.MustParsePrefix("10.0.0.0/8"), On: &on, Any: []any{"x"}, Ignored: "stays", internal: "too",
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{}), cmpopts.EquateComparable(netip.Prefix{})); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestDecodeConfigRefuses(t *testing.T) {
	for want, section := range map[string]object{
		"size: unknown key; there are: any, by_name, limit, net, on, sites, window": {"size": 1.0},
		"Ignored: unknown key":                            {"Ignored": "x"},
		"sites: is text; a list is due":                   {"sites": "x"},
		"sites[1].lat: is text; a number is due":          {"sites": []any{object{}, object{"lat": "x"}}},
		"sites[0].nam: unknown key":                       {"sites": []any{object{"nam": "x"}}},
		"sites[0]: is a number; a section is due":         {"sites": []any{1.0}},
		"sites[0].name: is true or false; text in quotes": {"sites": []any{object{"name": true}}},
		"by_name.a: is not a whole number":                {"by_name": object{"a": 1.5}},
		"by_name.b: is out of range":                      {"by_name": object{"b": 1e300}},
		"by_name: is a list; a section is due":            {"by_name": []any{}},
		"limit: is out of range":                          {"limit": 256.0},
		"limit: is a section; a number":                   {"limit": object{}},
		"limit: has no value":                             {"limit": nil},
		"window: is not a duration":                       {"window": 90.0},
		"net: is a number; put it in quotes":              {"net": 10.0},
		"net: netip.ParsePrefix":                          {"net": "ten"},
		"on: is text; true or false is due":               {"on": "yes"},
	} {
		err := decodeConfig(section, &sample{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nwant %q", err, want)
		}
	}
	if err := decodeConfig(object{"limit": -1.0, "window": "x", "z": 1.0}, &sample{}); strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
	var text string
	if err := decodeConfig(object{"a": 1.0}, &text); err == nil {
		t.Error("a text is taken for a section")
	}
}

// FuzzDecodeConfig: whatever an administrator writes is decoded or refused.
func FuzzDecodeConfig(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"sites":[{"name":"berlin","lat":52.5}]}`, `{"by_name":{"a":1e300}}`, `{"limit":-1,"window":"90s","net":"10.0.0.0/8"}`,
		`{"any":[null,{"a":[1]}],"on":true}`, `{"sites":null}`, `{"":1}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var section map[string]any
		if json.Unmarshal([]byte(text), &section) != nil {
			return
		}
		if err := decodeConfig(section, &sample{}); err != nil {
			for _, fault := range faultsOf(err) {
				if fault.GetMessage() == "" {
					t.Errorf("a fault without a text: %v", err)
				}
			}
		}
	})
}
