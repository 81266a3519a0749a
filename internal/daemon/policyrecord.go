package daemon

import (
	"context"
	"errors"
	"log/slog"

	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// policies writes what the policies of a login left for people: failures, dry
// runs, notes and events. A binding on a dry run has its own line and no other.
func (r *recorder) policies(a *proxy.Attempt, o *proxy.Outcome) {
	for i := range o.Trace {
		for j := range o.Trace[i].Bindings {
			switch b := &o.Trace[i].Bindings[j]; {
			case b.Skipped != "":
			case b.DryRun:
				r.dryRun(a, b)
			case b.Err != nil:
				r.exception(a, b)
			default:
				for _, note := range b.Notes {
					r.log.LogAttrs(context.Background(), slog.LevelInfo, "policy note", ofLogin(a, slog.String("binding", b.Name), slog.String("text", visible(note)))...)
				}
			}
		}
	}
	for _, e := range o.Events {
		r.log.LogAttrs(context.Background(), slog.LevelInfo, "policy event", ofLogin(a,
			slog.String("action", visible(e.Action)), slog.String("policy", e.Policy), slog.Any("context", visibleValue(e.Context)))...)
	}
}

func (r *recorder) dryRun(a *proxy.Attempt, b *policyengine.BindingRecord) {
	attrs := []slog.Attr{
		slog.String("binding", b.Name), slog.Bool("passing", b.Passing),
		slog.Any("messages", visibleValue(b.Messages)), slog.Int("events", len(b.Events)),
	}
	if b.Err != nil {
		attrs = append(attrs, slog.String("error", visible(b.Err.Error())))
	}
	r.log.LogAttrs(context.Background(), slog.LevelInfo, "dry run", ofLogin(a, attrs...)...)
}

// exception writes why a binding has no answer, of which the user reads nothing.
func (r *recorder) exception(a *proxy.Attempt, b *policyengine.BindingRecord) {
	attrs := []slog.Attr{slog.String("binding", b.Name), slog.Bool("passing", b.Passing)}
	if x, ok := errors.AsType[*policyengine.Exception](b.Err); ok {
		attrs = append(attrs, slog.String("code", string(x.Code)), slog.String("policy", x.Policy), slog.String("location", x.Location))
	}
	attrs = append(attrs, slog.String("error", visible(b.Err.Error())))
	r.log.LogAttrs(context.Background(), slog.LevelWarn, "policy exception", ofLogin(a, attrs...)...)
}

// ofLogin puts before the attributes of a line which login it belongs to.
func ofLogin(a *proxy.Attempt, attrs ...slog.Attr) []slog.Attr {
	return append([]slog.Attr{slog.String("request_id", a.ID), slog.String("application", a.Application)}, attrs...)
}

// visibleValue is a copy of a JSON value whose texts are visible.
func visibleValue(v any) any {
	switch v := v.(type) {
	case string:
		return visible(v)
	case []string:
		list := make([]any, len(v))
		for i := range v {
			list[i] = visible(v[i])
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = visibleValue(v[i])
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key := range v {
			object[visible(key)] = visibleValue(v[key])
		}
		return object
	}
	return v
}
