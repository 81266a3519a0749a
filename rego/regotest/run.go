package regotest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/sallyport-auth/sallyport/rego"
)

// maxTime is how long one test may take.
const maxTime = 10 * time.Second

// ErrNoTests says that there is nothing to run.
var ErrNoTests = errors.New("there are no tests")

// Options say what is run.
type Options struct {
	// Fixture is the world of the tests; nil is the file FixtureName of the
	// directory, and an empty world where that is not there.
	Fixture *Fixture
	// Run chooses the tests whose full name (data.PACKAGE.test_x) fits; nil is all.
	Run *regexp.Regexp
	// Coverage asks which lines of the policies the tests went through.
	Coverage bool
}

// Run loads the policies of a directory as a server does, and runs their tests. A
// test that fails is part of the Report; an error means that they could not be
// run: the policies, the tests or the fixture have faults, all of which it tells,
// each with its place, or there are no tests (ErrNoTests).
func Run(ctx context.Context, dir string, o Options) (*Report, error) {
	start := time.Now()
	s, err := load(ctx, dir, o.Fixture)
	if err != nil {
		return nil, err
	}
	var coverage *cover.Cover
	if o.Coverage {
		coverage = cover.New()
		s.set.Watch(coverage)
	}
	results, err := s.run(ctx, coverage, o.Run)
	if err != nil {
		return nil, err
	}
	if len(results) == 0 {
		if o.Run != nil {
			return nil, fmt.Errorf("run the tests of %s: %w whose names fit %q", dir, ErrNoTests, o.Run)
		}
		return nil, fmt.Errorf("run the tests of %s: %w: they are rules test_… in files …_test.rego", dir, ErrNoTests)
	}
	report := s.report(results)
	if err := s.explainFailures(ctx, report, results); err != nil {
		return nil, err
	}
	if coverage != nil {
		report.Coverage = coverageOf(coverage, s.files.Policies)
	}
	report.Took = time.Since(start)
	return report, nil
}

// suite is a directory of policies, loaded, with its tests.
type suite struct {
	fixture      *Fixture
	set          *rego.Set
	files        rego.Files
	capabilities *ast.Capabilities
	functions    []*tester.Builtin
	compiler     *ast.Compiler
}

// Load loads the policies of a directory as a server does, in the world of a
// fixture, for nothing but asking them. A nil fixture is as in Options.
func Load(ctx context.Context, dir string, fixture *Fixture) (*rego.Set, *Fixture, error) {
	s, err := load(ctx, dir, fixture)
	if err != nil {
		return nil, nil, err
	}
	return s.set, s.fixture, nil
}

func load(ctx context.Context, dir string, fixture *Fixture) (*suite, error) {
	s := &suite{fixture: fixture}
	var fixtureErr error
	if fixture == nil {
		s.fixture, fixtureErr = fixtureOf(dir)
	}
	var err error
	s.files, err = rego.ReadFiles(dir, rego.Options{})
	if err := errors.Join(fixtureErr, err); err != nil {
		return nil, err
	}
	s.set, err = rego.Load(ctx, dir, rego.Options{
		Helpers: s.fixture.helpers(s.files.Policies, s.files.Tests),
		Users:   s.fixture, DNS: s.fixture, Web: s.fixture, Native: s.fixture,
		Log: slog.New(printed{}),
	})
	if err != nil {
		return nil, err
	}
	s.functions = s.ownFunctions()
	for _, f := range s.set.Functions(s.userOf) {
		s.functions = append(s.functions, &tester.Builtin{Decl: f.Declaration, Func: f.Implement})
	}
	s.capabilities = rego.Capabilities()
	for _, f := range s.functions {
		s.capabilities.Builtins = append(s.capabilities.Builtins, f.Decl)
	}
	s.compiler = ast.NewCompiler().
		WithCapabilities(s.capabilities).
		WithDefaultRegoVersion(ast.RegoV1).
		WithEnablePrintStatements(true)
	return s, nil
}

// run runs the tests, in the order of files and lines.
func (s *suite) run(ctx context.Context, coverage *cover.Cover, which *regexp.Regexp) ([]*tester.Result, error) {
	modules := make(map[string]*ast.Module, len(s.files.Policies)+len(s.files.Tests))
	for _, all := range []map[string]*ast.Module{s.files.Policies, s.files.Tests} {
		for file, m := range all {
			clocked, err := byFixtureClock(m)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			modules[file] = clocked
		}
	}
	runner := s.runner().SetModules(modules)
	if coverage != nil {
		runner.SetCoverageQueryTracer(coverage).SetCoverageRuns(nil)
	}
	if which != nil {
		runner.Filter(which.String())
	}
	ch, err := runner.RunTests(ctx, nil)
	if err != nil {
		return nil, rego.CompileError(err)
	}
	var results []*tester.Result
	for r := range ch {
		results = append(results, r)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("run tests: %w", err)
	}
	slices.SortFunc(results, func(a, b *tester.Result) int {
		return cmp.Or(cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Row, b.Location.Row), cmp.Compare(a.Name, b.Name))
	})
	return results, nil
}

func (s *suite) runner() *tester.Runner {
	return tester.NewRunner().SetCompiler(s.compiler).SetStore(inmem.NewFromObject(s.files.Data)).AddCustomBuiltins(s.functions).SetTimeout(maxTime)
}
