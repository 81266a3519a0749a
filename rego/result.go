package rego

import (
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport/policyengine"
)

// Limits of the texts for a user.
const (
	maxMessages   = 32
	maxMessageLen = 512 // octets
)

// result reads the three rules from a policy's evaluated package: first the
// texts of ak_message, then those of messages.
func (e *evaluation) result(v any) (policyengine.Result, error) {
	rules, ok := v.(map[string]any)
	if !ok {
		return policyengine.Result{}, fmt.Errorf("the policy's package is a %T", v)
	}
	allow, ok := rules["allow"].(bool)
	if !ok {
		return policyengine.Result{}, fmt.Errorf("allow is %s: it must be true or false", kindOf(rules["allow"]))
	}
	texts, err := messages(rules["messages"])
	if err != nil {
		return policyengine.Result{}, err
	}
	all := slices.Concat(e.messages, texts)
	if len(all) > maxMessages {
		return policyengine.Result{}, fmt.Errorf("%d messages, at most %d are allowed", len(all), maxMessages)
	}
	raw, ok := rules["raw_result"]
	if !ok {
		raw = allow
	}
	return policyengine.Result{Passing: allow, Messages: all, Raw: raw}, nil
}

// messages reads the rule messages: texts, or objects {"text", "audience"} of
// which those for the audit are not for the user.
func messages(v any) ([]string, error) {
	if v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("messages is %s: it must be a set or an array of texts", kindOf(v))
	}
	var texts []string
	for i, item := range list {
		text, shown, err := message(item)
		if err != nil {
			return nil, fmt.Errorf("messages: item %d: %w", i+1, err)
		}
		if shown {
			texts = append(texts, text)
		}
	}
	return texts, nil
}

func message(item any) (text string, shown bool, err error) {
	shown = true
	switch item := item.(type) {
	case string:
		text = item
	case map[string]any:
		t, ok := item["text"].(string)
		if !ok {
			return "", false, fmt.Errorf("text is %s: it must be a string", kindOf(item["text"]))
		}
		text = t
		switch item["audience"] {
		case nil, "user":
		case "audit":
			shown = false
		default:
			return "", false, fmt.Errorf("audience is %v: it must be user or audit", item["audience"])
		}
		for key := range item {
			if key != "text" && key != "audience" {
				return "", false, fmt.Errorf("unknown key %q: a message has text and audience", key)
			}
		}
	default:
		return "", false, fmt.Errorf("%s: it must be a string", kindOf(item))
	}
	if len(text) > maxMessageLen {
		return "", false, fmt.Errorf("%d octets, at most %d are allowed", len(text), maxMessageLen)
	}
	return text, shown, nil
}

// kindOf names the type of a JSON value as an administrator knows it.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a number"
}
