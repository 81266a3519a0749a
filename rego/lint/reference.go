package lint

import (
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/config"
)

// references checks what of data a module sees: a policy sees itself, libraries
// and documents, a library sees libraries and documents. Everything of data is
// reached through a path that begins with data, or through an import of one.
func (u *unit) references() {
	for _, i := range u.Imports {
		if ref, ok := i.Path.Value.(ast.Ref); ok {
			u.reference(i.Location, ref)
		}
	}
	for _, r := range u.Rules {
		ast.WalkTerms(r, func(t *ast.Term) bool {
			if ref, ok := t.Value.(ast.Ref); ok {
				u.reference(place(t, r.Location), ref)
			}
			return false
		})
	}
}

func (u *unit) reference(loc *ast.Location, ref ast.Ref) {
	if len(ref) == 0 || !ref[0].Equal(ast.DefaultRootDocument) {
		return
	}
	prefix := ref.ConstantPrefix()
	switch {
	case prefix.HasPrefix(libRef) && len(prefix) > len(libRef), prefix.HasPrefix(u.Package.Path):
		return
	case prefix.HasPrefix(policiesRef) && len(prefix) > len(policiesRef):
		u.report(loc, Error, OtherPolicy, fmt.Sprintf("%s belongs to another policy", ref),
			`call it with ak_call_policy("NAME", {}), or move what both need into package sallyport.lib.NAME`)
		return
	}
	name := document(prefix)
	switch {
	case name == "" || name == "sallyport":
		u.report(loc, Error, UnknownData, fmt.Sprintf("%s: policies see their own rules, data.sallyport.lib.NAME and the documents of data files, nothing else of data", ref), "")
	case !slices.Contains(u.language.Data, name):
		u.report(loc, Error, UnknownData, fmt.Sprintf("%s: policies see their own rules, data.sallyport.lib.NAME and the documents of data files, and no data file has %q%s",
			ref, name, config.DidYouMean(name, u.language.Data)), "")
	}
}

// document is the name of the document below data that a reference begins with.
func document(prefix ast.Ref) string {
	if len(prefix) < 2 {
		return ""
	}
	name, _ := prefix[1].Value.(ast.String)
	return string(name)
}
