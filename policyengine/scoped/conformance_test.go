package scoped

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
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
	for name, op := range ops {
		conformanceOps[name] = op
	}
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

// judge compares a result with the expectation, by the rules of the README.
func (e *caseEnv) judge(q *caseQuery, got map[string]any, err error) error {
	var want expectation
	if err := json.Unmarshal(q.Expect, &want); err != nil {
		return err
	}
	if err != nil && slices.Contains(q.Tags, "python-regex") {
		return nil // refusing such a pattern is fine
	}
	if want.Error != "" {
		return judgeError(want.Error, got, err)
	}
	if err != nil {
		return fmt.Errorf("error %w, want %s", err, q.Expect)
	}
	var wanted, result map[string]any
	if err := json.Unmarshal(q.Expect, &wanted); err != nil {
		return err
	}
	data, err := json.Marshal(got)
	if err == nil {
		err = json.Unmarshal(data, &result)
	}
	if err != nil {
		return err
	}
	delete(wanted, "order")
	for key, w := range wanted {
		g, ok := result[key]
		if !ok {
			return fmt.Errorf("no %s in %s", key, data)
		}
		if fault := e.same(key, want.Order, w, g); fault != "" {
			return fmt.Errorf("%s: got %s, want %s%s", key, asJSON(g), asJSON(w), fault)
		}
	}
	return nil
}

// errorKinds are the kinds of the README by the errors of this package.
var errorKinds = []struct {
	name string
	err  error
}{
	{"policy", ErrPolicy},
	{"parameter", ErrParameter},
	{"matching", ErrMatching},
	{"user", ErrUser},
	{"not_found", ErrNotFound},
	{"invalid", ErrInvalid},
	{"denied", ErrDenied},
	{"compare", ErrCompare},
	{"crash", ErrBroken},
}

// kindName is the outermost kind of an error.
func kindName(err error) string {
	var k *kindError
	var gone *errMissing
	kind := err
	switch {
	case errors.As(err, &k):
		kind = k.kind
	case errors.As(err, &gone):
		kind = gone.kind
	}
	for _, c := range errorKinds {
		if errors.Is(kind, c.err) {
			return c.name
		}
	}
	return "no kind at all"
}

func judgeError(want string, got map[string]any, err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("got %s, want an error of kind %s", asJSON(got), want)
	case want == "crash", kindName(err) == want:
		return nil
	}
	return fmt.Errorf("error of kind %s (%w), want %s", kindName(err), err, want)
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// asSet are the results that are compared without order.
var asSet = []string{"rights", "menus", "tokentypes", "realms", "delete", "audit_policies"}

// same compares one entry of a result.
func (e *caseEnv) same(key, order string, want, got any) string {
	switch {
	case key == "names" && order == "ties":
		return e.sameTies(caseTexts(want), caseTexts(got))
	case key == "names" && order == "unsorted", slices.Contains(asSet, key):
		if sortedJSON(want) != sortedJSON(got) {
			return " (as sets)"
		}
		return ""
	case key == "values":
		w, _ := want.(map[string]any)
		g, _ := got.(map[string]any)
		if len(w) != len(g) {
			return " (not as many values)"
		}
		for v, names := range w {
			if sortedJSON(names) != sortedJSON(g[v]) {
				return " (of " + v + ")"
			}
		}
		return ""
	}
	if asJSON(want) != asJSON(got) {
		return " (exactly)"
	}
	return ""
}

func caseTexts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i], _ = list[i].(string)
	}
	return out
}

func sortedJSON(v any) string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i := range list {
		out[i] = asJSON(list[i])
	}
	slices.Sort(out)
	return strings.Join(out, ",")
}

// sameTies compares names of which only the order of priorities counts.
func (e *caseEnv) sameTies(want, got []string) string {
	priority := map[string]int{}
	for _, p := range e.policies {
		priority[p.Name] = p.Priority
	}
	if len(want) != len(got) {
		return " (not as many)"
	}
	for i := range want {
		if priority[want[i]] != priority[got[i]] {
			return fmt.Sprintf(" (priority of the %d. one)", i+1)
		}
	}
	w, g := slices.Clone(want), slices.Clone(got)
	slices.Sort(w)
	slices.Sort(g)
	if !slices.Equal(w, g) {
		return " (not the same ones)"
	}
	return ""
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
