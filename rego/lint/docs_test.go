package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestCodesAreDocumented: the page on the language has a line for each code.
func TestCodesAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/policies/language.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := 0
	ast.Inspect(source, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !spec.Names[0].IsExported() || spec.Type != nil {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		code, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		codes++
		if !strings.Contains(string(page), "\n| `"+code+"` |") {
			t.Errorf("the page on the language does not tell of %s", code)
		}
		return true
	})
	if codes < len(silenceable) {
		t.Errorf("only %d codes were found", codes)
	}
}
