package scoped

import "fmt"

// conditionsOf reads conditions: each is a tuple of section, key, comparator,
// value, active and, in newer versions, what to do when data is missing; or an
// object with these members.
func conditionsOf(v any) ([]Condition, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("%s is no list of conditions", kindOf(v))
	}
	var conditions []Condition
	for i, item := range list {
		c, err := conditionOf(item)
		if err != nil {
			return nil, fmt.Errorf("condition %d: %w", i+1, err)
		}
		conditions = append(conditions, c)
	}
	return conditions, nil
}

func conditionOf(v any) (Condition, error) {
	switch v := v.(type) {
	case []any:
		if len(v) == 5 || len(v) == 6 {
			return conditionOfTuple(v)
		}
		return Condition{}, fmt.Errorf("%d members: section, key, comparator, value and active are due, and perhaps what to do when data is missing", len(v))
	case object:
		return conditionOfObject(v)
	}
	return Condition{}, fmt.Errorf("%s is neither a tuple nor an object", kindOf(v))
}

func conditionOfTuple(v []any) (Condition, error) {
	c := Condition{}
	for i, field := range []*string{&c.Section, &c.Key, &c.Comparator, &c.Value} {
		text, err := textOf(v[i])
		if err != nil {
			return c, fmt.Errorf("member %d: %w", i+1, err)
		}
		*field = text
	}
	var err error
	if c.Active, err = boolOf(v[4]); err != nil {
		return c, fmt.Errorf("member 5: %w", err)
	}
	if len(v) == 6 {
		c.Missing, err = missingOf(v[5])
	}
	return c, err
}

func conditionOfObject(o object) (Condition, error) {
	c := Condition{Active: true}
	fields := map[string]*string{"section": &c.Section, "key": &c.Key, "comparator": &c.Comparator, "value": &c.Value}
	for _, m := range o {
		var err error
		switch {
		case fields[m.key] != nil:
			*fields[m.key], err = textOf(m.value)
		case m.key == "active":
			c.Active, err = boolOf(m.value)
		case m.key == "missing" || m.key == "handle_missing_data":
			c.Missing, err = missingOf(m.value)
		default:
			err = fmt.Errorf("is no member of a condition")
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", m.key, err)
		}
	}
	return c, nil
}

// missingOf reads what to do when data is missing, in our words and in those of
// the original. The default is the empty text.
func missingOf(v any) (string, error) {
	switch v {
	case nil, "", MissingError, "raise_error":
		return "", nil
	case true, MissingTrue, "condition_is_true":
		return MissingTrue, nil
	case false, MissingFalse, "condition_is_false":
		return MissingFalse, nil
	}
	return "", fmt.Errorf("%s is none of raise_error, condition_is_true and condition_is_false", kindOf(v))
}
