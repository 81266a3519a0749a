package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// explanationJSON is how an expression policy came to its result, for --json.
type explanationJSON struct {
	Policy      string      `json:"policy"`
	Passing     bool        `json:"passing"`
	Error       string      `json:"error,omitempty"` // the code of the exception
	ErrorText   string      `json:"error_text,omitempty"`
	Messages    []string    `json:"messages"`
	Notes       []string    `json:"notes"`
	RawResult   any         `json:"raw_result"`
	Events      []eventJSON `json:"events"` // they were not written
	Rules       []ruleJSON  `json:"rules"`
	Calls       []callJSON  `json:"calls"`
	Reads       []string    `json:"reads"`  // what it can look at
	Looked      []string    `json:"looked"` // and has looked at
	Cacheable   bool        `json:"cacheable"`
	Uncacheable string      `json:"uncacheable,omitempty"`
	TookMS      float64     `json:"took_ms"`
	// Decided is the rule that gave allow its value.
	Decided *ruleJSON `json:"decided,omitempty"`
}

type eventJSON struct {
	Action  string         `json:"action"`
	Policy  string         `json:"policy"`
	Context map[string]any `json:"context"`
}

type ruleJSON struct {
	Policy   string `json:"policy"`
	Rule     string `json:"rule"`
	Location string `json:"location"`
	Text     string `json:"text"`
	Value    any    `json:"value"`
}

type callJSON struct {
	Name     string  `json:"name"`
	Args     []any   `json:"args"`
	Result   any     `json:"result"`
	Error    string  `json:"error,omitempty"`
	Location string  `json:"location"`
	TookMS   float64 `json:"took_ms"`
	Cached   bool    `json:"cached"`
}

func newExplanationJSON(name string, x *policyengine.Explanation, exception *policyengine.Exception) *explanationJSON {
	j := &explanationJSON{
		Policy: name, Passing: x.Result.Passing, Messages: orEmpty(x.Result.Messages), Notes: orEmpty(x.Result.Notes),
		RawResult: x.Result.Raw, Events: []eventJSON{}, Rules: []ruleJSON{}, Calls: []callJSON{},
		Cacheable: x.Reads.Uncacheable == "", Uncacheable: x.Reads.Uncacheable, TookMS: milliseconds(x.Took),
	}
	if exception != nil {
		j.Error, j.ErrorText = string(exception.Code), exception.Error()
	}
	for _, e := range x.Result.Events {
		j.Events = append(j.Events, eventJSON(e))
	}
	for _, r := range x.Rules {
		j.Rules = append(j.Rules, ruleJSON(r))
	}
	for _, c := range x.Calls {
		call := callJSON{Name: c.Name, Args: orEmpty(c.Args), Result: c.Result, Location: c.Location, TookMS: milliseconds(c.Took), Cached: c.Cached}
		if c.Err != nil {
			call.Error = c.Err.Error()
		}
		j.Calls = append(j.Calls, call)
	}
	j.Reads, j.Looked = inputPaths(x.Reads.Paths), inputPaths(x.Looked)
	j.Decided = j.decided()
	return j
}

// inputPaths are places of the input as policies write them.
func inputPaths(paths []policyengine.Path) []string {
	all := make([]string, len(paths))
	for i, p := range paths {
		all[i] = "input." + string(p)
		if p == "" {
			all[i] = "input"
		}
	}
	return all
}

// decided is the rule that gave allow its value; nil if none did, or the policy
// failed.
func (j *explanationJSON) decided() *ruleJSON {
	if j.Error != "" {
		return nil
	}
	for i := range j.Rules {
		if r := &j.Rules[i]; r.Policy == j.Policy && r.Rule == "allow" && r.Value == j.Passing {
			return r
		}
	}
	return nil
}

// print prints the explanation; about says which login it is about.
func (j *explanationJSON) print(env *environment, about string) error {
	p := &tree{}
	p.line(0, "%s", about)
	p.line(0, "policy %s %s (%.1f ms)", j.Policy, verb(j.Passing, j.Error), j.TookMS)
	j.write(p, 1)
	p.line(1, "looked at: %s", listOr(j.Looked, "nothing of the input"))
	p.line(1, "can look at: %s", listOr(j.Reads, "nothing of the input"))
	if j.Cacheable {
		p.line(1, "its results can be kept")
	} else {
		p.line(1, "its results are not kept: %s", j.Uncacheable)
	}
	return p.print(env)
}

// write writes what led to the result.
func (j *explanationJSON) write(p *tree, depth int) {
	if j.Error != "" {
		p.line(depth, "%s: %s", j.Error, j.ErrorText)
	}
	if j.Decided != nil {
		p.line(depth, "because of %s: %s", j.Decided.Location, j.Decided.Text)
	}
	for _, text := range j.Messages {
		p.line(depth, "tells the user: %s", text)
	}
	for _, text := range j.Notes {
		p.line(depth, "notes: %s", text)
	}
	if _, plain := j.RawResult.(bool); !plain && j.RawResult != nil {
		p.line(depth, "raw_result: %s", inJSON(j.RawResult))
	}
	for _, e := range j.Events {
		p.line(depth, "event, not written: %s %s", e.Action, inJSON(e.Context))
	}
	for i := range j.Rules {
		r := &j.Rules[i]
		if r == j.Decided {
			continue
		}
		name := r.Rule
		if r.Policy != j.Policy {
			name = r.Policy + ": " + name
		}
		p.line(depth, "%s is %s: %s, %s", name, inJSON(r.Value), r.Location, r.Text)
	}
	for _, c := range j.Calls {
		args := make([]string, len(c.Args))
		for i, a := range c.Args {
			args[i] = inJSON(a)
		}
		said := "= " + inJSON(c.Result)
		if c.Error != "" {
			said = "failed: " + c.Error
		}
		if c.Cached {
			said += ", as before"
		}
		where := ""
		if c.Location != "" {
			where = c.Location + ", "
		}
		p.line(depth, "%s(%s) %s (%s%.1f ms)", c.Name, strings.Join(args, ", "), said, where, c.TookMS)
	}
}

func verb(passing bool, code string) string {
	switch {
	case code != "":
		return "fails"
	case passing:
		return "passes"
	}
	return "refuses"
}

func listOr(items []string, none string) string {
	if len(items) == 0 {
		return none
	}
	return strings.Join(items, ", ")
}

const maxInLine = 160 // octets of a value in a line

func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	if len(text) > maxInLine {
		return strings.ToValidUTF8(string(text[:maxInLine]), "") + "…"
	}
	return string(text)
}

// tree is a text of indented lines.
type tree struct{ text strings.Builder }

func (t *tree) line(depth int, format string, args ...any) {
	fmt.Fprintf(&t.text, "%*s%s\n", 2*depth, "", onScreen(fmt.Sprintf(format, args...)))
}

func (t *tree) print(env *environment) error {
	if _, err := fmt.Fprint(env.stdout, t.text.String()); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
