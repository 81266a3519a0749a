package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/internal/policystore"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/policyengine/scoped"
)

// importReport is what an import of policies does, for --json.
type importReport struct {
	DryRun    bool             `json:"dry_run"`
	Stored    bool             `json:"stored"`
	New       int              `json:"new"`
	Changed   int              `json:"changed"`
	Unchanged int              `json:"unchanged"`
	Deleted   int              `json:"deleted"`
	Refused   int              `json:"refused"`
	Policies  []importedPolicy `json:"policies"`
	Notes     []string         `json:"notes"`
	YAML      string           `json:"yaml,omitempty"`
}

// importedPolicy is what becomes of one policy.
type importedPolicy struct {
	Name   string       `json:"name"`
	Result importResult `json:"result"`
	// Reasons say why it is refused, Attributes what of it is changed, Differences
	// where the two semantics differ for it.
	Reasons     []string `json:"reasons"`
	Attributes  []string `json:"attributes"`
	Differences []string `json:"differences"`
}

// importResult says what becomes of a policy.
type importResult string

const (
	importNew       importResult = "new"
	importChanged   importResult = "changed"
	importUnchanged importResult = "unchanged"
	importDeleted   importResult = "deleted"
	importRefused   importResult = "refused"
)

// errRefused says that policies of an import are refused.
var errRefused = errors.New("nothing was stored")

// planImport puts policies among the stored ones, and says what becomes of each.
// With replace, those that are not given are deleted.
func planImport(files *policyengine.Scoped, stored, given []scoped.Policy, replace bool) ([]scoped.Policy, *importReport) {
	p := importPlan{
		files: files, inFile: places(files.Policies), inStore: places(stored),
		edited: slices.Clone(stored), given: make(map[string]bool, len(given)), report: &importReport{},
	}
	for i := range given {
		p.report.Policies = append(p.report.Policies, p.put(given[i]))
	}
	if replace {
		p.edited = slices.DeleteFunc(p.edited, func(q scoped.Policy) bool {
			gone := !p.given[q.Name]
			if gone {
				p.report.Policies = append(p.report.Policies, importedPolicy{Name: q.Name, Result: importDeleted})
			}
			return gone
		})
	}
	p.report.count()
	return p.edited, p.report
}

// importPlan is the making of a plan.
type importPlan struct {
	files           *policyengine.Scoped
	inFile, inStore map[string]int
	edited          []scoped.Policy
	given           map[string]bool
	report          *importReport
}

func places(policies []scoped.Policy) map[string]int {
	at := make(map[string]int, len(policies))
	for i := range policies {
		at[policies[i].Name] = i
	}
	return at
}

func (p *importPlan) put(given scoped.Policy) importedPolicy {
	r := importedPolicy{Name: given.Name, Result: importUnchanged}
	file, filed := p.inFile[given.Name]
	at, stored := p.inStore[given.Name]
	switch {
	case p.given[given.Name]:
		r.Reasons = []string{"the name is there twice"}
	case filed:
		own := &p.files.Policies[file]
		if r.Attributes = changedAttributes(own, &given); len(r.Attributes) > 0 {
			r.Reasons = []string{fmt.Sprintf("%v, %s, and differs there: change it there", policystore.ErrInFile, own.Origin)}
		}
	case stored:
		r.Attributes = changedAttributes(&p.edited[at], &given)
		if r.Reasons = faultsOf(&given, p.files.Options); len(r.Attributes) > 0 && len(r.Reasons) == 0 {
			r.Result, p.edited[at] = importChanged, given
		}
	default:
		if r.Reasons = faultsOf(&given, p.files.Options); len(r.Reasons) == 0 {
			r.Result, p.edited = importNew, append(p.edited, given)
		}
	}
	p.given[given.Name] = true
	if len(r.Reasons) > 0 {
		r.Result = importRefused
	}
	return r
}

// faultsOf is what is wrong with one policy by itself.
func faultsOf(p *scoped.Policy, o scoped.Options) []string {
	alone := []scoped.Policy{*p}
	_, err := scoped.Compile(alone, o)
	if o.Semantics == scoped.Hardened {
		err = errors.Join(err, scoped.CheckValues(alone))
	}
	return reasons(err)
}

// reasons are the texts of joined faults, without the name of the policy.
func reasons(err error) []string {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		var texts []string
		for _, e := range list.Unwrap() {
			texts = append(texts, reasons(e)...)
		}
		return texts
	}
	var fault *scoped.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		return []string{fault.Attribute + ": " + fault.Err.Error()}
	}
	return []string{err.Error()}
}

// changedAttributes are the attributes in which two policies differ. The order of
// actions is none.
func changedAttributes(a, b *scoped.Policy) []string {
	x, y := attributes(a), attributes(b)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(x)) {
		if name != "origin" && x[name] != y[name] {
			names = append(names, name)
		}
	}
	return names
}

// attributes are those of a policy, each as JSON.
func attributes(p *scoped.Policy) map[string]string {
	data, err := json.Marshal(newPolicyJSON(p))
	var raw map[string]json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &raw)
	}
	texts := make(map[string]string, len(raw))
	for name, value := range raw {
		texts[name] = string(value)
	}
	if err != nil { // texts and numbers are always JSON
		texts["name"] = err.Error()
	}
	return texts
}

func (r *importReport) count() {
	counts := map[importResult]int{}
	for _, p := range r.Policies {
		counts[p.Result]++
	}
	r.New, r.Changed, r.Unchanged = counts[importNew], counts[importChanged], counts[importUnchanged]
	r.Deleted, r.Refused = counts[importDeleted], counts[importRefused]
}

// refusal is an errRefused with all reasons if a policy is refused.
func (r *importReport) refusal() error {
	var faults []error
	for _, p := range r.Policies {
		for _, reason := range p.Reasons {
			faults = append(faults, fmt.Errorf("policy %q: %s", p.Name, onScreen(reason)))
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return errors.Join(append(faults, errRefused)...)
}

// finish adds what the file says, and where the semantics differ.
func (r *importReport) finish(given *scoped.Imported, dryRun, stored bool) {
	r.DryRun, r.Stored, r.Notes = dryRun, stored, orEmpty(given.Notes)
	differences := map[string][]string{}
	for _, d := range scoped.Differences(given.Policies, scoped.NewDefinitions()) {
		differences[d.Policy] = append(differences[d.Policy], d.Attribute+": "+d.Text)
	}
	for i := range r.Policies {
		p := &r.Policies[i]
		p.Reasons, p.Attributes, p.Differences = orEmpty(p.Reasons), orEmpty(p.Attributes), orEmpty(differences[p.Name])
	}
}

// silent is errSilent if a policy is refused: the report has told.
func (r *importReport) silent() error {
	if r.Refused > 0 {
		return errSilent
	}
	return nil
}

// print prints the report.
func (r *importReport) print(w io.Writer) error {
	var b strings.Builder
	differences := 0
	for _, p := range r.Policies {
		fmt.Fprintf(&b, "%-9s  %s", p.Result, onScreen(p.Name))
		if p.Result == importChanged {
			b.WriteString(": " + strings.Join(p.Attributes, ", "))
		}
		b.WriteByte('\n')
		for _, reason := range p.Reasons {
			fmt.Fprintf(&b, "           refused: %s\n", onScreen(reason))
		}
		for _, d := range p.Differences {
			fmt.Fprintf(&b, "           differs: %s\n", onScreen(d))
		}
		differences += len(p.Differences)
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", onScreen(note))
	}
	fmt.Fprintf(&b, "%d new, %d changed, %d unchanged, %d deleted, %d refused; %d differences between hardened and compat\n",
		r.New, r.Changed, r.Unchanged, r.Deleted, r.Refused, differences)
	b.WriteString(r.ending())
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *importReport) ending() string {
	switch {
	case r.DryRun:
		return "dry run: nothing was stored\n"
	case r.Refused > 0:
		return errRefused.Error() + "\n"
	case r.Stored && r.New+r.Changed+r.Deleted > 0:
		return "stored; " + takenOver + "\n"
	}
	return ""
}
