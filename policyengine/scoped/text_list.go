package scoped

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
)

// SplitList splits the text form of a list at every comma and trims the parts
// (split_list). Only a text without any part, "" or blanks, is the empty list:
// "a,,b" has an empty member and "," has two. There are no quotes, so a comma is
// never part of a member.
func SplitList(text string) []string {
	if trim(text) == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = trim(parts[i])
	}
	return parts
}

// ParseActionCompat reads actions as the original does (parse_action): split at
// every comma, also inside quotes, trim each piece and split it at its first
// equals sign. Nothing is refused: blanks before the equals sign belong to the
// name and those behind it to the value, and the empty text is one flag with the
// empty name. A later duplicate wins, in the place of the first.
func ParseActionCompat(text string) Action {
	pieces := strings.Split(text, ",")
	action := make(Action, 0, len(pieces))
	place := make(map[string]int, len(pieces))
	for _, piece := range pieces {
		name, value, found := strings.Cut(trim(piece), "=")
		item := ActionItem{Name: name, Value: value, Flag: !found}
		if i, ok := place[name]; ok {
			action[i] = item
			continue
		}
		place[name] = len(action)
		action = append(action, item)
	}
	return action
}

// ParseDict reads ":key: word word :key2: word", keys and lists of words in turn
// between colons (parse_string_to_dict). The first colon may be left out, a key
// without anything behind its colon is dropped, and a later duplicate wins. As
// colons separate, a word can hold none.
func ParseDict(text string) map[string][]string {
	var parts []string
	for part := range strings.SplitSeq(trim(text), ":") {
		if part != "" {
			parts = append(parts, trim(part))
		}
	}
	dict := map[string][]string{}
	for i := 0; i+1 < len(parts); i += 2 {
		dict[parts[i]] = words(parts[i+1])
	}
	return dict
}

// IsTrue reports whether a value of a request or of a form means true (is_true):
// only 1, "1", true, "True", "true" and "TRUE" do.
func IsTrue(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case int:
		return v == 1
	case int64:
		return v == 1
	case float64:
		return v == 1
	case json.Number:
		f, err := v.Float64()
		return err == nil && f == 1
	case string:
		return v == "1" || v == "True" || v == "true" || v == "TRUE"
	}
	return false
}

// blank reports whether a character is white space; besides that of Unicode, the
// four separators of ASCII are.
func blank(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// trim cuts white space off both ends.
func trim(text string) string { return strings.TrimFunc(text, blank) }

// words splits at white space.
func words(text string) []string { return strings.FieldsFunc(text, blank) }

// sortedSet sorts a list and leaves duplicates out.
func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
