package rego

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown/print"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/internal/event"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Limits of what one evaluation, with the policies that it calls, leaves behind.
const (
	maxEvents      = 16
	maxEventSize   = 256 << 10 // octets of a context, about
	maxLines       = 32        // of the log
	maxLineLen     = 4096      // octets of a message in the log
	maxLineDetails = 4096      // octets of its fields
)

var eventAction = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,47}\z`)

// effectBuiltins are the functions that leave something behind.
func effectBuiltins() []*builtin {
	all := []*builtin{messageBuiltin(), eventBuiltin()}
	for _, l := range []struct {
		name  string
		level slog.Level
	}{{"debug", slog.LevelDebug}, {"info", slog.LevelInfo}, {"warning", slog.LevelWarn}, {"error", slog.LevelError}} {
		all = append(all, loggerBuiltin(l.name, l.level))
	}
	return all
}

func messageBuiltin() *builtin {
	return &builtin{
		name: "ak_message", args: []arg{{"text", types.S}}, result: types.B,
		class: policyengine.SideEffect, cost: 1, keepable: true,
		doc:     "Adds a text for the user, before those of the rule messages, and is true.",
		example: `ak_message("Your password expires soon.")`,
		call: func(_ context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
			text, err := stringArg(args, 0, "the text")
			if err != nil {
				return nil, err
			}
			if len(text) > maxMessageLen {
				return nil, fmt.Errorf("%d octets, at most %d are allowed", len(text), maxMessageLen)
			}
			if len(e.messages) == maxMessages {
				return nil, fmt.Errorf("more than %d messages", maxMessages)
			}
			e.messages = append(e.messages, text)
			return ast.Boolean(true), nil
		},
	}
}

func eventBuiltin() *builtin {
	return &builtin{
		name: "ak_create_event", args: []arg{{"action", types.S}, {"context", objectType()}}, result: types.B,
		class: policyengine.SideEffect, cost: 2,
		doc:     "Puts an entry custom_ACTION into the audit, with what looks like a credential masked, and is true.",
		example: `ak_create_event("partner_missing", {"email": input.request.user.email})`,
		literal: func(args []*ast.Term) []error {
			faults := make([]error, 2)
			if s, ok := args[0].Value.(ast.String); ok {
				faults[0] = checkAction(string(s))
			}
			return faults
		},
		call: func(_ context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
			action, err := stringArg(args, 0, "the action")
			if err == nil {
				err = checkAction(action)
			}
			if err != nil {
				return nil, err
			}
			details, err := details(args[1], "the context", maxEventSize)
			if err != nil {
				return nil, err
			}
			if e.root.created == maxEvents {
				return nil, fmt.Errorf("more than %d events", maxEvents)
			}
			e.root.created++
			e.events = append(e.events, policyengine.Event{Action: "custom_" + action, Policy: e.policy.name, Context: event.Context(details)})
			return ast.Boolean(true), nil
		},
	}
}

func checkAction(action string) error {
	if !eventAction.MatchString(action) {
		return fmt.Errorf("%.60q is no name of an action: small letters, digits and _, at most 48", action)
	}
	return nil
}

// details is an object of bounded size.
func details(v ast.Value, name string, limit int) (map[string]any, error) {
	o, ok := v.(ast.Object)
	if !ok {
		return nil, wrongType(v, name, "an object")
	}
	left := limit
	if err := weigh(o, &left, maxDepth); err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	if left < 0 {
		return nil, fmt.Errorf("%s has more than %d octets", name, limit)
	}
	return plainObject(o, name)
}

func loggerBuiltin(name string, level slog.Level) *builtin {
	return &builtin{
		name: "ak_logger." + name, args: []arg{{"message", types.S}, {"fields", objectType()}}, result: types.B,
		class: policyengine.SideEffect, cost: 1,
		doc:     "Writes a line into the server's log at level " + name + ", with what looks like a credential masked, and is true.",
		example: `ak_logger.` + name + `("partner found", {"username": input.request.user.username})`,
		call: func(ctx context.Context, e *evaluation, args []ast.Value) (ast.Value, error) {
			message, err := stringArg(args, 0, "the message")
			if err != nil {
				return nil, err
			}
			fields, err := objectArg(args, 1, "fields")
			if err != nil {
				return nil, err
			}
			e.log(ctx, level, message, func() slog.Attr { return slog.String("fields", logged(fields)) })
			return ast.Boolean(true), nil
		},
	}
}

// logged writes the fields of a log line, as far as they are not too much.
func logged(fields ast.Object) string {
	m, err := details(fields, "fields", maxLineDetails)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	text, err := json.Marshal(event.Context(m))
	if err != nil {
		return "(" + err.Error() + ")"
	}
	return string(text)
}

// log writes a line of the policy into the log, unless it has written too many;
// while a policy is explained, nothing is written.
func (e *evaluation) log(ctx context.Context, level slog.Level, text string, more func() slog.Attr) {
	log := e.policy.set.world.log
	if e.trace != nil || !log.Enabled(ctx, level) {
		return
	}
	if e.root.lines++; e.root.lines > maxLines {
		if e.root.lines == maxLines+1 {
			log.WarnContext(ctx, "policy writes too many log lines", "request_id", e.requestID(), "policy", e.policy.name, "limit", maxLines)
		}
		return
	}
	log.LogAttrs(ctx, level, "policy", slog.String("request_id", e.requestID()), slog.String("policy", e.policy.name),
		slog.String("text", shortened(text)), more())
}

func shortened(text string) string {
	if len(text) > maxLineLen {
		return strings.ToValidUTF8(text[:maxLineLen], "") + "…"
	}
	return text
}

// printer takes what a policy prints to the debug log.
type printer struct{ e *evaluation }

// Print implements print.Hook.
func (p printer) Print(c print.Context, text string) error {
	if p.e.trace != nil {
		p.e.trace.print(c.Location, shortened(text))
		return nil
	}
	p.e.log(c.Context, slog.LevelDebug, text, func() slog.Attr { return slog.String("location", placeOf(c.Location)) })
	return nil
}
