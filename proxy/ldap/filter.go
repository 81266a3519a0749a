package ldap

import (
	"github.com/sallyport-auth/sallyport/internal/ber"
)

// The choices of a filter (RFC 4511 section 4.5.1.7).
const (
	filterAnd        = 0xa0
	filterOr         = 0xa1
	filterNot        = 0xa2
	filterEqual      = 0xa3
	filterSubstrings = 0xa4
	filterGreater    = 0xa5
	filterLess       = 0xa6
	filterPresent    = 0x87
	filterApprox     = 0xa8
	filterExtensible = 0xa9
	lastFilter       = 9 // number of the last choice that RFC 4511 knows

	maxFilterItems = 1000
)

// truth is the three-valued logic in which filters are evaluated (RFC 4511
// section 4.5.1.7). Its order makes "and" the minimum and "or" the maximum.
type truth int8

const (
	isFalse truth = iota - 1
	undefined
	isTrue
)

// splitFilter splits a filter off b and checks its form: choices, nesting, the
// number of items. After it, evaluation cannot fail.
func splitFilter(b []byte) (filter, rest []byte, err error) {
	items := 0
	rest, err = checkFilter(b, 1, &items)
	if err != nil {
		return nil, nil, err
	}
	return b[:len(b)-len(rest)], rest, nil
}

func checkFilter(b []byte, depth int, items *int) (rest []byte, err error) {
	if *items++; *items > maxFilterItems || depth > ber.MaxDepth {
		return nil, errFilter
	}
	tag, body, rest, err := ber.Element(b)
	if err != nil {
		return nil, err
	}
	switch tag {
	case filterAnd, filterOr:
		for err == nil && len(body) > 0 {
			body, err = checkFilter(body, depth+1, items)
		}
	case filterNot:
		body, err = checkFilter(body, depth+1, items)
		if err == nil && len(body) > 0 {
			err = ber.ErrMalformed
		}
	case filterEqual, filterGreater, filterLess, filterApprox:
		_, _, err = assertion(body)
	case filterSubstrings:
		err = checkSubstrings(body)
	case filterPresent:
	case filterExtensible:
		err = ber.WellFormed(body, 1)
	default:
		// A choice that is not known is no fault; a known one in the wrong form is.
		if tag&ber.ClassMask != ber.ClassContext || tag&ber.NumberMask <= lastFilter {
			err = ber.ErrMalformed
		}
	}
	return rest, err
}

// assertion splits an AttributeValueAssertion.
func assertion(b []byte) (attr, value []byte, err error) {
	if attr, b, err = ber.Expect(b, ber.TagOctetString); err != nil {
		return nil, nil, err
	}
	if value, b, err = ber.Expect(b, ber.TagOctetString); err != nil || len(b) > 0 {
		return nil, nil, ber.ErrMalformed
	}
	return attr, value, nil
}

// checkSubstrings checks a SubstringFilter: at least one piece, an initial one
// only at the beginning and a final one only at the end.
func checkSubstrings(b []byte) error {
	const initial, middle, final = 0x80, 0x81, 0x82
	_, b, err := ber.Expect(b, ber.TagOctetString)
	if err != nil {
		return err
	}
	pieces, b, err := ber.Expect(b, ber.TagSequence)
	if err != nil || len(b) > 0 || len(pieces) == 0 {
		return ber.ErrMalformed
	}
	for first := true; len(pieces) > 0; first = false {
		var tag byte
		if tag, _, pieces, err = ber.Element(pieces); err != nil {
			return err
		}
		legal := tag == middle || tag == initial && first || tag == final && len(pieces) == 0
		if !legal {
			return ber.ErrMalformed
		}
	}
	return nil
}

// match evaluates a filter that splitFilter has checked.
func (r rootEntry) match(filter []byte) truth {
	tag, body, _, err := ber.Element(filter)
	if err != nil {
		return undefined
	}
	switch tag {
	case filterAnd:
		result := isTrue
		r.each(body, func(t truth) { result = min(result, t) })
		return result
	case filterOr:
		result := isFalse
		r.each(body, func(t truth) { result = max(result, t) })
		return result
	case filterNot:
		return -r.match(body)
	case filterEqual, filterApprox: // approx is equality where nothing better is known
		return r.equal(body)
	case filterPresent:
		return r.present(string(body))
	}
	return undefined // no ordering and no substring rule belongs to these attributes
}

func (r rootEntry) each(filters []byte, f func(truth)) {
	for len(filters) > 0 {
		_, _, rest, err := ber.Element(filters)
		if err != nil {
			f(undefined)
			return
		}
		f(r.match(filters))
		filters = rest
	}
}

func (r rootEntry) equal(body []byte) truth {
	attr, value, err := assertion(body)
	if err != nil {
		return undefined
	}
	a := r.find(string(attr))
	if a == nil {
		return undefined
	}
	for _, v := range a.values {
		if a.equal(v, string(value)) {
			return isTrue
		}
	}
	return isFalse
}

func (r rootEntry) present(description string) truth {
	if r.find(description) == nil {
		return undefined
	}
	return isTrue
}
