package regotest

import (
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
)

// Coverage says which lines of the policies tests went through: those with rules
// and expressions.
type Coverage struct {
	// Percent is that of all files together.
	Percent float64
	// Files are sorted by name.
	Files []FileCoverage
}

// FileCoverage is the coverage of one file.
type FileCoverage struct {
	File    string
	Percent float64
	// Missing are the lines that no test went through, sorted.
	Missing []int
}

// coverageOf tells the coverage of policies, without their tests.
func coverageOf(c *cover.Cover, policies map[string]*ast.Module) *Coverage {
	report := c.Report(policies)
	all := &Coverage{Percent: 100}
	covered, lines := 0, 0
	for _, file := range slices.Sorted(maps.Keys(policies)) {
		f := report.Files[file]
		if f == nil || f.CoveredLines+f.NotCoveredLines == 0 {
			continue
		}
		missing := map[int]bool{}
		for _, r := range f.NotCovered {
			for row := r.Start.Row; row <= r.End.Row; row++ {
				missing[row] = true
			}
		}
		covered += f.CoveredLines
		lines += f.CoveredLines + f.NotCoveredLines
		all.Files = append(all.Files, FileCoverage{file, f.Coverage, slices.Sorted(maps.Keys(missing))})
	}
	if lines > 0 {
		all.Percent = 100 * float64(covered) / float64(lines)
	}
	return all
}
