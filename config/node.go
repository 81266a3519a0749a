package config

import (
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// kind is what a value of a file is.
type kind int

const (
	kindOther kind = iota
	kindNull
	kindBool
	kindInt
	kindFloat
	kindText
	kindList
	kindMap
)

// String completes "the value …".
func (k kind) String() string {
	switch k {
	case kindNull:
		return "has no value"
	case kindBool:
		return "is true or false"
	case kindInt, kindFloat:
		return "is a number"
	case kindText:
		return "is text"
	case kindList:
		return "is a list"
	case kindMap:
		return "is a mapping"
	}
	return "is something else"
}

// classify tells what a node is, and for scalars also its text.
func classify(n ast.Node) (kind, string) {
	switch n := n.(type) {
	case nil, *ast.NullNode:
		return kindNull, ""
	case *ast.BoolNode:
		return kindBool, n.Token.Value
	case *ast.IntegerNode:
		return kindInt, n.Token.Value
	case *ast.FloatNode:
		return kindFloat, n.Token.Value
	case *ast.InfinityNode:
		return kindFloat, n.Token.Value
	case *ast.NanNode:
		return kindFloat, n.Token.Value
	case *ast.StringNode:
		return kindText, n.Value
	case *ast.LiteralNode:
		return kindText, n.Value.Value
	case *ast.SequenceNode:
		return kindList, ""
	case *ast.MappingNode, *ast.MappingValueNode:
		return kindMap, ""
	}
	return kindOther, ""
}

// quoted reports whether a text stands in quotes or in a block.
func quoted(n ast.Node) bool {
	if s, ok := n.(*ast.StringNode); ok {
		return s.Token.Type == token.SingleQuoteType || s.Token.Type == token.DoubleQuoteType
	}
	return true
}

// nodePlace is where a value begins.
func nodePlace(n ast.Node) place {
	switch m := n.(type) {
	case nil:
		return place{1, 1}
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return nodePlace(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return nodePlace(m.Key)
	}
	return tokenPlace(n.GetToken())
}

// valuePlace is the place of the value of a key: the value itself where it is
// written on the spot, the key where it is a section below.
func valuePlace(key, value ast.Node) place {
	switch k, _ := classify(value); k {
	case kindNull, kindMap, kindList, kindOther:
		return nodePlace(key)
	default:
		return nodePlace(value)
	}
}

// entry is one key of a mapping.
type entry struct {
	key   string
	node  ast.Node
	at    place // of the key
	value place
}

// entries lists the keys of a mapping in the order of the file. Faulty keys are
// reported and left out.
func (d *decoder) entries(n ast.Node, path string) []entry {
	m, ok := n.(ast.MapNode)
	if !ok {
		return nil
	}
	var all []entry
	first := map[string]place{}
	for it := m.MapRange(); it.Next(); {
		keyNode, at := it.Key(), nodePlace(it.Key())
		k, key := classify(keyNode)
		if k != kindText {
			d.keyFault(at, path, "a key %s; put it in quotes", k)
			continue
		}
		if _, block := keyNode.(*ast.LiteralNode); block || key == "" {
			d.keyFault(at, path, "a key is empty")
			continue
		}
		if before, ok := first[key]; ok {
			d.keyFault(at, join(path, printable(key)), "is there twice, first in line %d", before.line)
			continue
		}
		first[key] = at
		all = append(all, entry{key, it.Value(), at, valuePlace(keyNode, it.Value())})
	}
	return all
}
