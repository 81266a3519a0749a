package daemon

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/sallyport-auth/sallyport/config"
)

// located writes a MaxMind file in which this machine has a record.
func located(t *testing.T, file, kind string, record mmdbtype.Map) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, BuildEpoch: 1_700_000_000, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
	if err := tree.Insert(loopback, record); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func country(code string) mmdbtype.Map {
	return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}
}

const countryPolicy = `package sallyport.policies.country

default allow := false

allow if {
	input.geoip.country == "AT"
	input.geoip.lat == null
	input.asn.asn == 64500
	input.asn.network == "127.0.0.0/8"
}

messages contains "Where are you?" if not input.geoip.known
`

// TestLocations: policies know where clients are, a change of the files acts, and
// what cannot be read is told and keeps the server going.
func TestLocations(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "rego"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "rego/country.rego", countryPolicy)
	at, ru := filepath.Join(dir, "at.mmdb"), filepath.Join(dir, "ru.mmdb")
	located(t, at, "GeoLite2-Country", country("AT"))
	located(t, ru, "GeoLite2-Country", country("RU"))
	located(t, filepath.Join(dir, "asn.mmdb"), "GeoLite2-ASN", mmdbtype.Map{
		"autonomous_system_number": mmdbtype.Uint32(64500), "autonomous_system_organization": mmdbtype.String("Example"),
	})
	text := strings.Replace(minimal, "{group: staff, message: For staff only.}", "{policy: country}", 1) +
		"policies: {expressions: " + filepath.Join(dir, "rego") + "}\n"
	with := func(city string) string {
		return text + "geoip: {city: " + city + ", asn: " + filepath.Join(dir, "asn.mmdb") + "}\n"
	}
	r := start(t, with(at))
	if got := r.radius("alice", "alice-pw"); got != "Access-Accept" {
		t.Errorf("from AT: %s\n%s", got, r.log)
	}
	for line, want := range map[string]bool{
		`sallyport_geoip_built_timestamp_seconds{file="city"} 1.7e+09`: true, `sallyport_geoip_lookups_total{file="asn",result="known"}`: true,
		`sallyport_dns_lookups_total{function="resolve",result="asked"} 0`: true, `sallyport_policy_requests_total{result="answered"} 0`: true,
		`sallyport_geoip_lookups_total{file="asn",result="known"} 0`: false,
	} {
		if _, metrics := r.get("/metrics"); strings.Contains(metrics, line) != want {
			t.Errorf("metrics: %s is not %v", line, want)
		}
	}
	read := strings.Count(r.log.String(), "geoip file read")
	r.hangup("msg=reloaded")
	if again := strings.Count(r.log.String(), "geoip file read"); again != read {
		t.Error("a reload has read the files again although nothing changed")
	}
	for city, want := range map[string]string{ru: "Access-RejectAccess denied.", filepath.Join(dir, "none.mmdb"): "Access-RejectWhere are you?"} {
		write(t, r.dir, "sallyport.yaml", with(city))
		r.hangup("msg=reloaded")
		if got := r.radius("alice", "alice-pw"); got != want {
			t.Errorf("%s: %s, want %s", city, got, want)
		}
	}
	write(t, r.dir, "sallyport.yaml", with(filepath.Join(dir, "none.mmdb")))
	r.hangup("msg=reloaded")
	if code, body := r.get("/readyz"); code != 200 || !strings.Contains(body, "nothing is known; the file cannot be taken") || !strings.Contains(body, "GeoLite2-ASN of 2023-11-14") {
		t.Errorf("readyz %d: %s", code, body)
	}
	write(t, r.dir, "sallyport.yaml", text)
	r.hangup("msg=reloaded")
	if got := r.radius("alice", "alice-pw"); got != "Access-RejectWhere are you?" {
		t.Errorf("without files: %s", got)
	}
}

// TestCheckOfTheOutside: a file of locations that is absent is a warning, one of
// authorities a fault.
func TestCheckOfTheOutside(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "users.csv", people)
	write(t, dir, "empty.pem", "nothing")
	for extra, want := range map[string]string{
		"geoip: {city: none.mmdb}\n":                                         "",
		"policies: {requests: {allow: [example.org], ca_file: none.pem}}\n":  "none.pem",
		"policies: {requests: {allow: [example.org], ca_file: empty.pem}}\n": "there is no certificate in it",
	} {
		write(t, dir, "sallyport.yaml", minimal+extra)
		cfg, err := config.Load(filepath.Join(dir, "sallyport.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		warnings, _, err := Check(t.Context(), cfg, t.TempDir(), slog.New(slog.DiscardHandler))
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), "policies.requests.ca_file") || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", extra, err)
			}
			continue
		}
		if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0].String(), "geoip.city") || !strings.Contains(warnings[0].String(), "none.mmdb: no such file") {
			t.Errorf("%s: %v, %v", extra, warnings, err)
		}
	}
}

// TestOutsideIsShared: one that is the same goes on; whatever changes makes
// another.
func TestOutsideIsShared(t *testing.T) {
	dir := t.TempDir()
	located(t, filepath.Join(dir, "at.mmdb"), "GeoLite2-Country", country("AT"))
	log := slog.New(slog.DiscardHandler)
	cfg := func(text string) *config.Config {
		c, err := config.Parse(filepath.Join(dir, "x.yaml"), []byte("realms: {}\n"+text), os.LookupEnv)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const whole = "geoip: {city: at.mmdb}\ndns: {servers: [10.0.0.53]}\npolicies: {requests: {allow: [a.example]}}\n"
	first, err := openOutside(cfg(whole), resources{log: log})
	if err != nil {
		t.Fatal(err)
	}
	defer first.release()
	for text, shared := range map[string]bool{
		whole: true, strings.Replace(whole, "at.mmdb", "b.mmdb", 1): false,
		strings.Replace(whole, "10.0.0.53", "10.0.0.54", 1): false, strings.Replace(whole, "a.example", "b.example", 1): false,
	} {
		next, err := openOutside(cfg(text), resources{outside: first, log: log})
		if err != nil || (next == first) != shared {
			t.Errorf("%s: shared %v, %v", text, next == first, err)
		}
		next.release()
	}
}
