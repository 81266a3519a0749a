package scoped

import "fmt"

type index struct{}

func buildIndex(*Set) index { return index{} }

// collect appends the policies that pass all stages before end, by id.
func (s *Set) collect(a *asked, end stage, ids []uint32) ([]uint32, error) {
next:
	for i := range s.all {
		c := &s.all[i]
		for st := stageName; st < end; st++ {
			ok, err := s.compare(a, c, st)
			if err != nil {
				return nil, fmt.Errorf("scoped policy %q: %w", c.Name, err)
			}
			if !ok {
				continue next
			}
		}
		ids = append(ids, uint32(i))
	}
	return ids, nil
}
