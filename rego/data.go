package rego

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"

	"github.com/sallyport-auth/sallyport/config"
)

// tree is a value of a data file with its place; objects are trees of their
// values.
type tree struct {
	value  any // where it is no object
	object map[string]*tree
	place  position
}

// position is where a value stands: line and column count from 1 and are 0 where
// only the file is known.
type position struct {
	file         string
	line, column int
}

// String is "file:line:column".
func (p position) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column)
}

// plain is the value without places.
func (t *tree) plain() any {
	if t.object == nil {
		return t.value
	}
	object := make(map[string]any, len(t.object))
	for key, below := range t.object {
		object[key] = below.plain()
	}
	return object
}

// merge puts the objects of another tree into this one. What both have is a
// fault that names both places.
func (t *tree) merge(from *tree, at string) []error {
	if t.object == nil || from.object == nil {
		return []error{fmt.Errorf("%s: %s is there already, in %s: each value can be in one file only", from.place, at, t.place)}
	}
	var faults []error
	for _, key := range sortedKeys(from.object) {
		if t.object[key] == nil {
			t.object[key] = from.object[key]
			continue
		}
		faults = append(faults, t.object[key].merge(from.object[key], at+"."+key)...)
	}
	return faults
}

// documents decodes all data files and puts each at the path of its directory
// below the root. Nothing may be below sallyport, where the rules are, so that
// data and rules cannot be in each other's way. The error joins the faults of
// all files.
func (s *source) documents() (map[string]any, error) {
	root := &tree{object: map[string]*tree{}}
	var faults []error
	for _, f := range s.data {
		t, err := s.decode(f)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		t = t.mounted(f)
		if t.object == nil {
			faults = append(faults, fmt.Errorf("%s: the document at the root must be an object: {\"name\": …}", t.place))
			continue
		}
		if below := t.object["sallyport"]; below != nil {
			faults = append(faults, fmt.Errorf("%s: sallyport is the place of rules: give the document another name", below.place))
			continue
		}
		faults = append(faults, root.merge(t, "data")...)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return root.plain().(map[string]any), nil
}

// mounted puts a document at the path of its directory.
func (t *tree) mounted(f file) *tree {
	dir := path.Dir(f.path)
	if dir == "." {
		return t
	}
	keys := strings.Split(dir, "/")
	for _, key := range slices.Backward(keys) {
		t = &tree{object: map[string]*tree{key: t}, place: position{file: f.name}}
	}
	return t
}

// decodeFile reads JSON or YAML as strictly as the configuration: every key
// once, nothing behind the document, no deep nesting, no aliases.
func decodeFile(f file) (*tree, error) {
	if strings.HasSuffix(f.path, ".json") {
		return decodeJSON(f)
	}
	var v any
	places, err := config.Decode(f.name, f.text, &v)
	if err != nil {
		return nil, err
	}
	return treeOf(v, "", func(at string) position {
		w := places.Warning(at, "")
		return position{w.File, w.Line, w.Column}
	}), nil
}

// treeOf makes a tree of a value; find gives the place of a path such as "a.b".
func treeOf(v any, at string, find func(at string) position) *tree {
	object, ok := v.(map[string]any)
	if !ok {
		return &tree{value: v, place: find(at)}
	}
	t := &tree{object: make(map[string]*tree, len(object)), place: find(at)}
	for key, below := range object {
		t.object[key] = treeOf(below, strings.TrimPrefix(at+"."+key, "."), find)
	}
	return t
}

// newStore keeps the documents as the evaluator wants them, which would else
// turn them into that at every decision.
func newStore(documents map[string]any) storage.Store {
	return inmem.NewFromObjectWithOpts(documents, inmem.OptReturnASTValuesOnRead(true))
}
