package rego

import (
	"context"
	"errors"
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/identity"
	"github.com/sallyport-auth/sallyport/policyengine"
)

// This file is what package regotest tests policies by: input documents that no
// login has made, and helper functions outside of a policy.

// Document is the input document of a login, all of it.
func Document(in *policyengine.Input) ast.Value {
	return newDocument([]policyengine.Path{wholeInput}).of(in)
}

// EvalDocument evaluates a policy as Policy.Eval does, for an input document as it
// is given. Functions that look at the login themselves get in, which should say
// the same.
func (s *Set) EvalDocument(ctx context.Context, name string, in *policyengine.Input, document ast.Value) (policyengine.Result, error) {
	p, err := s.named(name)
	if err != nil {
		return policyengine.Result{}, err
	}
	e := &evaluation{policy: p, in: in, given: document}
	e.root = e
	return e.run(ctx, document)
}

// ExplainDocument tells how a policy comes to its result for an input document as
// it is given, as Policy.Explain does for a login.
func (s *Set) ExplainDocument(ctx context.Context, name string, in *policyengine.Input, document ast.Value) (policyengine.Explanation, error) {
	p, err := s.named(name)
	if err != nil {
		return policyengine.Explanation{}, err
	}
	return p.explain(ctx, &evaluation{in: in, given: document}, document)
}

func (s *Set) named(name string) (*Policy, error) {
	p := s.policies[name]
	if p == nil {
		return nil, fmt.Errorf("there is no expression policy %.80q%s", name, config.DidYouMean(name, sortedKeys(s.policies)))
	}
	return p, nil
}

// Watch lets t see every evaluation of the policies. It is for a Set that nobody
// uses yet.
func (s *Set) Watch(t topdown.QueryTracer) {
	for _, p := range s.policies {
		p.options = append(p.options, opa.EvalQueryTracer(t))
	}
}

// Function is a function that queries of tests can call.
type Function struct {
	Declaration *ast.Builtin
	// Implement adds it to a query.
	Implement func(*opa.Rego)
}

// Functions are the helper functions for queries outside of a policy, where there
// is no login. Those about a user get the one that user makes of their argument,
// nil for one who is to be looked up; ak_call_policy fails.
func (s *Set) Functions(user func(ast.Value) *identity.User) []Function {
	outside := &Policy{name: "test", set: s}
	all := make([]Function, 0, len(s.builtins.byName))
	for _, name := range sortedKeys(s.builtins.byName) {
		b := s.builtins.byName[name]
		run := func(bctx opa.BuiltinContext, terms []*ast.Term) (*ast.Term, error) {
			if b.name == callName {
				return nil, opa.NewHaltError(errors.New("it needs a login, and there is none where a test asks for a rule itself: test the policy with test.decide(NAME, INPUT)"))
			}
			e := &evaluation{policy: outside, in: &policyengine.Input{User: &identity.User{}}}
			if b.whose {
				if u := user(terms[0].Value); u != nil {
					e.in.User = u
				}
			}
			e.root = e
			bctx.Context = context.WithValue(bctx.Context, evaluationKey{}, e)
			return b.run(bctx, terms)
		}
		decl := &opa.Function{Name: name, Decl: b.declaration(), Nondeterministic: b.nondeterministic()}
		all = append(all, Function{
			Declaration: &ast.Builtin{Name: name, Decl: decl.Decl, Nondeterministic: decl.Nondeterministic},
			Implement:   opa.FunctionDyn(decl, run),
		})
	}
	return all
}

// Capabilities is the language of policies, without the helper functions.
func Capabilities() *ast.Capabilities { return capabilities() }

// Files are what a directory of policies has, before it is compiled.
type Files struct {
	// Policies are the modules of policies and libraries, Tests those of tests, by
	// name of file.
	Policies, Tests map[string]*ast.Module
	// Data are the documents of data files.
	Data map[string]any
}

// ReadFiles reads what Load reads, and the tests (_test.rego), and compiles
// nothing. The packages of tests are their own business.
func ReadFiles(name string, o Options) (Files, error) {
	src, err := read(name, o.Bundle, moduleFile, dataFile, testFile)
	if err != nil {
		return Files{}, err
	}
	policies, policyErr := parse(src.modules)
	tests, testErr := parse(src.tests)
	documents, dataErr := src.documents()
	return Files{policies, tests, documents}, errors.Join(policyErr, testErr, dataErr)
}

// CompileError tells what compiling modules with our functions came to, as Load
// does.
func CompileError(err error) error { return explain(file{}, err, nil) }
