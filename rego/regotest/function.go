package regotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/topdown/print"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// The functions that tests alone have. The clock is not written by anybody: it
// stands for time.now_ns, which a query of a test would ask the machine.
const (
	functionLogin  = "test.login"
	functionDecide = "test.decide"
	functionClock  = "test.now_ns"
)

func (s *suite) ownFunctions() []*tester.Builtin {
	object := types.NewObject(nil, types.NewDynamicProperty(types.S, types.A))
	return []*tester.Builtin{
		own(functionLogin, types.NewFunction(types.Args(types.S, object), types.A), s.login),
		own(functionDecide, types.NewFunction(types.Args(types.S, types.A), types.A), s.decide),
		own(functionClock, types.NewFunction(types.Args(), types.N), func(opa.BuiltinContext, []*ast.Term) (ast.Value, error) {
			return ast.Number(json.Number(fmt.Sprint(s.fixture.now.UnixNano()))), nil
		}),
	}
}

// own declares a function. Its errors end the test.
func own(name string, decl *types.Function, call func(opa.BuiltinContext, []*ast.Term) (ast.Value, error)) *tester.Builtin {
	run := func(bctx opa.BuiltinContext, args []*ast.Term) (result *ast.Term, err error) {
		defer func() {
			if p := recover(); p != nil {
				result, err = nil, opa.NewHaltError(fmt.Errorf("panic: %v", p))
			}
		}()
		v, err := call(bctx, args)
		if err != nil {
			return nil, opa.NewHaltError(err)
		}
		return ast.NewTerm(v), nil
	}
	return &tester.Builtin{
		Decl: &ast.Builtin{Name: name, Decl: decl},
		Func: opa.FunctionDyn(&opa.Function{Name: name, Decl: decl}, run),
	}
}

// byFixtureClock is a module whose time.now_ns is the fixture's.
func byFixtureClock(m *ast.Module) (*ast.Module, error) {
	clock, own := ast.MustParseRef("time.now_ns"), ast.MustParseRef(functionClock)
	x, err := ast.TransformRefs(m.Copy(), func(r ast.Ref) (ast.Value, error) {
		if r.Equal(clock) {
			return own.Copy(), nil
		}
		return r, nil
	})
	if err != nil {
		return nil, err
	}
	clocked, ok := x.(*ast.Module)
	if !ok {
		return nil, errors.New("a module became something else")
	}
	return clocked, nil
}

// login is test.login.
func (s *suite) login(_ opa.BuiltinContext, args []*ast.Term) (ast.Value, error) {
	name, ok := args[0].Value.(ast.String)
	if !ok {
		return nil, fmt.Errorf("the username is no string")
	}
	overrides, err := objectOf(args[1].Value, "the overrides are")
	if err != nil {
		return nil, err
	}
	l, err := s.fixture.Login(string(name), overrides)
	if err != nil {
		return nil, err
	}
	return l.Document, nil
}

func objectOf(v ast.Value, what string) (map[string]any, error) {
	plain, err := ast.JSONWithOpt(v, ast.JSONOpt{SortSets: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	object, ok := plain.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s %s, and not an object", what, kindOf(plain))
	}
	return object, nil
}

// decide is test.decide: it evaluates a policy as a login does. An exception is a
// result; what the test itself does wrong is an error.
func (s *suite) decide(bctx opa.BuiltinContext, args []*ast.Term) (ast.Value, error) {
	name, ok := args[0].Value.(ast.String)
	if !ok {
		return nil, fmt.Errorf("the policy's name is no string")
	}
	document, err := objectOf(args[1].Value, "the input is")
	if err != nil {
		return nil, err
	}
	l, err := s.fixture.Given(document)
	if err != nil {
		return nil, err
	}
	ctx := context.WithValue(bctx.Context, hookKey{}, bctx.PrintHook)
	r, err := s.set.EvalDocument(ctx, string(name), l.Input, l.Document)
	var x *policyengine.Exception
	if err != nil && !errors.As(err, &x) {
		return nil, err
	}
	return ast.InterfaceToValue(decided(r, x))
}

// decided is a result as tests see it.
func decided(r policyengine.Result, x *policyengine.Exception) map[string]any {
	events := make([]any, len(r.Events))
	for i, e := range r.Events {
		events[i] = map[string]any{"action": e.Action, "policy": e.Policy, "context": e.Context}
	}
	result := map[string]any{
		"passing": r.Passing, "messages": orEmpty(r.Messages), "notes": orEmpty(r.Notes), "raw_result": r.Raw, "events": events,
		"error": "", "error_text": "",
	}
	if x != nil {
		result["error"], result["error_text"] = string(x.Code), x.Error()
	}
	return result
}

func orEmpty(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}

// userOf is the user that a user object describes, for functions that a test calls
// itself; nil for what is no such object.
func (s *suite) userOf(v ast.Value) *identity.User {
	user, err := objectOf(v, "the user is")
	if err != nil {
		return nil
	}
	r := &reader{document: map[string]any{"user": user}}
	u := r.user("user", &identity.User{}, s.fixture.memberships)
	if len(r.faults) > 0 {
		return nil
	}
	return u
}

type hookKey struct{}

// printed hands what policies print and log to the output of the test that asks
// them.
type printed struct{}

// Enabled implements slog.Handler.
func (printed) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (printed) Handle(ctx context.Context, r slog.Record) error {
	hook, ok := ctx.Value(hookKey{}).(print.Hook)
	if !ok || hook == nil {
		return nil
	}
	about := map[string]string{}
	r.Attrs(func(a slog.Attr) bool {
		about[a.Key] = a.Value.String()
		return true
	})
	line := about["policy"] + ": " + about["text"]
	if about["text"] == "" {
		line = about["policy"] + ": " + r.Message
	}
	if about["fields"] != "" {
		line += " (" + about["fields"] + ")"
	}
	return hook.Print(print.Context{Context: ctx}, line)
}

// WithAttrs implements slog.Handler.
func (p printed) WithAttrs([]slog.Attr) slog.Handler { return p }

// WithGroup implements slog.Handler.
func (p printed) WithGroup(string) slog.Handler { return p }
