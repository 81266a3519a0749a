package scoped

import (
	"errors"
	"regexp"
	"slices"
	"strings"
)

// ImportText reads the INI-like text of the original. It reads what ExportText
// and the original write, also what the original itself stumbles over: lists with
// several members, names with brackets, values with hash signs; and what people
// write by hand: comments, lists without brackets, actions as text, values over
// several lines between three quotes. All faults are reported at once, each with
// its line, as ErrInvalid.
func ImportText(text string) (Imported, error) {
	if len(text) > maxImport {
		return Imported{}, failf(ErrInvalid, "import text: more than %d octets", maxImport)
	}
	r := &textReader{names: map[string]bool{}}
	r.read(text)
	r.finish()
	if len(r.faults) > 0 {
		return Imported{}, errors.Join(r.faults...)
	}
	return r.out, nil
}

const (
	maxFaults     = 100   // that one import reports
	maxValueLines = 1_000 // of one value
)

// textReader is the reading of one text.
type textReader struct {
	out     Imported
	names   map[string]bool
	faults  []error
	line    int
	section object // attributes of the current section; nil before the first
	start   int    // its line
}

func (r *textReader) fault(line int, format string, args ...any) {
	if len(r.faults) < maxFaults {
		r.faults = append(r.faults, failf(ErrInvalid, "line %d: "+format, append([]any{line}, args...)...))
	}
}

func (r *textReader) read(text string) {
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i := 0; i < len(lines); i++ {
		r.line = i + 1
		line := trim(lines[i])
		key, value, found := strings.Cut(line, "=")
		key = trim(key)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			r.header(line)
		case !found || key == "":
			r.fault(r.line, "%.60q is neither a [name] nor an attribute with a value", line)
		case r.section == nil:
			r.fault(r.line, "%.60q stands before the first [name]", key)
		default:
			value = trim(value)
			if quotes := tripleQuote(value); quotes != "" {
				value, i = joinLines(lines, i, value, quotes)
			}
			r.attribute(key, value)
		}
	}
}

// header begins a section.
func (r *textReader) header(line string) {
	r.finish()
	r.section, r.start = object{}, r.line
	name, ok := sectionName(line)
	if !ok {
		r.fault(r.line, "%.60q has no closing bracket", line)
		return
	}
	if r.names[name] {
		r.fault(r.line, "the name %.60q is there twice", name)
	}
	r.names[name] = true
	r.section = append(r.section, objectMember{"name", name})
}

// sectionName returns what stands between the first bracket and the last one
// before a comment. A name in quotes is a literal, in which brackets and hash
// signs mean nothing.
func sectionName(line string) (string, bool) {
	end := strings.LastIndexByte(line, ']')
	if end < 0 {
		return "", false
	}
	if name, ok := quotedName(line[1:end]); ok {
		return name, true
	}
	if at := headerLike.FindStringIndex(line); at != nil {
		end = at[0]
		if name, ok := quotedName(line[1:end]); ok {
			return name, true
		}
	}
	if rest := line[end+1:]; rest != "" && !strings.HasPrefix(trim(rest), "#") {
		return "", false
	}
	return trim(line[1:end]), true
}

// quotedName reads a name that is one literal in quotes.
func quotedName(text string) (string, bool) {
	text = trim(text)
	if text == "" || text[0] != '\'' && text[0] != '"' {
		return "", false
	}
	v, err := parseLiteral(text)
	name, ok := v.(string)
	return name, err == nil && ok
}

// attribute adds one attribute to the section. The name stands in the header, so
// that there cannot be two.
func (r *textReader) attribute(key, text string) {
	if key == "name" {
		return
	}
	v, err := attributeValue(key, text)
	if err != nil {
		r.fault(r.line, "%s: %w", key, err)
		return
	}
	if len(r.section) >= maxAttributes || slices.ContainsFunc(r.section, func(m objectMember) bool { return m.key == key }) {
		r.fault(r.line, "%.60s: is there twice, or is one attribute too many", key)
		return
	}
	r.section = append(r.section, objectMember{key, v})
}

// finish makes a policy of the section.
func (r *textReader) finish() {
	if r.section == nil {
		return
	}
	p, notes, err := policyOf(r.section)
	if err != nil {
		r.fault(r.start, "policy %.60q: %w", p.Name, err)
	}
	r.out.Policies = append(r.out.Policies, p)
	r.out.Notes = append(r.out.Notes, notes...)
}

// attributeValue reads the value of an attribute: a literal, several literals
// with commas between, or bare text up to a comment.
func attributeValue(key, text string) (any, error) {
	opening := `[({'"`
	if key == "scope" || key == "time" || key == "description" {
		opening = `'"`
	}
	if text == "" || !strings.ContainsRune(opening, rune(text[0])) {
		if bare := bareValue(text); bare != "None" || len(opening) == 2 {
			return bare, nil
		}
		return nil, nil
	}
	v, err := literalBeforeComment(text)
	if err != nil && (text[0] == '\'' || text[0] == '"') {
		if list, listErr := literalBeforeComment("[" + bareValue(text) + "]"); listErr == nil {
			return list, nil
		}
	}
	return v, err
}

// literalBeforeComment reads a literal that may have a comment behind it. A hash
// sign inside of quotes begins none, so all are tried.
func literalBeforeComment(text string) (any, error) {
	v, err := parseLiteral(text)
	if err == nil {
		return v, nil
	}
	places := comment.FindAllStringIndex(text, 64)
	for _, at := range slices.Backward(places) {
		if v, cutErr := parseLiteral(text[:at[0]]); cutErr == nil {
			return v, nil
		}
	}
	return nil, err
}

// bareValue cuts a comment off a value without quotes.
func bareValue(text string) string {
	if strings.HasPrefix(text, "#") {
		return ""
	}
	if at := comment.FindStringIndex(text); at != nil {
		text = text[:at[0]]
	}
	return trim(text)
}

// opensTriple finds three quotes at the beginning of a value.
var opensTriple = regexp.MustCompile(`^('''|""")`)

// tripleQuote returns the three quotes that a value of several lines begins
// with, or "".
func tripleQuote(value string) string { return opensTriple.FindString(value) }

// joinLines returns a value that stands between three quotes, and the number of
// its last line. Without the closing quotes it is left as it is, a fault.
func joinLines(lines []string, first int, value, quotes string) (string, int) {
	text := value[len(quotes):]
	var parts []string
	for i := first; i < min(len(lines), first+maxValueLines); i++ {
		if i > first {
			text = strings.TrimSuffix(lines[i], "\r")
		}
		before, _, found := strings.Cut(text, quotes)
		parts = append(parts, before)
		if found {
			return strings.Join(parts, "\n"), i
		}
	}
	return value, first
}
