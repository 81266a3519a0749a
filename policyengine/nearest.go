package policyengine

import "fmt"

// DidYouMean returns `, did you mean "x"?` for the known name that is nearest to
// a mistyped one, and nothing when none is near: more than a third of the
// letters would have to change.
func DidYouMean(name string, known []string) string {
	if len(name) > 128 { // no name is that long, and comparing costs its length
		return ""
	}
	best, bestDistance := "", len(name)/3+1
	for _, k := range known {
		if d := distance(name, k); d <= bestDistance && (best == "" || d < bestDistance) {
			best, bestDistance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// distance counts the letters to insert, delete or replace (Levenshtein).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
