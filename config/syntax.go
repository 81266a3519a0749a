package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const maxFile = 4 << 20 // bytes

// parseYAML reads the one document of a file. It refuses what we do not need
// and what could make parsing expensive (anchors, aliases, tags, complex keys,
// deep nesting) before the parser sees it.
func parseYAML(file string, data []byte) (root ast.Node, fault *Fault) {
	defer func() {
		// The parser is known to panic on odd input; that is a fault of the input.
		if r := recover(); r != nil {
			root, fault = nil, faultAt(file, place{1, 1}, "is not valid YAML (the parser gave up: %v)", r)
		}
	}()
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if fault := checkText(file, data); fault != nil {
		return nil, fault
	}
	tokens := lexer.Tokenize(string(data))
	if bad := tokens.InvalidToken(); bad != nil {
		return nil, faultAt(file, tokenPlace(bad), "is not valid YAML: %s", plainSyntax(bad.Error))
	}
	if fault := checkTokens(file, tokens); fault != nil {
		return nil, fault
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntaxFault(file, err)
	}
	return soleDocument(file, tree)
}

func faultAt(file string, at place, format string, args ...any) *Fault {
	return &Fault{File: file, Line: at.line, Column: at.column, Err: fmt.Errorf(format, args...)}
}

// tokenPlace is where a token stands.
func tokenPlace(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// checkText refuses files that are too large or not plain text.
func checkText(file string, data []byte) *Fault {
	if len(data) > maxFile {
		return faultAt(file, place{1, 1}, "the file has more than %d bytes", maxFile)
	}
	at := place{1, 0}
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		at.column++
		switch {
		case r == utf8.RuneError && size == 1:
			return faultAt(file, at, "is not valid UTF-8")
		case r == '\n':
			at = place{at.line + 1, 0}
		case r != '\t' && unicode.IsControl(r), r == '\ufeff', r == '\u2028', r == '\u2029':
			return faultAt(file, at, "has the control character %U; remove it, or write it as an escape in double quotes", r)
		}
		i += size
	}
	return nil
}

// soleDocument returns the content of the one document that a file may have.
func soleDocument(file string, tree *ast.File) (ast.Node, *Fault) {
	var root ast.Node
	for i, doc := range tree.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil || i > 0 && tree.Docs[i-1].Body != nil {
			at := tokenPlace(doc.Start)
			if doc.Start == nil {
				at = nodePlace(doc.Body)
			}
			return nil, faultAt(file, at, "a second document begins here; a file has only one")
		}
		root = doc.Body
	}
	if root == nil {
		return nil, faultAt(file, place{1, 1}, "the file is empty")
	}
	return root, nil
}

// syntaxFault turns an error of the parser into ours: one line, with the place
// in front.
func syntaxFault(file string, err error) *Fault {
	var syntax interface {
		GetToken() *token.Token
		GetMessage() string
	}
	if errors.As(err, &syntax) {
		return faultAt(file, tokenPlace(syntax.GetToken()), "is not valid YAML: %s", plainSyntax(syntax.GetMessage()))
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return faultAt(file, place{1, 1}, "is not valid YAML: %s", first)
}

// plainSyntax says in other words what the parser says in its own.
func plainSyntax(message string) string {
	switch {
	case strings.HasPrefix(message, "non-map value is specified"):
		return "a key: value is due here; is a colon missing, or the blank after it?"
	case strings.HasPrefix(message, "unexpected key name"):
		return "a key without a value; is a colon missing, or the blank after it?"
	case strings.HasPrefix(message, "mapping value is not allowed in this context"):
		return "a key is not allowed here; is the indentation wrong, or a text with a colon not in quotes?"
	case strings.HasPrefix(message, "value is not allowed in this context"):
		return "a value is not allowed here; is the indentation wrong, or a quote missing?"
	case strings.HasPrefix(message, "found an invalid key for this map"):
		return "a text that begins with a colon needs quotes (an IPv6 address in a list, for one)"
	case strings.Contains(message, "tab character"), strings.Contains(message, "'\t'"):
		return "a tab is used for indentation; use blanks"
	}
	return message
}
