package config

import (
	"errors"
	"fmt"
)

// Names is a list of names; a single one may be written without brackets.
type Names []string

// DecodeYAML implements the decoder's interface for types that read themselves.
func (n *Names) DecodeYAML(v any) error {
	switch v := v.(type) {
	case string:
		if v == "" {
			return errEmpty
		}
		*n = Names{v}
		return nil
	case []any:
		list := make(Names, len(v))
		for i, item := range v {
			name, ok := item.(string)
			if !ok || name == "" {
				return fmt.Errorf("item %d is not a name", i+1)
			}
			list[i] = name
		}
		if len(list) == 0 {
			return errEmpty
		}
		*n = list
		return nil
	}
	return errors.New("a name or a list of names is due")
}
