package userimport

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/sallyport-auth/sallyport/internal/store"
)

// Report is what became of a file. It shows no password and no hash.
type Report struct {
	File string `json:"file"`
	// DryRun says that nothing was to be stored, Partial that what is good was to
	// be stored in spite of faults.
	DryRun  bool `json:"dry_run"`
	Partial bool `json:"partial"`
	// Stored is false when nothing was stored: in a dry run, or because of
	// faults. Lines then say what would have been.
	Stored bool   `json:"stored"`
	Users  Counts `json:"users"`
	Faults int    `json:"faults"`
	// Ignored counts the records that are neither users nor groups.
	Ignored     int      `json:"ignored"`
	GroupsAdded []string `json:"groups_added"`
	Lines       []Line   `json:"lines"`
}

// Counts counts the users of a file by what became of them.
type Counts struct {
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
}

// Line is what became of the record that begins in a line.
type Line struct {
	Line int `json:"line"`
	// Kind is user, group, or record for one that is at fault or neither.
	Kind string `json:"kind"`
	// Name is the login, the name of the group or the DN; empty if the record
	// has none.
	Name string `json:"name"`
	// Result is added, updated, unchanged, skipped or fault.
	Result string `json:"result"`
	// Detail is what was changed, or why it was not.
	Detail   string   `json:"detail,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

const (
	kindUser   = "user"
	kindGroup  = "group"
	kindRecord = "record"
)

func newReport(f *File, in store.Import, done store.Imported, dryRun bool) *Report {
	r := &Report{
		File: f.Name, DryRun: dryRun, Partial: in.Partial, Stored: done.Stored, Ignored: len(f.Ignored),
		GroupsAdded: append([]string{}, done.Made...), Lines: []Line{}, // JSON prints [], not null
	}
	for i, u := range f.Users {
		r.addUser(u, in.Users[i], done.Users[i])
	}
	nested := done.Nested
	for i, g := range f.Groups {
		r.addGroup(g, done.Groups[i], nested[:len(g.Members)])
		nested = nested[len(g.Members):]
	}
	for _, n := range f.Faults {
		r.add(Line{Line: n.Line, Kind: kindRecord, Name: n.Name, Result: store.Faulty.String(), Detail: n.Text})
	}
	for _, n := range f.Ignored {
		r.add(Line{Line: n.Line, Kind: kindRecord, Name: n.Name, Result: store.Skipped.String(), Detail: n.Text})
	}
	slices.SortStableFunc(r.Lines, func(a, b Line) int { return cmp.Compare(a.Line, b.Line) })
	return r
}

func (r *Report) add(l Line) {
	if l.Result == store.Faulty.String() {
		r.Faults++
	}
	r.Lines = append(r.Lines, l)
}

func (r *Report) addUser(u User, given store.NewUser, done store.Result) {
	l := newLine(u.Line, kindUser, u.Login, done)
	switch done.Outcome {
	case store.Added:
		r.Users.Added++
		l.Warnings = u.Warnings
		if given.PasswordHash.Reveal() == "" {
			l.Warnings = append(slices.Clip(l.Warnings), "has no password; \"sallyport user passwd\" sets one")
		}
	case store.Updated:
		r.Users.Updated++
		l.Warnings = u.Warnings
	case store.Unchanged:
		r.Users.Unchanged++
	case store.Skipped:
		r.Users.Skipped++
		l.Detail = "exists"
	case store.Faulty: // add counts it
	}
	r.add(l)
}

// addGroup reports a group, together with what became of the groups in it.
func (r *Report) addGroup(g Group, done store.Result, nested []store.Result) {
	for i, n := range nested {
		switch {
		case done.Err != nil:
		case n.Err != nil:
			done = n
		case n.Outcome == store.Skipped:
			g.Warnings = append(slices.Clip(g.Warnings), fmt.Sprintf("group %q exists and is not put in; that takes an update", clip(g.Members[i])))
		case n.Outcome == store.Updated && done.Outcome != store.Added:
			done.Outcome, done.Changed = store.Updated, append(done.Changed, n.Changed...)
		}
	}
	l := newLine(g.Line, kindGroup, g.Name, done)
	l.Warnings = g.Warnings
	r.add(l)
}

func newLine(line int, kind, name string, done store.Result) Line {
	l := Line{Line: line, Kind: kind, Name: name, Result: done.Outcome.String(), Detail: strings.Join(done.Changed, ", ")}
	if done.Err != nil {
		l.Detail = strings.ReplaceAll(done.Err.Error(), "\n", "; ")
	}
	return l
}

// WriteText writes the report for people: a line for each record, its warnings
// below it, and the sum at the end.
func (r *Report) WriteText(w io.Writer) error {
	out := &printer{w: w}
	for _, l := range r.Lines {
		place := fmt.Sprintf("%s:%d: ", r.File, l.Line)
		if l.Name != "" {
			place += visible(l.Name) + ": "
		}
		if l.Kind == kindGroup {
			place += "group "
		}
		detail := l.Result
		if l.Detail != "" {
			detail += ": " + l.Detail
		}
		out.printf("%s%s\n", place, detail)
		for _, warning := range l.Warnings {
			out.printf("%swarning: %s\n", strings.TrimSuffix(place, "group "), warning)
		}
	}
	if len(r.GroupsAdded) > 0 {
		out.printf("groups added: %s\n", strings.Join(r.GroupsAdded, ", "))
	}
	out.printf("%s\n", r.Summary())
	return out.err
}

// Summary says in one line what became of the file.
func (r *Report) Summary() string {
	sum := fmt.Sprintf("users: %d added, %d updated, %d unchanged, %d skipped; groups added: %d; other records skipped: %d; faults: %d",
		r.Users.Added, r.Users.Updated, r.Users.Unchanged, r.Users.Skipped, len(r.GroupsAdded), r.Ignored, r.Faults)
	switch {
	case r.DryRun && r.Faults > 0 && !r.Partial:
		return "dry run; because of the faults nothing would be stored, without them it would be " + sum
	case r.DryRun:
		return "dry run, nothing was stored; it would be " + sum
	case !r.Stored:
		return "nothing was stored because of the faults; without them it would be " + sum
	}
	return sum
}

// visible is a name that may stand in a line of the report as it is, or quoted.
func visible(name string) string {
	name = clip(name)
	if strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.Contains(name, ": ") {
		return strconv.Quote(name)
	}
	return name
}

// printer remembers the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}
