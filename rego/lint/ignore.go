package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-auth/sallyport/config"
)

const ignoreMark = "sallyport: ignore "

// heard leaves out the warnings that a comment on their line silences, as in
//
//	allow if time.now_ns() > 5 # sallyport: ignore time-now
//
// Errors cannot be silenced.
func (u *unit) heard(found []Finding) []Finding {
	silent := map[int][]string{}
	for _, c := range u.Comments {
		codes, ok := strings.CutPrefix(strings.TrimSpace(string(c.Text)), ignoreMark)
		if !ok {
			continue
		}
		for code := range strings.FieldsSeq(strings.ReplaceAll(codes, ",", " ")) {
			if !slices.Contains(silenceable, code) {
				found = append(found, at(c.Location, Warning, NothingToBeIgnored, fmt.Sprintf("there is no warning %q to ignore%s", code, config.DidYouMean(code, silenceable)), ""))
			}
			silent[c.Location.Row] = append(silent[c.Location.Row], code)
		}
	}
	return slices.DeleteFunc(found, func(f Finding) bool {
		return f.Severity == Warning && slices.Contains(silent[f.Line], f.Code)
	})
}
