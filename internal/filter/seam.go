package filter

import "regexp"

type patterns struct{}

type pattern struct{ re *regexp.Regexp }

func (*patterns) Compile(text string) (*pattern, error) {
	re, err := regexp.Compile(text)
	return &pattern{re}, err
}

func (p *pattern) Match(value string) (bool, error) { return p.re.MatchString(value), nil }
