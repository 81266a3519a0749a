package scoped

import "strings"

// The character classes of PIN rules.
const (
	pinLetters     = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	pinDigits      = "0123456789"
	pinPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// PINRule is a compiled rule for the contents of PINs.
type PINRule struct {
	allowed  string
	required []string // one character of each
	never    bool     // nothing fulfills the empty rule
}

// ParsePINRule compiles the value of otp_pin_contents. Its letters stand for
// classes: c for ASCII letters, n for digits, s for ASCII punctuation. "cn" wants
// a character of each class, "+cn" one of either, "-cn" none of them; "[ab1]"
// allows these characters only, where a hyphen stands for itself. But for the
// last form, characters outside of all three classes are never allowed. The empty
// rule refuses everything; a rule of another form is ErrPolicy.
func ParsePINRule(rule string) (PINRule, error) {
	all := pinLetters + pinDigits + pinPunctuation
	switch {
	case rule == "":
		return PINRule{never: true}, nil
	case len(rule) > 1 && rule[0] == '[' && rule[len(rule)-1] == ']':
		return PINRule{allowed: rule[1 : len(rule)-1]}, nil
	case rule[0] == '+':
		classes, err := pinClasses(rule, rule[1:])
		return PINRule{allowed: all, required: []string{strings.Join(classes, "")}}, err
	case rule[0] == '-':
		classes, err := pinClasses(rule, rule[1:])
		if err != nil {
			return PINRule{}, err
		}
		for _, class := range classes {
			all = strings.ReplaceAll(all, class, "")
		}
		return PINRule{allowed: all}, nil
	}
	classes, err := pinClasses(rule, rule)
	return PINRule{allowed: all, required: classes}, err
}

func pinClasses(rule, letters string) ([]string, error) {
	classes := make([]string, 0, 3)
	for _, r := range letters {
		switch r {
		case 'c':
			classes = append(classes, pinLetters)
		case 'n':
			classes = append(classes, pinDigits)
		case 's':
			classes = append(classes, pinPunctuation)
		default:
			return nil, failf(ErrPolicy, "PIN rule %.60q: %q is no class: use c, n and s, as in cn, +cn or -s, or a list of characters such as [abc123]", rule, r)
		}
	}
	if len(classes) == 0 {
		return nil, failf(ErrPolicy, "PIN rule %q names no class: use c, n and s", rule)
	}
	return classes, nil
}

// Allows reports whether the PIN keeps to the rule.
func (r PINRule) Allows(pin string) bool {
	if r.never {
		return false
	}
	for _, c := range pin {
		if !strings.ContainsRune(r.allowed, c) {
			return false
		}
	}
	for _, class := range r.required {
		if !strings.ContainsAny(pin, class) {
			return false
		}
	}
	return true
}

// CheckPINContents reports whether a PIN keeps to the text of a rule
// (check_pin_contents); see ParsePINRule.
func CheckPINContents(pin, rule string) (bool, error) {
	r, err := ParsePINRule(rule)
	if err != nil {
		return false, err
	}
	return r.Allows(pin), nil
}
