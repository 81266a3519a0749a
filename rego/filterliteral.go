package rego

import (
	"errors"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
)

type readFilter = func(fields map[string]any, rx *pyregex.Cache) (filter.Filter, error)

// literalFilter reads a filter that is written down as a whole; nil for one that
// is not.
func (w *world) literalFilter(t *ast.Term, read readFilter) (*filter.Filter, error) {
	if !isData(t) {
		return nil, nil
	}
	f, err := w.filter(t.Value, read)
	if err != nil {
		return nil, err
	}
	return &f, nil
}

// checkFilters checks what is written down of a filter object in a policy: all of
// it, or the keys.
func (w *world) checkFilters(kind string, t *ast.Term, read readFilter) error {
	o, ok := t.Value.(ast.Object)
	if !ok || isData(t) {
		_, err := w.literalFilter(t, read)
		return err
	}
	var faults []error
	o.Foreach(func(k, v *ast.Term) {
		key, ok := k.Value.(ast.String)
		if !ok {
			return // known when it is evaluated
		}
		if isData(v) {
			_, err := w.filter(ast.NewObject(ast.Item(k, v)), read)
			faults = append(faults, err)
			return
		}
		faults = append(faults, filter.CheckKey(kind, string(key)))
	})
	return errors.Join(faults...)
}
