package plugins

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// appendKey appends a text that two values share only if they are equal: each has
// a mark of its type, and whatever has no fixed length is counted before. It
// reports false for a value that is none of JSON.
func appendKey(key []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case nil:
		return append(key, 'n'), true
	case bool:
		if v {
			return append(key, 't'), true
		}
		return append(key, 'f'), true
	case float64:
		return binary.BigEndian.AppendUint64(append(key, 'd'), math.Float64bits(v)), true
	case string:
		return appendText(append(key, 's'), v), true
	case []string:
		key = binary.AppendUvarint(append(key, 'l'), uint64(len(v)))
		for _, s := range v {
			key = appendText(append(key, 's'), s)
		}
		return key, true
	case []any:
		return appendList(key, v)
	case map[string]any:
		return appendObject(key, v)
	case map[string][]string:
		key = binary.AppendUvarint(append(key, 'o'), uint64(len(v)))
		for _, name := range slices.Sorted(maps.Keys(v)) {
			key, _ = appendKey(appendText(key, name), v[name])
		}
		return key, true
	}
	return key, false
}

func appendText(key []byte, s string) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

func appendList(key []byte, list []any) ([]byte, bool) {
	key, ok := binary.AppendUvarint(append(key, 'l'), uint64(len(list))), true
	for i := 0; i < len(list) && ok; i++ {
		key, ok = appendKey(key, list[i])
	}
	return key, ok
}

func appendObject(key []byte, object map[string]any) ([]byte, bool) {
	key = binary.AppendUvarint(append(key, 'o'), uint64(len(object)))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		var ok bool
		if key, ok = appendKey(appendText(key, name), object[name]); !ok {
			return key, false
		}
	}
	return key, true
}
