package policyengine

// KeyOf writes what is read at the paths of a login; why says that no key can be
// made of them.
func KeyOf(paths []Path, in *Input) (key any, why string) {
	facts, why := factsAt(paths)
	var k cacheKey
	k.fill(&question{facts: facts}, in)
	return k, why
}

// FactPaths are the places that have facts, and whether they are in keys.
func FactPaths() map[Path]bool {
	all := map[Path]bool{}
	for _, f := range documentFacts() {
		all[f.path] = f.fleeting == ""
	}
	return all
}
