package policyengine

// Values are the values that scoped policies set for one action of one scope,
// and which policy set them. The zero value means that no policy speaks of it.
type Values struct {
	// Set lists the distinct values of the policies with the best priority, in
	// policy order. An action without a value counts as "true".
	Set []Setting
}

// Setting is one value and the names of the policies that set it.
type Setting struct {
	Value    string
	Policies []string
}

// First returns the first value, and false when no policy sets one.
func (v Values) First() (Setting, bool) {
	if len(v.Set) == 0 {
		return Setting{}, false
	}
	return v.Set[0], true
}
