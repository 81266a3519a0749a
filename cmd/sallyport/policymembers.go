package main

import (
	"errors"
	"fmt"
	"strings"
)

// members are those of a list that is given; nil if it is not. Members that are
// blank are none, so that an empty text clears the list.
func members(given []string) (*[]string, error) {
	if given == nil {
		return nil, nil
	}
	list := []string{}
	for _, text := range given {
		found, err := splitMembers(text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		list = append(list, found...)
	}
	return &list, nil
}

// splitMembers splits at commas, but for those within the brackets of a pattern,
// such as {2,4} or [a,b], and those behind a backslash. A text whose brackets do
// not pair is refused: its commas could part something else than was meant, and
// so lose an exclusion.
func splitMembers(text string) ([]string, error) {
	unpaired := errors.New("its brackets do not pair, so it cannot be told which commas part members: write \\ in front of a bracket that stands for itself, or give the list by --file")
	var list []string
	var open []byte // the brackets that are to end, the innermost last
	begin := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case ',':
			if len(open) == 0 {
				list = appendMember(list, text[begin:i])
				begin = i + 1
			}
		case '\\':
			i++
		case '[':
			end := classEnd(text, i)
			if end < 0 {
				return nil, unpaired
			}
			i = end
		case '(':
			open = append(open, ')')
		case '{':
			open = append(open, '}')
		case ')', '}', ']':
			if len(open) == 0 || open[len(open)-1] != c {
				return nil, unpaired
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return nil, unpaired
	}
	return appendMember(list, text[begin:]), nil
}

// classEnd finds the ] that ends the class that begins at text[i], or returns -1.
// One that comes first, or behind a first ^, is a member of the class.
func classEnd(text string, i int) int {
	i++
	if i < len(text) && text[i] == '^' {
		i++
	}
	for first := i; i < len(text); i++ {
		switch {
		case text[i] == '\\':
			i++
		case text[i] == ']' && i > first:
			return i
		}
	}
	return -1
}

func appendMember(list []string, text string) []string {
	if member := strings.TrimSpace(text); member != "" {
		return append(list, member)
	}
	return list
}
