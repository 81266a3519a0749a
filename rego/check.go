package rego

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/rego/lint"
)

// language tells the checks what policies can use: the functions of caps, the
// documents of data, and what ak_call_policy can call beside the policies, which
// are not in the set yet.
func (s *Set) language(caps *ast.Capabilities, documents []string) lint.Language {
	functions := make(map[string]bool, len(caps.Builtins))
	for _, b := range caps.Builtins {
		functions[b.Name] = true
	}
	return lint.Language{
		Functions: functions,
		Names:     ruleNames(caps),
		Missing:   missing,
		Literals:  s.builtins.checkLiterals,
		Callable: func(name string) bool {
			_, err := s.callee(name)
			return err == nil
		},
		Data: documents,
	}
}

// checkLiterals checks the arguments of a helper as they are written: patterns,
// networks, filters. Further arguments than it has are the compiler's business.
func (bs *builtins) checkLiterals(function string, args []*ast.Term) []error {
	b := bs.byName[function]
	if b == nil || b.literal == nil || len(args) < len(b.args) {
		return nil
	}
	return b.literal(args[:len(b.args)])
}

// split parts findings into faults and warnings.
func split(findings []lint.Finding) (faults []error, warnings []config.Warning) {
	for _, f := range findings {
		if f.Severity == lint.Error {
			faults = append(faults, f)
			continue
		}
		warnings = append(warnings, config.Warning{File: f.File, Line: f.Line, Column: f.Column, Text: f.Message()})
	}
	return faults, warnings
}

// explain turns errors of the parser and the compiler into lines with file, line
// and column, and adds what to do about it. The file is the one that was parsed;
// the compiler's errors are of several. What findings say already is left out.
func explain(f file, err error, findings []lint.Finding) error {
	var list ast.Errors
	if !errors.As(err, &list) {
		if f.name == "" {
			return err
		}
		return fmt.Errorf("%s: %w", f.name, err)
	}
	known := map[string]bool{}
	for _, found := range findings {
		if found.Code == lint.UnknownFunction {
			name, _, _ := strings.Cut(strings.TrimPrefix(found.Text, undefinedFunction), ",")
			known[name] = true
		}
	}
	faults := make([]error, 0, len(list))
	for _, e := range list {
		if name, ok := strings.CutPrefix(e.Message, undefinedFunction); ok && known[name] {
			continue
		}
		faults = append(faults, at(e.Location, "%s%s", e.Message, hint(e, f.text)))
	}
	return errors.Join(faults...)
}

const undefinedFunction = "undefined function "

// hint says more about errors that administrators make often.
func hint(e *ast.Error, text []byte) string {
	if name, ok := strings.CutPrefix(e.Message, "var "); ok {
		name, unsafe := strings.CutSuffix(name, " is unsafe")
		if instead := elsewhere[name]; unsafe && instead != "" {
			return ": write " + instead
		}
		if unsafe {
			return ": nothing gives it a value; write name := … before, or input.… for a fact of the login"
		}
	}
	lines := bytes.Split(text, []byte("\n"))
	if e.Code != ast.ParseErr || e.Location == nil || e.Location.Row < 1 || e.Location.Row > len(lines) {
		return ""
	}
	return syntaxHint(string(lines[e.Location.Row-1]))
}

// elsewhere are names of authentik and of Python, and what they are here.
var elsewhere = map[string]string{
	"request": "input.request", "context": "input.context", "user": "input.request.user", "obj": "input.request.obj",
	"geoip": "input.geoip", "asn": "input.asn", "ak_client_ip": "input.client_ip", "client_ip": "input.client_ip",
	"ak_is_sso_flow": "input.is_sso_flow", "http_request": "input.request.http_request",
	"True": "true", "False": "false", "None": "null",
}

var notCode = regexp.MustCompile("\"[^\"]*\"|`[^`]*`|#.*")

// syntaxHint guesses by the words of a line what another language meant by it.
func syntaxHint(line string) string {
	words := map[string]bool{}
	for _, w := range strings.FieldsFunc(notCode.ReplaceAllString(line, ""), func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) {
		words[w] = true
	}
	switch {
	case words["return"]:
		return ": nothing is returned here; write allow if …"
	case words["elif"] || words["def"]:
		return ": this is no Python; write one rule for each case: allow if …"
	case words["and"]:
		return ": write what must hold together on lines of their own, or with ; between"
	case words["or"]:
		return ": write a rule for each alternative: allow if … twice"
	}
	return ""
}

// at makes an error about a place in a file.
func at(loc *ast.Location, format string, args ...any) error {
	what := fmt.Errorf(format, args...)
	if loc == nil || loc.File == "" {
		return what
	}
	return fmt.Errorf("%s:%d:%d: %w", loc.File, loc.Row, max(loc.Col, 1), what) // the end of a file has no column
}
