package main

import (
	"slices"
	"testing"
)

func TestSplitMembers(t *testing.T) {
	for text, want := range map[string][]string{
		"":                    nil,
		" , ":                 nil,
		"a":                   {"a"},
		"a, b,,c ":            {"a", "b", "c"},
		`svc-[a,b]{2,4},x`:    {`svc-[a,b]{2,4}`, "x"},
		`(a,b)|c,-root`:       {`(a,b)|c`, "-root"},
		`({2,3},(a)),b`:       {`({2,3},(a))`, "b"},
		`a\,b,c\`:             {`a\,b`, `c\`},
		`\(,b`:                {`\(`, "b"},
		"10.0.0.0/8,::1":      {"10.0.0.0/8", "::1"},
		`*,[(]x,-alice`:       {"*", "[(]x", "-alice"},
		`[)}{],-alice`:        {"[)}{]", "-alice"},
		`[],(]x,-alice`:       {"[],(]x", "-alice"},
		`[^],(]x,-alice`:      {"[^],(]x", "-alice"},
		`[a^],-alice`:         {"[a^]", "-alice"},
		`[[,],-alice`:         {"[[,]", "-alice"},
		`[\],(]x,-alice`:      {`[\],(]x`, "-alice"},
		`[^\],(]x,-alice`:     {`[^\],(]x`, "-alice"},
		`([(,],[)]),-alice`:   {"([(,],[)])", "-alice"},
		`\[,-alice`:           {`\[`, "-alice"},
		`[\\],-alice`:         {`[\\]`, "-alice"},
		`-[a-z]{1,2},*`:       {"-[a-z]{1,2}", "*"},
		`corp\\[(]{1,2},-bob`: {`corp\\[(]{1,2}`, "-bob"},
	} {
		if got, err := splitMembers(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"open(,-alice", "open{,-alice", "[a,-alice", "[],-alice", "[^],-alice", `[\],-alice`, "[", "[^", `[\`,
		"a),-alice", "a},(b", "a],-alice", "({a),-alice", "(a},-alice", "[[:alpha:],x],-alice", "a)(,-alice",
	} {
		if got, err := splitMembers(text); err == nil {
			t.Errorf("%q: %q, want a refusal", text, got)
		}
	}
}

func TestPolicySetMembers(t *testing.T) {
	runPolicySteps(t, policyConfig(t), []policyStep{
		{args: []string{"set", "hole", "--scope=authentication", "--user=*,[(]x,-alice"}, want: []string{`added policy "hole"`}},
		{args: words("match --scope=authentication --user alice"), code: 1, want: []string{`user "alice" is excluded by -alice`}},
		{
			args: []string{"set", "open", "--scope=authentication", "--user=*,(x,-alice"}, code: 2,
			want: []string{`--user "*,(x,-alice": its brackets do not pair`, "or give the list by --file"},
		},
		{
			args: []string{"set", "open", "--scope=authentication", "--realm=a)", "--user-agent=x]"}, code: 2,
			want: []string{`--realm "a)": `, `--user-agent "x]": `},
		},
		{args: words("show open"), code: 1},
	})
}
