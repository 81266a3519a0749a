package proxy_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/internal/testenv"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// atlas has each address in the country of its own name.
type atlas struct{}

func (atlas) Locate(addr netip.Addr) (policyengine.GeoFacts, policyengine.ASNFacts) {
	return policyengine.GeoFacts{Known: true, Country: addr.String()}, policyengine.ASNFacts{Known: true, Org: addr.String()}
}

// TestLocations: both stages know where the end user is, else the peer, with
// IPv4-mapped addresses unmapped.
func TestLocations(t *testing.T) {
	for client, want := range map[string]string{"": "10.0.0.1", "198.51.100.7": "198.51.100.7", "::ffff:198.51.100.7": "198.51.100.7", "2001:db8::1": "2001:db8::1"} {
		d := yes()
		p := proxy.New(proxy.Options{
			Realms:  []proxy.Realm{{Name: "corp", Default: true, Directories: []proxy.Source{{Name: "local", Type: "local", Directory: people()}}}},
			Decider: d, Recorder: &recorder{}, Locator: atlas{}, Timeout: 5 * time.Second, Location: time.UTC,
		})
		a := attempt("alice", "alice-pw")
		if client != "" {
			a.ClientIP = netip.MustParseAddr(client)
		}
		p.Login(t.Context(), a)
		if len(d.asked) != 2 {
			t.Fatalf("asked %d times", len(d.asked))
		}
		for _, in := range d.asked {
			if in.Geo.Country != want || in.ASN.Org != want {
				t.Errorf("client %q: %+v %+v", client, in.Geo, in.ASN)
			}
		}
	}
	d := yes()
	newProxy(d, &recorder{}, testenv.NewDirectory(map[string]string{"alice": "alice-pw"})).Login(t.Context(), attempt("alice", "alice-pw"))
	for _, in := range d.asked {
		if in.Geo.Known || in.ASN.Known {
			t.Errorf("without a locator: %+v %+v", in.Geo, in.ASN)
		}
	}
}
