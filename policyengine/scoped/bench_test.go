package scoped

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// benchSizes are the numbers of policies.
var benchSizes = []int{100, 1_000, 10_000, 100_000}

// benchPolicies draws policies as an installation of many tenants has them:
// scopes and actions of the definitions, a realm, resolvers, lists of users with
// exclusions and patterns, networks of both families, some times, and a tenth
// with a condition on the user.
func benchPolicies(n int) []Policy {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	defs := NewDefinitions()
	scopes := defs.Scopes()
	policies := make([]Policy, n)
	for i := range policies {
		scope := scopes[r.IntN(len(scopes))]
		actions := defs.Scope(scope)
		p := Policy{
			Name: fmt.Sprintf("policy-%06d", i), Scope: scope, Active: true, Priority: 1 + r.IntN(9),
			Realm: []string{fmt.Sprintf("realm%d", r.IntN(max(5, n/400)))},
		}
		for range 1 + r.IntN(3) {
			p.Action.Set(ActionItem{Name: actions[r.IntN(len(actions))].Action, Value: fmt.Sprint("v", r.IntN(3))})
		}
		if r.IntN(2) == 0 {
			p.Resolver = []string{fmt.Sprintf("ldap%d", r.IntN(20)), "local"}
		}
		switch r.IntN(4) {
		case 0:
			p.User = []string{fmt.Sprintf("user%d", r.IntN(n)), fmt.Sprintf("user%d", r.IntN(n)), "svc-.*"}
		case 1:
			p.User = []string{"*", fmt.Sprintf("-user%d", r.IntN(n))}
		}
		if r.IntN(3) == 0 {
			p.Client = []string{
				fmt.Sprintf("10.%d.0.0/16", r.IntN(256)), fmt.Sprintf("-10.%d.%d.0/24", r.IntN(256), r.IntN(256)),
				fmt.Sprintf("2001:db8:%x::/48", r.IntN(1<<16)), "192.0.2.0/24",
			}
		}
		if r.IntN(8) == 0 {
			p.Time = "Mon-Fri:8-18:30, Sat:9-12"
		}
		if r.IntN(10) == 0 {
			p.Conditions = []Condition{{Section: SectionUserInfo, Key: "groups", Comparator: "contains", Value: "staff", Active: true}}
		}
		policies[i] = p
	}
	return policies
}

// benchQueries finds queries with 1 to 10 results; others would grow with the set
// and hide what the search costs.
func benchQueries(b *testing.B, policies []Policy, s *Set, action bool) []*Query {
	r := rand.New(rand.NewPCG(2, uint64(len(policies))))
	user := &User{Info: func() (map[string]any, error) { return map[string]any{"groups": []any{"staff"}}, nil }}
	var queries []*Query
	for range 200_000 {
		p := &policies[r.IntN(len(policies))]
		u := *user
		u.Login, u.Realm, u.Resolver = fmt.Sprintf("user%d", r.IntN(len(policies))), p.Realm[0], fmt.Sprintf("ldap%d", r.IntN(20))
		q := &Query{
			Scope: Is(p.Scope), UserObject: &u, Active: OnlyActive, PINode: Is("node1"),
			ClientAddr: netip.AddrFrom4([4]byte{10, byte(r.IntN(256)), byte(r.IntN(256)), 9}),
			Now:        time.Date(2024, 3, 19, 12, 30, 0, 0, time.UTC),
		}
		if action {
			q.Action = Is(p.Action[0].Name)
		}
		found, err := s.Match(q, nil)
		if err != nil {
			b.Fatal(err)
		}
		if len(found) >= 1 && len(found) <= 10 {
			if queries = append(queries, q); len(queries) == 64 {
				return queries
			}
		}
	}
	b.Fatalf("%d queries with few results", len(queries))
	return nil
}

func benchSet(b *testing.B, n int) ([]Policy, *Set) {
	b.Helper()
	policies := benchPolicies(n)
	s, err := Compile(policies, Options{})
	if err != nil {
		b.Fatal(err)
	}
	return policies, s
}

// forSizes runs a benchmark for each number of policies.
func forSizes(b *testing.B, run func(b *testing.B, policies []Policy, s *Set)) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			policies, s := benchSet(b, n)
			run(b, policies, s)
		})
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, kind := range []string{"indexed", "naive"} {
		b.Run(kind, func(b *testing.B) {
			forSizes(b, func(b *testing.B, policies []Policy, s *Set) {
				for _, with := range []string{"action", "noaction"} {
					queries := benchQueries(b, policies, s, with == "action")
					b.Run(with, func(b *testing.B) {
						var m matcher = s
						if kind == "naive" {
							m = naive{policies, false}
						}
						benchMatch(b, m, queries)
					})
				}
			})
		})
	}
}

func benchMatch(b *testing.B, m matcher, queries []*Query) {
	buf := make([]*Policy, 0, 16)
	benchEach(b, queries, func(q *Query) (int, error) {
		found, err := m.Match(q, buf[:0])
		return len(found), err
	})
}

// benchEach asks the queries in turn, and reports how many results they have.
func benchEach(b *testing.B, queries []*Query, ask func(q *Query) (results int, err error)) {
	b.ReportAllocs()
	results, i := 0, 0
	for b.Loop() {
		n, err := ask(queries[i%len(queries)])
		if err != nil {
			b.Fatal(err)
		}
		results += n
		i++
	}
	b.ReportMetric(float64(results)/float64(i), "results/op")
}

func BenchmarkActionValues(b *testing.B) {
	forSizes(b, func(b *testing.B, policies []Policy, s *Set) {
		benchEach(b, benchQueries(b, policies, s, true), func(q *Query) (int, error) {
			values, err := s.GetActionValues(q, ValueOptions{})
			return len(values), err
		})
	})
}

func BenchmarkAllowed(b *testing.B) {
	forSizes(b, func(b *testing.B, policies []Policy, s *Set) {
		benchEach(b, benchQueries(b, policies, s, true), func(q *Query) (int, error) {
			r := &Request{Node: "node1", ClientAddr: q.ClientAddr, Now: q.Now}
			ok, err := s.ForQuery(r, *q).Allowed()
			if !ok {
				return 0, err
			}
			return 1, err
		})
	})
}

func BenchmarkExplain(b *testing.B) {
	forSizes(b, func(b *testing.B, policies []Policy, s *Set) {
		benchEach(b, benchQueries(b, policies, s, true), func(q *Query) (int, error) {
			e := s.Explain(q)
			return len(e.Matched()), e.Err
		})
	})
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			policies := benchPolicies(n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(policies, Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n), "results/op")
		})
	}
}

// TestMatchCostsNoMemory demands that a match with few results allocates
// nothing.
func TestMatchCostsNoMemory(t *testing.T) {
	policies := benchPolicies(1_000)
	for i := range policies {
		policies[i].Conditions = nil // what they ask is the caller's
	}
	s, err := Compile(policies, Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := &Query{
		Scope: Is(policies[0].Scope), Action: Is(policies[0].Action[0].Name), Realm: Is(policies[0].Realm[0]), User: Is("user1"),
		Active: OnlyActive, ClientAddr: netip.MustParseAddr("10.1.2.3"), Now: time.Date(2024, 3, 19, 12, 30, 0, 0, time.UTC),
	}
	buf := make([]*Policy, 0, 64)
	allocs := testing.AllocsPerRun(100, func() {
		if buf, err = s.Match(q, buf[:0]); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 0 || len(buf) == 0 || !slices.Contains(buf, &s.all[s.byName[buf[0].Name]].Policy) {
		t.Errorf("%v allocations for %d policies", allocs, len(buf))
	}
}
