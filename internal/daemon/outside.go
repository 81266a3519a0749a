package daemon

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"reflect"
	"sync/atomic"

	"github.com/sallyport-auth/sallyport/config"
	"github.com/sallyport-auth/sallyport/internal/dns"
	"github.com/sallyport-auth/sallyport/internal/geo"
	"github.com/sallyport-auth/sallyport/internal/webget"
	"github.com/sallyport-auth/sallyport/policyengine"
	"github.com/sallyport-auth/sallyport/proxy"
)

// outside is what policies can learn of the world beyond this machine and its
// directories. Snapshots share it for as long as its settings stay the same, so
// that a reload neither reads large files again nor forgets answers.
type outside struct {
	geo *geo.DB
	dns *dns.Resolver
	web *webget.Client

	settings outsideSettings
	users    atomic.Int32 // Snapshots that hold it
}

// outsideSettings are what an outside is made of.
type outsideSettings struct {
	geo         config.GeoIP
	dns         config.DNS
	requests    config.Requests
	authorities []byte // of policies.requests.ca_file
}

// openOutside returns the present outside if it is what cfg describes, or makes
// what it does describe. The caller releases it.
func openOutside(cfg *config.Config, r resources) (*outside, error) {
	settings := outsideSettings{geo: cfg.GeoIP, dns: cfg.DNS, requests: cfg.Policies.Requests}
	var err error
	if file := settings.requests.CAFile; file != "" {
		settings.authorities, err = os.ReadFile(file)
	}
	if err == nil && r.outside != nil && r.outside.same(settings) {
		r.outside.users.Add(1)
		return r.outside, nil
	}
	// What cannot be read here, New reports in the administrator's terms.
	web, err := webget.New(settings.requests, nil)
	if err != nil {
		return nil, cfg.Fault("policies.requests.ca_file", "%w", err)
	}
	log := r.log
	if r.trial { // who checks gets warnings instead, with their place
		log = slog.New(slog.DiscardHandler)
	}
	o := &outside{geo: geo.Open(settings.geo, geo.Options{Log: log}), dns: dns.New(settings.dns), web: web, settings: settings}
	o.users.Add(1)
	return o, nil
}

func (o *outside) same(s outsideSettings) bool {
	return o.settings.geo == s.geo && reflect.DeepEqual(o.settings.dns, s.dns) &&
		reflect.DeepEqual(o.settings.requests, s.requests) && bytes.Equal(o.settings.authorities, s.authorities)
}

// release gives it up; the last one who holds it ends it.
func (o *outside) release() {
	if o != nil && o.users.Add(-1) == 0 {
		o.geo.Close()
		o.dns.Close()
		o.web.Close()
	}
}

// locator returns who locates clients; nil when there are no files for that.
func (o *outside) locator() proxy.Locator {
	if o == nil || o.settings.geo == (config.GeoIP{}) {
		return nil
	}
	return locator{o.geo}
}

// locator gives policies what a geo.DB knows.
type locator struct{ db *geo.DB }

// Locate implements proxy.Locator.
func (l locator) Locate(addr netip.Addr) (policyengine.GeoFacts, policyengine.ASNFacts) {
	var at policyengine.GeoFacts
	var of policyengine.ASNFacts
	place, network := l.db.Locate(addr)
	if place.Known {
		at = policyengine.GeoFacts{
			Known: true, Continent: place.Continent, Country: place.Country, City: place.City,
			Lat: place.Lat, Long: place.Long, NoPosition: !place.Positioned,
		}
	}
	if network.Known {
		of = policyengine.ASNFacts{Known: true, ASN: network.ASN, Org: network.Org, Network: network.Network.String()}
	}
	return at, of
}

// readiness is the state of the files that locate addresses. One that cannot be
// read keeps nobody out by itself: policies say what an unknown place means.
func (o *outside) readiness() map[string]component {
	states := map[string]component{}
	for _, s := range o.geo.Status() {
		c := component{Ready: true, Detail: "nothing is known"}
		if s.Type != "" {
			c.Detail = s.Type + " of " + s.Built.UTC().Format("2006-01-02")
		}
		if s.Fault != "" {
			c.Detail += "; the file cannot be taken: " + s.Fault
		}
		states["geoip "+s.Name] = c
	}
	return states
}

// warnings are about files that cannot be read: they are looked for again and
// again, so that they are no faults.
func (o *outside) warnings(cfg *config.Config) []config.Warning {
	var list []config.Warning
	for _, s := range o.geo.Status() {
		if s.Fault != "" {
			list = append(list, cfg.Warning("geoip."+s.Name, s.Fault+"; until it can be read, no address is known there"))
		}
	}
	return list
}
