package lint

import (
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// FuzzModules: whatever parses is looked at without a panic, and what is found
// has a place in the text.
func FuzzModules(f *testing.F) {
	for _, tt := range cases {
		f.Add(policy(tt.lines))
		f.Add(library(tt.lines))
	}
	f.Add("package x\nimport data.a.b as c\nc[x].y contains z if { some x; every i in c { not i.z } }")
	l := language()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			t.Skip("too long to be quick")
		}
		m, err := ast.ParseModuleWithOpts("p.rego", text, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil || m == nil {
			return
		}
		lines := strings.Split(text, "\n")
		for _, finding := range Modules(map[string]*ast.Module{"p.rego": m}, l) {
			if finding.File != "p.rego" || finding.Line < 1 || finding.Line > len(lines) || finding.Column < 1 || finding.Column > len(lines[finding.Line-1])+1 {
				t.Errorf("place outside of the text: %v", finding)
			}
		}
	})
}
