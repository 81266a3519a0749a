package scoped

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quoteLiteral writes text as the literal that the export text has it: in single
// quotes, or in double ones when it holds a single quote and no double one;
// characters that cannot be printed are escaped.
func quoteLiteral(text string) string {
	quote := byte('\'')
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, r := range text {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r) && r != utf8.RuneError:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
	return b.String()
}

// listLiteral writes a list of texts.
func listLiteral(list []string) string {
	quoted := make([]string, len(list))
	for i, item := range list {
		quoted[i] = quoteLiteral(item)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// boolLiteral writes True or False.
func boolLiteral(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// actionLiteral writes actions as a map from names to texts, or to True for those
// without a value.
func actionLiteral(action Action) string {
	items := make([]string, len(action))
	for i, item := range action {
		value := "True"
		if !item.Flag {
			value = quoteLiteral(item.Value)
		}
		items[i] = quoteLiteral(item.Name) + ": " + value
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// conditionsLiteral writes conditions as tuples. What to do when data is missing
// is the sixth member, there only when it is not an error.
func conditionsLiteral(conditions []Condition) string {
	tuples := make([]string, len(conditions))
	for i, c := range conditions {
		items := []string{quoteLiteral(c.Section), quoteLiteral(c.Key), quoteLiteral(c.Comparator), quoteLiteral(c.Value), boolLiteral(c.Active)}
		if word := missingWord(c.Missing); word != "" {
			items = append(items, quoteLiteral(word))
		}
		tuples[i] = "(" + strings.Join(items, ", ") + ")"
	}
	return "[" + strings.Join(tuples, ", ") + "]"
}

// missingWord is the word of the original for what to do when data is missing;
// "" for an error, which is the default.
func missingWord(missing string) string {
	switch missing {
	case MissingTrue:
		return "condition_is_true"
	case MissingFalse:
		return "condition_is_false"
	}
	return ""
}
