package config

import (
	"github.com/goccy/go-yaml/token"
)

// What one file may have. The parser calls itself for each level and for each
// further key of a block mapping, copies what it has at each of these keys, and
// copies its tokens at each absent value: so depth, keys and absent values bound
// its stack, memory and time.
const (
	maxDepth  = 32            // mappings and lists inside each other
	maxKey    = 256           // bytes
	maxTokens = 1 << 20       // words, texts and signs
	maxCopies = 60_000_000    // sum of keys²/2 over block mappings: one of 10900 keys
	maxAbsent = 1_000_000_000 // absent values times tokens
)

// guard walks the tokens of a file before the parser does.
type guard struct {
	file   string
	tokens token.Tokens
	// levels are the block mappings and lists around the token at hand.
	levels []level
	flow   []token.Type    // open brackets and braces around it
	last   [2]*token.Token // the tokens before it, the nearest first
	copies int
	absent int
	begun  bool // --- or content was there
	ended  bool // ... was there
}

// level is a block mapping or list: what begins at one column.
type level struct{ column, entries int }

// checkTokens refuses the parts of YAML that a configuration does not need, and
// what would make parsing expensive.
func checkTokens(file string, tokens token.Tokens) *Fault {
	if len(tokens) > maxTokens {
		return faultAt(file, tokenPlace(tokens[maxTokens]), "the file is too large; split it")
	}
	g := guard{file: file, tokens: tokens}
	for i, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		fault := g.document(t)
		if fault == nil {
			fault = g.nesting(t)
		}
		if fault == nil {
			fault = g.entry(i, t)
		}
		if fault != nil {
			return fault
		}
		g.last = [2]*token.Token{t, g.last[0]}
	}
	return nil
}

// document refuses unwanted kinds of tokens, and a second document.
func (g *guard) document(t *token.Token) *Fault {
	if what, ok := refusedTokens[t.Type]; ok {
		return faultAt(g.file, tokenPlace(t), "%s", what)
	}
	if g.ended || g.begun && t.Type == token.DocumentHeaderType {
		return faultAt(g.file, tokenPlace(t), "a second document begins here; a file has only one")
	}
	g.begun, g.ended = true, t.Type == token.DocumentEndType
	return nil
}

var refusedTokens = map[token.Type]string{
	token.AnchorType:     "anchors (&name) are not supported; write the value where it is needed, or put a text that begins with & in quotes",
	token.AliasType:      "aliases (*name) are not supported; write the value where it is needed, or put a text that begins with * in quotes",
	token.MergeKeyType:   "merge keys (<<) are not supported; write the keys where they are needed",
	token.TagType:        "tags (!name) are not supported; remove it, or put a text that begins with ! in quotes",
	token.MappingKeyType: "keys marked with ? are not supported; write key: value",
	token.DirectiveType:  "directives (%NAME) are not supported; remove the line, or put a text that begins with % in quotes",
}

// nesting bounds the depth. Block nesting is bounded by the columns at which
// lines, list entries, keys and values begin.
func (g *guard) nesting(t *token.Token) *Fault {
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		g.flow = append(g.flow, t.Type)
	case token.SequenceEndType, token.MappingEndType, token.CollectEntryType:
		if g.lonely() {
			return faultAt(g.file, tokenPlace(g.last[0]), "a key without a value; is a colon missing, or the blank after it?")
		}
		if t.Type != token.CollectEntryType && len(g.flow) > 0 {
			g.flow = g.flow[:len(g.flow)-1]
		}
	case token.MappingValueType:
		return nil
	default:
	}
	at := tokenPlace(t)
	for len(g.levels) > 0 && g.top().column > at.column {
		g.levels = g.levels[:len(g.levels)-1]
	}
	if len(g.flow) == 0 && (len(g.levels) == 0 || g.top().column < at.column) {
		g.levels = append(g.levels, level{column: at.column})
	}
	// A key and its value stand on one line, so that a level may be counted twice.
	if len(g.flow) > maxDepth || len(g.levels) > 2*maxDepth {
		return faultAt(g.file, at, "is nested deeper than %d levels", maxDepth)
	}
	return nil
}

// lonely reports whether the token before is a key in {braces} without a value.
func (g *guard) lonely() bool {
	if len(g.flow) == 0 || g.flow[len(g.flow)-1] != token.MappingStartType {
		return false
	}
	switch g.last[0].Type {
	case token.MappingStartType, token.MappingEndType, token.SequenceEndType, token.CollectEntryType, token.MappingValueType:
		return false
	default:
		return g.last[1].Type != token.MappingValueType
	}
}

func (g *guard) top() *level { return &g.levels[len(g.levels)-1] }

// entry bounds keys and absent values.
func (g *guard) entry(i int, t *token.Token) *Fault {
	key := t
	switch {
	case t.Type == token.SequenceEntryType:
	case t.Type == token.MappingValueType && g.last[0] != nil:
		if key = g.last[0]; len(key.Value) > maxKey {
			return faultAt(g.file, tokenPlace(key), "the key has more than %d bytes", maxKey)
		}
		if len(g.flow) == 0 && len(g.levels) > 0 {
			g.top().entries++
			g.copies += g.top().entries
			if g.copies > maxCopies {
				return faultAt(g.file, tokenPlace(key), "the file has too many keys; split it, or write a list")
			}
		}
	default:
		return nil
	}
	if g.hasValue(i, t, key) {
		return nil
	}
	if g.absent += len(g.tokens); g.absent > maxAbsent {
		return faultAt(g.file, tokenPlace(t), "the file has too many keys or entries without a value")
	}
	return nil
}

// hasValue reports whether the entry that begins with key has a value behind
// the token t, which ends its introduction.
func (g *guard) hasValue(i int, t, key *token.Token) bool {
	for _, next := range g.tokens[i+1:] {
		switch next.Type {
		case token.CommentType:
			continue
		case token.CollectEntryType, token.MappingEndType, token.SequenceEndType:
			return false
		default:
		}
		if len(g.flow) > 0 || tokenPlace(next).line == tokenPlace(t).line {
			return true
		}
		column := tokenPlace(next).column
		list := next.Type == token.SequenceEntryType && t.Type == token.MappingValueType
		return column > tokenPlace(key).column || list && column == tokenPlace(key).column
	}
	return false
}
