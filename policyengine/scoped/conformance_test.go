package scoped

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"
)

// A conformance file (its README says what it holds).
type caseFile struct {
	Description string            `json:"description"`
	Now         string            `json:"now"`
	Sequential  bool              `json:"sequential"`
	World       caseWorld         `json:"world"`
	Policies    []json.RawMessage `json:"policies"`
	Queries     []caseQuery       `json:"queries"`
}

type caseWorld struct {
	Realms map[string][]struct {
		Resolver string `json:"resolver"`
		Priority *int   `json:"priority"`
	} `json:"realms"`
	Resolvers map[string]map[string]caseAccount `json:"resolvers"`
	Tokens    []struct {
		Serial    string            `json:"serial"`
		TokenType string            `json:"tokentype"`
		Columns   map[string]any    `json:"columns"`
		TokenInfo map[string]string `json:"tokeninfo"`
	} `json:"tokens"`
}

type caseAccount struct {
	UID        string         `json:"uid"`
	Password   string         `json:"password"`
	Attributes map[string]any `json:"attributes"`
}

type caseQuery struct {
	ID     string          `json:"id"`
	Op     string          `json:"op"`
	Args   json.RawMessage `json:"args"`
	Tags   []string        `json:"tags"`
	Expect json.RawMessage `json:"expect"`
}

// expectation is what a case expects; results are compared as JSON.
type expectation struct {
	Error string `json:"error"`
	Order string `json:"order"`
}

// caseEnv is what an operation runs in: the set of the file's policies, which
// sequential files replace, and the world around it.
type caseEnv struct {
	t     testing.TB
	world *caseWorld
	now   time.Time
	// policies are the file's, in creation order; set is compiled of them.
	policies []Policy
	set      matcher
	compile  func([]Policy) (matcher, error)
	query    *caseQuery
	audited  []string
}

// replace puts other policies in place, for operations that change them.
func (e *caseEnv) replace(policies []Policy) error {
	set, err := e.compile(policies)
	if err != nil {
		return err
	}
	e.policies, e.set = policies, set
	return nil
}

// matcher is what the cases are run against: the Set, and the naive loop.
type matcher interface {
	List(q *Query, buf []*Policy) ([]*Policy, error)
	Match(q *Query, buf []*Policy) ([]*Policy, error)
}

// conformanceOp runs one operation and returns what the README calls the result,
// as a value that marshals to its JSON.
type conformanceOp func(e *caseEnv, args json.RawMessage) (map[string]any, error)

// conformanceOps are all operations; each file with some of them extends it.
var conformanceOps = map[string]conformanceOp{}

// extendOps adds operations, for a package variable of the file that has them.
func extendOps(ops map[string]conformanceOp) bool {
	maps.Copy(conformanceOps, ops)
	return true
}

var _ = extendOps(map[string]conformanceOp{
	"list_policies":       opList,
	"match_policies":      opMatchPolicies,
	"get_action_values":   opGetActionValues,
	"check_for_conflicts": opConflicts,
	"match":               opMatchLayer,
	"search_value":        opSearchValue,
	"check_time_in_range": opTimeInRange,
	"check_ip_in_policy":  opIPInPolicy,
	"compare_values":      opCompareValues,
	"reduce_realms":       opReduceRealms,

	"get_action_values_from_options": opValueFromOptions,
})

func conformanceDir() string {
	if dir := os.Getenv("SALLYPORT_CONFORMANCE"); dir != "" {
		return filepath.Join(dir, "scoped")
	}
	return filepath.Join("testdata", "conformance", "scoped")
}

func caseFiles(t testing.TB) []string {
	files, err := filepath.Glob(filepath.Join(conformanceDir(), "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance cases in %s: %v", conformanceDir(), err)
	}
	return files
}

func readCases(t testing.TB, file string) *caseFile {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var f caseFile
	if err := decodeCase(data, &f); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &f
}

// decodeCase keeps numbers as they are written.
func decodeCase(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	return dec.Decode(into)
}

// TestConformance runs every case in Compat.
func TestConformance(t *testing.T) {
	agree, all := 0, 0
	byOp, failed := map[string]int{}, map[string]int{}
	for _, file := range caseFiles(t) {
		f := readCases(t, file)
		for i, fault := range runCases(t, f, func(policies []Policy) (matcher, error) {
			return Compile(policies, Options{Semantics: Compat})
		}, nil) {
			q := &f.Queries[i]
			all++
			byOp[q.Op]++
			if fault == nil {
				agree++
				continue
			}
			failed[q.Op]++
			if failed[q.Op] <= 5 {
				t.Errorf("%s %s %s: %v", q.ID, q.Op, q.Args, fault)
			}
		}
	}
	fmt.Printf("conformance scoped: %d of %d agree\n", agree, all)
	ops := make([]string, 0, len(byOp))
	for op := range byOp {
		ops = append(ops, op)
	}
	sort.Strings(ops)
	for _, op := range ops {
		t.Logf("%-42s %5d of %5d", op, byOp[op]-failed[op], byOp[op])
	}
	if agree != all {
		t.Errorf("%d of %d cases disagree", all-agree, all)
	}
}

// runCases runs the queries of a file, those of ops or, if that is nil, all. The
// answer has an entry for every query, nil for those that agree.
func runCases(t testing.TB, f *caseFile, compile func([]Policy) (matcher, error), ops []string) []error {
	now := parseCaseTime(t, f.Now)
	e := &caseEnv{t: t, world: &f.World, now: now, compile: compile}
	for _, raw := range f.Policies {
		e.policies = append(e.policies, inputPolicy(t, raw))
	}
	var err error
	if e.set, err = compile(e.policies); err != nil {
		t.Fatalf("%s: %v", f.Description, err)
	}
	faults := make([]error, len(f.Queries))
	for i := range f.Queries {
		q := &f.Queries[i]
		if ops != nil && !slices.Contains(ops, q.Op) {
			continue
		}
		one := *e
		one.query = q
		if f.Sequential {
			e.query, e.audited = q, nil
			faults[i] = e.run(q)
			continue
		}
		one.policies = slices.Clone(e.policies)
		faults[i] = one.run(q)
	}
	return faults
}

// run runs one query and says how it disagrees.
func (e *caseEnv) run(q *caseQuery) error {
	op, ok := conformanceOps[q.Op]
	if !ok {
		return errors.New("no such operation")
	}
	got, err := op(e, q.Args)
	if err != nil {
		got = nil
	}
	return e.judge(q, got, err)
}

func parseCaseTime(t testing.TB, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02T15:04:05.999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	t.Fatalf("time %q", text)
	return time.Time{}
}

// inputPolicy reads a policy in input form.
func inputPolicy(t testing.TB, raw json.RawMessage) Policy {
	var in map[string]any
	if err := decodeCase(raw, &in); err != nil {
		t.Fatal(err)
	}
	text := func(key string) string {
		switch v := in[key].(type) {
		case string:
			return v
		case []any:
			return strings.Join(caseTexts(v), ", ")
		}
		return ""
	}
	p := Policy{
		Name: text("name"), Scope: text("scope"), Active: true, Priority: 1, Time: text("time"),
		Action: ParseActionCompat(text("action")), Realm: SplitList(text("realm")), Resolver: SplitList(text("resolver")),
		User: SplitList(text("user")), AdminRealm: SplitList(text("adminrealm")), AdminUser: SplitList(text("adminuser")),
		PINode: SplitList(text("pinode")), Client: SplitList(text("client")),
		CheckAllResolvers: IsTrue(in["check_all_resolvers"]), UserCaseInsensitive: IsTrue(in["user_case_insensitive"]),
	}
	if v, ok := in["active"]; ok {
		p.Active = IsTrue(v)
	}
	if v, ok := in["priority"].(json.Number); ok {
		n, _ := v.Int64()
		p.Priority = int(n)
	}
	conditions, _ := in["conditions"].([]any)
	for _, c := range conditions {
		row, _ := c.([]any)
		words := caseTexts(c)
		p.Conditions = append(p.Conditions, Condition{
			Section: words[0], Key: words[1], Comparator: words[2], Value: words[3], Active: row[4] == true,
		})
	}
	return p
}
