package rego

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-auth/sallyport/internal/filter"
	"github.com/sallyport-auth/sallyport/internal/fresh"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/internal/pyregex"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// Users finds users that somebody else is than the one who logs in. Both return
// identity.ErrNotFound when there is none; any other error is an outage.
type Users interface {
	// UserByLogin looks in one directory, or where its name is empty in all of
	// them, in their order.
	UserByLogin(ctx context.Context, directory, login string) (*identity.User, error)
	// FindUser returns the first user that fits, by the order of directories and
	// then by login.
	FindUser(ctx context.Context, f filter.Filter) (*identity.User, error)
}

// Native answers for scoped policies; policyengine.Native is one.
type Native interface {
	Has(name string) bool
	Applies(ctx context.Context, name string, in *policyengine.Input) (bool, error)
	// Reads says what Applies looks at.
	Reads(name string) policyengine.Reads
}

// world is what functions work with.
type world struct {
	users    Users
	dns      Resolver
	web      Web
	native   Native
	patterns *pyregex.Cache
	// engines are the engines of the files in which regular expressions are not
	// RE2's, by name.
	engines map[string]pyregex.Engine
	log     *slog.Logger
}

// evaluation is the state of one evaluation of one policy. Builtins reach it
// through their context; OPA runs them one after the other.
type evaluation struct {
	policy *Policy
	in     *policyengine.Input
	// given is an input document that was given as such; nil for one made of in.
	given ast.Value
	// overlay is what callers put over input.context; nil for nothing.
	overlay ast.Object
	// caller is the evaluation that called this one; root is the first of them.
	caller, root *evaluation
	messages     []string
	events       []policyengine.Event
	// heard are the answers of other policies whose events are among events.
	heard []*answer
	// location is the place of the call that is being answered.
	location *ast.Location
	// cached: the last call of another policy was answered from the table.
	cached bool
	// failed is the call that ended the evaluation; nil for none.
	failed *policyengine.Exception
	// trace takes what happens; nil for nobody.
	trace *trace
	// Of root only: what it and the policies that it calls have used up, how many
	// calls were refused because of those that led there, and the decision that all
	// belong to, which is looked up when somebody needs it.
	created, lines, refused int
	of                      *decision
}

type evaluationKey struct{}

// decision is what all policies of one decision have in common: each call that
// must have one answer is made once.
type decision struct {
	mu      sync.Mutex
	calls   int
	answers map[string]*answer
}

// answer is what a call was answered with.
type answer struct {
	value   ast.Value
	user    *identity.User
	err     error
	events  []policyengine.Event
	sources *fresh.Sources
}

type decisionKey struct{ in *policyengine.Input }

func (e *evaluation) decision(ctx context.Context) *decision {
	if e.root.of == nil {
		e.root.of = policyengine.Share(ctx, decisionKey{e.root.in}, func() *decision {
			return &decision{answers: map[string]*answer{}}
		})
	}
	return e.root.of
}

// once answers a call from the table of the decision, and asks look for what is
// not there. The answer counts as made by whoever is asking, with everything that
// it was made from.
func (e *evaluation) once(ctx context.Context, key string, look func(ctx context.Context) *answer) (a *answer, cached bool) {
	d := e.decision(ctx)
	d.mu.Lock()
	a = d.answers[key]
	d.mu.Unlock()
	if cached = a != nil; !cached {
		refused := e.root.refused
		inner, sources := fresh.Watch(ctx)
		a = look(inner)
		a.sources = sources
		// Another policy may have the time, and may call from elsewhere.
		if ctx.Err() == nil && e.root.refused == refused {
			d.mu.Lock()
			d.answers[key] = a
			d.mu.Unlock()
		}
	}
	a.sources.Pass(ctx)
	return a, cached
}

// call answers a call of a function.
func (e *evaluation) call(ctx context.Context, b *builtin, args []ast.Value) (ast.Value, error) {
	if e.trace == nil && !b.memoize {
		return b.call(ctx, e, args)
	}
	start := time.Now()
	at := e.location
	record := e.trace.begin(b.name)
	e.trace.looked(b.looksAt(args)...)
	remembered := new(atomic.Bool)
	if e.trace != nil {
		ctx, remembered = policyengine.WatchRemembered(ctx)
	}
	var v ast.Value
	var err error
	cached := false
	if b.memoize {
		var a *answer
		a, cached = e.once(ctx, callKey(b.name, args), func(ctx context.Context) *answer {
			v, err := b.call(ctx, e, args)
			return &answer{value: v, err: err}
		})
		v, err = a.value, a.err
	} else {
		e.cached = false
		v, err = b.call(ctx, e, args)
		cached = e.cached
	}
	e.trace.end(record, args, v, err, at, time.Since(start), cached || remembered.Load())
	return v, err
}

// callKey is the same for calls of the same function with equal arguments.
func callKey(name string, args []ast.Value) string {
	return name + ast.NewArray(terms(args)...).String()
}

func terms(values []ast.Value) []*ast.Term {
	all := make([]*ast.Term, len(values))
	for i, v := range values {
		all[i] = ast.NewTerm(v)
	}
	return all
}

// requestID names the login in the log.
func (e *evaluation) requestID() string {
	if e.in == nil {
		return ""
	}
	return e.in.RequestID
}
