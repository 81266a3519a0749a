package rego

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkLoad loads policies as people write them, each in its file, with
// libraries that they share.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("policies=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			for i := range n {
				write(b, filepath.Join(dir, fmt.Sprintf("p%d.rego", i)), fmt.Sprintf(sample, i, i%20))
			}
			for i := range 20 {
				write(b, filepath.Join(dir, fmt.Sprintf("l%d.rego", i)), fmt.Sprintf(sampleLibrary, i))
			}
			b.ReportAllocs()
			for b.Loop() {
				set, err := Load(b.Context(), dir, Options{})
				if err != nil || len(set.policies) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

func write(tb testing.TB, name, text string) {
	tb.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

const sample = `package sallyport.policies.p%[1]d

import data.sallyport.lib.l%[2]d

default allow := false

workday if not input.now.weekday in {"Saturday", "Sunday"}

trusted if ip_in_any(input.client_ip, ["10.0.3.0/24", "10.0.10.0/24", "192.0.2.0/24"])

allow if {
	ak_is_group_member(input.request.user, {"name__iexact": "contractors-%[1]d"})
	workday
	input.now.hour >= 8
	input.now.hour < 18
}

allow if {
	trusted
	l%[2]d.staff(input.request.user)
	regex_match(input.request.user.username, "^(svc|sa)[-_]%[1]d")
}

messages contains sprintf("Access from %%s is not allowed.", [input.geoip.country]) if {
	not allow
	input.geoip.known
}

messages contains "Contractors may log in Monday to Friday, 8 to 18." if not allow

raw_result := {"class": "vpn-%[1]d"}
`

const sampleLibrary = `package sallyport.lib.l%[1]d

staff(user) if "staff" in user.groups

staff(user) if user.attributes.department[_] == "d%[1]d"
`
