package geo

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go.uber.org/goleak"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// database makes a MaxMind file of records by network.
func database(t testing.TB, kind string, version int, records map[string]mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: kind, IPVersion: version, RecordSize: 24, BuildEpoch: 1_700_000_000, IncludeReservedNetworks: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, record := range records {
		_, network, err := net.ParseCIDR(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// city is a record as a file of cities has it.
func city(continent, country, name string, at ...float64) mmdbtype.Map {
	m := mmdbtype.Map{
		"continent": mmdbtype.Map{"code": mmdbtype.String(continent), "names": mmdbtype.Map{"en": mmdbtype.String("Continent")}},
		"country":   mmdbtype.Map{"iso_code": mmdbtype.String(country), "names": mmdbtype.Map{"de": mmdbtype.String("Land"), "en": mmdbtype.String("Country")}},
	}
	if name != "" {
		m["city"] = mmdbtype.Map{"names": mmdbtype.Map{"de": mmdbtype.String("Stadt"), "en": mmdbtype.String(name)}}
	}
	if len(at) == 2 {
		m["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(at[0]), "longitude": mmdbtype.Float64(at[1]), "time_zone": mmdbtype.String("Europe/Paris")}
	}
	return m
}

func system(number uint32, name string) mmdbtype.Map {
	return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(number), "autonomous_system_organization": mmdbtype.String(name)}
}

func cities(t testing.TB, country string) []byte {
	return database(t, "GeoLite2-City", 6, map[string]mmdbtype.Map{
		"198.51.100.0/24": city("EU", country, "Paris", 48.85, 2.35),
		"192.0.2.0/25":    city("EU", "AT", "", 47.5, 14),
		"192.0.2.128/25":  {"traits": mmdbtype.Map{"is_anonymous_proxy": mmdbtype.Bool(true)}},
		"203.0.113.0/24":  city("NA", "US", "Nowhere", 400, 2),
		"2001:db8::/32":   city("AS", "JP", "Tokyo", 35.7, 139.7),
		"10.7.0.0/16":     city("EU", "DE", "Branch", 0, 0),
	})
}

func put(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens files of a directory; the watch looks all the time.
func open(t testing.TB, cfg config.GeoIP) (*DB, *testenv.Log) {
	t.Helper()
	log := &testenv.Log{}
	d := Open(cfg, Options{Log: log.Logger(nil), Poll: time.Millisecond})
	t.Cleanup(func() { _ = d.Close() })
	return d, log
}

func TestLocate(t *testing.T) {
	dir := t.TempDir()
	cfg := config.GeoIP{City: filepath.Join(dir, "city.mmdb"), ASN: filepath.Join(dir, "asn.mmdb")}
	put(t, cfg.City, cities(t, "FR"))
	put(t, cfg.ASN, database(t, "GeoLite2-ASN", 6, map[string]mmdbtype.Map{
		"198.51.100.0/22": system(64500, "Example"),
		"2001:db8::/32":   system(4_200_000_000, "Beispiel"),
		"192.0.2.0/24":    {"autonomous_system_organization": mmdbtype.String("no number")},
	}))
	d, _ := open(t, cfg)
	paris := Place{true, "EU", "FR", "Paris", 48.85, 2.35, true}
	tokyo := Place{true, "AS", "JP", "Tokyo", 35.7, 139.7, true}
	example := Network{true, 64500, "Example", netip.MustParsePrefix("198.51.100.0/22")}
	for text, want := range map[string]struct {
		place   Place
		network Network
	}{
		"198.51.100.7":        {paris, example},
		"::ffff:198.51.100.7": {paris, example},
		"198.51.101.7":        {Place{}, example},
		"192.0.2.1":           {Place{true, "EU", "AT", "", 47.5, 14, true}, Network{}},
		"192.0.2.200":         {Place{}, Network{}},
		"203.0.113.1":         {Place{true, "NA", "US", "Nowhere", 0, 0, false}, Network{}},
		"10.7.1.1":            {Place{true, "EU", "DE", "Branch", 0, 0, true}, Network{}},
		"10.8.1.1":            {Place{}, Network{}},
		"127.0.0.1":           {Place{}, Network{}},
		"::1":                 {Place{}, Network{}},
		"2001:db8::1":         {tokyo, Network{true, 4_200_000_000, "Beispiel", netip.MustParsePrefix("2001:db8::/32")}},
		"2001:db8::1%eth0":    {tokyo, Network{true, 4_200_000_000, "Beispiel", netip.MustParsePrefix("2001:db8::/32")}},
	} {
		place, network := d.Locate(netip.MustParseAddr(text))
		if place != want.place || network != want.network {
			t.Errorf("%s:\ngot  %+v %+v\nwant %+v", text, place, network, want)
		}
	}
	if place, network := d.Locate(netip.Addr{}); place.Known || network.Known {
		t.Errorf("no address: %+v %+v", place, network)
	}
	for _, s := range d.Status() {
		if s.Fault != "" || s.Built.Unix() != 1_700_000_000 || s.Known == 0 || s.Unknown == 0 || s.Damaged != 0 || s.Faults != 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestCountriesOfIPv4(t *testing.T) {
	cfg := config.GeoIP{City: filepath.Join(t.TempDir(), "country.mmdb")}
	put(t, cfg.City, database(t, "GeoLite2-Country", 4, map[string]mmdbtype.Map{"198.51.100.0/24": city("EU", "FR", "")}))
	d, _ := open(t, cfg)
	if place, network := d.Locate(netip.MustParseAddr("198.51.100.7")); place != (Place{Known: true, Continent: "EU", Country: "FR"}) || network.Known {
		t.Errorf("%+v %+v", place, network)
	}
	if place, _ := d.Locate(netip.MustParseAddr("2001:db8::1")); place.Known {
		t.Errorf("an IPv6 address in a file of IPv4: %+v", place)
	}
	if s := d.Status(); s[0].Damaged != 0 {
		t.Errorf("%+v", s)
	}
}

func TestNothingConfigured(t *testing.T) {
	d, log := open(t, config.GeoIP{})
	if place, network := d.Locate(netip.MustParseAddr("198.51.100.7")); place.Known || network.Known || d.Status() != nil || log.String() != "" {
		t.Errorf("%+v %+v %+v %s", place, network, d.Status(), log)
	}
}

// TestFilesThatAreNotTaken are no errors: nothing is known, and the status says
// why.
func TestFilesThatAreNotTaken(t *testing.T) {
	whole := cities(t, "FR")
	for name, tt := range map[string]struct {
		make func(file string)
		want string
	}{
		"absent":       {func(string) {}, "no such file"},
		"empty":        {func(f string) { put(t, f, nil) }, "not a MaxMind file"},
		"cut short":    {func(f string) { put(t, f, whole[:len(whole)/2]) }, "not a MaxMind file, or damaged"},
		"other bytes":  {func(f string) { put(t, f, []byte(strings.Repeat("x", 4096))) }, "not a MaxMind file"},
		"other kind":   {func(f string) { put(t, f, database(t, "GeoLite2-ASN", 6, nil)) }, `is of type "GeoLite2-ASN"`},
		"directory":    {func(f string) { _ = os.Mkdir(f, 0o700) }, "not a regular file"},
		"pipe":         {func(f string) { mkfifo(t, f) }, "not a regular file"},
		"pipe by link": {func(f string) { mkfifo(t, f+".pipe"); _ = os.Symlink(f+".pipe", f) }, "not a regular file"},
		"too large": {func(f string) {
			put(t, f, nil)
			if err := os.Truncate(f, maxFile+1); err != nil {
				t.Fatal(err)
			}
		}, "has more than 1024 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.GeoIP{City: filepath.Join(t.TempDir(), "city.mmdb")}
			tt.make(cfg.City)
			d, log := open(t, cfg)
			if place, _ := d.Locate(netip.MustParseAddr("198.51.100.7")); place.Known {
				t.Errorf("%+v", place)
			}
			s := d.Status()[0]
			if !strings.Contains(s.Fault, tt.want) || s.Faults != 1 || s.Type != "" || strings.Count(s.Fault, cfg.City) != 1 {
				t.Errorf("%+v", s)
			}
			if strings.Count(log.String(), "geoip file not read") != 1 {
				t.Errorf("log: %s", log)
			}
		})
	}
}

func mkfifo(t *testing.T, file string) {
	t.Helper()
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPermissionComesBack: that a file can be read again cannot be seen from
// outside.
func TestPermissionComesBack(t *testing.T) {
	if testenv.AsNobody(t) {
		return
	}
	cfg := config.GeoIP{City: filepath.Join(t.TempDir(), "city.mmdb")}
	put(t, cfg.City, cities(t, "FR"))
	if err := os.Chmod(cfg.City, 0); err != nil {
		t.Fatal(err)
	}
	d, log := open(t, cfg)
	eventually(t, d, "the fault is told", func(s Status) bool { return strings.Contains(s.Fault, "permission denied") })
	if err := os.Chmod(cfg.City, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "the file is read", func(s Status) bool { return s.Fault == "" && s.Type != "" })
	if n := strings.Count(log.String(), "geoip file not read"); n != 1 {
		t.Errorf("told %d times: %s", n, log)
	}
}

// eventually waits for a status.
func eventually(t *testing.T, d *DB, what string, ok func(Status) bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(d.Status()[0]); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s: %+v", what, d.Status())
		}
	}
}

func TestFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	cfg := config.GeoIP{City: filepath.Join(dir, "city.mmdb")}
	d, log := open(t, cfg)
	country := func() string {
		place, _ := d.Locate(netip.MustParseAddr("198.51.100.7"))
		return place.Country
	}
	is := func(want string) func(Status) bool {
		return func(s Status) bool { return country() == want && s.Fault == "" }
	}
	put(t, cfg.City, cities(t, "FR"))
	eventually(t, d, "the file that appears is read", is("FR"))

	renamed := filepath.Join(dir, "new.mmdb")
	put(t, renamed, cities(t, "BE"))
	if err := os.Rename(renamed, cfg.City); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "another file in its place is read", is("BE"))

	put(t, cfg.City, cities(t, "LU"))
	eventually(t, d, "the file that was rewritten is read", is("LU"))

	whole := cities(t, "NL")
	put(t, cfg.City, whole[:len(whole)-100])
	eventually(t, d, "the damage is told", func(s Status) bool { return strings.Contains(s.Fault, "damaged") })
	if country() != "LU" {
		t.Errorf("the damaged file took over: %q", country())
	}
	if !strings.Contains(log.String(), "goes_on=true") {
		t.Errorf("log: %s", log)
	}
	put(t, cfg.City, whole)
	eventually(t, d, "the repaired file is read", is("NL"))

	if err := os.Remove(cfg.City); err != nil {
		t.Fatal(err)
	}
	eventually(t, d, "the loss is told", func(s Status) bool { return strings.Contains(s.Fault, "no such file") })
	if country() != "NL" {
		t.Errorf("with the file went what was read of it: %q", country())
	}
	put(t, cfg.City, cities(t, "DE"))
	eventually(t, d, "the file that comes back is read", is("DE"))
	// One more for each time that a file was seen half written, twice alike.
	if s := d.Status()[0]; s.Faults < 3 {
		t.Errorf("%d faults, want 3 at the least (absent, damaged, lost): %s", s.Faults, log)
	}
}

// TestWaitsForTheWriter: a file that is being written is left alone.
func TestWaitsForTheWriter(t *testing.T) {
	name := filepath.Join(t.TempDir(), "city.mmdb")
	log := &testenv.Log{}
	f := newFile("city", name, log.Logger(nil), "City")
	whole := cities(t, "FR")
	for part := 1000; part < len(whole); part += 300 {
		put(t, name, whole[:part])
		f.look()
	}
	put(t, name, whole)
	f.look()
	if log.String() != "" || f.reader.Load() != nil {
		t.Fatalf("read while it was written: %s", log)
	}
	f.look()
	if f.reader.Load() == nil {
		t.Errorf("not read although it is at rest: %s", log)
	}
}

func TestLocateDuringReopen(t *testing.T) {
	dir := t.TempDir()
	cfg := config.GeoIP{City: filepath.Join(dir, "city.mmdb")}
	images := [][]byte{cities(t, "FR"), cities(t, "BE")}
	put(t, cfg.City, images[0])
	d, _ := open(t, cfg)
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if p, _ := d.Locate(netip.MustParseAddr("198.51.100.7")); p.Country != "FR" && p.Country != "BE" {
					t.Errorf("%+v", p)
					return
				}
			}
		})
	}
	for i := range 10 {
		next, want := filepath.Join(dir, "next"), []string{"BE", "FR"}[i%2]
		put(t, next, images[(i+1)%2])
		if err := os.Rename(next, cfg.City); err != nil {
			t.Fatal(err)
		}
		eventually(t, d, want, func(Status) bool {
			p, _ := d.Locate(netip.MustParseAddr("198.51.100.7"))
			return p.Country == want
		})
	}
	close(stop)
	clients.Wait()
}

func FuzzFile(f *testing.F) {
	f.Add(cities(f, "FR"))
	f.Add(database(f, "GeoLite2-Country", 4, map[string]mmdbtype.Map{"198.51.100.0/24": city("EU", "FR", "")}))
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	addrs := []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.200")}
	f.Fuzz(func(t *testing.T, data []byte) {
		name := filepath.Join(t.TempDir(), "city.mmdb")
		put(t, name, data)
		d := Open(config.GeoIP{City: name, ASN: name}, Options{Log: (&testenv.Log{}).Logger(nil), Poll: time.Hour})
		for _, addr := range addrs {
			d.Locate(addr)
		}
		_ = d.Close()
	})
}

func BenchmarkLocate(b *testing.B) {
	dir := b.TempDir()
	cfg := config.GeoIP{City: filepath.Join(dir, "city.mmdb"), ASN: filepath.Join(dir, "asn.mmdb")}
	put(b, cfg.City, cities(b, "FR"))
	put(b, cfg.ASN, database(b, "GeoLite2-ASN", 6, map[string]mmdbtype.Map{"198.51.100.0/24": system(64500, "Example")}))
	d := Open(cfg, Options{Log: (&testenv.Log{}).Logger(nil)})
	defer d.Close()
	addr := netip.MustParseAddr("198.51.100.7")
	b.ReportAllocs()
	for b.Loop() {
		d.Locate(addr)
	}
}
