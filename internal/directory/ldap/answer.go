package ldap

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	goldap "github.com/go-ldap/ldap/v3"
)

// firstLocalCode begins the codes that go-ldap uses for errors of its own; the
// servers' are below.
const firstLocalCode = goldap.ErrorNetwork

// refusal is what a server answered instead of entries.
type refusal struct {
	code uint16
	text string
}

// Error implements error.
func (r *refusal) Error() string { return "the server answers " + resultText(int(r.code), r.text) }

// resultText names a result code, with what the server wrote to it.
func resultText(code int, text string) string {
	name := "no code that is known"
	if code >= 0 && code < firstLocalCode {
		if known := goldap.LDAPResultCodeMap[uint16(code)]; known != "" {
			name = strings.ToLower(known)
		}
	}
	if text = cleanText(text); text == "" {
		return fmt.Sprintf("%d (%s)", code, name)
	}
	return fmt.Sprintf("%d (%s): %s", code, name, text)
}

// hasCode reports whether err is a server's answer with this code.
func hasCode(err error, code uint16) bool {
	var r *refusal
	return errors.As(err, &r) && r.code == code
}

// search asks for entries. A *refusal is what the server said; any other error
// means that none could be asked. References to other servers are not followed.
func (d *Directory) search(ctx context.Context, req *goldap.SearchRequest) ([]*entry, error) {
	result, err := d.cluster.Search(ctx, req)
	if err != nil {
		var answer *goldap.Error
		if errors.As(err, &answer) && answer.ResultCode < firstLocalCode {
			text := ""
			if answer.Err != nil {
				text = answer.Err.Error()
			}
			return nil, &refusal{code: answer.ResultCode, text: text}
		}
		return nil, err
	}
	if result.ResultCode != goldap.LDAPResultSuccess {
		return nil, &refusal{code: result.ResultCode, text: result.DiagnosticMessage}
	}
	if more, ok := goldap.FindControl(result.Controls, goldap.ControlTypePaging).(*goldap.ControlPaging); ok && len(more.Cookie) > 0 {
		return nil, errors.New("the server sent the first page only")
	}
	list := make([]*entry, len(result.Entries))
	for i, from := range result.Entries {
		if list[i], err = newEntry(from); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// cleanText makes text from a server fit for a log: one line, valid UTF-8, short.
func cleanText(text string) string {
	const longest = 200
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= longest {
		return text
	}
	end := longest
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
